//! Stories as `place` makes them: what waits to be grouped, what the window is filled with, and what comes of a batch.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use super::{PgPool, StoreError, desk_touches};
use crate::domain::{ArticleId, StoryId, Timestamp};

/// An article as grouping reads it.
#[derive(Debug, Clone)]
pub struct Ungrouped {
    /// The article.
    pub id: ArticleId,
    /// Its number of arrival.
    pub arrival: i64,
    /// Headline.
    pub title: String,
    /// Summary, cut at 6,000 letters.
    pub summary: String,
    /// Content, cut at 6,000 letters.
    pub content: String,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Name of the source.
    pub source: String,
    /// When it was published, made fit for sorting.
    pub sort_at: Timestamp,
}

/// An article that was grouped before.
#[derive(Debug, Clone)]
pub struct Grouped {
    /// The article.
    pub article: Ungrouped,
    /// Its story.
    pub story: StoryId,
    /// Its original, if it is a copy.
    pub copy_of: Option<ArticleId>,
}

/// Two articles that the desk put together or kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// One.
    pub article: i64,
    /// The other.
    pub other: i64,
    /// Together rather than apart.
    pub is_together: bool,
}

/// What a window is made of: what was grouped lately, in order of arrival, and what the desk decided.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The articles, oldest first.
    pub grouped: Vec<Grouped>,
    /// The decisions that stand, oldest first.
    pub links: Vec<Link>,
    /// Where they stand.
    pub state: State,
}

/// How far grouping has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The last arrival number that was grouped.
    pub last_arrival: i64,
    /// Counts decisions and undoings.
    pub decisions: i64,
    /// The last number given to a story.
    pub last_story: i64,
}

/// Where an article goes.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The article.
    pub article: ArticleId,
    /// Its story, which may be new.
    pub story: StoryId,
    /// Its original, if it is a copy.
    pub copy_of: Option<ArticleId>,
    /// Why, as JSON.
    pub reason: Value,
}

/// What a second look changed.
#[derive(Debug, Clone)]
pub enum Regrouping {
    /// A story ended in another one.
    Merged {
        /// The story that ended.
        from: StoryId,
        /// The story that took its members.
        into: StoryId,
    },
    /// An article left its story for another one.
    Left {
        /// The article.
        article: ArticleId,
        /// Its story now.
        into: StoryId,
    },
}

/// Grouping in one transaction: nobody else changes stories until it ends.
pub struct Batch {
    tx: sqlx::Transaction<'static, sqlx::Postgres>,
    /// Where grouping stood when the batch began.
    pub state: State,
}

/// Whether articles wait to be grouped.
///
/// # Errors
/// The database does not answer.
pub async fn are_waiting(db: &PgPool) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT coalesce((SELECT max(arrival) FROM articles), 0) > (SELECT last_arrival FROM grouping) AS "are!""#
    )
    .fetch_one(db)
    .await?)
}

/// The latest articles of stories; at most `limit`.
///
/// # Errors
/// The database does not answer.
pub async fn articles_of(
    db: impl PgExecutor<'_>,
    stories: &[StoryId],
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT article_id AS "id!: i64" FROM story_members WHERE story_id = ANY($1) ORDER BY article_id DESC LIMIT $2"#,
        stories as &[StoryId],
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// Begins a batch, after any other that runs has ended.
///
/// # Errors
/// The database does not answer.
pub async fn begin(db: &PgPool) -> Result<Batch, StoreError> {
    let mut tx = super::begin(db).await?;
    let state = lock(&mut tx).await?;
    Ok(Batch { tx, state })
}

/// Takes the lock on stories until the end of the transaction.
pub(super) async fn lock(tx: &mut PgConnection) -> Result<State, StoreError> {
    Ok(sqlx::query_as!(
        State,
        "SELECT last_arrival, decisions, last_story FROM grouping FOR UPDATE"
    )
    .fetch_one(tx)
    .await?)
}

impl Batch {
    /// The articles that arrived since and are in no story, in order of arrival; at most `limit`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn ungrouped(&mut self, limit: i64) -> Result<Vec<Ungrouped>, StoreError> {
        Ok(sqlx::query_as!(
            Ungrouped,
            r#"SELECT a.id, a.arrival AS "arrival!", a.title, left(a.summary, 6000) AS "summary!",
                      left(a.content, 6000) AS "content!", a.language, s.name AS source, a.sort_at
                 FROM articles a
                 JOIN sources s ON s.id = a.source_id
                WHERE a.arrival > $1
                ORDER BY a.arrival
                LIMIT $2"#,
            self.state.last_arrival,
            limit,
        )
        .fetch_all(&mut *self.tx)
        .await?)
    }

    /// What a window of `capacity` articles is filled with.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn memory(&mut self, capacity: i64) -> Result<Memory, StoreError> {
        struct Row {
            id: ArticleId,
            arrival: i64,
            title: String,
            summary: String,
            content: String,
            language: Option<String>,
            source: String,
            sort_at: Timestamp,
            story: StoryId,
            copy_of: Option<ArticleId>,
        }
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT a.id, a.arrival AS "arrival!", a.title, left(a.summary, 6000) AS "summary!",
                      left(a.content, 6000) AS "content!", a.language, s.name AS source, a.sort_at,
                      m.story_id AS story, m.copy_of
                 FROM articles a
                 JOIN story_members m ON m.article_id = a.id
                 JOIN sources s ON s.id = a.source_id
                WHERE a.arrival <= $1
                ORDER BY a.arrival DESC
                LIMIT $2"#,
            self.state.last_arrival,
            capacity,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let grouped = rows
            .into_iter()
            .rev()
            .map(|row| Grouped {
                article: Ungrouped {
                    id: row.id,
                    arrival: row.arrival,
                    title: row.title,
                    summary: row.summary,
                    content: row.content,
                    language: row.language,
                    source: row.source,
                    sort_at: row.sort_at,
                },
                story: row.story,
                copy_of: row.copy_of,
            })
            .collect();
        let links = super::story_decisions::links(&mut self.tx).await?;
        Ok(Memory {
            grouped,
            links,
            state: self.state,
        })
    }

    /// The decisions that stand, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn links(&mut self) -> Result<Vec<Link>, StoreError> {
        super::story_decisions::links(&mut self.tx).await
    }

    /// The stories and originals of the latest `capacity` articles.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn standing(
        &mut self,
        capacity: i64,
    ) -> Result<Vec<(i64, i64, Option<i64>)>, StoreError> {
        let rows = sqlx::query!(
            "SELECT m.article_id, m.story_id, m.copy_of
               FROM articles a
               JOIN story_members m ON m.article_id = a.id
              WHERE a.arrival <= $1
              ORDER BY a.arrival DESC
              LIMIT $2",
            self.state.last_arrival,
            capacity,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let standing = rows.into_iter().map(|row| {
            (
                row.article_id.get(),
                row.story_id.get(),
                row.copy_of.map(ArticleId::get),
            )
        });
        Ok(standing.collect())
    }

    /// Ends the batch without a change.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn give_up(self) -> Result<(), StoreError> {
        Ok(self.tx.rollback().await?)
    }

    /// Writes a grouping of all articles in place of the old one, and ends the batch. A story that lost all its members
    /// leads to the one that has its former first article.
    ///
    /// # Errors
    /// The database does not answer; nothing was written then.
    pub async fn replace(
        mut self,
        members: &[NewMember],
        now: Timestamp,
        state: State,
    ) -> Result<(), StoreError> {
        let before = sqlx::query!(
            r#"SELECT id AS "id!: i64", first_article_id FROM stories WHERE merged_into IS NULL"#
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let removed = sqlx::query!(
            r#"DELETE FROM story_members RETURNING article_id, story_id AS "story: StoryId""#
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let former: HashMap<ArticleId, StoryId> = removed
            .into_iter()
            .map(|row| (row.article_id, row.story))
            .collect();
        let moved = members.iter().filter_map(|member| {
            let former = *former.get(&member.article)?;
            (former != member.story).then_some([former.get(), member.story.get()])
        });
        let regrouped: Vec<i64> = moved.flatten().collect();
        let mut touched: BTreeSet<i64> = members.iter().map(|member| member.story.get()).collect();
        let ids: Vec<i64> = touched.iter().copied().collect();
        create(&mut self.tx, &ids, now).await?;
        insert_members(&mut self.tx, members, now).await?;
        touched.extend(before.iter().map(|story| story.id));
        let ids: Vec<i64> = touched.into_iter().collect();
        count(&mut self.tx, &ids).await?;
        let (ended, firsts): (Vec<i64>, Vec<i64>) = before
            .iter()
            .filter_map(|story| Some((story.id, story.first_article_id?.get())))
            .unzip();
        sqlx::query!(
            "UPDATE stories SET merged_into = NULL WHERE articles > 0 AND merged_into IS NOT NULL"
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!(
            "UPDATE stories
                SET merged_into = m.story_id
               FROM UNNEST($1::bigint[], $2::bigint[]) AS ended (id, article_id)
               JOIN story_members m ON m.article_id = ended.article_id
              WHERE (stories.id = ended.id OR stories.merged_into = ended.id)
                AND stories.articles = 0",
            &ended,
            &firsts,
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!("UPDATE grouping SET last_story = $1", state.last_story)
            .execute(&mut *self.tx)
            .await?;
        desk_touches::regrouped(&mut self.tx, regrouped).await?;
        self.tx.commit().await?;
        Ok(())
    }

    /// Writes what became of the batch and ends it: new members first, then the changes in their order.
    ///
    /// # Errors
    /// The database does not answer; nothing was written then.
    pub async fn write(
        mut self,
        members: &[NewMember],
        changes: &[Regrouping],
        now: Timestamp,
        state: State,
    ) -> Result<(), StoreError> {
        let mut touched: BTreeSet<i64> = members.iter().map(|member| member.story.get()).collect();
        let mut regrouped = self.changed_for_readers(members, changes);
        for change in changes {
            match change {
                Regrouping::Merged { from, into } => touched.extend([from.get(), into.get()]),
                Regrouping::Left { into, .. } => {
                    touched.insert(into.get());
                }
            }
        }
        let ids: Vec<i64> = touched.iter().copied().collect();
        create(&mut self.tx, &ids, now).await?;
        insert_members(&mut self.tx, members, now).await?;
        for change in changes {
            match change {
                Regrouping::Merged { from, into } => merge(&mut self.tx, *from, *into).await?,
                Regrouping::Left { article, into } => {
                    let left = relocate(&mut self.tx, &[article.get()], *into).await?;
                    if regrouped.contains(&into.get()) {
                        regrouped.extend(&left);
                    }
                    touched.extend(left);
                }
            }
        }
        let ids: Vec<i64> = touched.into_iter().collect();
        count(&mut self.tx, &ids).await?;
        sqlx::query!(
            "UPDATE grouping SET last_arrival = $1, last_story = $2",
            state.last_arrival,
            state.last_story,
        )
        .execute(&mut *self.tx)
        .await?;
        regrouped.extend(self.told_without_story(members).await?);
        desk_touches::regrouped(&mut self.tx, regrouped).await?;
        self.tx.commit().await?;
        Ok(())
    }

    /// The stories that open pages show in another way than changes left them. What began with this batch was told to nobody
    /// before.
    fn changed_for_readers(&self, members: &[NewMember], changes: &[Regrouping]) -> BTreeSet<i64> {
        let new: BTreeSet<ArticleId> = members.iter().map(|member| member.article).collect();
        let mut stories = BTreeSet::new();
        for change in changes {
            match change {
                Regrouping::Merged { from, into } if from.get() <= self.state.last_story => {
                    stories.extend([from.get(), into.get()]);
                }
                Regrouping::Left { article, into } if !new.contains(article) => {
                    stories.insert(into.get());
                }
                Regrouping::Merged { .. } | Regrouping::Left { .. } => {}
            }
        }
        stories
    }

    /// The stories of articles whose numbers were told before they stood in one.
    async fn told_without_story(&mut self, members: &[NewMember]) -> Result<Vec<i64>, StoreError> {
        // Held to the end: whoever tells a number ahead of its story does so before this is read, or after it is written.
        let told = sqlx::query_scalar!("SELECT told FROM arrivals FOR SHARE")
            .fetch_one(&mut *self.tx)
            .await?;
        if told <= self.state.last_arrival {
            return Ok(Vec::new());
        }
        let articles: Vec<ArticleId> = members.iter().map(|member| member.article).collect();
        Ok(sqlx::query_scalar!(
            r#"SELECT DISTINCT m.story_id AS "id!: i64"
                 FROM articles a
                 JOIN story_members m ON m.article_id = a.id
                WHERE a.id = ANY($1) AND a.arrival <= $2"#,
            &articles as &[ArticleId],
            told,
        )
        .fetch_all(&mut *self.tx)
        .await?)
    }
}

/// Makes rows for stories that have none yet.
pub(super) async fn create(
    tx: &mut PgConnection,
    ids: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO stories (id, created_at)
         SELECT id, $2 FROM UNNEST($1::bigint[]) AS new (id)
             ON CONFLICT (id) DO NOTHING",
        ids,
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn insert_members(
    tx: &mut PgConnection,
    members: &[NewMember],
    now: Timestamp,
) -> Result<(), StoreError> {
    let articles: Vec<ArticleId> = members.iter().map(|member| member.article).collect();
    let stories: Vec<StoryId> = members.iter().map(|member| member.story).collect();
    let originals: Vec<Option<ArticleId>> = members.iter().map(|member| member.copy_of).collect();
    let reasons: Vec<Value> = members.iter().map(|member| member.reason.clone()).collect();
    sqlx::query!(
        "INSERT INTO story_members (article_id, story_id, copy_of, reason, placed_at)
         SELECT article_id, story_id, copy_of, reason, $5
           FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::jsonb[])
                AS new (article_id, story_id, copy_of, reason)
             ON CONFLICT (article_id) DO NOTHING",
        &articles as &[ArticleId],
        &stories as &[StoryId],
        &originals as &[Option<ArticleId>],
        &reasons,
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Moves all members of a story into another one; its permalink leads there from now on.
pub(super) async fn merge(
    tx: &mut PgConnection,
    from: StoryId,
    into: StoryId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE story_members SET story_id = $2 WHERE story_id = $1",
        from as StoryId,
        into as StoryId,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE stories
            SET merged_into = CASE WHEN id = $2 THEN NULL ELSE $2 END
          WHERE id IN ($1, $2) OR merged_into = $1",
        from as StoryId,
        into as StoryId,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Moves articles into a story. Returns the stories that they left.
pub(super) async fn relocate(
    tx: &mut PgConnection,
    articles: &[i64],
    into: StoryId,
) -> Result<Vec<i64>, StoreError> {
    let left = sqlx::query_scalar!(
        r#"WITH before AS (
               SELECT article_id, story_id FROM story_members WHERE article_id = ANY($1)
           ), moved AS (
               UPDATE story_members SET story_id = $2 WHERE article_id = ANY($1)
           )
           SELECT DISTINCT story_id AS "story_id!: i64" FROM before"#,
        articles,
        into as StoryId,
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE stories SET merged_into = NULL WHERE id = $1",
        into as StoryId
    )
    .execute(tx)
    .await?;
    Ok(left)
}

/// Counts stories anew. One that lost all members without a heir leads to where its first article went.
pub(super) async fn count(tx: &mut PgConnection, ids: &[i64]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE stories
            SET merged_into = heirs.story_id
           FROM (SELECT ended.id, m.story_id
                   FROM stories ended
                   JOIN story_members m ON m.article_id = ended.first_article_id
                  WHERE ended.id = ANY($1)
                    AND ended.merged_into IS NULL
                    AND m.story_id <> ended.id
                    AND NOT EXISTS (SELECT FROM story_members own WHERE own.story_id = ended.id)) AS heirs
          WHERE stories.id = heirs.id OR stories.merged_into = heirs.id",
        ids,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE stories
            SET articles = coalesce(counted.articles, 0),
                reports = coalesce(counted.reports, 0),
                first_article_id = counted.first_article_id,
                first_seen_at = counted.first_seen_at,
                last_report_at = counted.last_report_at
           FROM UNNEST($1::bigint[]) AS wanted (id)
           LEFT JOIN (
                SELECT m.story_id,
                       count(*)::integer AS articles,
                       (count(*) FILTER (WHERE m.copy_of IS NULL))::integer AS reports,
                       (array_agg(a.id ORDER BY a.first_seen_at, a.id))[1] AS first_article_id,
                       min(a.first_seen_at) AS first_seen_at,
                       max(a.first_seen_at) FILTER (WHERE m.copy_of IS NULL) AS last_report_at
                  FROM story_members m
                  JOIN articles a ON a.id = m.article_id
                 WHERE m.story_id = ANY($1)
                 GROUP BY m.story_id
                ) AS counted ON counted.story_id = wanted.id
          WHERE stories.id = wanted.id",
        ids,
    )
    .execute(tx)
    .await?;
    Ok(())
}
