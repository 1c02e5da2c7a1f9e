//! A publisher on loopback: documents that tests change, every request counted.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};

/// What the server answers at a path.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) body: Vec<u8>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Answer 304 to a matching `If-None-Match`.
    pub(crate) has_etag: bool,
    /// The entity tag, if it is not to follow from the body.
    pub(crate) etag: Option<&'static str>,
    /// Answer 304 to any `If-None-Match`, whatever the body has become.
    pub(crate) is_stale: bool,
    pub(crate) delay: Duration,
}

impl Document {
    pub(crate) fn feed(body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            has_etag: true,
            etag: None,
            is_stale: false,
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).unwrap();
        self
    }

    pub(crate) fn with_header(mut self, name: header::HeaderName, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub(crate) fn without_etag(mut self) -> Self {
        self.has_etag = false;
        self
    }

    pub(crate) fn with_etag(mut self, etag: &'static str) -> Self {
        self.etag = Some(etag);
        self
    }

    pub(crate) fn stale(mut self) -> Self {
        self.is_stale = true;
        self
    }

    /// A redirect to `location`.
    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        Self::feed("")
            .with_status(status)
            .without_etag()
            .with_header(header::LOCATION, location)
    }

    pub(crate) fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and target, as in the request line.
    pub(crate) line: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
}

#[derive(Default)]
struct Shelf {
    documents: HashMap<String, Document>,
    asked: Vec<Asked>,
    at_once: usize,
    most_at_once: usize,
}

/// The running server.
#[derive(Clone)]
pub(crate) struct FeedServer {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
}

impl FeedServer {
    pub(crate) async fn start() -> Self {
        Self::start_on("127.0.0.1").await
    }

    pub(crate) async fn start_on(address: &str) -> Self {
        let listener = tokio::net::TcpListener::bind((address, 0)).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            shelf: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio_util::task::TaskTracker::new()
            .spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn put(&self, path: &str, document: Document) {
        self.shelf
            .lock()
            .unwrap()
            .documents
            .insert(path.to_owned(), document);
    }

    /// The most requests that were answered at a time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shelf.lock().unwrap().most_at_once
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shelf.lock().unwrap().asked.clone()
    }
}

async fn answer(State(server): State<FeedServer>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let line = format!("{} {}", request.method(), request.uri());
    let document = {
        let mut shelf = server.shelf.lock().unwrap();
        shelf.at_once += 1;
        shelf.most_at_once = shelf.most_at_once.max(shelf.at_once);
        shelf.documents.get(&path).cloned()
    };
    let delay = document
        .as_ref()
        .map_or(Duration::ZERO, |document| document.delay);
    tokio::time::sleep(delay).await;
    let response = document.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |document| respond(document, request.headers()),
    );
    let mut shelf = server.shelf.lock().unwrap();
    shelf.at_once -= 1;
    shelf.asked.push(Asked {
        line,
        path,
        status: response.status().as_u16(),
        headers: request.headers().clone(),
    });
    drop(shelf);
    response
}

fn respond(document: Document, asked: &HeaderMap) -> Response {
    let digest = Sha256::digest(&document.body);
    let etag = document.etag.map_or_else(
        || {
            format!(
                "\"{:02x}{:02x}{:02x}{:02x}\"",
                digest[0], digest[1], digest[2], digest[3]
            )
        },
        str::to_owned,
    );
    let is_known = document.has_etag
        && asked
            .get(header::IF_NONE_MATCH)
            .is_some_and(|value| document.is_stale || *value == *etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (document.status, Body::from(document.body)).into_response()
    };
    if document.has_etag {
        response
            .headers_mut()
            .insert(header::ETAG, HeaderValue::from_str(&etag).unwrap());
    }
    response.headers_mut().extend(document.headers);
    response
}

/// An RSS document of items `(guid, title, description)`, each linking to a page of its own.
pub(crate) fn rss(items: &[(&str, &str, &str)]) -> String {
    let items: String = items
        .iter()
        .map(|(guid, title, text)| {
            format!(
                "<item><guid isPermaLink=\"false\">{guid}</guid><link>https://news.example/{guid}</link>\
                 <title>{title}</title><description>{text}</description></item>\n"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\"?>\n<rss version=\"2.0\"><channel><title>Test Wire</title>\n{items}</channel></rss>"
    )
}
