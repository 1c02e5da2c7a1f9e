//! The only room that speaks HTTP outward.
//!
//! One client, one way out: every address is checked as a literal, at each answer of DNS and after each redirect, and a
//! body is read as a stream that stops at its limit. Nothing is retried here: the schedule is the retry.

mod body;
mod collector;
mod failure;
mod headers;
mod post;
mod resolver;

use std::{sync::Arc, time::Duration};

use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION},
    redirect,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use url::Url;

pub use collector::Collector;
pub use resolver::Lookup;

use crate::{
    domain::{ErrorCode, Failure, FeedUrl, PollHints, Timestamp, Validators},
    pipeline::address::{AllowedNetworks, Forbidden},
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
    /// Time until the headers have come, connection included.
    #[serde(with = "crate::domain::duration")]
    pub header_timeout: Duration,
    /// Time without a byte.
    #[serde(with = "crate::domain::duration")]
    pub idle_timeout: Duration,
    /// Time for the whole exchange.
    #[serde(with = "crate::domain::duration")]
    pub timeout: Duration,
    /// Bytes of a body, as sent and as decoded.
    pub max_body_bytes: u64,
    /// Bytes a second that a body must come at on the mean, once `header_timeout` has passed.
    pub min_bytes_per_second: u64,
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
    /// Where the address permanently redirects to.
    pub moved: Option<FeedUrl>,
    /// The place of a large body among those held in memory; free when this is dropped.
    _place: Option<OwnedSemaphorePermit>,
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
        /// Where the address permanently redirects to.
        moved: Option<FeedUrl>,
    },
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What for.
    pub url: &'a Url,
    /// Only if it is not what these say; empty: in any case.
    pub conditions: &'a Validators,
    /// Without a content coding, because those of this server are broken.
    pub is_plain: bool,
}

impl<'a> Ask<'a> {
    /// For a document, whatever is known of it.
    #[must_use]
    pub const fn for_document(url: &'a Url) -> Self {
        const NONE: &Validators = &Validators {
            etag: None,
            last_modified: None,
        };
        Self {
            url,
            conditions: NONE,
            is_plain: false,
        }
    }
}

/// Large bodies held in memory at a time.
const LARGE_BODIES: usize = 6;

/// How long a connection is kept open while nothing is asked. No host has more of them than it was asked for at a time.
const IDLE_FOR: Duration = Duration::from_secs(10);

/// Asks servers for documents.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Client,
    allowed: Arc<AllowedNetworks>,
    has_proxy: bool,
    max_body_bytes: usize,
    min_bytes_per_second: u64,
    max_redirects: u32,
    header_timeout: Duration,
    timeout: Duration,
    large: Arc<Semaphore>,
}

impl Fetcher {
    /// Sets up the client.
    ///
    /// # Errors
    /// The TLS backend or a setting refuses.
    pub fn new(options: &FetchOptions) -> Result<Self, FetchSetupError> {
        Self::with_lookup(options, Arc::new(resolver::SystemLookup::new()))
    }

    /// Sets up the client with another source of addresses than the system's.
    ///
    /// # Errors
    /// The TLS backend or a setting refuses.
    #[expect(clippy::disallowed_methods, reason = "the one guarded client")]
    pub fn with_lookup(
        options: &FetchOptions,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, FetchSetupError> {
        let allowed = Arc::new(options.allow_networks.clone());
        let resolver = resolver::GuardedResolver {
            lookup,
            allowed: Arc::clone(&allowed),
            proxy_host: proxy_host(options),
        };
        let mut builder = Client::builder()
            .user_agent(user_agent(options))
            .redirect(redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(resolver))
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.idle_timeout)
            .timeout(options.timeout)
            .pool_idle_timeout(IDLE_FOR)
            .no_proxy();
        if !options.proxy.is_empty() {
            builder = builder.proxy(reqwest::Proxy::all(&options.proxy)?);
        }
        Ok(Self {
            client: builder.build()?,
            allowed,
            has_proxy: !options.proxy.is_empty(),
            max_body_bytes: usize::try_from(options.max_body_bytes).unwrap_or(usize::MAX),
            min_bytes_per_second: options.min_bytes_per_second,
            max_redirects: options.max_redirects,
            header_timeout: options.header_timeout,
            timeout: options.timeout,
            large: Arc::new(Semaphore::new(LARGE_BODIES)),
        })
    }

    /// Whether `url` names an address in one of the operator's own networks.
    #[must_use]
    pub fn is_own_network(&self, url: &Url) -> bool {
        self.allowed.is_own(url)
    }

    /// Asks, and follows redirects. `now` turns dates in headers into durations.
    ///
    /// # Errors
    /// A [`Failure`] with the code under which the feed's page shows it.
    pub async fn fetch(&self, ask: Ask<'_>, now: Timestamp) -> Result<Fetched, Failure> {
        // The client's own limit is for one request; this one is for all redirects together.
        time::timeout(self.timeout, self.follow(ask, now))
            .await
            .unwrap_or_else(|_| Err(failure::no_answer(self.timeout)))
    }

    async fn follow(&self, ask: Ask<'_>, now: Timestamp) -> Result<Fetched, Failure> {
        let mut url = ask.url.clone();
        let mut moved = Permanence::Asked;
        for hop in 0..=self.max_redirects {
            let response = self.ask(&url, ask, hop).await?;
            match redirect_target(&url, &response)? {
                Some(target) => {
                    moved = moved.then(&response, &target);
                    url = target;
                }
                None => {
                    return self
                        .receive(url, moved, response, ask.conditions, now)
                        .await;
                }
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

    /// One request and the headers of its response.
    async fn ask(&self, url: &Url, ask: Ask<'_>, hop: u32) -> Result<Response, Failure> {
        self.allowed
            .check(url)
            .map_err(|why| failure::forbidden(url, hop, why))?;
        let codings = if ask.is_plain {
            "identity"
        } else {
            body::CODINGS
        };
        let mut request = self
            .client
            .get(url.clone())
            .header(ACCEPT, ACCEPTED)
            .header(ACCEPT_ENCODING, codings);
        if let Some(etag) = &ask.conditions.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(date) = &ask.conditions.last_modified {
            request = request.header(IF_MODIFIED_SINCE, date);
        }
        let response = time::timeout(self.header_timeout, request.send())
            .await
            .map_err(|_| failure::no_answer(self.header_timeout))?
            .map_err(|error| failure::of_request(&error, url, hop))?;
        match response.remote_addr() {
            Some(peer) if !self.has_proxy && !self.allowed.permits(peer.ip()) => {
                Err(failure::forbidden(url, hop, Forbidden::Address))
            }
            _ => Ok(response),
        }
    }

    async fn receive(
        &self,
        url: Url,
        moved: Permanence,
        response: Response,
        asked_with: &Validators,
        now: Timestamp,
    ) -> Result<Fetched, Failure> {
        let status = response.status();
        let headers = response.headers();
        let hints = headers::hints(headers, now);
        let validators = headers::validators(headers);
        if status == StatusCode::NOT_MODIFIED && !asked_with.is_empty() {
            return Ok(Fetched::NotModified {
                validators: validators.or(asked_with),
                hints,
                moved: moved.target(),
            });
        }
        // A part of a document (206) is no document.
        if !status.is_success() || status == StatusCode::PARTIAL_CONTENT {
            let wait = headers::retry_after(headers, now);
            return Err(failure::of_status(status, wait));
        }
        let content_type = headers
            .get(CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let status = status.as_u16();
        let body = body::read(response, &self.limits())
            .await
            .map_err(|error| failure::of_body(&error, status))?;
        Ok(Fetched::Page(Page {
            status,
            url,
            content_type,
            body: body.bytes,
            validators,
            hints,
            moved: moved.target(),
            _place: body.place,
        }))
    }

    fn limits(&self) -> body::Limits {
        body::Limits {
            bytes: self.max_body_bytes,
            rate: self.min_bytes_per_second,
            patience: self.header_timeout,
            large: Arc::clone(&self.large),
        }
    }
}

/// How far an address has permanently moved: to the last target of an unbroken run of 301 and 308.
enum Permanence {
    Asked,
    Moved(Url),
    /// A temporary redirect followed; what it leads to is not the feed's address.
    Ended(Option<Url>),
}

impl Permanence {
    fn then(self, response: &Response, target: &Url) -> Self {
        let is_permanent = matches!(response.status().as_u16(), 301 | 308);
        match self {
            Self::Asked | Self::Moved(_) if is_permanent => Self::Moved(target.clone()),
            Self::Asked => Self::Ended(None),
            Self::Moved(url) => Self::Ended(Some(url)),
            ended @ Self::Ended(_) => ended,
        }
    }

    fn target(self) -> Option<FeedUrl> {
        match self {
            Self::Moved(url) | Self::Ended(Some(url)) => url.as_str().parse().ok(),
            Self::Asked | Self::Ended(None) => None,
        }
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

/// Where a redirecting response leads; none if it is no redirect. A user name or password in the target is not taken on.
fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    let status = response.status();
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let target = response
        .headers()
        .get(LOCATION)
        .and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
        .and_then(|location| url.join(location.trim()).ok());
    match target {
        Some(mut target) => {
            // Both fail for addresses that cannot have either, which then have none.
            let _ = target.set_username("");
            let _ = target.set_password(None);
            Ok(Some(target))
        }
        None => Err(Failure {
            status: Some(status.as_u16()),
            ..failure::plain(
                ErrorCode::RedirectBlocked,
                "a redirect without a usable Location".to_owned(),
            )
        }),
    }
}
