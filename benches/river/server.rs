//! A server of the documents, as a process of its own: what it costs is not wirewatch's.
//!
//! Routes: `/feed/N`, `/opml` (all feeds), `/bump` (the next revision; says what changed), `/rev?rev=N`; `/gain` (one feed
//! gains an item that matches), `/told` (requests for feeds so far, and when each such item was first served).

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _, stdin},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::spawn_blocking};

use crate::{
    documents::{self, Document, document, document_with_news},
    news::{News, Told},
};

struct Served {
    gzip: Bytes,
    content_type: &'static str,
    etag: String,
}

struct Feeds {
    address: String,
    count: u64,
    now: Mutex<Now>,
}

struct Now {
    revision: u64,
    documents: Vec<Arc<Served>>,
    news: News,
}

/// Serves `count` feeds until standard input ends; the first line of standard output is the address.
pub(crate) async fn run(count: u64) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let feeds = Arc::new(Feeds {
        address: address.clone(),
        count,
        now: Mutex::new(Now::at(0, count)),
    });
    let router = Router::new()
        .route("/feed/{id}", get(feed))
        .route("/opml", get(opml))
        .route("/bump", get(bump))
        .route("/rev", get(rev))
        .route("/gain", get(gain))
        .route("/told", get(told))
        .with_state(feeds);
    println!("{address}");
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            let _ = spawn_blocking(|| stdin().read(&mut [0])).await;
        })
        .await?;
    Ok(())
}

impl Now {
    fn at(revision: u64, count: u64) -> Self {
        Self {
            revision,
            documents: (0..count)
                .map(|id| Arc::new(Served::of(document(id, revision))))
                .collect(),
            news: News::default(),
        }
    }
}

impl Served {
    fn of(document: Document) -> Self {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let _ = gzip.write_all(document.text.as_bytes());
        Self {
            gzip: gzip.finish().unwrap_or_default().into(),
            content_type: document.content_type,
            etag: document.etag,
        }
    }
}

async fn feed(
    State(feeds): State<Arc<Feeds>>,
    Path(id): Path<usize>,
    headers: HeaderMap,
) -> Response {
    let mut now = feeds.now.lock().unwrap_or_else(PoisonError::into_inner);
    now.news.asked();
    let Some(served) = now.documents.get(id).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = [(header::ETAG, served.etag.clone())];
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|asked| asked.as_bytes() == served.etag.as_bytes())
    {
        return (StatusCode::NOT_MODIFIED, etag).into_response();
    }
    now.news.served(id as u64);
    let coding = [
        (header::CONTENT_TYPE, served.content_type),
        (header::CONTENT_ENCODING, "gzip"),
    ];
    (etag, coding, served.gzip.clone()).into_response()
}

async fn opml(State(feeds): State<Arc<Feeds>>) -> String {
    let mut outlines = String::new();
    for id in 0..feeds.count {
        let _ = writeln!(
            outlines,
            "<outline xmlUrl=\"{}/feed/{id}\"/>",
            feeds.address
        );
    }
    format!("<opml version=\"2.0\"><body>\n{outlines}</body></opml>\n")
}

async fn bump(State(feeds): State<Arc<Feeds>>) -> Json<Value> {
    let mut now = feeds.now.lock().unwrap_or_else(PoisonError::into_inner);
    now.revision += 1;
    let revision = now.revision;
    let (mut changed, mut new_items) = (0, 0);
    for (id, document) in (0..feeds.count).zip(&mut now.documents) {
        if documents::gains(id, revision) {
            changed += 1;
            new_items += documents::gained(id, revision) - documents::gained(id, revision - 1);
            *document = Arc::new(Served::of(documents::document(id, revision)));
        }
    }
    Json(json!({ "feeds_changed": changed, "new_items": new_items }))
}

async fn gain(State(feeds): State<Arc<Feeds>>) -> StatusCode {
    let mut now = feeds.now.lock().unwrap_or_else(PoisonError::into_inner);
    let (id, gained) = now.news.next(feeds.count);
    let (document, newest) = document_with_news(id, gained);
    let place = usize::try_from(id).unwrap_or(usize::MAX);
    let Some(served) = now.documents.get_mut(place) else {
        return StatusCode::NOT_FOUND;
    };
    *served = Arc::new(Served::of(document));
    now.news.waits(id, newest);
    StatusCode::NO_CONTENT
}

async fn told(State(feeds): State<Arc<Feeds>>) -> Json<Told> {
    let now = feeds.now.lock().unwrap_or_else(PoisonError::into_inner);
    Json(now.news.told().clone())
}

#[derive(Deserialize)]
struct Revision {
    rev: u64,
}

async fn rev(
    State(feeds): State<Arc<Feeds>>,
    Query(Revision { rev }): Query<Revision>,
) -> Json<Value> {
    let mut now = feeds.now.lock().unwrap_or_else(PoisonError::into_inner);
    if now.revision != rev {
        *now = Now::at(rev, feeds.count);
    }
    Json(json!({ "rev": rev }))
}
