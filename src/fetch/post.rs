//! Webhooks: one request, its address guarded as every other, its body ours; a redirect is not followed.

use reqwest::{StatusCode, header::CONTENT_TYPE};
use tokio::time;
use url::Url;

use super::{Fetcher, failure};
use crate::{domain::Failure, pipeline::address::Forbidden};

impl Fetcher {
    /// Posts JSON. Returned without error, the server answered 2xx.
    ///
    /// # Errors
    /// The address may not be asked, nothing came in time, or the answer was no 2xx; the failure has its status then.
    pub async fn post(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<StatusCode, Failure> {
        self.allowed
            .check(url)
            .map_err(|why| failure::forbidden(url, 0, why))?;
        let mut request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = time::timeout(self.timeout, request.send())
            .await
            .map_err(|_| failure::no_answer(self.timeout))?
            .map_err(|error| failure::of_request(&error, url, 0))?;
        match response.remote_addr() {
            Some(peer) if !self.has_proxy && !self.allowed.permits(peer.ip()) => {
                Err(failure::forbidden(url, 0, Forbidden::Address))
            }
            _ if response.status().is_success() => Ok(response.status()),
            _ => Err(failure::of_status(response.status(), None)),
        }
    }
}
