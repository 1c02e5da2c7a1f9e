//! The yardstick: a bare client that asks for the same documents, as many at a time, and reads and stores nothing.
//!
//! It runs in a process of its own, does one round for each line on standard input, and remembers the validators, so
//! that its second round is as conditional as wirewatch's.

use std::{
    io::{BufRead as _, stdin},
    time::Instant,
};

use futures_util::{StreamExt as _, stream};
use nix::sys::resource::UsageWho;
use reqwest::{
    Client,
    header::{ETAG, IF_NONE_MATCH},
};
use serde::{Deserialize, Serialize};

use crate::meter;

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
        let answers: Vec<(usize, Option<String>)> = stream::iter(urls.iter().zip(&etags))
            .enumerate()
            .map(|(place, (url, etag))| {
                let mut request = client.get(url);
                if let Some(etag) = etag {
                    request = request.header(IF_NONE_MATCH, etag);
                }
                async move {
                    let response = request.send().await.ok()?;
                    let etag = response.headers().get(ETAG)?.to_str().ok()?.to_owned();
                    response.bytes().await.ok()?;
                    Some((place, etag))
                }
            })
            .buffer_unordered(concurrency)
            .enumerate()
            .map(|(place, answer)| {
                answer.map_or((place, None), |(place, etag)| (place, Some(etag)))
            })
            .collect()
            .await;
        let round = PlainRound {
            wall_s: started.elapsed().as_secs_f64(),
            cpu_s: meter::cpu_seconds(UsageWho::RUSAGE_SELF)? - cpu,
        };
        anyhow::ensure!(
            answers.iter().all(|(_, etag)| etag.is_some()),
            "the bare client was not answered"
        );
        for (place, etag) in answers {
            etags[place] = etag;
        }
        println!("{}", serde_json::to_string(&round)?);
    }
    Ok(())
}
