//! What a search reads: articles newest first, those that the search index proposes, the backlog.
//!
//! Each statement reads a bounded number of rows, whatever is asked.

use std::collections::HashMap;

use sqlx::{PgExecutor, query_as};

use super::{StoreError, board::LineKey};
use crate::domain::{ArticleId, Facts, KeywordId, SourceId, Subject, Tier, Timestamp};

/// A publisher, as facts and filters need to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchedSource {
    /// The source.
    pub id: SourceId,
    /// Its short name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Its registered domain.
    pub domain: String,
    /// Its country.
    pub country: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// Its tier.
    pub tier: Tier,
    /// Its tags.
    pub tags: Vec<String>,
}

/// A source as it is stored.
pub(super) struct SourceRow {
    pub(super) id: SourceId,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) country: Option<String>,
    pub(super) language: Option<String>,
    pub(super) tier: String,
    pub(super) tags: Vec<String>,
}

impl SourceRow {
    pub(super) fn into_source(self) -> Result<SearchedSource, StoreError> {
        Ok(SearchedSource {
            tier: self.tier.parse().map_err(|error| {
                StoreError::Unexpected(format!("source {}: {error}", self.slug))
            })?,
            id: self.id,
            slug: self.slug,
            name: self.name,
            domain: self.domain,
            country: self.country,
            language: self.language,
            tags: self.tags,
        })
    }
}

/// A text that the engine is to judge.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Its source.
    pub source_id: SourceId,
    /// Its page at the publisher's.
    pub url: Option<String>,
    /// Headline.
    pub title: String,
    /// Summary, whole.
    pub summary: String,
    /// Content, whole.
    pub content: String,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Names of authors.
    pub authors: Vec<String>,
    /// Categories as published.
    pub categories: Vec<String>,
    /// When it was published, made fit for sorting.
    pub sort_at: Timestamp,
}

/// The text in a row that has its columns.
macro_rules! text_of {
    ($row:expr) => {
        Text {
            source_id: $row.source_id,
            url: $row.url,
            title: $row.title,
            summary: $row.summary,
            content: $row.content,
            language: $row.language,
            authors: $row.authors,
            categories: $row.categories,
            sort_at: $row.sort_at,
        }
    };
}
pub(super) use text_of;

impl Text {
    /// The text as the engine reads it, with what is known of its source.
    #[must_use]
    pub fn subject<'a>(&'a self, sources: &'a HashMap<SourceId, SearchedSource>) -> Subject<'a> {
        let source = sources.get(&self.source_id);
        let known = |fact: fn(&SearchedSource) -> &str| source.map(fact).unwrap_or_default();
        Subject {
            title: &self.title,
            summary: &self.summary,
            content: &self.content,
            facts: Facts {
                source: [known(|source| &source.slug), known(|source| &source.name)],
                domain: known(|source| &source.domain),
                url: self.url.as_deref().unwrap_or_default(),
                language: self.language.as_deref().unwrap_or_default(),
                country: known(|source| source.country.as_deref().unwrap_or_default()),
                tier: source.map(|source| source.tier),
                authors: &self.authors,
                tags: source
                    .map(|source| source.tags.as_slice())
                    .unwrap_or_default(),
                categories: &self.categories,
            },
        }
    }
}

/// An article that the engine is to judge.
#[derive(Debug, Clone, PartialEq)]
pub struct ArticleText {
    /// The article.
    pub id: ArticleId,
    /// What it says.
    pub text: Text,
}

impl ArticleText {
    /// Where it stands among all articles.
    #[must_use]
    pub const fn key(&self) -> LineKey {
        LineKey {
            sort_at: self.text.sort_at,
            article_id: self.id,
        }
    }
}

/// The articles that a search may still read: those before a place, not older than an instant, of a keyword if one is
/// given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Everything from here on has been read.
    pub before: LineKey,
    /// Nothing older is asked for.
    pub from: Timestamp,
    /// The keyword that articles are to be found under.
    pub keyword: Option<KeywordId>,
}

/// A keyword, as a filter offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchedKeyword {
    /// The keyword.
    pub id: KeywordId,
    /// Its short name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
}

/// Every source, by name.
///
/// # Errors
/// The database does not answer, or holds a tier that no version of wirewatch writes.
pub async fn sources(db: impl PgExecutor<'_>) -> Result<Vec<SearchedSource>, StoreError> {
    query_as!(
        SourceRow,
        "SELECT id, slug, name, domain, country, language, tier, tags FROM sources ORDER BY name, id"
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(SourceRow::into_source)
    .collect()
}

/// Every keyword, in the order of the board.
///
/// # Errors
/// The database does not answer.
pub async fn keywords(db: impl PgExecutor<'_>) -> Result<Vec<SearchedKeyword>, StoreError> {
    Ok(query_as!(
        SearchedKeyword,
        "SELECT id, slug, name FROM keywords ORDER BY position, id"
    )
    .fetch_all(db)
    .await?)
}

/// The first concepts of the beat, for examples.
///
/// # Errors
/// The database does not answer.
pub async fn concepts(db: impl PgExecutor<'_>) -> Result<Vec<String>, StoreError> {
    Ok(
        sqlx::query_scalar!("SELECT slug FROM concepts ORDER BY id LIMIT 2")
            .fetch_all(db)
            .await?,
    )
}

/// The instant of the oldest article; none without any.
///
/// # Errors
/// The database does not answer.
pub async fn oldest(db: impl PgExecutor<'_>) -> Result<Option<Timestamp>, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"SELECT sort_at FROM articles ORDER BY sort_at, id LIMIT 1"#)
            .fetch_optional(db)
            .await?,
    )
}

struct ArticleRow {
    id: ArticleId,
    source_id: SourceId,
    url: Option<String>,
    title: String,
    summary: String,
    content: String,
    language: Option<String>,
    authors: Vec<String>,
    categories: Vec<String>,
    sort_at: Timestamp,
}

impl From<ArticleRow> for ArticleText {
    fn from(row: ArticleRow) -> Self {
        Self {
            id: row.id,
            text: text_of!(row),
        }
    }
}

macro_rules! select_articles {
    ($from:literal $(, $argument:expr)* $(,)?) => {
        query_as!(
            ArticleRow,
            "SELECT a.id, a.source_id, a.url, a.title, a.summary, a.content, a.language, a.authors, a.categories, a.sort_at
            " + $from
            $(, $argument)*
        )
    };
}

/// Bytes of text that one statement reads: with as many articles as this takes, the last of them whole.
pub(super) const BATCH_BYTES: i64 = 4 << 20;

/// Texts read by one statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<T> {
    /// The texts.
    pub texts: Vec<T>,
    /// Whether it ends where it does because of their size: there may be more.
    pub is_cut: bool,
}

impl<T> Batch<T> {
    pub(super) fn new(texts: Vec<T>, text: impl Fn(&T) -> &Text) -> Self {
        let bytes: usize = texts
            .iter()
            .map(|one| {
                let text = text(one);
                text.title.len() + text.summary.len() + text.content.len()
            })
            .sum();
        Self {
            is_cut: i64::try_from(bytes).unwrap_or(i64::MAX) >= BATCH_BYTES,
            texts,
        }
    }
}

/// The newest articles of a span, at most `limit` and about four megabytes, newest first.
///
/// # Errors
/// The database does not answer.
pub async fn newest(
    db: impl PgExecutor<'_>,
    span: &Span,
    limit: i64,
) -> Result<Batch<ArticleText>, StoreError> {
    let rows = match span.keyword {
        None => {
            select_articles!(
                "FROM (SELECT b.*, sum(octet_length(b.title) + octet_length(b.summary) + octet_length(b.content))
                                  OVER (ORDER BY b.sort_at DESC, b.id DESC
                                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
                         FROM (SELECT *
                                 FROM articles
                                WHERE (sort_at, id) < ($1, $2)
                                  AND sort_at >= $3
                                ORDER BY sort_at DESC, id DESC
                                LIMIT $4) b) a
                WHERE coalesce(a.bytes_before, 0) < $5
                ORDER BY a.sort_at DESC, a.id DESC",
                span.before.sort_at as Timestamp,
                span.before.article_id as ArticleId,
                span.from as Timestamp,
                limit,
                BATCH_BYTES,
            )
            .fetch_all(db)
            .await?
        }
        Some(keyword) => {
            select_articles!(
                "FROM (SELECT b.*, sum(octet_length(b.title) + octet_length(b.summary) + octet_length(b.content))
                                  OVER (ORDER BY b.sort_at DESC, b.id DESC
                                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
                         FROM (SELECT articles.*
                                 FROM matches m
                                 JOIN articles ON articles.id = m.article_id
                                WHERE m.keyword_id = $5
                                  AND m.closed_at IS NULL
                                  AND (m.sort_at, m.article_id) < ($1, $2)
                                  AND m.sort_at >= $3
                                ORDER BY m.sort_at DESC, m.article_id DESC
                                LIMIT $4) b) a
                WHERE coalesce(a.bytes_before, 0) < $6
                ORDER BY a.sort_at DESC, a.id DESC",
                span.before.sort_at as Timestamp,
                span.before.article_id as ArticleId,
                span.from as Timestamp,
                limit,
                keyword as KeywordId,
                BATCH_BYTES,
            )
            .fetch_all(db)
            .await?
        }
    };
    let texts = rows.into_iter().map(ArticleText::from).collect();
    Ok(Batch::new(texts, |article| &article.text))
}

/// The places of the newest articles of a span that may match, at most `limit`, newest first: those that are listed
/// under one token at least of each clause, and those that are not listed yet. At most three clauses count, and no clause
/// means that nothing is listed.
///
/// # Errors
/// The database does not answer.
pub async fn proposed(
    db: impl PgExecutor<'_>,
    span: &Span,
    clauses: &[Vec<i32>],
    limit: i64,
) -> Result<Vec<LineKey>, StoreError> {
    // Asked twice for the same, the index gives the same: so one statement serves any number.
    let clause = |place: usize| {
        clauses
            .get(place)
            .or_else(|| clauses.first())
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    Ok(query_as!(
        LineKey,
        r#"WITH listed AS (
               SELECT t.article_id, t.sort_at
                 FROM article_tokens t
                WHERE t.tokens && $1::integer[]
                  AND t.tokens && $2::integer[]
                  AND t.tokens && $3::integer[]
                  AND t.sort_at >= $4
                  AND (t.sort_at, t.article_id) < ($5, $6)
                  AND ($7::bigint IS NULL OR EXISTS (SELECT
                                                       FROM matches m
                                                      WHERE m.article_id = t.article_id
                                                        AND m.keyword_id = $7
                                                        AND m.closed_at IS NULL))
                ORDER BY t.sort_at DESC, t.article_id DESC
                LIMIT $8
           ), unlisted AS (
               SELECT id AS article_id, sort_at
                 FROM articles
                WHERE arrival > (SELECT indexed_to FROM search_index)
                UNION ALL
               SELECT id, sort_at FROM articles WHERE arrival IS NULL
                UNION ALL
               SELECT article_id, sort_at FROM article_tokens WHERE tokens IS NULL
           )
           SELECT sort_at AS "sort_at!: Timestamp", article_id AS "article_id!: ArticleId" FROM listed
            UNION
           (SELECT sort_at, article_id
              FROM unlisted
             WHERE sort_at >= $4
               AND (sort_at, article_id) < ($5, $6)
               AND ($7::bigint IS NULL OR EXISTS (SELECT
                                                    FROM matches m
                                                   WHERE m.article_id = unlisted.article_id
                                                     AND m.keyword_id = $7
                                                     AND m.closed_at IS NULL))
             ORDER BY sort_at DESC, article_id DESC
             LIMIT $8)
            ORDER BY 1 DESC, 2 DESC
            LIMIT $8"#,
        clause(0),
        clause(1),
        clause(2),
        span.from as Timestamp,
        span.before.sort_at as Timestamp,
        span.before.article_id as ArticleId,
        span.keyword as Option<KeywordId>,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// Articles by number, newest first, at most about four megabytes.
///
/// # Errors
/// The database does not answer.
pub async fn articles(
    db: impl PgExecutor<'_>,
    ids: &[ArticleId],
) -> Result<Batch<ArticleText>, StoreError> {
    let rows = select_articles!(
        "FROM (SELECT b.*, sum(octet_length(b.title) + octet_length(b.summary) + octet_length(b.content))
                          OVER (ORDER BY b.sort_at DESC, b.id DESC
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
                 FROM articles b
                WHERE b.id = ANY($1)) a
        WHERE coalesce(a.bytes_before, 0) < $2
        ORDER BY a.sort_at DESC, a.id DESC",
        ids as &[ArticleId],
        BATCH_BYTES,
    )
    .fetch_all(db)
    .await?;
    let texts = rows.into_iter().map(ArticleText::from).collect();
    Ok(Batch::new(texts, |article| &article.text))
}
