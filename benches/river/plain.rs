//! The yardstick: a bare client that asks for the same documents, as many at a time, has feed-rs read what it gets, and
//! stores nothing.
//!
//! It runs in a process of its own, does one round for each line on standard input, and remembers the validators, so
//! that its second round is as conditional as wirewatch's.

use std::{
    io::{BufRead as _, stdin},
    time::Instant,
};

use anyhow::Context as _;
use futures_util::{StreamExt as _, stream};
use nix::sys::resource::UsageWho;
use reqwest::{
    Client, StatusCode,
    header::{ACCEPT_ENCODING, ETAG, IF_NONE_MATCH},
};
use serde::{Deserialize, Serialize};

use crate::{feeds::unpacked, meter};

/// What a round cost.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct PlainRound {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a yardstick must not be wirewatch's own client"
)]
pub(crate) async fn run(concurrency: usize, urls: Vec<String>) -> anyhow::Result<()> {
    let client = Client::builder().no_proxy().build()?;
    let mut etags: Vec<Option<String>> = vec![None; urls.len()];
    for line in stdin().lock().lines() {
        line?;
        let (started, cpu) = (Instant::now(), meter::cpu_seconds(UsageWho::RUSAGE_SELF)?);
        let answers: Vec<anyhow::Result<(usize, String)>> = stream::iter(urls.iter().zip(&etags))
            .enumerate()
            .map(|(place, (url, etag))| {
                let (client, url, etag) = (client.clone(), url.clone(), etag.clone());
                // A task of its own: what reads is spread over the cores.
                let answer = tokio::spawn(async move { answer(&client, &url, etag).await });
                async move { Ok((place, answer.await??)) }
            })
            .buffer_unordered(concurrency)
            .collect()
            .await;
        let round = PlainRound {
            wall_s: started.elapsed().as_secs_f64(),
            cpu_s: meter::cpu_seconds(UsageWho::RUSAGE_SELF)? - cpu,
        };
        for answer in answers {
            let (place, etag) = answer.context("the bare client was not answered")?;
            etags[place] = Some(etag);
        }
        println!("{}", serde_json::to_string(&round)?);
    }
    Ok(())
}

/// Asks once, and has feed-rs read a document. Returns its validator.
async fn answer(client: &Client, url: &str, etag: Option<String>) -> anyhow::Result<String> {
    let mut request = client.get(url).header(ACCEPT_ENCODING, "gzip");
    if let Some(etag) = &etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    let response = request.send().await?.error_for_status()?;
    let etag = response.headers().get(ETAG).context("no ETag")?;
    let etag = etag.to_str()?.to_owned();
    if response.status() == StatusCode::NOT_MODIFIED {
        return Ok(etag);
    }
    let body = response.bytes().await?;
    let feed = feed_rs::parser::parse(&*unpacked(&body)?)?;
    anyhow::ensure!(!feed.entries.is_empty(), "{url} was read as empty");
    Ok(etag)
}
