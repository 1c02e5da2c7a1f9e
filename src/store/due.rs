//! What a subscription has not been told: an anti-join of the matches of its keywords against the members of its
//! editions. Never a cursor: a match that becomes visible late is due late, and is not lost.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sqlx::PgConnection;

use super::{StoreError, hits};
use crate::domain::{
    ArticleId, KeywordId, StoryId, SubscriptionId, Timestamp,
    digest::{DueArticle, DueMatch, DueRevision, DueStory, FirstSeen},
};

/// Matches that one edition settles at most; the rest is due for the next one.
const MOST: i64 = 20_000;

/// Grouping has so long before an article is told as a story of its own.
const GROUPED_WITHIN: std::time::Duration = std::time::Duration::from_mins(10);

/// A headline that changes later than this after it was told is no news.
const REVISIONS_FOR: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// Letters of a text that are read.
const TEXT: i32 = 6_000;

/// An article's texts and facts, without what a subscription makes of it.
#[derive(Debug, Clone)]
struct Text {
    article: DueArticle,
    revision: i32,
}

/// Articles read lately: many subscriptions take the same.
#[derive(Debug, Default)]
pub struct Texts(HashMap<ArticleId, Text>);

/// Articles remembered at most.
const REMEMBERED: usize = 5_000;

impl Texts {
    /// Forgets everything: what was read may have changed since.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    async fn read(
        &mut self,
        tx: &mut PgConnection,
        ids: impl Iterator<Item = ArticleId>,
    ) -> Result<(), StoreError> {
        if self.0.len() > REMEMBERED {
            self.forget();
        }
        let missing: Vec<ArticleId> = ids.filter(|id| !self.0.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query!(
            r#"SELECT a.id, a.title, left(a.summary, $2) AS "summary!", left(a.content, $2) AS "content!", a.url,
                      a.language, a.published_at, a.first_seen_at, a.revision, s.name AS source, s.tier, s.country
                 FROM articles a
                 JOIN sources s ON s.id = a.source_id
                WHERE a.id = ANY ($1)"#,
            &missing as &[ArticleId],
            TEXT,
        )
        .fetch_all(tx)
        .await?;
        for row in rows {
            let article = DueArticle {
                id: row.id,
                title: row.title,
                summary: row.summary,
                content: row.content,
                url: row.url,
                language: row.language,
                source: row.source,
                tier: row
                    .tier
                    .parse()
                    .map_err(|_| StoreError::UnknownWord(row.tier.clone()))?,
                country: row.country,
                published_at: row.published_at,
                first_seen_at: row.first_seen_at,
                is_copy: false,
                matches: Vec::new(),
            };
            self.0.insert(
                row.id,
                Text {
                    article,
                    revision: row.revision,
                },
            );
        }
        Ok(())
    }

    fn article(&self, id: ArticleId) -> Option<DueArticle> {
        self.0.get(&id).map(|text| text.article.clone())
    }

    /// The revision of an article as it was read.
    pub(super) fn revision(&self, id: ArticleId) -> i32 {
        self.0.get(&id).map_or(0, |text| text.revision)
    }
}

/// A match that is due.
struct Found {
    article: ArticleId,
    keyword: KeywordId,
    version: i32,
    hits: Value,
    why: String,
    story: StoryId,
    is_copy: bool,
}

/// What a subscription has not been told, by story.
///
/// # Errors
/// The database does not answer.
pub(super) async fn stories(
    tx: &mut PgConnection,
    subscription: SubscriptionId,
    texts: &mut Texts,
    now: Timestamp,
) -> Result<Vec<DueStory>, StoreError> {
    let found = sqlx::query_as!(
        Found,
        r#"SELECT m.article_id AS article, m.keyword_id AS keyword, m.keyword_version AS version, m.hits, m.why,
                  coalesce(sm.story_id, -m.article_id) AS "story!: StoryId", sm.copy_of IS NOT NULL AS "is_copy!"
             FROM subscription_keywords sk
             JOIN matches m ON m.keyword_id = sk.keyword_id AND m.arrival > sk.since_arrival
                           AND m.arrival IS NOT NULL AND m.closed_at IS NULL AND NOT m.is_backfill
             LEFT JOIN story_members sm ON sm.article_id = m.article_id
            WHERE sk.subscription_id = $1
              AND NOT EXISTS (SELECT FROM edition_members e
                               WHERE e.subscription_id = $1 AND e.article_id = m.article_id)
              AND (sm.story_id IS NOT NULL OR m.matched_at < $2)
            ORDER BY m.arrival, m.article_id, sk.position
            LIMIT $3"#,
        subscription as SubscriptionId,
        now.minus(GROUPED_WITHIN) as Timestamp,
        MOST,
    )
    .fetch_all(&mut *tx)
    .await?;
    let revised = revised(tx, subscription, now).await?;
    let revised_ids = revised.iter().map(|(_, revision)| revision.article);
    let ids = found.iter().map(|found| found.article).chain(revised_ids);
    texts.read(tx, ids).await?;

    let mut stories: BTreeMap<StoryId, DueStory> = BTreeMap::new();
    for (story, article) in articles(found, texts) {
        let due = stories.entry(story).or_insert_with(|| empty(story));
        due.articles.push(article);
    }
    for (story, revision) in revised {
        let due = stories.entry(story).or_insert_with(|| empty(story));
        if let Some(mut article) = texts.article(revision.article) {
            article.matches = matches_of(tx, subscription, article.id).await?;
            due.revised.push(article);
        }
        due.revisions.push(revision);
    }
    describe(tx, subscription, &mut stories).await?;
    Ok(stories.into_values().collect())
}

fn empty(id: StoryId) -> DueStory {
    DueStory {
        id,
        told_at: None,
        articles: Vec::new(),
        revisions: Vec::new(),
        revised: Vec::new(),
        copies: 0,
        independent: 1,
        first: None,
        desk: None,
        notes: Vec::new(),
    }
}

/// The articles with their matches. The rows of an article stand together.
fn articles(found: Vec<Found>, texts: &Texts) -> Vec<(StoryId, DueArticle)> {
    let mut articles: Vec<(StoryId, DueArticle)> = Vec::new();
    for row in found {
        let next = DueMatch {
            keyword: row.keyword,
            version: row.version,
            why: row.why,
            hits: hits::from_json(row.hits),
        };
        match articles.last_mut() {
            Some((_, article)) if article.id == row.article => article.matches.push(next),
            _ => {
                let Some(article) = texts.article(row.article) else {
                    continue;
                };
                let article = DueArticle {
                    is_copy: row.is_copy,
                    matches: vec![next],
                    ..article
                };
                articles.push((row.story, article));
            }
        }
    }
    articles
}

/// Why a subscription was told of an article.
async fn matches_of(
    tx: &mut PgConnection,
    subscription: SubscriptionId,
    article: ArticleId,
) -> Result<Vec<DueMatch>, StoreError> {
    let rows = sqlx::query!(
        "SELECT m.keyword_id, m.keyword_version, m.why, m.hits
           FROM subscription_keywords sk
           JOIN matches m ON m.keyword_id = sk.keyword_id
          WHERE sk.subscription_id = $1 AND m.article_id = $2
          ORDER BY sk.position",
        subscription as SubscriptionId,
        article as ArticleId,
    )
    .fetch_all(tx)
    .await?;
    let matches = rows.into_iter().map(|row| DueMatch {
        keyword: row.keyword_id,
        version: row.keyword_version,
        why: row.why,
        hits: hits::from_json(row.hits),
    });
    Ok(matches.collect())
}

/// Headlines that are not what the subscription was told.
async fn revised(
    tx: &mut PgConnection,
    subscription: SubscriptionId,
    now: Timestamp,
) -> Result<Vec<(StoryId, DueRevision)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT a.id, a.revision, a.title AS after, earlier.title AS before, earlier.replaced_at, s.name AS source,
                  coalesce(sm.story_id, -a.id) AS "story!: StoryId"
             FROM editions e
             JOIN edition_members em ON em.edition_id = e.id AND em.membership = 'shown'
             JOIN articles a ON a.id = em.article_id AND a.title_changes > 0 AND a.revision > em.revision
             LEFT JOIN LATERAL (SELECT max(revision) AS revision
                                  FROM edition_revisions
                                 WHERE subscription_id = $1 AND article_id = a.id) AS again ON true
             JOIN revisions earlier ON earlier.article_id = a.id
                                   AND earlier.revision = coalesce(again.revision, em.revision)
             JOIN sources s ON s.id = a.source_id
             LEFT JOIN story_members sm ON sm.article_id = a.id
            WHERE e.subscription_id = $1
              AND e.due_at > $2
              AND earlier.title <> a.title
            ORDER BY a.id"#,
        subscription as SubscriptionId,
        now.minus(REVISIONS_FOR) as Timestamp,
    )
    .fetch_all(tx)
    .await?;
    let revised = rows.into_iter().map(|row| {
        let revision = DueRevision {
            article: row.id,
            revision: row.revision,
            source: row.source,
            before: row.before,
            after: row.after,
            at: row.replaced_at,
        };
        (row.story, revision)
    });
    Ok(revised.collect())
}

/// What is known of the stories as a whole.
async fn describe(
    tx: &mut PgConnection,
    subscription: SubscriptionId,
    stories: &mut BTreeMap<StoryId, DueStory>,
) -> Result<(), StoreError> {
    let ids: Vec<StoryId> = stories.keys().copied().collect();
    let rows = sqlx::query!(
        r#"SELECT st.id, st.articles - st.reports AS "copies!", st.first_seen_at, src.name AS "first_source?",
                  counted.independent AS "independent!", counted.told_at
             FROM stories st
             LEFT JOIN articles first ON first.id = st.first_article_id
             LEFT JOIN sources src ON src.id = first.source_id
             CROSS JOIN LATERAL (
                  SELECT count(DISTINCT a.source_id) FILTER (WHERE sm.copy_of IS NULL) AS independent,
                         max(e.composed_at) FILTER (WHERE em.membership IN ('shown', 'left_out')) AS told_at
                    FROM story_members sm
                    JOIN articles a ON a.id = sm.article_id
                    LEFT JOIN edition_members em ON em.subscription_id = $1 AND em.article_id = sm.article_id
                    LEFT JOIN editions e ON e.id = em.edition_id
                   WHERE sm.story_id = st.id) AS counted
            WHERE st.id = ANY ($2)"#,
        subscription as SubscriptionId,
        &ids as &[StoryId],
    )
    .fetch_all(tx)
    .await?;
    for row in rows {
        let Some(story) = stories.get_mut(&row.id) else {
            continue;
        };
        story.copies = row.copies.unsigned_abs();
        story.independent = u32::try_from(row.independent).unwrap_or(u32::MAX);
        story.told_at = row.told_at;
        story.first = row
            .first_source
            .zip(row.first_seen_at)
            .map(|(source, at)| FirstSeen { source, at });
    }
    Ok(())
}
