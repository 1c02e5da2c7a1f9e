//! Fills the database: articles with matches, sightings and their place in the search index, and the backlog.
//!
//! A table that a page reads is filled by a [`Batch`] of its own rows; to add one, give it a field there and a line in
//! `TABLES`.

use std::{fmt::Write as _, sync::Arc, time::Instant};

use anyhow::{Context as _, ensure};
use sqlx::{PgConnection, Row as _};
use tokio::task::spawn_blocking;
use wirewatch::{
    app,
    domain::{ArticleMatch, Facts, KeywordId, SourceId, Subject, Tier, Timestamp},
    query::{self, Engine, Lexicon, Scratch},
    store::{self, PgPool, beat::Merge},
};

use crate::{
    arguments::Arguments,
    desk,
    stories::{self, Place},
    texts::{Chance, News, news},
};

/// Rows generated at a time.
const BATCH: u64 = 5_000;
/// The time that articles are spread over, in microseconds: a year.
const YEAR_MICROS: u64 = 365 * 24 * 3_600 * 1_000_000;
/// The same for the backlog: its window.
const WINDOW_MICROS: u64 = 30 * 24 * 3_600 * 1_000_000;

/// Tables with the columns that are copied.
const TABLES: [&str; 7] = [
    "articles (id, identity, source_id, feed_id, url, title, summary, content, language, sort_at, first_seen_at, arrival)",
    "matches (keyword_id, article_id, keyword_version, hits, why, sort_at, matched_at, arrival)",
    "sightings (article_id, feed_id, first_seen_at)",
    "article_tokens (article_id, sort_at, tokens)",
    "backlog (identity, feed_id, url, title, summary, content, language, sort_at, first_seen_at)",
    "stories (id, created_at, articles, reports, first_article_id, first_seen_at, last_report_at)",
    "story_members (article_id, story_id, copy_of, reason, placed_at)",
];

/// Rows in the form of COPY, one text a table, in the order of `TABLES`.
type Batch = [String; 7];

/// A feed with its source.
#[derive(Clone)]
struct Feed {
    id: i64,
    source: i64,
    slug: String,
    name: String,
    domain: String,
    country: Option<String>,
}

/// What rows are made from.
struct Maker {
    engine: Engine,
    feeds: Vec<Feed>,
    /// The end of all time spans.
    now: Timestamp,
    now_micros: u64,
    articles: u64,
    backlog: u64,
}

/// Fills the database, unless it is full.
pub(crate) async fn fill(db: &PgPool, arguments: &Arguments) -> anyhow::Result<()> {
    // What is said of the database is said last, so that nobody measures one that was filled in part.
    let full = format!(
        "{} articles, {} entries",
        arguments.articles, arguments.backlog
    );
    let said: Option<String> = sqlx::query_scalar(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()",
    )
    .fetch_one(db)
    .await?;
    if let Some(said) = said {
        ensure!(said == full, "the folder holds {said}; take another one");
        println!("the database is filled already");
        return Ok(());
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM articles")
        .fetch_one(db)
        .await?;
    ensure!(
        rows == 0,
        "the database was filled in part; delete its folder"
    );
    let started = Instant::now();
    let maker = Arc::new(Maker::new(db, arguments).await?);
    let now = maker.now;
    let mut connection = db.acquire().await?;
    // Nothing refers to what is not there, so nothing is asked for each row.
    sqlx::raw_sql("SET session_replication_role = replica; SET maintenance_work_mem = '2GB'; SET synchronous_commit = off")
        .execute(&mut *connection)
        .await?;
    let indexes = drop_indexes(&mut connection).await?;
    copy(&mut connection, maker).await?;
    for (name, definition) in &indexes {
        let started = Instant::now();
        sqlx::raw_sql(sqlx::AssertSqlSafe(definition.clone()))
            .execute(&mut *connection)
            .await?;
        println!("  index {name}: {:.0} s", started.elapsed().as_secs_f64());
    }
    finish(&mut connection).await?;
    desk::fill(db, now).await?;
    let said = format!("VACUUM ANALYZE; CHECKPOINT; COMMENT ON DATABASE pages IS '{full}'");
    for statement in said.split(';') {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut *connection)
            .await?;
    }
    tell_sizes(&mut connection).await?;
    println!("filled in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Drops every index that is no constraint; their names and how to make them again.
async fn drop_indexes(connection: &mut PgConnection) -> anyhow::Result<Vec<(String, String)>> {
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT indexname, indexdef FROM pg_indexes
          WHERE schemaname = 'public'
            AND tablename IN ('articles', 'matches', 'sightings', 'article_tokens', 'backlog', 'stories', 'story_members')
            AND indexname NOT IN (SELECT conname FROM pg_constraint)",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (name, _) in &indexes {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP INDEX {name}")))
            .execute(&mut *connection)
            .await?;
    }
    Ok(indexes)
}

/// Copies all rows: while one batch is written, the next one is made.
async fn copy(connection: &mut PgConnection, maker: Arc<Maker>) -> anyhow::Result<()> {
    let started = Instant::now();
    let batches = maker.articles.max(maker.backlog).div_ceil(BATCH);
    let make = |number: u64| {
        let maker = Arc::clone(&maker);
        spawn_blocking(move || maker.batch(number * BATCH..(number + 1) * BATCH))
    };
    let mut next = make(0);
    for number in 0..batches {
        let batch = next.await?;
        next = make(number + 1);
        for (table, rows) in TABLES.iter().zip(batch) {
            if rows.is_empty() {
                continue;
            }
            let mut copy = connection
                .copy_in_raw(&format!("COPY {table} FROM STDIN"))
                .await?;
            copy.send(rows.into_bytes()).await?;
            copy.finish().await?;
        }
        if number % 40 == 39 {
            println!(
                "  {:.0} s: {} %",
                started.elapsed().as_secs_f64(),
                (number + 1) * 100 / batches
            );
        }
    }
    Ok(())
}

/// Sets the counters to where the rows end.
async fn finish(connection: &mut PgConnection) -> anyhow::Result<()> {
    let counters = format!(
        "SELECT setval(pg_get_serial_sequence('articles', 'id'), (SELECT max(id) FROM articles));
         UPDATE arrivals SET last = (SELECT max(arrival) FROM articles);
         UPDATE grouping SET last_arrival = (SELECT max(arrival) FROM articles), last_story = (SELECT max(id) FROM stories);
         UPDATE search_index SET version = {}, indexed_to = (SELECT max(arrival) FROM articles);
         ANALYZE",
        query::TOKENS_VERSION
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(counters))
        .execute(connection)
        .await?;
    Ok(())
}

async fn tell_sizes(connection: &mut PgConnection) -> anyhow::Result<()> {
    let sizes = sqlx::query(
        "SELECT relname::text, reltuples::bigint, pg_total_relation_size(oid) / 1048576 FROM pg_class
          WHERE relname IN ('articles', 'matches', 'article_tokens', 'article_tokens_tokens_idx', 'backlog', 'story_members')
          ORDER BY 1",
    )
    .fetch_all(connection)
    .await?;
    for row in sizes {
        let (name, rows, size): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
        println!("  {name}: {rows} rows, {size} MiB");
    }
    Ok(())
}

impl Maker {
    #[expect(clippy::disallowed_methods, reason = "pages show the present")]
    async fn new(db: &PgPool, arguments: &Arguments) -> anyhow::Result<Self> {
        let now = Timestamp::from_jiff(jiff::Timestamp::now());
        let beat = app::read_beat(app::BUILT_IN_BEAT)?;
        store::beat::import(db, &beat, Merge::IfEmpty, "benchmark", now, &|_| {}).await?;
        let source = store::beat::engine_source(db).await?;
        let (lexicon, _) = Lexicon::new(&source.concepts, &source.outlets, &source.keywords);
        let (engine, _) = Engine::compile(&source.keywords, &lexicon);
        let feeds: Vec<(i64, i64, String, String, String, Option<String>)> = sqlx::query_as(
            "SELECT f.id, s.id, s.slug, s.name, s.domain, s.country FROM feeds f JOIN sources s ON s.id = f.source_id ORDER BY 1",
        )
        .fetch_all(db)
        .await?;
        Ok(Self {
            engine,
            feeds: feeds
                .into_iter()
                .map(|(id, source, slug, name, domain, country)| Feed {
                    id,
                    source,
                    slug,
                    name,
                    domain,
                    country,
                })
                .collect(),
            now,
            now_micros: u64::try_from(now.as_micros()).context("the clock is before 1970")?,
            articles: arguments.articles,
            backlog: arguments.backlog,
        })
    }

    fn batch(&self, numbers: std::ops::Range<u64>) -> Batch {
        let mut batch = Batch::default();
        let mut scratch = Scratch::default();
        for number in numbers {
            if number < self.articles {
                self.article(number, &mut scratch, &mut batch);
            }
            if number < self.backlog {
                self.entry(number, &mut batch[4]);
            }
        }
        batch
    }

    /// The instant of row `number` of `count` that are spread over a span which ends now, as text for COPY.
    fn instant(&self, number: u64, count: u64, span: u64) -> Timestamp {
        let back = u128::from(count - number) * u128::from(span) / u128::from(count);
        let micros = self
            .now_micros
            .saturating_sub(u64::try_from(back).unwrap_or(0));
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(0))
    }

    fn feed(&self, number: u64) -> &Feed {
        let count = self.feeds.len() as u64;
        let place = Chance::of(number ^ 0x5EED).below(count);
        &self.feeds[usize::try_from(place).unwrap_or(0)]
    }

    fn article(&self, number: u64, scratch: &mut Scratch, batch: &mut Batch) {
        let place = stories::place(number, self.articles);
        let News {
            language,
            title,
            content,
        } = news(place.copy_of().unwrap_or(number), true);
        let feed = self.feed(number);
        let sort_at = self.instant(number, self.articles, YEAR_MICROS);
        let url = format!("https://{}/{number}", feed.domain);
        let subject = Subject {
            title: &title,
            summary: "",
            content: &content,
            facts: Facts {
                source: [&feed.slug, &feed.name],
                domain: &feed.domain,
                url: &url,
                language,
                country: feed.country.as_deref().unwrap_or_default(),
                tier: Some(Tier::Press),
                ..Facts::default()
            },
        };
        let id = number + 1;
        for matched in self.engine.matches(&subject, scratch) {
            let ArticleMatch {
                keyword_id,
                version,
                hits,
                why,
            } = matched;
            let hits = serde_json::to_string(&hits).unwrap_or_default();
            let keyword = KeywordId::get(keyword_id);
            let _ = writeln!(
                batch[1],
                "{keyword}\t{id}\t{version}\t{}\t{}\t{sort_at}\t{sort_at}\t{id}",
                escaped(&hits),
                escaped(&why)
            );
        }
        let _ = writeln!(
            batch[0],
            "{id}\t\\\\x{:032x}\t{}\t{}\t{url}\t{}\t\t{}\t{language}\t{sort_at}\t{sort_at}\t{id}",
            u128::from(number) | 1 << 100,
            feed.source,
            feed.id,
            escaped(&title),
            escaped(&content)
        );
        self.in_story(place, id, sort_at, batch);
        let _ = writeln!(batch[2], "{id}\t{}\t{sort_at}", feed.id);
        let tokens: Vec<String> =
            query::article_tokens(&subject, SourceId::new(feed.source), sort_at)
                .iter()
                .map(ToString::to_string)
                .collect();
        let _ = writeln!(batch[3], "{id}\t{sort_at}\t{{{}}}", tokens.join(","));
    }

    fn in_story(&self, place: Place, id: u64, at: Timestamp, batch: &mut Batch) {
        let story = place.first + 1;
        if place.is_first() {
            let last = self.instant(place.last_report(), self.articles, YEAR_MICROS);
            let _ = writeln!(
                batch[5],
                "{story}\t{at}\t{}\t{}\t{story}\t{at}\t{last}",
                place.articles(),
                place.reports()
            );
        }
        let copy_of = place
            .copy_of()
            .map_or_else(|| "\\N".to_owned(), |of| (of + 1).to_string());
        let reason = escaped(&place.reason().to_string());
        let _ = writeln!(batch[6], "{id}\t{story}\t{copy_of}\t{reason}\t{at}");
    }

    fn entry(&self, number: u64, rows: &mut String) {
        let News {
            language,
            title,
            content,
        } = news(number, false);
        let feed = self.feed(number);
        let at = self.instant(number, self.backlog, WINDOW_MICROS);
        let _ = writeln!(
            rows,
            "\\\\x{:032x}\t{}\thttps://{}/b{number}\t{}\t\t{}\t{language}\t{at}\t{at}",
            u128::from(number) | 1 << 101,
            feed.id,
            feed.domain,
            escaped(&title),
            escaped(&content)
        );
    }
}

/// A text as COPY reads it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}
