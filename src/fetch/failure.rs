//! From errors of the client to the codes under which a feed's page shows them.

use std::{error::Error, io, time::Duration};

use reqwest::StatusCode;

use super::resolver::BlockedName;
use crate::domain::{ErrorCode, Failure};

pub(super) fn plain(code: ErrorCode, detail: String) -> Failure {
    Failure {
        code,
        status: None,
        detail,
        retry_after: None,
    }
}

pub(super) fn blocked(host: &str) -> String {
    format!(
        "{host} is not on the public internet; fetch.allow_networks lists the networks that may be asked beside it"
    )
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
pub(super) fn of_request(error: &reqwest::Error) -> Failure {
    if let Some(blocked_name) = find::<BlockedName>(error) {
        return plain(ErrorCode::BlockedAddress, blocked(&blocked_name.0));
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

/// The response ended before its body did, or its coding is broken.
pub(super) fn of_body(error: &reqwest::Error, status: u16) -> Failure {
    let broken_coding = find::<io::Error>(error).is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other
        )
    });
    let code = if error.is_timeout() {
        ErrorCode::Timeout
    } else if error.is_decode() && broken_coding {
        ErrorCode::Decompress
    } else {
        ErrorCode::Truncated
    };
    Failure {
        status: Some(status),
        ..plain(code, reason(error))
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
