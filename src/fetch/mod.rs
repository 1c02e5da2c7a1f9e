//! The only room that speaks HTTP outward.
//!
//! One client, one way out: every address is checked as a literal, at each answer of DNS and after each redirect, and a
//! body is read as a stream that stops at its limit. Nothing is retried here: the schedule is the retry.

mod failure;
mod headers;
mod resolver;

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION},
    redirect,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time;
use url::Url;

use crate::{
    domain::{ErrorCode, Failure, PollHints, Timestamp, Validators},
    pipeline::address::AllowedNetworks,
};

/// Formats in the order of preference; `*/*` last, for servers that know no better.
const ACCEPTED: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, \
                        application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.5";

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchOptions {
    /// Who asks; publishers look here before they block.
    pub user_agent: String,
    /// An address or page where publishers reach the operator; appended to the user agent.
    pub contact: String,
    /// Time until a connection stands, TLS included.
    #[serde(with = "crate::domain::duration")]
    pub connect_timeout: Duration,
    /// Time without a byte.
    #[serde(with = "crate::domain::duration")]
    pub idle_timeout: Duration,
    /// Time for the whole exchange.
    #[serde(with = "crate::domain::duration")]
    pub timeout: Duration,
    /// Bytes of a decoded body.
    pub max_body_bytes: u64,
    /// Redirects followed.
    pub max_redirects: u32,
    /// Networks that feeds may live in beside the public internet.
    pub allow_networks: AllowedNetworks,
    /// An HTTP proxy for all requests; empty: none. Those of the environment are ignored.
    pub proxy: String,
}

/// Why no client can be made.
#[derive(Debug, Error)]
pub enum FetchSetupError {
    /// The TLS backend or the settings refuse.
    #[error("the HTTP client cannot be set up")]
    Client(#[from] reqwest::Error),
}

/// A body received whole.
#[derive(Debug)]
pub struct Page {
    /// The status: 2xx.
    pub status: u16,
    /// Where it came from, after redirects.
    pub url: Url,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The decoded body.
    pub body: Vec<u8>,
    /// What to ask "changed since?" with next time.
    pub validators: Validators,
    /// How long the response says it is fresh.
    pub hints: PollHints,
}

/// What a server answered.
#[derive(Debug)]
pub enum Fetched {
    /// A document.
    Page(Page),
    /// 304: what we have is current.
    NotModified {
        /// Validators to keep: the response's, else those asked with.
        validators: Validators,
        /// How long the response says it is fresh.
        hints: PollHints,
    },
}

/// Asks servers for documents.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Client,
    allowed: Arc<AllowedNetworks>,
    max_body_bytes: u64,
    max_redirects: u32,
    timeout: Duration,
}

impl Fetcher {
    /// Sets up the client.
    ///
    /// # Errors
    /// The TLS backend or a setting refuses.
    #[expect(clippy::disallowed_methods, reason = "the one guarded client")]
    pub fn new(options: &FetchOptions) -> Result<Self, FetchSetupError> {
        let allowed = Arc::new(options.allow_networks.clone());
        let mut builder = Client::builder()
            .user_agent(user_agent(options))
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(resolver::GuardedResolver::new(
                Arc::clone(&allowed),
                proxy_host(options),
            )))
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.idle_timeout)
            .timeout(options.timeout)
            .no_proxy();
        if !options.proxy.is_empty() {
            builder = builder.proxy(reqwest::Proxy::all(&options.proxy)?);
        }
        Ok(Self {
            client: builder.build()?,
            allowed,
            max_body_bytes: options.max_body_bytes,
            max_redirects: options.max_redirects,
            timeout: options.timeout,
        })
    }

    /// Asks for `url`, conditionally if there are validators, and follows redirects. `now` turns dates in headers into
    /// durations.
    ///
    /// # Errors
    /// A [`Failure`] with the code under which the feed's page shows it.
    pub async fn fetch(
        &self,
        url: &Url,
        validators: &Validators,
        now: Timestamp,
    ) -> Result<Fetched, Failure> {
        // The client's own limit is for one request; this one is for all redirects together.
        time::timeout(self.timeout, self.follow(url, validators, now))
            .await
            .unwrap_or_else(|_| {
                let detail = format!("no answer within {:?}", self.timeout);
                Err(failure::plain(ErrorCode::Timeout, detail))
            })
    }

    async fn follow(
        &self,
        url: &Url,
        validators: &Validators,
        now: Timestamp,
    ) -> Result<Fetched, Failure> {
        let mut url = url.clone();
        for hop in 0..=self.max_redirects {
            self.check(&url, hop)?;
            let response = self.ask(&url, validators).await?;
            match redirect_target(&url, &response)? {
                Some(target) => url = target,
                None => return self.receive(url, response, validators, now).await,
            }
        }
        Err(failure::plain(
            ErrorCode::RedirectLoop,
            format!(
                "more than {} redirects, the last to {url}",
                self.max_redirects
            ),
        ))
    }

    fn check(&self, url: &Url, hop: u32) -> Result<(), Failure> {
        let is_web = matches!(url.scheme(), "http" | "https");
        if is_web && self.allowed.permits_literal(url) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        Err(if hop == 0 {
            failure::plain(ErrorCode::BlockedAddress, failure::blocked(host))
        } else {
            failure::plain(
                ErrorCode::RedirectBlocked,
                format!("redirected to {url}, which may not be asked"),
            )
        })
    }

    async fn ask(&self, url: &Url, validators: &Validators) -> Result<Response, Failure> {
        let mut request = self.client.get(url.clone()).header(ACCEPT, ACCEPTED);
        if let Some(etag) = &validators.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(date) = &validators.last_modified {
            request = request.header(IF_MODIFIED_SINCE, date);
        }
        request
            .send()
            .await
            .map_err(|error| failure::of_request(&error))
    }

    async fn receive(
        &self,
        url: Url,
        response: Response,
        asked_with: &Validators,
        now: Timestamp,
    ) -> Result<Fetched, Failure> {
        let status = response.status();
        let headers = response.headers();
        let hints = headers::hints(headers, now);
        if status == StatusCode::NOT_MODIFIED && asked_with.is_empty() {
            return Err(Failure {
                status: Some(status.as_u16()),
                ..failure::plain(
                    ErrorCode::Http,
                    "304 to a request without conditions".to_owned(),
                )
            });
        }
        if status == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::NotModified {
                validators: headers::validators(headers).or(asked_with),
                hints,
            });
        }
        if !status.is_success() {
            return Err(failure::of_status(
                status,
                headers::retry_after(headers, now),
            ));
        }
        let validators = headers::validators(headers);
        let content_type = headers
            .get(CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let status = status.as_u16();
        let body = self.read_body(response).await?;
        Ok(Fetched::Page(Page {
            status,
            url,
            content_type,
            body,
            validators,
            hints,
        }))
    }

    async fn read_body(&self, response: Response) -> Result<Vec<u8>, Failure> {
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| failure::of_body(&error, status))?;
            body.extend_from_slice(&chunk);
            if body.len() as u64 > self.max_body_bytes {
                let detail = format!("the body is larger than {} bytes", self.max_body_bytes);
                return Err(Failure {
                    status: Some(status),
                    ..failure::plain(ErrorCode::TooLarge, detail)
                });
            }
        }
        Ok(body)
    }
}

/// The proxy is the operator's own choice: its name may lead anywhere.
fn proxy_host(options: &FetchOptions) -> Option<String> {
    let proxy = Url::parse(&options.proxy).ok()?;
    proxy.host_str().map(str::to_owned)
}

fn user_agent(options: &FetchOptions) -> String {
    if options.contact.is_empty() {
        options.user_agent.clone()
    } else {
        format!("{} (+{})", options.user_agent, options.contact)
    }
}

/// Where a redirecting response leads; none if it is no redirect.
fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let target = response
        .headers()
        .get(LOCATION)
        .and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
        .and_then(|location| url.join(location.trim()).ok());
    match target {
        Some(target) => Ok(Some(target)),
        None => Err(Failure {
            status: Some(response.status().as_u16()),
            ..failure::plain(
                ErrorCode::Http,
                "a redirect without a usable Location".to_owned(),
            )
        }),
    }
}
