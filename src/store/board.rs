//! What the board shows: keywords with their counts, and lines (matches with the article they belong to).

use serde_json::Value;
use sqlx::{PgExecutor, query_as};

use super::{StoreError, desk};
use crate::domain::{ArticleId, Hit, StoryId, Timestamp, UserId, desk::Desk};

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
    /// Lines that are new, one for each story: news, not history; at most [`MOST_NEW`].
    pub new_count: i64,
}

/// To whom something is new: to a reader what they have not seen, to others what came lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// The reader, if there is one.
    pub reader: Option<UserId>,
    /// What came before is not new.
    pub since: Timestamp,
}

/// The most that is counted as new under a keyword.
pub const MOST_NEW: i64 = 1_000;

/// The latest matches of a keyword among which new lines are counted.
const MOST_LOOKED_AT: i64 = 5_000;

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
    /// Its short name.
    pub source_slug: String,
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
    /// Whether the reader has seen it.
    pub is_seen: bool,
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
    /// Whether the keyword shows its story with this line: its latest report, or its first copy where it knows no report.
    pub stands: bool,
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
    /// What the desk made of it.
    pub desk: Desk,
    /// Notes of the desk about it.
    pub notes: i64,
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
    source_slug: String,
    tier: String,
    country: Option<String>,
    sort_at: Timestamp,
    matched_at: Timestamp,
    is_backfill: bool,
    is_seen: bool,
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
    desk: Option<Value>,
    notes: Option<i64>,
    stands: bool,
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
            desk: desk::from_json(self.desk.clone()),
            notes: self.notes.unwrap_or_default(),
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
            source_slug,
            tier,
            country,
            sort_at,
            matched_at,
            is_backfill,
            is_seen,
            arrival,
            hits,
            why,
            revision,
            title_changes,
            stands,
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
            source_slug,
            tier,
            country,
            sort_at,
            matched_at,
            is_backfill,
            is_seen,
            arrival,
            hits: super::hits::from_json(hits),
            why,
            revision,
            title_changes,
            story,
            stands,
        }
    }
}

/// The columns of a line, followed by where they come from. Content is only read where a hit lies in it. `stands` is an
/// expression; the first argument is the reader.
macro_rules! select_lines {
    (stands: $stands:literal, $from:literal, $rest:literal, $reader:expr $(, $argument:expr)* $(,)?) => {
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
                      s.slug AS "source_slug!",
                      s.tier AS "tier!",
                      s.country AS "country?",
                      m.sort_at AS "sort_at!: Timestamp",
                      m.matched_at AS "matched_at!: Timestamp",
                      m.is_backfill AS "is_backfill!",
                      (coalesce(m.arrival <= (SELECT mark.arrival
                                                FROM seen_marks mark
                                               WHERE mark.user_id = $1 AND mark.keyword_id = m.keyword_id), false)
                       OR EXISTS (SELECT FROM seen WHERE seen.user_id = $1 AND seen.article_id = m.article_id)) AS "is_seen!",
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
                      st.first_seen_at AS "first_seen_at?: Timestamp",
                      (SELECT to_jsonb(d) FROM desk_of(sm.story_id) d) AS "desk?: Value",
                      (SELECT count(*)
                         FROM stories g
                         JOIN notes n ON n.story_id = g.id
                        WHERE (g.id = sm.story_id OR g.merged_into = sm.story_id)
                          AND n.removed_at IS NULL) AS "notes?",
                      "# + $stands + r#" AS "stands!"
            "# + $from + "
             LEFT JOIN story_members sm ON sm.article_id = a.id
             LEFT JOIN stories st ON st.id = sm.story_id
             " + $rest,
            $reader as Option<i64>
            $(, $argument)*
        )
    };
}

/// The keywords in the desk's order, each with the number of its lines that are new.
///
/// # Errors
///
/// When the database does not answer.
pub async fn keywords(
    db: impl PgExecutor<'_>,
    news: News,
) -> Result<Vec<BoardKeyword>, StoreError> {
    let keywords = query_as!(
        BoardKeyword,
        r#"SELECT k.slug, k.name, k.query, k.note, k.version,
                  (SELECT count(*)
                     FROM (SELECT
                             -- of what is new in a story only the best can be what is shown of it
                             FROM (SELECT DISTINCT ON (coalesce(own.story_id, -found.article_id)) found.*
                                     FROM (SELECT m.keyword_id, m.article_id, m.sort_at
                                             FROM matches m
                                            WHERE m.keyword_id = k.id
                                              AND m.closed_at IS NULL
                                              AND NOT m.is_backfill
                                              -- nothing takes an hour from its match to its number of arrival
                                              AND m.matched_at > $1
                                              AND m.matched_at > coalesce(mark.marked_at - interval '1 hour', $1)
                                              AND (m.arrival IS NULL OR m.arrival > coalesce(mark.arrival, 0))
                                              AND NOT EXISTS (SELECT
                                                                FROM seen
                                                               WHERE seen.user_id = $2 AND seen.article_id = m.article_id)
                                            ORDER BY m.matched_at DESC
                                            LIMIT $4) AS found
                                     LEFT JOIN story_members own ON own.article_id = found.article_id
                                    ORDER BY coalesce(own.story_id, -found.article_id),
                                             own.copy_of IS NOT NULL,
                                             CASE WHEN own.copy_of IS NULL THEN found.sort_at END DESC,
                                             CASE WHEN own.copy_of IS NOT NULL THEN found.article_id END,
                                             found.article_id DESC) AS best
                            WHERE NOT EXISTS (SELECT
                                                FROM standing_before(best.keyword_id, best.article_id, best.sort_at))
                            LIMIT $3) AS new) AS "new_count!"
             FROM keywords k
             LEFT JOIN seen_marks mark ON mark.keyword_id = k.id AND mark.user_id = $2
            ORDER BY k.position, k.id"#,
        news.since as Timestamp,
        news.reader.map(UserId::get),
        MOST_NEW,
        MOST_LOOKED_AT,
    )
    .fetch_all(db)
    .await?;
    Ok(keywords)
}

/// The newest lines of every keyword, one for each story, at most `per_keyword` of each, newest first, in the order of the
/// keywords.
///
/// # Errors
///
/// When the database does not answer.
pub async fn newest_lines(
    db: impl PgExecutor<'_>,
    reader: Option<UserId>,
    per_keyword: i64,
) -> Result<Vec<BoardLine>, StoreError> {
    let rows = select_lines!(
        stands: "true",
        "FROM keywords k
         CROSS JOIN LATERAL (SELECT newest.*
                               FROM matches newest
                              WHERE newest.keyword_id = k.id
                                AND newest.closed_at IS NULL
                                AND NOT EXISTS (SELECT
                                                  FROM standing_before(newest.keyword_id, newest.article_id, newest.sort_at))
                              ORDER BY newest.sort_at DESC, newest.article_id DESC
                              LIMIT $2) m
         JOIN articles a ON a.id = m.article_id
         JOIN sources s ON s.id = a.source_id",
        "ORDER BY k.position, k.id, m.sort_at DESC, m.article_id DESC",
        reader.map(UserId::get),
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
    reader: Option<UserId>,
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
        stands: "true",
        "FROM matches m
         JOIN keywords k ON k.id = m.keyword_id
         JOIN articles a ON a.id = m.article_id
         JOIN sources s ON s.id = a.source_id",
        "WHERE m.keyword_id = (SELECT id FROM keywords WHERE slug = $2)
          AND m.closed_at IS NULL
          AND (m.sort_at, m.article_id) < ($3, $4)
          AND NOT EXISTS (SELECT FROM standing_before(m.keyword_id, m.article_id, m.sort_at))
        ORDER BY m.sort_at DESC, m.article_id DESC
        LIMIT $5",
        reader.map(UserId::get),
        slug,
        after.sort_at as Timestamp,
        after.article_id as ArticleId,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(BoardLine::from).collect())
}

/// A keyword with its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeywordQuery {
    /// Name for people.
    pub name: String,
    /// The query as saved.
    pub query: String,
}

/// The keyword of a short name.
///
/// # Errors
///
/// When the database does not answer.
pub async fn keyword_query(
    db: impl PgExecutor<'_>,
    slug: &str,
) -> Result<Option<KeywordQuery>, StoreError> {
    Ok(query_as!(
        KeywordQuery,
        "SELECT name, query FROM keywords WHERE slug = $1",
        slug
    )
    .fetch_optional(db)
    .await?)
}

/// The lines of these keywords and articles, pair by pair, in their order.
///
/// # Errors
///
/// When the database does not answer.
pub(super) async fn lines_at(
    db: impl PgExecutor<'_>,
    reader: Option<UserId>,
    keywords: &[i64],
    articles: &[i64],
) -> Result<Vec<BoardLine>, StoreError> {
    let rows = select_lines!(
        stands: "true",
        "FROM UNNEST($2::bigint[], $3::bigint[]) WITH ORDINALITY AS chosen (keyword_id, article_id, place)
         JOIN matches m ON m.keyword_id = chosen.keyword_id AND m.article_id = chosen.article_id
         JOIN keywords k ON k.id = m.keyword_id
         JOIN articles a ON a.id = m.article_id
         JOIN sources s ON s.id = a.source_id",
        "ORDER BY chosen.place",
        reader.map(UserId::get),
        keywords,
        articles,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(BoardLine::from).collect())
}

/// The year 1, in microseconds: before everything, and an instant that PostgreSQL knows.
pub const FAR_PAST_MICROS: i64 = -62_135_596_800_000_000;

/// The year 9000, in microseconds: after everything, and an instant that PostgreSQL knows.
pub const FAR_FUTURE_MICROS: i64 = 221_845_392_000_000_000;

/// The lines of the next arrival numbers after `after` up to `last`, in order of number: at most `numbers` of them, each
/// whole.
///
/// A number that an article and its matches got stays together, so a reader who has seen a number has seen all of it.
///
/// # Errors
///
/// When the database does not answer.
pub async fn lines_arrived_after(
    db: impl PgExecutor<'_>,
    after: i64,
    last: i64,
    numbers: i64,
) -> Result<Vec<BoardLine>, StoreError> {
    let rows = select_lines!(
        stands: "NOT EXISTS (SELECT FROM standing_before(m.keyword_id, m.article_id, m.sort_at))",
        "FROM matches m
         JOIN keywords k ON k.id = m.keyword_id
         JOIN articles a ON a.id = m.article_id
         JOIN sources s ON s.id = a.source_id",
        "WHERE m.closed_at IS NULL
          AND m.arrival IN (SELECT DISTINCT next.arrival
                              FROM matches next
                             WHERE next.arrival > $2 AND next.arrival <= $3 AND next.closed_at IS NULL
                             ORDER BY next.arrival
                             LIMIT $4)
        ORDER BY m.arrival, k.position, k.id",
        None,
        after,
        last,
        numbers,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(BoardLine::from).collect())
}

/// The lines of stories, those that stand for them first: of every keyword one for each story, or with `all` each match. At
/// most `limit`.
///
/// # Errors
///
/// When the database does not answer.
pub async fn lines_of_stories(
    db: impl PgExecutor<'_>,
    reader: Option<UserId>,
    stories: &[StoryId],
    all: bool,
    limit: i64,
) -> Result<Vec<BoardLine>, StoreError> {
    let rows = select_lines!(
        stands: "NOT EXISTS (SELECT FROM standing_before(m.keyword_id, m.article_id, m.sort_at))",
        "FROM story_members mine
         JOIN matches m ON m.article_id = mine.article_id AND m.closed_at IS NULL
         JOIN keywords k ON k.id = m.keyword_id
         JOIN articles a ON a.id = m.article_id
         JOIN sources s ON s.id = a.source_id",
        "WHERE mine.story_id = ANY($2)
          AND ($3 OR NOT EXISTS (SELECT FROM standing_before(m.keyword_id, m.article_id, m.sort_at)))
        ORDER BY mine.copy_of IS NOT NULL,
                 CASE WHEN mine.copy_of IS NULL THEN m.sort_at END DESC,
                 CASE WHEN mine.copy_of IS NOT NULL THEN m.article_id END,
                 m.article_id DESC
        LIMIT $4",
        reader.map(UserId::get),
        stories as &[StoryId],
        all,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(BoardLine::from).collect())
}
