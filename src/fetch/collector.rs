//! The way to a collector of traces, which the operator named: its address is no publisher's, so it may be anywhere.

use std::time::Duration;

use reqwest::{Client, StatusCode, header::HeaderMap, redirect};

use super::FetchSetupError;

/// A client for one collector.
#[derive(Debug, Clone)]
pub struct Collector {
    client: Client,
}

impl Collector {
    /// A client that waits so long for an answer.
    ///
    /// # Errors
    /// The TLS backend refuses.
    #[expect(
        clippy::disallowed_methods,
        reason = "a client of the operator's collector, not of publishers"
    )]
    pub fn new(timeout: Duration) -> Result<Self, FetchSetupError> {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(timeout)
            .build()?;
        Ok(Self { client })
    }

    /// Posts a body; what the answer's status is. The answer itself is not read.
    ///
    /// # Errors
    /// Nobody answered in time.
    pub async fn post(
        &self,
        url: String,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> reqwest::Result<StatusCode> {
        let request = self.client.post(url).headers(headers).body(body);
        Ok(request.send().await?.status())
    }
}
