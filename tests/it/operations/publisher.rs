//! A publisher that goes on publishing: feeds of a window of items, half of which match, and a book of all of them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// Items that a document holds: what is older has fallen out. One is published about each second, and a feed that fails four
/// times in a row, on a host that wants slowness, is asked a fifth time after as many seconds.
const WINDOW: u64 = 300;

/// The publisher.
#[derive(Clone)]
pub(super) struct Publisher {
    address: SocketAddr,
    feeds: usize,
    /// Items of each feed so far.
    count: Arc<AtomicU64>,
    is_faulty: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    /// When each path was asked.
    asked: Arc<Mutex<BTreeMap<String, Vec<Instant>>>>,
    /// Where `/astray` leads.
    astray: Arc<Mutex<String>>,
}

impl Publisher {
    /// A publisher of so many feeds.
    pub(super) async fn start(feeds: usize) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let publisher = Self {
            address: listener.local_addr().unwrap(),
            feeds,
            count: Arc::new(AtomicU64::new(5)),
            is_faulty: Arc::default(),
            answers: Arc::default(),
            asked: Arc::default(),
            astray: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(publisher.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        publisher
    }

    /// The addresses of its feeds.
    pub(super) fn urls(&self) -> Vec<String> {
        (0..self.feeds)
            .map(|feed| self.url(&format!("/{feed}")))
            .collect()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// One more item in each feed.
    pub(super) fn publish(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on one answer in ten breaks off, and one in twenty is a 503.
    pub(super) fn misbehave(&self, is_faulty: bool) {
        self.is_faulty.store(is_faulty, Ordering::SeqCst);
    }

    /// `/astray` redirects to this address.
    pub(super) fn lead_astray(&self, to: String) {
        *self.astray.lock().unwrap() = to;
    }

    /// Everything that matches, by address with its title.
    pub(super) fn matching(&self) -> BTreeMap<String, String> {
        let count = self.count.load(Ordering::SeqCst);
        (0..self.feeds)
            .flat_map(|feed| {
                (0..count)
                    .filter(|item| item.is_multiple_of(2))
                    .map(move |item| (feed, item))
            })
            .map(|(feed, item)| (link(feed, item), title(feed, item)))
            .collect()
    }

    /// When each feed was asked.
    pub(super) fn asked(&self) -> BTreeMap<String, Vec<Instant>> {
        self.asked.lock().unwrap().clone()
    }

    /// How often anything was asked so far.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::SeqCst)
    }

    fn document(&self, feed: usize) -> String {
        let count = self.count.load(Ordering::SeqCst);
        let items: String = (count.saturating_sub(WINDOW)..count)
            .rev()
            .map(|item| {
                format!(
                    "<item><guid isPermaLink=\"false\">{feed}-{item}</guid><link>{}</link><title>{}</title>\
                     <description>text {item}</description></item>\n",
                    link(feed, item),
                    title(feed, item)
                )
            })
            .collect();
        format!(
            "<?xml version=\"1.0\"?>\n<rss version=\"2.0\"><channel><title>Feed {feed}</title>\n{items}</channel></rss>"
        )
    }
}

fn link(feed: usize, item: u64) -> String {
    format!("https://news.example/{feed}/{item}")
}

/// Every second item matches `acme`; no two titles tell of one event.
fn title(feed: usize, item: u64) -> String {
    let word = |seed: u64| -> String {
        let mut number = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        (0..5)
            .map(|_| {
                let syllable = ["ba", "ko", "mi", "tu", "re", "so", "vu", "la"]
                    [usize::try_from(number % 8).unwrap()];
                number /= 8;
                syllable
            })
            .collect()
    };
    let seed = (feed as u64) * 1_000_003 + item * 7 + 1;
    let about = if item.is_multiple_of(2) {
        "Acme"
    } else {
        "Other"
    };
    format!(
        "{about} {} {} {} {feed}x{item}",
        word(seed),
        word(seed + 1),
        word(seed + 2)
    )
}

async fn answer(State(publisher): State<Publisher>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let number = publisher.answers.fetch_add(1, Ordering::SeqCst);
    publisher
        .asked
        .lock()
        .unwrap()
        .entry(path.clone())
        .or_default()
        .push(Instant::now());
    if path == "/astray" {
        let to = publisher.astray.lock().unwrap().clone();
        return (StatusCode::FOUND, [(header::LOCATION, to)]).into_response();
    }
    let Some(feed) = path[1..]
        .parse()
        .ok()
        .filter(|feed| *feed < publisher.feeds)
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let is_faulty = publisher.is_faulty.load(Ordering::SeqCst);
    // Not in turn: who is asked in turn as well would fail always, and another never.
    let dice = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % 20;
    if is_faulty && dice == 7 {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "1")],
        )
            .into_response();
    }
    let body = publisher.document(feed);
    let tag = format!("\"{}\"", publisher.count.load(Ordering::SeqCst));
    let known = request.headers().get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    if is_faulty && (dice == 3 || dice == 13) {
        // It says that more is to come, and then breaks off.
        let half = body[..body.len() / 2].to_owned();
        let pieces =
            futures_util::stream::iter([Ok(half), Err(std::io::Error::other("the line was cut"))]);
        return ([(header::ETAG, tag)], Body::from_stream(pieces)).into_response();
    }
    tokio::time::sleep(Duration::from_millis(number % 15)).await;
    ([(header::ETAG, tag)], body).into_response()
}
