//! The door of the demo: its feeds, and a page for every report, so that each link leads somewhere.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};

use crate::domain::Clock;

use super::{
    DemoDocument, DemoFeeds,
    format::{escape, paragraph},
};

#[derive(Clone)]
struct Demo {
    feeds: Arc<DemoFeeds>,
    clock: Arc<dyn Clock>,
}

/// `/feeds/{outlet}` and `/articles/{outlet}/{report}`, at the present of `clock`.
pub(crate) fn router(feeds: Arc<DemoFeeds>, clock: Arc<dyn Clock>) -> Router {
    Router::new()
        .route("/feeds/{outlet}", get(feed))
        .route("/articles/{outlet}/{report}", get(article))
        .with_state(Demo { feeds, clock })
}

async fn feed(
    State(demo): State<Demo>,
    Path(outlet): Path<String>,
    headers: HeaderMap,
) -> Response {
    match demo.feeds.document(&outlet, demo.clock.now()) {
        Some(document) => answer(document, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The document, or 304 if the client has it already (RFC 9110 §13.1.2).
fn answer(document: DemoDocument, headers: &HeaderMap) -> Response {
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok());
    let unchanged = document
        .etag
        .as_deref()
        .is_some_and(|etag| known == Some(etag));
    let status = StatusCode::from_u16(document.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (status, Body::from(document.body)).into_response()
    };
    let fields = [
        (
            header::CONTENT_TYPE,
            (!unchanged).then_some(document.content_type),
        ),
        (header::ETAG, document.etag),
        (header::LAST_MODIFIED, document.last_modified),
    ];
    for (name, value) in fields {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn article(
    State(demo): State<Demo>,
    Path((outlet, report)): Path<(String, String)>,
) -> Response {
    let Some((outlet, report)) = demo.feeds.article(&outlet, &report, demo.clock.now()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let title = escape(&report.title);
    Html(format!(
        "<!doctype html>\n<html lang=\"{language}\" dir=\"auto\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <body style=\"max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui\">\n\
         <p dir=\"auto\">{name}</p>\n<h1 dir=\"auto\">{title}</h1>\n<div dir=\"auto\">{text}</div>\n\
         <p><time datetime=\"{written}\">{written}</time></p>\n\
         <hr>\n<p lang=\"en\" dir=\"ltr\">Invented for the demonstration of wirewatch.</p>\n</body>\n</html>\n",
        language = escape(&outlet.language),
        name = escape(&outlet.name),
        text = paragraph(&report.text),
        written = report.written,
    ))
    .into_response()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;
    use crate::domain::Timestamp;

    struct Stopped(Timestamp);

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    fn door() -> Router {
        let start = Timestamp::from_micros(1_795_000_000_000_000);
        let feeds = DemoFeeds::new(start, "http://127.0.0.1:4001").unwrap();
        router(Arc::new(feeds), Arc::new(Stopped(start)))
    }

    async fn ask(path: &str, etag: Option<&str>) -> Response {
        let mut request = Request::get(path);
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        door()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    async fn text_of(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_known_document_is_not_sent_again() {
        let first = ask("/feeds/harbour-wire", None).await;
        assert_eq!(first.status(), StatusCode::OK);
        let etag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let second = ask("/feeds/harbour-wire", Some(&etag)).await;
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(text_of(second).await, "");
        assert_eq!(
            ask("/feeds/harbour-wire", Some("\"other\"")).await.status(),
            StatusCode::OK
        );
    }

    #[tokio::test]
    async fn every_link_of_a_feed_leads_to_a_page_with_its_title() {
        let feed: serde_json::Value =
            serde_json::from_str(&text_of(ask("/feeds/strait-observer", None).await).await)
                .unwrap();
        for item in feed["items"].as_array().unwrap() {
            let path = item["url"]
                .as_str()
                .unwrap()
                .strip_prefix("http://127.0.0.1:4001")
                .unwrap();
            let page = text_of(ask(path, None).await).await;
            assert!(
                page.contains(&escape(item["title"].as_str().unwrap())),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn what_does_not_exist_is_404() {
        for path in [
            "/feeds/nobody",
            "/articles/nobody/1",
            "/articles/harbour-wire/9999",
        ] {
            assert_eq!(
                ask(path, None).await.status(),
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
    }
}
