//! Articles with what hangs on them: revisions, sightings, matches.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use super::{StoreError, ledger, polls::Row};
use crate::domain::{
    ArticleId, ArticleMatch, FeedId, FoundEntry, Identity, KeywordId, Novelty, PollRecord,
    SourceId, Timestamp,
};

/// Parts list items that travel as one text: UNNEST flattens arrays of arrays. Texts hold no control characters.
pub(super) const LIST_SEPARATOR: &str = "\u{1f}";

/// An article as the rest of a batch needs to know it.
#[derive(Clone, Copy)]
struct Stored {
    id: ArticleId,
    feed_id: Option<FeedId>,
}

/// What was stored of a batch.
pub(super) struct StoredArticles {
    by_identity: HashMap<Identity, Stored>,
    /// Articles stored for the first time.
    pub(super) new_articles: u64,
    /// Matches stored for the first time.
    pub(super) new_matches: u64,
}

impl StoredArticles {
    /// Whether there is an article for an entry.
    pub(super) fn has(&self, identity: Identity) -> bool {
        self.by_identity.contains_key(&identity)
    }
}

/// Stores the entries that matched, and what changed of articles that are stored already.
///
/// An article's text is that of the feed which brought it first: another feed's copy of the same page adds a sighting and
/// perhaps matches, it does not rewrite.
pub(super) async fn store(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    rows: &[Row<'_>],
) -> Result<StoredArticles, StoreError> {
    let new_articles = insert(tx, records, rows).await?;
    let by_identity = lookup(tx, rows).await?;
    let is_own = |row: &&Row<'_>| {
        by_identity
            .get(&row.found.identified.known.identity)
            .is_some_and(|stored| stored.feed_id == Some(row.feed.id))
    };
    let own: Vec<&Row<'_>> = rows.iter().filter(is_own).collect();
    let copies: Vec<&Row<'_>> = rows.iter().filter(|row| !is_own(row)).collect();
    revise(tx, records, &own, &by_identity).await?;
    sight(tx, records, rows, &by_identity).await?;
    let mut new_matches = insert_matches(tx, records, &own, &by_identity, true).await?;
    new_matches += insert_matches(tx, records, &copies, &by_identity, false).await?;
    Ok(StoredArticles {
        by_identity,
        new_articles,
        new_matches,
    })
}

async fn insert(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    rows: &[Row<'_>],
) -> Result<u64, StoreError> {
    let columns = EntryColumns::of(
        records,
        rows.iter().filter(|row| !row.found.matches.is_empty()),
    );
    if columns.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query!(
        "INSERT INTO articles (identity, source_id, feed_id, url, title, summary, content, language, authors, categories,
                               published_at, sort_at, first_seen_at, is_backfill)
         SELECT identity, source, feed, url, title, summary, content, language,
                string_to_array(authors, $15), string_to_array(categories, $15),
                published, sort, seen, backfill
           FROM UNNEST($1::bytea[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
                       $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[],
                       $13::timestamptz[], $14::boolean[])
                AS entry (identity, source, feed, url, title, summary, content, language, authors, categories,
                          published, sort, seen, backfill)
             ON CONFLICT (identity) DO NOTHING",
        &columns.identities as &[&[u8]],
        &columns.sources as &[SourceId],
        &columns.feeds as &[FeedId],
        &columns.urls as &[Option<&str>],
        &columns.titles as &[&str],
        &columns.summaries as &[&str],
        &columns.contents as &[&str],
        &columns.languages as &[Option<&str>],
        &columns.authors,
        &columns.categories,
        &columns.published as &[Option<Timestamp>],
        &columns.sort as &[Timestamp],
        &columns.seen as &[Timestamp],
        &columns.backfill,
        LIST_SEPARATOR,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

async fn lookup(
    tx: &mut PgConnection,
    rows: &[Row<'_>],
) -> Result<HashMap<Identity, Stored>, StoreError> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let identities: Vec<&[u8]> = rows.iter().map(Row::identity).collect();
    sqlx::query!(
        r#"SELECT articles.identity, articles.id, articles.feed_id AS "feed_id?: FeedId"
             FROM UNNEST($1::bytea[]) AS wanted (identity)
             JOIN articles ON articles.identity = wanted.identity"#,
        &identities as &[&[u8]]
    )
    .fetch_all(tx)
    .await?
    .into_iter()
    .map(|row| {
        let stored = Stored {
            id: row.id,
            feed_id: row.feed_id,
        };
        Ok((ledger::identity(&row.identity)?, stored))
    })
    .collect()
}

/// Keeps the earlier text of articles that their own feed changed, then changes them. A text that was erased stays erased.
async fn revise(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    own: &[&Row<'_>],
    articles: &HashMap<Identity, Stored>,
) -> Result<(), StoreError> {
    let changed = own
        .iter()
        .copied()
        .filter(|row| row.found.identified.novelty == Novelty::Changed);
    let columns = EntryColumns::of(records, changed);
    if columns.is_empty() {
        return Ok(());
    }
    let ids: Vec<ArticleId> = columns
        .identities
        .iter()
        .map(|bytes| Ok(articles[&ledger::identity(bytes)?].id))
        .collect::<Result<_, StoreError>>()?;
    // In the order of their ids, as the search index locks them: else the two wait for each other.
    sqlx::query_scalar!(
        "SELECT id FROM articles WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
        &ids as &[ArticleId],
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!(
        "WITH entry AS (
             SELECT * FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
                           AS entry (id, title, summary, content, seen)
         ), old AS (
             SELECT articles.id, articles.revision, articles.title, articles.summary, articles.content, entry.seen
               FROM articles
               JOIN entry ON entry.id = articles.id
              WHERE articles.erased_at IS NULL
                AND (articles.title, articles.summary, articles.content)
                    IS DISTINCT FROM (entry.title, entry.summary, entry.content)
         ), kept AS (
             INSERT INTO revisions (article_id, revision, title, summary, content, replaced_at)
             SELECT id, revision, title, summary, content, seen FROM old
         ), stale AS (
             -- The places of old hits mean nothing in the new text; the new hits follow. A match that the new text has
             -- not is closed, one that it has is opened again below, with its old number of arrival: it is told once.
             UPDATE matches
                SET hits = '[]', closed_at = CASE WHEN is_from_copy THEN closed_at ELSE coalesce(closed_at, old.seen) END
               FROM old
              WHERE matches.article_id = old.id
         )
         UPDATE articles
            SET title = entry.title, summary = entry.summary, content = entry.content,
                revision = articles.revision + 1, updated_at = entry.seen,
                title_changes = articles.title_changes + (old.title IS DISTINCT FROM entry.title)::integer
           FROM entry
           JOIN old ON old.id = entry.id
          WHERE articles.id = entry.id",
        &ids as &[ArticleId],
        &columns.titles as &[&str],
        &columns.summaries as &[&str],
        &columns.contents as &[&str],
        &columns.seen as &[Timestamp],
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn sight(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    rows: &[Row<'_>],
    articles: &HashMap<Identity, Stored>,
) -> Result<(), StoreError> {
    let mut ids: Vec<ArticleId> = Vec::new();
    let mut feeds: Vec<FeedId> = Vec::new();
    let mut seen: Vec<Timestamp> = Vec::new();
    let mut urls = Vec::new();
    let mut guids = Vec::new();
    for row in rows {
        if let Some(stored) = articles.get(&row.found.identified.known.identity) {
            ids.push(stored.id);
            feeds.push(row.feed.id);
            seen.push(records[row.record].finished_at);
            urls.push(row.found.entry.url.clone());
            guids.push(row.found.entry.guid.clone());
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO sightings (article_id, feed_id, first_seen_at, url, guid)
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[])
             ON CONFLICT (article_id, feed_id) DO NOTHING",
        &ids as &[ArticleId],
        &feeds as &[FeedId],
        &seen as &[Timestamp],
        &urls as &[Option<String>],
        &guids as &[Option<String>],
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes the matches of entries whose article is stored. `overwrite`: the entry's text is the article's text, so its hits
/// replace those of an earlier text.
async fn insert_matches(
    tx: &mut PgConnection,
    records: &[&PollRecord],
    rows: &[&Row<'_>],
    articles: &HashMap<Identity, Stored>,
    overwrite: bool,
) -> Result<u64, StoreError> {
    let mut written: HashSet<(ArticleId, KeywordId)> = HashSet::new();
    let mut ids: Vec<ArticleId> = Vec::new();
    let mut keywords: Vec<KeywordId> = Vec::new();
    let mut versions = Vec::new();
    let mut hits = Vec::new();
    let mut whys = Vec::new();
    let mut seen: Vec<Timestamp> = Vec::new();
    let mut backfill = Vec::new();
    for row in rows {
        let Some(stored) = articles.get(&row.found.identified.known.identity) else {
            continue;
        };
        for found in &row.found.matches {
            if !written.insert((stored.id, found.keyword_id)) {
                continue;
            }
            ids.push(stored.id);
            keywords.push(found.keyword_id);
            versions.push(found.version);
            hits.push(hits_json(found));
            whys.push(found.why.clone());
            seen.push(records[row.record].finished_at);
            backfill.push(row.found.is_backfill);
        }
    }
    if ids.is_empty() {
        return Ok(0);
    }
    // The joins drop a keyword that was deleted since the engine was built and an article whose text was erased, and take
    // the article's own date.
    let inserted = sqlx::query_scalar!(
        r#"
        INSERT INTO matches (article_id, keyword_id, keyword_version, hits, why, sort_at, matched_at, is_backfill,
                             is_from_copy)
        SELECT articles.id, keywords.id, found.version, found.hits::jsonb, found.why, articles.sort_at, found.seen,
               found.backfill, NOT $8
          FROM UNNEST($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[],
                      $7::boolean[]) AS found (article, keyword, version, hits, why, seen, backfill)
          JOIN articles ON articles.id = found.article AND articles.erased_at IS NULL
          JOIN keywords ON keywords.id = found.keyword
         ORDER BY articles.id, keywords.id
            ON CONFLICT (article_id, keyword_id) DO UPDATE
           SET keyword_version = excluded.keyword_version, hits = excluded.hits, why = excluded.why, closed_at = NULL,
               is_from_copy = false
         WHERE $8
        RETURNING (xmax = 0) AS "inserted!"
        "#,
        &ids as &[ArticleId],
        &keywords as &[KeywordId],
        &versions,
        &hits,
        &whys,
        &seen as &[Timestamp],
        &backfill,
        overwrite,
    )
    .fetch_all(tx)
    .await?;
    Ok(u64::try_from(inserted.into_iter().filter(|is_new| *is_new).count()).unwrap_or(u64::MAX))
}

fn hits_json(found: &ArticleMatch) -> String {
    serde_json::to_string(&found.hits).unwrap_or_else(|_| "[]".to_owned())
}

/// Entries as the columns of an UNNEST, each identity once.
#[derive(Default)]
pub(super) struct EntryColumns<'a> {
    pub(super) identities: Vec<&'a [u8]>,
    pub(super) sources: Vec<SourceId>,
    pub(super) feeds: Vec<FeedId>,
    pub(super) urls: Vec<Option<&'a str>>,
    pub(super) guids: Vec<Option<&'a str>>,
    pub(super) titles: Vec<&'a str>,
    pub(super) summaries: Vec<&'a str>,
    pub(super) contents: Vec<&'a str>,
    pub(super) languages: Vec<Option<&'a str>>,
    pub(super) authors: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) published: Vec<Option<Timestamp>>,
    pub(super) sort: Vec<Timestamp>,
    pub(super) seen: Vec<Timestamp>,
    pub(super) backfill: Vec<bool>,
}

impl<'b> EntryColumns<'b> {
    /// `rows` are ordered by identity; of several with one identity the first is taken.
    pub(super) fn of<'a>(records: &[&PollRecord], rows: impl Iterator<Item = &'a Row<'b>>) -> Self
    where
        'b: 'a,
    {
        let mut columns = Self::default();
        let mut last = None;
        for row in rows {
            let found: &'b FoundEntry = row.found;
            let identity = &found.identified.known.identity;
            if last == Some(identity) {
                continue;
            }
            last = Some(identity);
            let entry = &found.entry;
            columns.identities.push(&identity.0);
            columns.sources.push(row.feed.source_id);
            columns.feeds.push(row.feed.id);
            columns.urls.push(entry.url.as_deref());
            columns.guids.push(entry.guid.as_deref());
            columns.titles.push(&entry.title);
            columns.summaries.push(&entry.summary);
            columns.contents.push(&entry.content);
            columns.languages.push(entry.language.as_deref());
            columns.authors.push(entry.authors.join(LIST_SEPARATOR));
            columns
                .categories
                .push(entry.categories.join(LIST_SEPARATOR));
            columns.published.push(entry.published);
            columns.sort.push(row.found.sort_at);
            columns.seen.push(records[row.record].finished_at);
            columns.backfill.push(row.found.is_backfill);
        }
        columns
    }

    pub(super) fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }
}
