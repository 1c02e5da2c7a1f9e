//! DNS that gives no address which may not be asked.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::pipeline::address::AllowedNetworks;

/// Names looked up at a time. Each takes a thread, however long its server is silent.
const MOST_LOOKUPS: usize = 64;

/// A name that leads to an address which may not be asked.
#[derive(Debug, Error)]
#[error("{0} leads to an address that may not be asked")]
pub(super) struct BlockedName(pub(super) String);

/// Where the addresses of a name come from.
pub trait Lookup: Send + Sync + 'static {
    /// All addresses of `host`.
    fn addresses(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
#[derive(Debug)]
pub(super) struct SystemLookup(Arc<Semaphore>);

impl SystemLookup {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST_LOOKUPS)))
    }
}

impl Lookup for SystemLookup {
    fn addresses(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let places = Arc::clone(&self.0);
        Box::pin(async move {
            let _place = places.acquire().await.map_err(io::Error::other)?;
            let answers = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(answers.map(|answer| answer.ip()).collect())
        })
    }
}

/// A resolver behind the policy. One forbidden answer forbids the name: which of them a connection would take is not
/// ours to say, and honest names do not mix. The connection is made to the very answers that were judged, so that a name
/// which says something else the next time gains nothing.
pub(super) struct GuardedResolver {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) allowed: Arc<AllowedNetworks>,
    pub(super) proxy_host: Option<String>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.allowed);
        let is_proxy = self.proxy_host.as_deref() == Some(name.as_str());
        let host = name.as_str().to_owned();
        let lookup = self.lookup.addresses(host.clone());
        Box::pin(async move {
            let answers = lookup.await?;
            if is_proxy || answers.iter().all(|answer| allowed.permits(*answer)) {
                let answers: Addrs =
                    Box::new(answers.into_iter().map(|answer| SocketAddr::new(answer, 0)));
                Ok(answers)
            } else {
                let blocked: Box<dyn Error + Send + Sync> = Box::new(BlockedName(host));
                Err(blocked)
            }
        })
    }
}
