//! DNS that gives no address which may not be asked.

use std::{error::Error, net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use crate::pipeline::address::AllowedNetworks;

/// A name that leads to an address which may not be asked.
#[derive(Debug, Error)]
#[error("{0} leads to an address that may not be asked")]
pub(super) struct BlockedName(pub(super) String);

/// The system's resolver behind the policy. One forbidden answer forbids the name: which of them a connection would
/// take is not ours to say, and honest names do not mix.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    allowed: Arc<AllowedNetworks>,
    proxy_host: Option<String>,
}

impl GuardedResolver {
    pub(super) fn new(allowed: Arc<AllowedNetworks>, proxy_host: Option<String>) -> Self {
        Self {
            allowed,
            proxy_host,
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.allowed);
        let is_proxy = self.proxy_host.as_deref() == Some(name.as_str());
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let answers: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if is_proxy || answers.iter().all(|answer| allowed.permits(answer.ip())) {
                let answers: Addrs = Box::new(answers.into_iter());
                Ok(answers)
            } else {
                let blocked: Box<dyn Error + Send + Sync> = Box::new(BlockedName(host));
                Err(blocked)
            }
        })
    }
}
