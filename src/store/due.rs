//! What a subscription has not been told: an anti-join of the matches of its keywords against the members of its
//! editions. Never a cursor: a match that becomes visible late is due late, and is not lost.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sqlx::PgConnection;

use super::{PgPool, StoreError, desk, hits};
use crate::domain::{
    ArticleId, KeywordId, StoryId, SubscriptionId, Timestamp,
    desk::Desk,
    digest::{DueArticle, DueMatch, DueNote, DueRevision, DueStory, FirstSeen},
};

/// Matches that one edition settles at most; the rest is due for the next one.
const MOST: i64 = 20_000;

/// Grouping has so long before an article is told as a story of its own.
const GROUPED_WITHIN: std::time::Duration = std::time::Duration::from_mins(10);

/// A headline that changes later than this after it was told is no news.
const REVISIONS_FOR: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// Letters of a text that are read.
const TEXT: i32 = 6_000;

/// Notes of a story that are read: the latest.
const NOTES: i64 = 3;

/// An article's texts and facts, without what a subscription makes of it.
#[derive(Debug, Clone)]
struct Text {
    article: DueArticle,
    revision: i32,
}

/// Articles and stories read lately: many subscriptions take the same.
#[derive(Debug, Default)]
pub struct Texts {
    articles: HashMap<ArticleId, Text>,
    stories: HashMap<StoryId, About>,
}

/// Articles remembered at most, and stories.
const REMEMBERED: usize = 5_000;

/// What is known of a story, whoever is told of it.
#[derive(Debug, Clone)]
struct About {
    copies: u32,
    independent: u32,
    first: Option<FirstSeen>,
    desk: Desk,
    notes: Vec<DueNote>,
}

impl Texts {
    /// Forgets everything: what was read may have changed since.
    pub fn forget(&mut self) {
        self.articles.clear();
        self.stories.clear();
    }

    async fn read(
        &mut self,
        tx: &mut PgConnection,
        ids: impl Iterator<Item = ArticleId>,
    ) -> Result<(), StoreError> {
        if self.articles.len() > REMEMBERED {
            self.articles.clear();
        }
        let missing: Vec<ArticleId> = ids.filter(|id| !self.articles.contains_key(id)).collect();
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
            self.articles.insert(
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
        self.articles.get(&id).map(|text| text.article.clone())
    }

    async fn read_stories(
        &mut self,
        tx: &mut PgConnection,
        ids: &[StoryId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.stories.len() > REMEMBERED {
            self.stories.clear();
        }
        let missing: Vec<StoryId> = ids
            .iter()
            .copied()
            .filter(|id| !self.stories.contains_key(id))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query!(
            r#"SELECT st.id AS "id!: StoryId", st.articles - st.reports AS "copies!", st.first_seen_at, src.name AS "first_source?",
                      (SELECT count(DISTINCT a.source_id)
                         FROM story_members sm
                         JOIN articles a ON a.id = sm.article_id
                        WHERE sm.story_id = st.id AND sm.copy_of IS NULL) AS "independent!",
                      (SELECT to_jsonb(d) FROM desk_of(st.id) d) AS "desk?: Value"
                 FROM stories st
                 LEFT JOIN articles first ON first.id = st.first_article_id
                 LEFT JOIN sources src ON src.id = first.source_id
                WHERE st.id = ANY ($1)"#,
            &missing as &[StoryId],
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in rows {
            let about = About {
                copies: row.copies.unsigned_abs(),
                independent: u32::try_from(row.independent).unwrap_or(u32::MAX),
                first: row
                    .first_source
                    .zip(row.first_seen_at)
                    .map(|(source, at)| FirstSeen { source, at }),
                desk: desk::from_json(row.desk).at(now),
                notes: Vec::new(),
            };
            self.stories.insert(row.id, about);
        }
        let rows = sqlx::query!(
            r#"SELECT s.id AS "story!: StoryId", n.author, n.text
                 FROM unnest($1::bigint[]) AS s (id)
                CROSS JOIN LATERAL (SELECT n.id, n.author, n.text
                                      FROM stories g
                                      JOIN notes n ON n.story_id = g.id
                                     WHERE (g.id = s.id OR g.merged_into = s.id) AND n.removed_at IS NULL
                                     ORDER BY n.id DESC
                                     LIMIT $2) n
                ORDER BY s.id, n.id"#,
            &missing as &[StoryId],
            NOTES,
        )
        .fetch_all(tx)
        .await?;
        for row in rows {
            let note = DueNote {
                author: row.author,
                text: row.text,
            };
            if let Some(about) = self.stories.get_mut(&row.story) {
                about.notes.push(note);
            }
        }
        Ok(())
    }

    /// The revision of an article as it was read.
    pub(super) fn revision(&self, id: ArticleId) -> i32 {
        self.articles.get(&id).map_or(0, |text| text.revision)
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
    describe(tx, subscription, &mut stories, texts, now).await?;
    Ok(stories.into_values().collect())
}

/// Remembers, for one of so many `shares` of the subscriptions, up to which arrival everything that matched before `before` is
/// settled: what is due is looked for after that alone, and a look costs no more each month.
///
/// # Errors
/// The database does not answer.
pub async fn settle_old(
    db: &PgPool,
    before: Timestamp,
    share: i64,
    shares: i64,
) -> Result<u64, StoreError> {
    let raised = sqlx::query!(
        r#"UPDATE subscription_keywords sk
              SET since_arrival = settled.to_arrival
             FROM (SELECT k.subscription_id, k.keyword_id, coalesce(waiting.first - 1, old.last) AS to_arrival
                     FROM subscription_keywords k
                    CROSS JOIN LATERAL (SELECT max(m.arrival) AS last
                                          FROM matches m
                                         WHERE m.keyword_id = k.keyword_id AND m.arrival > k.since_arrival
                                           AND m.matched_at < $1) old
                    CROSS JOIN LATERAL (SELECT min(m.arrival) AS first
                                          FROM matches m
                                         WHERE m.keyword_id = k.keyword_id AND m.arrival > k.since_arrival
                                           AND m.arrival <= old.last AND m.closed_at IS NULL AND NOT m.is_backfill
                                           AND NOT EXISTS (SELECT FROM edition_members e
                                                            WHERE e.subscription_id = k.subscription_id
                                                              AND e.article_id = m.article_id)) waiting
                    WHERE k.subscription_id % $3 = $2 AND old.last IS NOT NULL) settled
            WHERE sk.subscription_id = settled.subscription_id
              AND sk.keyword_id = settled.keyword_id
              AND sk.since_arrival < settled.to_arrival"#,
        before as Timestamp,
        share,
        shares,
    )
    .execute(db)
    .await?;
    Ok(raised.rows_affected())
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
        desk: Desk::default(),
        notes: Vec::new(),
    }
}

/// The articles with their matches, in the order of the first of each. A keyword that an article came to match later has a
/// later number, so the rows of an article may stand apart.
fn articles(found: Vec<Found>, texts: &Texts) -> Vec<(StoryId, DueArticle)> {
    let mut articles: Vec<(StoryId, DueArticle)> = Vec::new();
    let mut places: HashMap<ArticleId, usize> = HashMap::new();
    for row in found {
        let next = DueMatch {
            keyword: row.keyword,
            version: row.version,
            why: row.why,
            hits: hits::from_json(row.hits),
        };
        if let Some(place) = places.get(&row.article) {
            articles[*place].1.matches.push(next);
            continue;
        }
        let Some(article) = texts.article(row.article) else {
            continue;
        };
        let article = DueArticle {
            is_copy: row.is_copy,
            matches: vec![next],
            ..article
        };
        places.insert(row.article, articles.len());
        articles.push((row.story, article));
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

/// What is known of the stories as a whole, and when this subscription was told of them last.
async fn describe(
    tx: &mut PgConnection,
    subscription: SubscriptionId,
    stories: &mut BTreeMap<StoryId, DueStory>,
    texts: &mut Texts,
    now: Timestamp,
) -> Result<(), StoreError> {
    if stories.is_empty() {
        return Ok(());
    }
    let ids: Vec<StoryId> = stories.keys().copied().collect();
    texts.read_stories(tx, &ids, now).await?;
    for story in stories.values_mut() {
        if let Some(about) = texts.stories.get(&story.id).cloned() {
            story.copies = about.copies;
            story.independent = about.independent;
            story.first = about.first;
            story.desk = about.desk;
            story.notes = about.notes;
        }
    }
    let rows = sqlx::query!(
        r#"SELECT sm.story_id AS "story!: StoryId", max(e.composed_at) AS told_at
             FROM story_members sm
             JOIN edition_members em ON em.subscription_id = $1 AND em.article_id = sm.article_id
                                    AND em.membership IN ('shown', 'left_out')
             JOIN editions e ON e.id = em.edition_id
            WHERE sm.story_id = ANY ($2)
            GROUP BY sm.story_id"#,
        subscription as SubscriptionId,
        &ids as &[StoryId],
    )
    .fetch_all(tx)
    .await?;
    for row in rows {
        if let Some(story) = stories.get_mut(&row.story) {
            story.told_at = row.told_at;
        }
    }
    Ok(())
}
