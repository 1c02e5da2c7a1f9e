//! What the board shows: keywords with their counts, and lines (matches with the article they belong to).

use serde_json::Value;
use sqlx::{PgExecutor, query_as};

use super::StoreError;
use crate::domain::{ArticleId, Hit, StoryId, Timestamp};

/// A keyword as the board heads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardKeyword {
    /// Short name, for addresses.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// The query as saved.
    pub query: String,
    /// What it is for.
    pub note: String,
    /// Its version.
    pub version: i32,
    /// Matches since the given instant that are news, not history.
    pub new_count: i64,
}

/// An article under a keyword.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardLine {
    /// Short name of the keyword.
    pub keyword: String,
    /// The article.
    pub article_id: ArticleId,
    /// Its page at the publisher's.
    pub url: Option<String>,
    /// Headline.
    pub title: String,
    /// Summary, cut at 4,000 letters.
    pub summary: String,
    /// Content, cut at 20,000 letters; empty where no hit lies in it.
    pub content: String,
    /// Language of the article (BCP 47).
    pub language: Option<String>,
    /// Name of the source.
    pub source: String,
    /// Tier of the source.
    pub tier: String,
    /// Country of the source.
    pub country: Option<String>,
    /// When it was published, made fit for sorting.
    pub sort_at: Timestamp,
    /// When it came to match.
    pub matched_at: Timestamp,
    /// History rather than news.
    pub is_backfill: bool,
    /// Its number of arrival; none before it is placed.
    pub arrival: Option<i64>,
    /// What was found.
    pub hits: Vec<Hit>,
    /// The branches of the query that held.
    pub why: String,
    /// How often its publisher changed title or text.
    pub revision: i32,
    /// How often the title.
    pub title_changes: i32,
    /// The story that it belongs to; none before it is grouped.
    pub story: Option<LineStory>,
}

/// The story behind a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineStory {
    /// The story.
    pub id: StoryId,
    /// Whether the line's article is a copy of another one.
    pub is_copy: bool,
    /// Articles of the story that are copies.
    pub copies: i32,
    /// Articles of the story that are none.
    pub reports: i32,
    /// The source that was first.
    pub first_source: String,
    /// When that was.
    pub first_seen_at: Timestamp,
    /// Whether the line's article is the first.
    pub is_first: bool,
}

/// Where a page of lines ends: the next one begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineKey {
    /// Sort instant of the last line.
    pub sort_at: Timestamp,
    /// Article of the last line.
    pub article_id: ArticleId,
}

struct LineRow {
    keyword: String,
    article_id: ArticleId,
    url: Option<String>,
    title: String,
    summary: String,
    content: String,
    language: Option<String>,
    source: String,
    tier: String,
    country: Option<String>,
    sort_at: Timestamp,
    matched_at: Timestamp,
    is_backfill: bool,
    arrival: Option<i64>,
    hits: Value,
    why: String,
    revision: i32,
    title_changes: i32,
    story_id: Option<StoryId>,
    copy_of: Option<ArticleId>,
    articles: Option<i32>,
    reports: Option<i32>,
    first_source: Option<String>,
    first_article_id: Option<ArticleId>,
    first_seen_at: Option<Timestamp>,
}

impl LineRow {
    fn story(&self) -> Option<LineStory> {
        let reports = self.reports?;
        Some(LineStory {
            id: self.story_id?,
            is_copy: self.copy_of.is_some(),
            copies: self.articles? - reports,
            reports,
            first_source: self.first_source.clone()?,
            first_seen_at: self.first_seen_at?,
            is_first: self.first_article_id == Some(self.article_id),
        })
    }
}

impl From<LineRow> for BoardLine {
    fn from(row: LineRow) -> Self {
        let story = row.story();
        let LineRow {
            keyword,
            article_id,
            url,
            title,
            summary,
            content,
            language,
            source,
            tier,
            country,
            sort_at,
            matched_at,
            is_backfill,
            arrival,
            hits,
            why,
            revision,
            title_changes,
            ..
        } = row;
        Self {
            keyword,
            article_id,
            url,
            title,
            summary,
            content,
            language,
            source,
            tier,
            country,
            sort_at,
            matched_at,
            is_backfill,
            arrival,
            hits: super::hits::from_json(hits),
            why,
            revision,
            title_changes,
            story,
        }
    }
}

/// The columns of a line, followed by where they come from. Content is only read where a hit lies in it.
macro_rules! select_lines {
    ($from:literal, $rest:literal $(, $argument:expr)* $(,)?) => {
        query_as!(
            LineRow,
            r#"SELECT k.slug AS "keyword!",
                      a.id AS "article_id!: ArticleId",
                      a.url AS "url?",
                      a.title AS "title!",
                      left(a.summary, 4000) AS "summary!",
                      CASE WHEN m.hits @> '[{"field": "content"}]' THEN left(a.content, 20000) ELSE '' END AS "content!",
                      a.language AS "language?",
                      s.name AS "source!",
                      s.tier AS "tier!",
                      s.country AS "country?",
                      m.sort_at AS "sort_at!: Timestamp",
                      m.matched_at AS "matched_at!: Timestamp",
                      m.is_backfill AS "is_backfill!",
                      m.arrival AS "arrival?",
                      m.hits AS "hits!: Value",
                      m.why AS "why!",
                      a.revision AS "revision!",
                      a.title_changes AS "title_changes!",
                      sm.story_id AS "story_id?: StoryId",
                      sm.copy_of AS "copy_of?: ArticleId",
                      st.articles AS "articles?",
                      st.reports AS "reports?",
                      (SELECT fs.name
                         FROM articles fa
                         JOIN sources fs ON fs.id = fa.source_id
                        WHERE fa.id = st.first_article_id) AS "first_source?",
                      st.first_article_id AS "first_article_id?: ArticleId",
                      st.first_seen_at AS "first_seen_at?: Timestamp"
            "# + $from + "
             LEFT JOIN story_members sm ON sm.article_id = a.id
             LEFT JOIN stories st ON st.id = sm.story_id
             " + $rest
            $(, $argument)*
        )
    };
}

/// The keywords in the desk's order, each with the number of matches since `new_since` that are news.
///
/// # Errors
///
/// When the database does not answer.
pub async fn keywords(
    db: impl PgExecutor<'_>,
    new_since: Timestamp,
) -> Result<Vec<BoardKeyword>, StoreError> {
    let keywords = query_as!(
        BoardKeyword,
        r#"SELECT k.slug, k.name, k.query, k.note, k.version,
                  (SELECT count(*)
                     FROM matches m
                    WHERE m.keyword_id = k.id
                      AND m.closed_at IS NULL
                      AND NOT m.is_backfill
                      AND m.matched_at > $1
                      AND NOT EXISTS (SELECT
                                        FROM story_members copy
                                       WHERE copy.article_id = m.article_id AND copy.copy_of IS NOT NULL)) AS "new_count!"
             FROM keywords k
            ORDER BY k.position, k.id"#,
        new_since as Timestamp,
    )
    .fetch_all(db)
    .await?;
    Ok(keywords)
}

/// The newest lines of every keyword, one for each story (its latest independent report under the keyword), at most `per_keyword` of each, newest first, in the order of the keywords.
///
/// # Errors
///
/// When the database does not answer.
pub async fn newest_lines(
    db: impl PgExecutor<'_>,
    per_keyword: i64,
) -> Result<Vec<BoardLine>, StoreError> {
    let rows = select_lines!(
        "FROM keywords k
         CROSS JOIN LATERAL (SELECT newest.*
                               FROM matches newest
                              WHERE newest.keyword_id = k.id
                                AND newest.closed_at IS NULL
                                AND NOT EXISTS (SELECT
                                     FROM story_members own
                                     JOIN story_members rival ON rival.story_id = own.story_id
                                     JOIN matches better ON better.article_id = rival.article_id
                                                        AND better.keyword_id = newest.keyword_id
                                                        AND better.closed_at IS NULL
                                    WHERE own.article_id = newest.article_id
                                      AND rival.article_id <> newest.article_id
                                      AND (rival.copy_of IS NULL, better.sort_at, better.article_id)
                                        > (own.copy_of IS NULL, newest.sort_at, newest.article_id))
                              ORDER BY newest.sort_at DESC, newest.article_id DESC
                              LIMIT $1) m
         JOIN articles a ON a.id = m.article_id
         JOIN sources s ON s.id = a.source_id",
        "ORDER BY k.position, k.id, m.sort_at DESC, m.article_id DESC",
        per_keyword,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(BoardLine::from).collect())
}

/// A page of one keyword's lines, one for each story, newest first: at most `limit`, beginning after `after`.
///
/// # Errors
///
/// When the database does not answer.
pub async fn keyword_lines(
    db: impl PgExecutor<'_>,
    slug: &str,
    after: Option<LineKey>,
    limit: i64,
) -> Result<Vec<BoardLine>, StoreError> {
    // An instant and an id after every real one stand for "from the start", so that one statement serves both.
    let after = after.unwrap_or(LineKey {
        sort_at: Timestamp::from_micros(FAR_FUTURE_MICROS),
        article_id: ArticleId::new(i64::MAX),
    });
    // The keyword as a value, not as a join: so the index gives the rows in their order, and the reading ends at the limit.
    let rows = select_lines!(
        "FROM matches m
         JOIN keywords k ON k.id = m.keyword_id
         JOIN articles a ON a.id = m.article_id
         JOIN sources s ON s.id = a.source_id",
        "WHERE m.keyword_id = (SELECT id FROM keywords WHERE slug = $1)
          AND m.closed_at IS NULL
          AND (m.sort_at, m.article_id) < ($2, $3)
          AND NOT EXISTS (SELECT
                                     FROM story_members own
                                     JOIN story_members rival ON rival.story_id = own.story_id
                                     JOIN matches better ON better.article_id = rival.article_id
                                                        AND better.keyword_id = m.keyword_id
                                                        AND better.closed_at IS NULL
                                    WHERE own.article_id = m.article_id
                                      AND rival.article_id <> m.article_id
                                      AND (rival.copy_of IS NULL, better.sort_at, better.article_id)
                                        > (own.copy_of IS NULL, m.sort_at, m.article_id))
        ORDER BY m.sort_at DESC, m.article_id DESC
        LIMIT $4",
        slug,
        after.sort_at as Timestamp,
        after.article_id as ArticleId,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(BoardLine::from).collect())
}

/// The year 9000, in microseconds: after everything, and an instant that PostgreSQL knows.
pub const FAR_FUTURE_MICROS: i64 = 221_845_392_000_000_000;

/// The lines of the next arrival numbers after `after`, in order of number: at most `numbers` of them, each whole.
///
/// A number that an article and its matches got stays together, so a reader who has seen a number has seen all of it.
///
/// # Errors
///
/// When the database does not answer.
pub async fn lines_arrived_after(
    db: impl PgExecutor<'_>,
    after: i64,
    numbers: i64,
) -> Result<Vec<BoardLine>, StoreError> {
    let rows = select_lines!(
        "FROM matches m
         JOIN keywords k ON k.id = m.keyword_id
         JOIN articles a ON a.id = m.article_id
         JOIN sources s ON s.id = a.source_id",
        "WHERE m.closed_at IS NULL
          AND m.arrival IN (SELECT DISTINCT next.arrival
                              FROM matches next
                             WHERE next.arrival > $1 AND next.closed_at IS NULL
                             ORDER BY next.arrival
                             LIMIT $2)
        ORDER BY m.arrival, k.position, k.id",
        after,
        numbers,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(BoardLine::from).collect())
}
