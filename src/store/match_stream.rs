//! Every match by arrival, and again when it is lost or found again.

use serde_json::Value;
use sqlx::{PgPool, query_as};

use super::{
    StoreError, hits,
    reach::{Reach, Stream},
};
use crate::domain::{ArticleId, Hit, KeywordId, Timestamp};

/// A place in the stream: a number of arrival, which all matches of one article that came or changed together share, and a
/// keyword.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number.
    pub arrival: i64,
    /// Everything of this number up to this keyword has been read.
    pub keyword: i64,
}

/// A match as it goes out to other programs.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamedMatch {
    /// Where it stands in the stream.
    pub place: Place,
    /// When it first came to be: a number of arrival.
    pub arrival: i64,
    /// Short name of the keyword.
    pub keyword: String,
    /// The version that matched.
    pub version: i32,
    /// The article.
    pub article: ArticleId,
    /// Its page at the publisher's.
    pub url: Option<String>,
    /// Its headline.
    pub title: String,
    /// Short name of its source.
    pub source: String,
    /// What was found.
    pub hits: Vec<Hit>,
    /// The branches of the query that held.
    pub why: String,
    /// When it was made.
    pub matched_at: Timestamp,
    /// History rather than news.
    pub is_backfill: bool,
    /// When a changed keyword or a changed text lost it.
    pub closed_at: Option<Timestamp>,
}

/// A part of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Streamed {
    /// The matches, in order of arrival.
    pub matches: Vec<StreamedMatch>,
    /// Everything up to this place has been read.
    pub read_to: Place,
    /// Whether there was more when it was read.
    pub has_more: bool,
    /// The last number of arrival that was given then.
    pub last: i64,
}

struct Row {
    place: i64,
    arrival: i64,
    keyword_id: KeywordId,
    keyword: String,
    version: i32,
    article: ArticleId,
    url: Option<String>,
    title: String,
    source: String,
    hits: Value,
    why: String,
    matched_at: Timestamp,
    is_backfill: bool,
    closed_at: Option<Timestamp>,
}

impl From<Row> for StreamedMatch {
    fn from(row: Row) -> Self {
        Self {
            place: Place {
                arrival: row.place,
                keyword: row.keyword_id.get(),
            },
            arrival: row.arrival,
            keyword: row.keyword,
            version: row.version,
            article: row.article,
            url: row.url,
            title: row.title,
            source: row.source,
            hits: hits::from_json(row.hits),
            why: row.why,
            matched_at: row.matched_at,
            is_backfill: row.is_backfill,
            closed_at: row.closed_at,
        }
    }
}

/// The matches after a place, those that were lost since included, at most `limit`; of one keyword alone if one is named.
///
/// # Errors
///
/// When the database does not answer.
pub async fn after(
    db: &PgPool,
    place: Place,
    keyword: Option<KeywordId>,
    limit: i64,
) -> Result<Streamed, StoreError> {
    let reach = Reach::after(db, Stream::Matches, place.arrival, keyword.is_some()).await?;
    let rows = query_as!(
        Row,
        r#"SELECT greatest(m.changed, m.arrival) AS "place!", m.arrival AS "arrival!", k.id AS keyword_id, k.slug AS keyword, m.keyword_version AS version,
                  m.article_id AS article, a.url, a.title, s.slug AS source, m.hits, m.why, m.matched_at, m.is_backfill,
                  m.closed_at
             FROM matches m
             JOIN keywords k ON k.id = m.keyword_id
             JOIN articles a ON a.id = m.article_id
             JOIN sources s ON s.id = a.source_id
            WHERE m.arrival IS NOT NULL
              AND greatest(m.changed, m.arrival) >= $1 AND greatest(m.changed, m.arrival) <= $3
              AND (greatest(m.changed, m.arrival), m.keyword_id) > ($1, $2)
              AND ($4::bigint IS NULL OR m.keyword_id = $4)
            ORDER BY greatest(m.changed, m.arrival), m.keyword_id
            LIMIT $5"#,
        place.arrival,
        place.keyword,
        reach.to,
        keyword.map(KeywordId::get),
        limit,
    )
    .fetch_all(db)
    .await?;
    let matches: Vec<StreamedMatch> = rows.into_iter().map(StreamedMatch::from).collect();
    let is_full = i64::try_from(matches.len()).is_ok_and(|count| count >= limit);
    let read_to = match matches.last() {
        Some(last) if is_full => last.place,
        _ => place.max(Place {
            arrival: reach.read_to(db).await?,
            keyword: i64::MAX,
        }),
    };
    Ok(Streamed {
        has_more: is_full || read_to.arrival < reach.last,
        matches,
        read_to,
        last: reach.last,
    })
}
