//! Every stored article once, by arrival: the only order that loses nothing.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::{PgPool, query, query_as, query_scalar};

use super::{
    StoreError,
    board::FAR_FUTURE_MICROS,
    reach::{Reach, Stream},
};
use crate::domain::{ArticleId, Hit, KeywordId, StoryId, Timestamp};

/// An article as it goes out to other programs.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrivedArticle {
    /// The article.
    pub id: ArticleId,
    /// Its number of arrival.
    pub arrival: i64,
    /// Its page at the publisher's.
    pub url: Option<String>,
    /// Headline.
    pub title: String,
    /// Summary.
    pub summary: String,
    /// Content.
    pub content: String,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Authors as published.
    pub authors: Vec<String>,
    /// Categories as published.
    pub categories: Vec<String>,
    /// Short name of the source.
    pub source: String,
    /// Name of the source.
    pub source_name: String,
    /// Tier of the source.
    pub tier: String,
    /// Country of the source.
    pub country: Option<String>,
    /// When its publisher says it was published.
    pub published_at: Option<Timestamp>,
    /// The same, made fit for sorting.
    pub sort_at: Timestamp,
    /// When a feed first carried it.
    pub first_seen_at: Timestamp,
    /// When its text last changed.
    pub updated_at: Option<Timestamp>,
    /// How often its text changed.
    pub revision: i32,
    /// History rather than news.
    pub is_backfill: bool,
    /// The story it stands in.
    pub story: Option<StoryId>,
    /// Its original, if it is a copy.
    pub copy_of: Option<ArticleId>,
    /// The keywords it matches.
    pub matches: Vec<ArrivedMatch>,
}

/// A keyword that an article matches.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrivedMatch {
    /// Short name of the keyword.
    pub keyword: String,
    /// The version that matched.
    pub version: i32,
    /// What was found.
    pub hits: Vec<Hit>,
    /// The branches of the query that held.
    pub why: String,
}

/// Which articles; what is absent asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// That match this keyword now.
    pub keyword: Option<KeywordId>,
    /// Short name of the source.
    pub source: Option<String>,
    /// Tier of the source.
    pub tier: Option<String>,
    /// Country of the source.
    pub country: Option<String>,
    /// Language: its first subtag, in lower case.
    pub language: Option<String>,
    /// Not older.
    pub from: Option<Timestamp>,
    /// Older.
    pub before: Option<Timestamp>,
}

impl Selection {
    /// Whether it takes every article.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// The articles, in order of arrival.
    pub articles: Vec<ArrivedArticle>,
    /// Everything up to this number has been read.
    pub read_to: i64,
    /// Whether there was more when it was read.
    pub has_more: bool,
    /// The last number that was given then.
    pub last: i64,
}

struct ArticleRow {
    id: ArticleId,
    arrival: i64,
    url: Option<String>,
    title: String,
    summary: String,
    content: String,
    language: Option<String>,
    authors: Vec<String>,
    categories: Vec<String>,
    source: String,
    source_name: String,
    tier: String,
    country: Option<String>,
    published_at: Option<Timestamp>,
    sort_at: Timestamp,
    first_seen_at: Timestamp,
    updated_at: Option<Timestamp>,
    revision: i32,
    is_backfill: bool,
    story: Option<StoryId>,
    copy_of: Option<ArticleId>,
}

impl ArticleRow {
    fn with(self, matches: Vec<ArrivedMatch>) -> ArrivedArticle {
        ArrivedArticle {
            id: self.id,
            arrival: self.arrival,
            url: self.url,
            title: self.title,
            summary: self.summary,
            content: self.content,
            language: self.language,
            authors: self.authors,
            categories: self.categories,
            source: self.source,
            source_name: self.source_name,
            tier: self.tier,
            country: self.country,
            published_at: self.published_at,
            sort_at: self.sort_at,
            first_seen_at: self.first_seen_at,
            updated_at: self.updated_at,
            revision: self.revision,
            is_backfill: self.is_backfill,
            story: self.story,
            copy_of: self.copy_of,
            matches,
        }
    }
}

struct MatchRow {
    article_id: ArticleId,
    keyword: String,
    version: i32,
    hits: Value,
    why: String,
}

/// Whether the article of a number of arrival is, or once was, of the keyword and the period of a selection; nothing, if it
/// is gone.
///
/// # Errors
/// The database does not answer.
pub async fn was_of(
    db: &PgPool,
    arrival: i64,
    selection: &Selection,
) -> Result<Option<bool>, StoreError> {
    Ok(query_scalar!(
        r#"SELECT ($2::bigint IS NULL OR EXISTS (SELECT FROM matches m WHERE m.article_id = a.id AND m.keyword_id = $2))
              AND ($3::timestamptz IS NULL OR a.sort_at >= $3)
              AND ($4::timestamptz IS NULL OR a.sort_at < $4) AS "was!"
             FROM articles a
            WHERE a.arrival = $1"#,
        arrival,
        selection.keyword as Option<KeywordId>,
        selection.from as Option<Timestamp>,
        selection.before as Option<Timestamp>,
    )
    .fetch_optional(db)
    .await?)
}

/// The articles of a selection that arrived after number `after`, in order of arrival: at most `limit`, and as far as one
/// request reaches, where it does not take everything.
///
/// # Errors
///
/// When the database does not answer.
pub async fn arrived_after(
    db: &PgPool,
    after: i64,
    limit: i64,
    selection: &Selection,
) -> Result<Arrived, StoreError> {
    let takes_few = !selection.is_everything();
    let reach = Reach::after(db, Stream::Articles, after, takes_few).await?;
    let places = query!(
        r#"SELECT a.id AS "id: ArticleId", a.arrival AS "arrival!"
             FROM articles a
             JOIN sources s ON s.id = a.source_id
            WHERE a.arrival > $1 AND a.arrival <= $2
              AND ($4::bigint IS NULL OR EXISTS (SELECT FROM matches m
                                                  WHERE m.article_id = a.id AND m.keyword_id = $4 AND m.closed_at IS NULL))
              AND ($5::text IS NULL OR s.slug = $5)
              AND ($6::text IS NULL OR s.tier = $6)
              AND ($7::text IS NULL OR s.country = $7)
              AND ($8::text IS NULL OR lower(split_part(a.language, '-', 1)) = $8)
              AND ($9::timestamptz IS NULL OR a.sort_at >= $9)
              AND ($10::timestamptz IS NULL OR a.sort_at < $10)
            ORDER BY a.arrival
            LIMIT $3"#,
        after,
        reach.to,
        limit,
        selection.keyword.map(KeywordId::get),
        selection.source.as_deref(),
        selection.tier.as_deref(),
        selection.country.as_deref(),
        selection.language.as_deref(),
        selection.from as Option<Timestamp>,
        selection.before as Option<Timestamp>,
    )
    .fetch_all(db)
    .await?;
    let is_full = i64::try_from(places.len()).is_ok_and(|count| count >= limit);
    let read_to = match places.last() {
        Some(last) if is_full => last.arrival,
        _ => reach.read_to(db).await?.max(after),
    };
    let ids: Vec<ArticleId> = places.iter().map(|place| place.id).collect();
    Ok(Arrived {
        articles: of_ids(db, &ids).await?,
        read_to,
        has_more: read_to < reach.last,
        last: reach.last,
    })
}

/// A place in the order of a keyword's newest articles: that of the last one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewestPlace {
    /// Among its news, with the number of arrival of its match.
    News(i64, ArticleId),
    /// Behind them, in its history, with the date that it is sorted by.
    History(Timestamp, ArticleId),
}

/// A part of a keyword's newest articles.
#[derive(Debug, Clone, PartialEq)]
pub struct Newest {
    /// The name of the keyword.
    pub name: String,
    /// The articles.
    pub articles: Vec<ArrivedArticle>,
    /// Where they go on; none where these are the last.
    pub next: Option<NewestPlace>,
}

struct NewestRow {
    article_id: ArticleId,
    arrival: Option<i64>,
    sort_at: Option<Timestamp>,
}

impl NewestRow {
    fn place(&self) -> Option<NewestPlace> {
        let news = self
            .arrival
            .map(|arrival| NewestPlace::News(arrival, self.article_id));
        let history = || Some(NewestPlace::History(self.sort_at?, self.article_id));
        news.or_else(history)
    }
}

/// A keyword with its newest articles behind a place, at most `limit`; none if there is no such keyword. News comes first, in
/// the order in which it came to match: by its date, what was published hours ago would be in no feed at any time. History
/// follows, by its date.
///
/// # Errors
///
/// When the database does not answer.
pub async fn newest_of(
    db: &PgPool,
    slug: &str,
    after: Option<NewestPlace>,
    limit: usize,
) -> Result<Option<Newest>, StoreError> {
    let Some(keyword) = query!("SELECT id, name FROM keywords WHERE slug = $1", slug)
        .fetch_optional(db)
        .await?
    else {
        return Ok(None);
    };
    let last = ArticleId::new(i64::MAX);
    let far = (Timestamp::from_micros(FAR_FUTURE_MICROS), last);
    let (news, history) = match after {
        None => ((i64::MAX, last), far),
        Some(NewestPlace::News(arrival, article)) => ((arrival, article), far),
        Some(NewestPlace::History(at, article)) => ((0, ArticleId::new(0)), (at, article)),
    };
    let mut rows = query_as!(
        NewestRow,
        r#"WITH news AS (
               SELECT article_id, arrival
                 FROM matches
                WHERE keyword_id = $1 AND arrival IS NOT NULL AND closed_at IS NULL AND NOT is_backfill
                  AND (arrival, article_id) < ($3, $4)
                ORDER BY arrival DESC, article_id DESC
                LIMIT $2
           ), history AS (
               SELECT article_id, sort_at
                 FROM matches
                WHERE keyword_id = $1 AND arrival IS NOT NULL AND closed_at IS NULL AND is_backfill
                  AND (sort_at, article_id) < ($5, $6)
                ORDER BY sort_at DESC, article_id DESC
                LIMIT $2 - (SELECT count(*) FROM news)
           )
           SELECT article_id AS "article_id!: ArticleId", arrival AS "arrival?", sort_at AS "sort_at?: Timestamp"
             FROM (SELECT article_id, 1 AS part, arrival, NULL::timestamptz AS sort_at FROM news
                   UNION ALL
                   SELECT article_id, 2, NULL, sort_at FROM history) AS newest
            ORDER BY part, arrival DESC, sort_at DESC, article_id DESC"#,
        keyword.id.get(),
        // One more tells whether there are more.
        i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1),
        news.0,
        news.1 as ArticleId,
        history.0 as Timestamp,
        history.1 as ArticleId,
    )
    .fetch_all(db)
    .await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more);
    let ids: Vec<ArticleId> = rows.iter().map(|row| row.article_id).collect();
    Ok(Some(Newest {
        name: keyword.name,
        articles: of_ids(db, &ids).await?,
        next: next.and_then(NewestRow::place),
    }))
}

/// The articles of these numbers, in the order of the numbers, with what they match; those that have not arrived are
/// left out.
///
/// # Errors
///
/// When the database does not answer.
pub async fn of_ids(db: &PgPool, ids: &[ArticleId]) -> Result<Vec<ArrivedArticle>, StoreError> {
    let rows = query_as!(
        ArticleRow,
        r#"SELECT a.id, a.arrival AS "arrival!", a.url, a.title, a.summary, a.content, a.language, a.authors, a.categories,
                  s.slug AS source, s.name AS source_name, s.tier, s.country, a.published_at, a.sort_at, a.first_seen_at,
                  a.updated_at, a.revision, a.is_backfill, m.story_id AS "story?: StoryId",
                  m.copy_of AS "copy_of?: ArticleId"
             FROM UNNEST($1::bigint[]) WITH ORDINALITY AS n(id, place)
             JOIN articles a ON a.id = n.id
             JOIN sources s ON s.id = a.source_id
             LEFT JOIN story_members m ON m.article_id = a.id
            WHERE a.arrival IS NOT NULL
            ORDER BY n.place"#,
        ids as &[ArticleId],
    )
    .fetch_all(db)
    .await?;
    let mut matches = matches_of(db, ids).await?;
    let article = |row: ArticleRow| {
        let matches = matches.remove(&row.id).unwrap_or_default();
        row.with(matches)
    };
    Ok(rows.into_iter().map(article).collect())
}

/// What the articles match today, in the order of the board.
async fn matches_of(
    db: &PgPool,
    articles: &[ArticleId],
) -> Result<HashMap<ArticleId, Vec<ArrivedMatch>>, StoreError> {
    let rows = query_as!(
        MatchRow,
        r#"SELECT m.article_id, k.slug AS keyword, m.keyword_version AS version, m.hits, m.why
             FROM matches m
             JOIN keywords k ON k.id = m.keyword_id
            WHERE m.article_id = ANY($1) AND m.closed_at IS NULL
            ORDER BY m.article_id, k.position, k.id"#,
        articles as &[ArticleId],
    )
    .fetch_all(db)
    .await?;
    let mut matches: HashMap<ArticleId, Vec<ArrivedMatch>> = HashMap::new();
    for MatchRow {
        article_id,
        keyword,
        version,
        hits,
        why,
    } in rows
    {
        let hits = super::hits::from_json(hits);
        matches.entry(article_id).or_default().push(ArrivedMatch {
            keyword,
            version,
            hits,
            why,
        });
    }
    Ok(matches)
}
