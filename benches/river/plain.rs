//! The yardstick: a bare client that asks for the same documents, as many at a time, has feed-rs read what it gets, and
//! stores nothing.
//!
//! It runs in a process of its own, does one round for each line on standard input, and remembers the validators, so
//! that its second round is as conditional as wirewatch's. The line says how: as one stream of answers, which are read as they
//! come, as such a client is written; or with a task for each document, so that what reads is spread over all cores, which
//! is the most that reqwest and feed-rs can do.

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

/// How a round is made.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Way {
    /// One stream of answers, each read as it comes.
    Stream,
    /// Each document in a task of its own.
    Tasks,
}

/// What a round cost each way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainRounds {
    pub(crate) stream: PlainRound,
    pub(crate) tasks: PlainRound,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a yardstick must not be wirewatch's own client"
)]
pub(crate) async fn run(concurrency: usize, urls: Vec<String>) -> anyhow::Result<()> {
    let client = Client::builder().no_proxy().build()?;
    // Each way has its own, as if it were the only one.
    let mut remembered: [Vec<Option<String>>; 2] = [vec![None; urls.len()], vec![None; urls.len()]];
    for line in stdin().lock().lines() {
        let way: Way = serde_json::from_str(&line?)?;
        let etags = &mut remembered[way as usize];
        let (started, cpu) = (Instant::now(), meter::cpu_seconds(UsageWho::RUSAGE_SELF)?);
        let answers: Vec<anyhow::Result<(usize, String)>> =
            stream::iter(urls.iter().zip(etags.iter()))
                .enumerate()
                .map(|(place, (url, etag))| {
                    let (client, url, etag) = (client.clone(), url.clone(), etag.clone());
                    async move {
                        let answer = async move { answer(&client, &url, etag).await };
                        let etag = match way {
                            Way::Stream => answer.await?,
                            Way::Tasks => tokio::spawn(answer).await??,
                        };
                        Ok((place, etag))
                    }
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
