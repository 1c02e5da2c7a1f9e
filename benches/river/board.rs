//! The place of a browser: a signed-in reader has the board open and hears of what arrives.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use reqwest::Response;
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::{meter, site::Site};

/// When the event with an article's line had come, by article ([`meter::now_micros`]).
type Heard = Arc<Mutex<HashMap<i64, i64>>>;

/// An open board.
pub(crate) struct Board {
    heard: Heard,
    stream: JoinHandle<anyhow::Result<()>>,
}

/// What an event says, as far as it is read here.
#[derive(Deserialize)]
struct Arrival {
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    article: i64,
}

impl Board {
    /// Opens the board as a browser does: the page, then the stream of what came after it.
    #[expect(clippy::disallowed_methods, reason = "the task ends with the board")]
    pub(crate) async fn open(site: &Site) -> anyhow::Result<Self> {
        let page = site.client.get(format!("{}/", site.address)).send().await?;
        ensure!(
            page.status().is_success(),
            "the board is not shown: {}",
            page.status()
        );
        let page = page.text().await?;
        let (arrival, desk) = (number(&page, "arrival")?, number(&page, "desk")?);
        let stream = site
            .client
            .get(format!(
                "{}/events?after={arrival}&desk={desk}",
                site.address
            ))
            .timeout(Duration::from_hours(24))
            .send()
            .await?
            .error_for_status()?;
        let heard = Heard::default();
        Ok(Self {
            heard: Arc::clone(&heard),
            stream: tokio::spawn(listen(stream, heard)),
        })
    }

    /// When each article's line had come, so far.
    pub(crate) fn heard(&self) -> anyhow::Result<HashMap<i64, i64>> {
        ensure!(!self.stream.is_finished(), "the live stream broke off");
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(heard.clone())
    }

    /// Leaves the page.
    pub(crate) fn close(self) {
        self.stream.abort();
    }
}

/// A number that the page tells its script.
fn number(page: &str, name: &str) -> anyhow::Result<i64> {
    let (_, rest) = page
        .split_once(&format!("data-{name}=\""))
        .with_context(|| format!("the page has no data-{name}"))?;
    let (number, _) = rest.split_once('"').context("it has no end")?;
    Ok(number.parse()?)
}

/// Notes when events come whole.
async fn listen(mut stream: Response, heard: Heard) -> anyhow::Result<()> {
    let mut unread = Vec::new();
    while let Some(piece) = stream.chunk().await? {
        let now = meter::now_micros();
        unread.extend_from_slice(&piece);
        while let Some(end) = unread.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = unread.drain(..end + 2).collect();
            let Some(arrival) = arrival(std::str::from_utf8(&event)?)? else {
                continue;
            };
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            for line in arrival.lines {
                heard.entry(line.article).or_insert(now);
            }
        }
    }
    bail!("the live stream ended")
}

/// What an event says of arrivals; none if it is about something else.
fn arrival(event: &str) -> anyhow::Result<Option<Arrival>> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    if field("event:").map(str::trim) != Some("arrival") {
        return Ok(None);
    }
    let data = field("data:").context("an arrival says nothing")?;
    Ok(Some(serde_json::from_str(data)?))
}
