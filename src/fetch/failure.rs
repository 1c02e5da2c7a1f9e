//! From errors of the client to the codes under which a feed's page shows them.

use std::{error::Error, time::Duration};

use reqwest::StatusCode;
use url::Url;

use super::{body::BodyError, resolver::BlockedName};
use crate::{
    domain::{ErrorCode, Failure},
    pipeline::address::Forbidden,
};

pub(super) fn plain(code: ErrorCode, detail: String) -> Failure {
    Failure {
        code,
        status: None,
        detail,
        retry_after: None,
    }
}

/// Nothing came in time.
pub(super) fn no_answer(within: Duration) -> Failure {
    plain(ErrorCode::Timeout, format!("no answer within {within:?}"))
}

/// An address, the first or one that a redirect led to, may not be asked.
pub(super) fn forbidden(url: &Url, hop: u32, why: Forbidden) -> Failure {
    if hop == 0 {
        let host = url.host_str().unwrap_or_default();
        plain(
            ErrorCode::BlockedAddress,
            format!("{host} may not be asked: {why}"),
        )
    } else {
        plain(
            ErrorCode::RedirectBlocked,
            format!("redirected to {url}, which may not be asked: {why}"),
        )
    }
}

/// A status other than 2xx, 3xx and 304.
pub(super) fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Failure {
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::SERVICE_UNAVAILABLE && retry_after.is_some());
    Failure {
        code: if is_limit {
            ErrorCode::RateLimited
        } else {
            ErrorCode::HttpStatus
        },
        status: Some(status.as_u16()),
        detail: format!("the server answered {status}"),
        retry_after,
    }
}

/// No response came.
pub(super) fn of_request(error: &reqwest::Error, url: &Url, hop: u32) -> Failure {
    if find::<BlockedName>(error).is_some() {
        return forbidden(url, hop, Forbidden::Address);
    }
    let code = if error.is_timeout() {
        ErrorCode::Timeout
    } else if error.is_dns() {
        ErrorCode::Dns
    } else if is_tls(error) {
        ErrorCode::Tls
    } else if error.is_connect() {
        ErrorCode::Connect
    } else {
        ErrorCode::Http
    };
    plain(code, reason(error))
}

/// The body did not come whole.
pub(super) fn of_body(error: &BodyError, status: u16) -> Failure {
    let code = match error {
        BodyError::Wire(wire) if wire.is_timeout() => ErrorCode::Timeout,
        BodyError::TooSlow(_) => ErrorCode::Timeout,
        BodyError::Wire(_) | BodyError::Cut => ErrorCode::Truncated,
        BodyError::Coding(_) | BodyError::Unknown(_) => ErrorCode::Decompress,
        BodyError::TooLarge(_) => ErrorCode::TooLarge,
    };
    let detail = match error {
        BodyError::Wire(wire) => reason(wire),
        other => other.to_string(),
    };
    Failure {
        status: Some(status),
        ..plain(code, detail)
    }
}

/// The TLS library's error type is not ours to name, and it arrives wrapped in an `io::Error`: its words are what is
/// left to tell it by.
fn is_tls(error: &reqwest::Error) -> bool {
    chain(error).any(|cause| {
        let words = cause.to_string();
        ["certificate", "fatal alert", "handshake", "TLS", "tls"]
            .iter()
            .any(|word| words.contains(word))
    })
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).find_map(|cause| cause.downcast_ref::<E>())
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    fn source<'a>(cause: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        (*cause).source()
    }
    std::iter::successors(error.source(), source)
}

/// The innermost cause says most; the URL is on the feed's page already.
fn reason(error: &reqwest::Error) -> String {
    chain(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}
