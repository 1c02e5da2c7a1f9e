//! The feeds as the benchmark sees them: where they are, what they hold, and how to change them.

use std::{
    borrow::Cow,
    io::{self, BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
};

use anyhow::Context as _;
use flate2::read::GzDecoder;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;

use crate::{arguments::Arguments, meter, news::Told};

/// A server of feeds: a process of this program, or another one.
pub(crate) struct Server {
    address: String,
    client: Client,
    /// The addresses of all feeds.
    pub(crate) urls: Vec<String>,
    process: Option<Child>,
}

/// Documents whose words are enough.
const SAMPLE: usize = 100;

/// What the documents hold together.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) items: u64,
    /// Some of the documents.
    pub(crate) sample: Vec<String>,
}

/// What a new revision brought.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Change {
    pub(crate) feeds_changed: u64,
    pub(crate) new_items: u64,
}

impl Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "what was served is counted by another client than wirewatch's"
    )]
    pub(crate) async fn start(arguments: &Arguments) -> anyhow::Result<Self> {
        let (address, process) = if let Some(address) = &arguments.feeds_from {
            (address.trim_end_matches('/').to_owned(), None)
        } else {
            let (address, process) = serve(arguments.feeds)?;
            (address, Some(process))
        };
        let mut server = Self {
            address,
            client: Client::builder().no_proxy().build()?,
            urls: Vec::new(),
            process,
        };
        let opml = server.get("opml").await?;
        server.urls = opml
            .split("xmlUrl=\"")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
            .collect();
        anyhow::ensure!(
            !server.urls.is_empty(),
            "{} serves no feeds",
            server.address
        );
        Ok(server)
    }

    /// Goes back to the first revision. Returns what all documents hold.
    pub(crate) async fn begin(&self) -> anyhow::Result<Held> {
        self.get("rev?rev=0").await?;
        stream::iter(&self.urls)
            .map(|url| async move {
                let response = self.client.get(url).send().await?.error_for_status()?;
                let body = response.bytes().await?;
                Ok(String::from_utf8(unpacked(&body)?.into_owned())?)
            })
            .buffered(16)
            .try_fold(Held::default(), |mut held, document: String| async move {
                held.items += count_items(&document);
                if held.sample.len() < SAMPLE {
                    held.sample.push(document);
                }
                Ok(held)
            })
            .await
    }

    /// Goes to the next revision.
    pub(crate) async fn bump(&self) -> anyhow::Result<Change> {
        Ok(serde_json::from_str(&self.get("bump").await?)?)
    }

    /// Has one feed gain an item that matches.
    pub(crate) async fn gain(&self) -> anyhow::Result<()> {
        self.get("gain").await?;
        Ok(())
    }

    /// What was asked for and served so far.
    pub(crate) async fn told(&self) -> anyhow::Result<Told> {
        Ok(serde_json::from_str(&self.get("told").await?)?)
    }

    async fn get(&self, route: &str) -> anyhow::Result<String> {
        let url = format!("{}/{route}", self.address);
        let response = self.client.get(&url).send().await?.error_for_status()?;
        response.text().await.with_context(|| url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            drop(process.stdin.take());
            // It has seen the end of its input by then; an error would leave nothing to do.
            let _ = process.wait();
        }
    }
}

fn serve(feeds: u64) -> anyhow::Result<(String, Child)> {
    let mut process = meter::this_program(&["serve", &feeds.to_string()])?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = process.stdout.take().context("no output")?;
    let mut address = String::new();
    BufReader::new(output).read_line(&mut address)?;
    Ok((address.trim().to_owned(), process))
}

/// A body, unpacked if it is packed with gzip (RFC 1952).
pub(crate) fn unpacked(body: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(body.into());
    }
    let mut document = Vec::new();
    GzDecoder::new(body).read_to_end(&mut document)?;
    Ok(document.into())
}

/// Counts without wirewatch's parser: start tags, or the length of a JSON feed's list.
fn count_items(document: &str) -> u64 {
    if document.starts_with('{') {
        return serde_json::from_str::<Value>(document)
            .ok()
            .and_then(|feed| Some(feed.get("items")?.as_array()?.len() as u64))
            .unwrap_or(0);
    }
    ["<item>", "<item ", "<entry>", "<entry "]
        .iter()
        .map(|tag| document.matches(tag).count() as u64)
        .sum()
}
