//! Asks for pages at a steady rate and says how long each kind took.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use wirewatch::store::PgPool;

use crate::{arguments::Arguments, site::Site, texts::Chance};

/// Searches by kind.
const SEARCHES: &[(&str, &str)] = &[
    ("search: rare term", "Zvornikovo"),
    ("search: rare term", "\"gallium nitride\""),
    ("search: common term", "sanctions"),
    ("search: common term", "iran"),
    ("search: phrase", "\"front company in dandong\""),
    ("search: phrase", "\"port of fujairah\""),
    ("search: NEAR", "tanker NEAR/10 fujairah"),
    ("search: NEAR", "(@iran NEAR/5 @dprk) NOT NEAR/5 minister"),
    ("search: no result", "nosuchwordanywhere"),
    ("search: no result", "\"kim jong un\" NEAR/2 gallium"),
    ("search: Korean", "금강산"),
    ("search: Korean", "제재 유조선"),
    ("search: Arabic, Persian", "الفجيرة"),
    ("search: Arabic, Persian", "نفتکش AND تحریم"),
    ("search: Chinese, Japanese", "丹东口岸"),
    ("search: Chinese, Japanese", "テヘラン AND 制裁"),
    ("search: wildcard, facts", "tank* AND lang:ru"),
    ("search: wildcard, facts", "gall* NOT minister"),
];

/// How long each request of a kind took.
type Times = BTreeMap<&'static str, Vec<Duration>>;

/// What is asked for.
struct Kinds {
    keywords: Vec<String>,
    /// A position in the middle of the year.
    deep: String,
    articles: u64,
    /// Stories: the newest, and some of all ages.
    stories: Vec<i64>,
}

impl Kinds {
    /// The next request: its kind and its address.
    fn next(&self, site: &Site, chance: &mut Chance) -> (&'static str, String) {
        let pick = |chance: &mut Chance, count: usize| {
            usize::try_from(chance.below(count as u64)).unwrap_or(0)
        };
        let keyword = &self.keywords[pick(chance, self.keywords.len())];
        let (kind, path) = match chance.below(10) {
            0 | 1 => ("board", "/".to_owned()),
            2 => ("keyword", format!("/keywords/{keyword}")),
            3 => (
                "keyword, deep",
                format!("/keywords/{keyword}?before={}.0", self.deep),
            ),
            4 => (
                "story",
                format!(
                    "/stories/{}",
                    self.stories[pick(chance, self.stories.len())]
                ),
            ),
            5 => (
                "article",
                format!("/articles/{}", chance.below(self.articles) + 1),
            ),
            _ => {
                let (kind, query) = SEARCHES[pick(chance, SEARCHES.len())];
                return (kind, search_url(site, query));
            }
        };
        (kind, format!("{}{path}", site.address))
    }
}

/// Asks for all kinds of pages.
pub(crate) async fn pages(site: &Site, db: &PgPool, arguments: &Arguments) -> anyhow::Result<()> {
    let deep: i64 = sqlx::query_scalar(
        "SELECT (extract(epoch FROM sort_at) * 1000000)::bigint FROM articles WHERE id = (SELECT max(id) / 2 FROM articles)",
    )
    .fetch_one(db)
    .await?;
    let kinds = Kinds {
        keywords: sqlx::query_scalar("SELECT slug FROM keywords ORDER BY position")
            .fetch_all(db)
            .await?,
        deep: deep.to_string(),
        articles: arguments.articles,
        stories: sqlx::query_scalar(
            "(SELECT id FROM stories ORDER BY id DESC LIMIT 300)
             UNION ALL (SELECT id FROM stories ORDER BY articles DESC, id DESC LIMIT 20)
             UNION ALL (SELECT id FROM stories WHERE id % 997 = 0 LIMIT 300)",
        )
        .fetch_all(db)
        .await?,
    };
    // Once through everything, so that nobody measures a cold start.
    for (_, query) in SEARCHES {
        let answer = site.client.get(search_url(site, query)).send().await?;
        answer.bytes().await?;
    }
    let cpu_before = site.cpu_seconds()?;
    let (mut times, wrong) = ask(site, &kinds, arguments).await?;
    let total = arguments.rate * arguments.seconds;
    let cpu = site.cpu_seconds()? - cpu_before;
    println!(
        "{total} requests, {} a second; the service used {:.1} ms CPU for each and {} MiB at most; {} failed{}",
        arguments.rate,
        cpu * 1_000.0 / f64::from(total),
        site.peak_mib()?,
        wrong.len(),
        wrong
            .first()
            .map_or_else(String::new, |first| format!(" ({first})"))
    );
    println!("\n| kind | requests | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|");
    for (kind, times) in &mut times {
        times.sort_unstable();
        println!(
            "| {kind} | {} | {:.1} | {:.1} | {:.1} |",
            times.len(),
            at(times, 50),
            at(times, 95),
            at(times, 99)
        );
    }
    first_pages(site).await
}

/// Sends every request when it is due, whether or not earlier answers have come.
async fn ask(
    site: &Site,
    kinds: &Kinds,
    arguments: &Arguments,
) -> anyhow::Result<(Times, Vec<String>)> {
    let mut chance = Chance::of(7);
    let mut requests = JoinSet::new();
    let started = Instant::now();
    for number in 0..arguments.rate * arguments.seconds {
        let due = started + Duration::from_secs(1) * number / arguments.rate;
        tokio::time::sleep_until(due.into()).await;
        let (kind, url) = kinds.next(site, &mut chance);
        let client = site.client.clone();
        requests.spawn(async move {
            let answer = async {
                let answer = client.get(&url).send().await?.error_for_status()?;
                answer.bytes().await
            };
            let wrong = answer.await.err().map(|error| error.to_string());
            (kind, due.elapsed(), wrong)
        });
    }
    let (mut times, mut wrong) = (Times::new(), Vec::new());
    while let Some(answered) = requests.join_next().await {
        let (kind, took, problem) = answered?;
        times.entry(kind).or_default().push(took);
        times.entry("all").or_default().push(took);
        wrong.extend(problem);
    }
    Ok((times, wrong))
}

/// What each search finds: fast answers that are empty would measure nothing.
async fn first_pages(site: &Site) -> anyhow::Result<()> {
    println!("\n| query | found on the first page | says |\n|---|---|---|");
    for (_, query) in SEARCHES {
        let answer = site.client.get(search_url(site, query)).send().await?;
        let page = answer.text().await?;
        let says = if page.contains("class=\"read-to\"") {
            "read back to a date, go on"
        } else {
            ""
        };
        let found = page.matches("data-article=").count();
        println!("| {query} | {found} | {says} |");
    }
    Ok(())
}

fn search_url(site: &Site, query: &str) -> String {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    format!("{}/search?q={query}", site.address)
}

/// A percentile of sorted times, in milliseconds.
fn at(times: &[Duration], percent: usize) -> f64 {
    let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(place).map_or(0.0, Duration::as_secs_f64) * 1_000.0
}

/// Searches the backlog: the time to the first line that was found, and how fast the rest is read.
pub(crate) async fn backlog(site: &Site) -> anyhow::Result<()> {
    println!("\n| query of the backlog | first line s | end s | says last |\n|---|---|---|---|");
    for query in [
        "minister",
        "\"gallium nitride\"",
        "금강산",
        "丹东口岸",
        "nosuchwordanywhere",
    ] {
        let started = Instant::now();
        let url = format!("{}&in=backlog", search_url(site, query));
        let mut answer = site.client.get(url).send().await?.error_for_status()?;
        let mut page = Vec::new();
        let mut first = None;
        while let Some(chunk) = answer.chunk().await? {
            page.extend_from_slice(&chunk);
            if first.is_none() && find(&page, b"<li class=\"line\"") {
                first = Some(started.elapsed().as_secs_f64());
            }
        }
        let page = String::from_utf8_lossy(&page);
        let last = page
            .rsplit("<li class=\"progress\">")
            .next()
            .unwrap_or_default();
        let last = last.split_once('>').map_or("", |(_, rest)| rest);
        let says = last.split('<').next().unwrap_or_default().trim();
        println!(
            "| {query} | {} | {:.1} | {says} |",
            first.map_or_else(|| "–".to_owned(), |first| format!("{first:.2}")),
            started.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn find(bytes: &[u8], sought: &[u8]) -> bool {
    bytes.windows(sought.len()).any(|window| window == sought)
}
