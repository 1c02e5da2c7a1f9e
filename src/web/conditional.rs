//! Conditional requests (RFC 9110, 13): what programs ask for again and again is sent only when it has changed.

use axum::{
    body::{Body, HttpBody as _, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use sha2::{Digest as _, Sha256};

use super::error::WebError;
use crate::domain::delivery::hexadecimal;

/// Ours alone to keep, and to be asked for again each time.
const CACHING: &str = "private, no-cache";

/// Whether answers at this address are asked for again and again.
fn is_asked_again(path: &str) -> bool {
    path.starts_with("/api/")
        || path.starts_with("/out/")
        || (path.starts_with("/digests/")
            && [".atom", ".json", ".csv"]
                .iter()
                .any(|kind| path.ends_with(kind)))
}

/// Gives an answer that is whole in memory its `ETag`, and sends it only if the asker does not have it.
pub(super) async fn answer(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read || !is_asked_again(request.uri().path()) {
        return next.run(request).await;
    }
    let known: Vec<HeaderValue> = request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .cloned()
        .collect();
    let response = next.run(request).await;
    if response.status() != StatusCode::OK || response.body().size_hint().exact().is_none() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return WebError::Panicked.into_bare_response();
    };
    let tag = entity_tag(&bytes);
    describe(&mut parts.headers, &tag);
    if known.iter().any(|known| names(known, &tag)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn describe(headers: &mut HeaderMap, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHING));
    headers.insert(
        header::VARY,
        HeaderValue::from_static("authorization, cookie"),
    );
}

/// A strong tag: the answer to the byte.
fn entity_tag(bytes: &[u8]) -> String {
    format!("\"{}\"", hexadecimal(&Sha256::digest(bytes)[..16]))
}

/// Whether a list of tags, compared weakly, names this one.
fn names(list: &HeaderValue, tag: &str) -> bool {
    let Ok(list) = list.to_str() else {
        return false;
    };
    list.split(',')
        .map(str::trim)
        .any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_of_tags() {
        let tag = entity_tag(b"x");
        assert_eq!(tag.len(), 34);
        for (list, is_named) in [
            (tag.clone(), true),
            (format!("W/{tag}"), true),
            (format!("\"other\", {tag}"), true),
            ("*".to_owned(), true),
            ("\"other\"".to_owned(), false),
            (String::new(), false),
        ] {
            let list = HeaderValue::try_from(list);
            assert!(list.is_ok_and(|list| names(&list, &tag) == is_named));
        }
    }
}
