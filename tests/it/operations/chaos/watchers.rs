//! Those who watch while everything fails: a live client, a program that pulls, and an address that nobody may ask.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::ANSWER_WITHIN;
use crate::operations::{machine::client, publisher::Publisher};

/// Listens where no fetch may go, leads the publisher's `/astray` there, and counts who comes. Returns its address, too.
pub(super) async fn canary(publisher: &Publisher) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind(("127.0.0.3", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let secret = format!("http://{address}/secret");
    publisher.lead_astray(secret.clone());
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    (secret, count)
}

/// A client of the live stream that goes from web to web, with the number that it saw last.
pub(super) struct Viewer {
    articles: Arc<Mutex<BTreeSet<i64>>>,
    _end: DropGuard,
}

impl Viewer {
    pub(super) fn start(bases: Vec<String>, token: String) -> Self {
        let articles: Arc<Mutex<BTreeSet<i64>>> = Arc::default();
        let stop = CancellationToken::new();
        let (seen, stopped) = (Arc::clone(&articles), stop.clone());
        tokio::spawn(async move {
            let mut last = 0;
            for base in bases.iter().cycle() {
                if stopped.is_cancelled() {
                    return;
                }
                let url = format!("{base}/events?after={last}");
                // The connection ends when the process does; then the other web is asked.
                let _ = view(&url, &token, &seen, &mut last).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        Self {
            articles,
            _end: stop.drop_guard(),
        }
    }

    pub(super) fn articles(&self) -> BTreeSet<i64> {
        self.articles.lock().unwrap().clone()
    }
}

async fn view(
    url: &str,
    token: &str,
    seen: &Mutex<BTreeSet<i64>>,
    last: &mut i64,
) -> reqwest::Result<()> {
    // One that stands still is left for the other.
    let request = client().get(url).bearer_auth(token).timeout(ANSWER_WITHIN);
    let mut response = request.send().await?.error_for_status()?;
    let mut unread = String::new();
    while let Some(chunk) = response.chunk().await? {
        unread.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((block, rest)) = unread.split_once("\n\n") {
            let field = |name: &str| {
                let found = block.lines().find_map(|line| line.strip_prefix(name));
                found.map(str::trim)
            };
            if field("event:") == Some("arrival")
                && let (Some(id), Some(data)) = (field("id:"), field("data:"))
            {
                let data: Value = serde_json::from_str(data).unwrap();
                let lines = data["lines"].as_array().cloned().unwrap_or_default();
                let mut seen = seen.lock().unwrap();
                seen.extend(lines.iter().filter_map(|line| line["article"].as_i64()));
                *last = id.parse().unwrap();
            }
            unread = rest.to_owned();
        }
    }
    Ok(())
}

/// A program that pulls articles by arrival, from one web and the other in turn.
pub(super) struct Puller {
    articles: Arc<Mutex<Vec<i64>>>,
    _end: DropGuard,
}

impl Puller {
    pub(super) fn start(bases: Vec<String>, token: String) -> Self {
        let articles: Arc<Mutex<Vec<i64>>> = Arc::default();
        let stop = CancellationToken::new();
        let (got, stopped) = (Arc::clone(&articles), stop.clone());
        tokio::spawn(async move {
            let mut cursor = String::new();
            for base in bases.iter().cycle() {
                if stopped.is_cancelled() {
                    return;
                }
                let url = format!("{base}/api/v1/articles?limit=40&since={cursor}");
                if let Ok(page) = pull(&url, &token).await {
                    let ids = page["articles"].as_array().unwrap().iter();
                    got.lock()
                        .unwrap()
                        .extend(ids.map(|article| article["id"].as_i64().unwrap()));
                    page["next"].as_str().unwrap().clone_into(&mut cursor);
                }
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        });
        Self {
            articles,
            _end: stop.drop_guard(),
        }
    }

    pub(super) fn articles(&self) -> Vec<i64> {
        self.articles.lock().unwrap().clone()
    }
}

async fn pull(url: &str, token: &str) -> reqwest::Result<Value> {
    let request = client().get(url).bearer_auth(token).timeout(ANSWER_WITHIN);
    let response = request.send().await?;
    let text = response.error_for_status()?.text().await?;
    Ok(serde_json::from_str(&text).expect("an answer that is whole is JSON"))
}
