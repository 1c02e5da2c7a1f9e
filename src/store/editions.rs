//! Editions: claimed, composed and frozen in one transaction, so that two workers or a crash change nothing.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};

use super::{
    PgPool, StoreError, deliveries,
    due::{self, Texts},
    subscriptions::{self, Row, Stored},
};
use crate::domain::{
    ArticleId, EditionId, FeedId, RecipientId, StoryId, SubscriptionId, Timestamp,
    delivery::{Content, EditionState, IncidentNews, Notice},
    digest::{Composed, DueStory, Edition, Issue},
};

/// A subscription for which composing failed is tried again after this.
pub const FAILED_AGAIN: Duration = Duration::from_mins(5);

/// A subscription with something to do, locked until this is frozen, settled or dropped.
pub struct Draft {
    tx: sqlx::Transaction<'static, sqlx::Postgres>,
    /// The subscription.
    pub subscription: Stored,
    /// What had arrived when it was claimed.
    pub mark: i64,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft")
            .field("subscription", &self.subscription.slug)
            .finish_non_exhaustive()
    }
}

/// Where a subscription stands after a step.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// Every issue due up to here is composed or recorded as missed.
    pub to: Timestamp,
    /// When there is something to do again.
    pub next_at: Option<Timestamp>,
    /// Whether the wish for an issue at once was met.
    pub has_run: bool,
    /// What had arrived when it was looked at; 0: it looks again even if nothing arrives.
    pub mark: i64,
}

/// What there is to do for a composer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// A subscription has something to do.
    pub to_compose: bool,
    /// The review of an edition ends.
    pub to_release: bool,
    /// Somebody asked for a test.
    pub to_test: bool,
}

/// What there is to do. Cheap, and without a lock.
///
/// # Errors
/// The database does not answer.
pub async fn waiting(db: &PgPool, now: Timestamp) -> Result<Waiting, StoreError> {
    Ok(sqlx::query_as!(
        Waiting,
        r#"SELECT (EXISTS (SELECT FROM subscriptions WHERE run_at <= $1)
                OR EXISTS (SELECT FROM subscriptions WHERE next_at <= $1 AND kind <> 'alert')
                OR EXISTS (SELECT FROM subscriptions
                            WHERE next_at <= $1
                              AND kind = 'alert'
                              AND looked_at_mark <> (SELECT a.last + g.last_arrival FROM arrivals a, grouping g)))
                  AS "to_compose!",
                  EXISTS (SELECT FROM editions WHERE state = 'review' AND release_at <= $1) AS "to_release!",
                  EXISTS (SELECT FROM recipients WHERE test_at IS NOT NULL) AS "to_test!""#,
        now as Timestamp
    )
    .fetch_one(db)
    .await?)
}

/// Claims the subscription that has waited longest for something to do; none if nobody waits, or others have them all.
///
/// An alert that was looked at waits until something has arrived since.
///
/// # Errors
/// The database does not answer, or the subscription cannot be read: it is put off, and the next one can be claimed.
pub async fn claim(db: &PgPool, now: Timestamp) -> Result<Option<Draft>, StoreError> {
    let mut tx = super::begin(db).await?;
    let mark = sqlx::query_scalar!(
        r#"SELECT a.last + g.last_arrival AS "mark!" FROM arrivals a, grouping g"#
    )
    .fetch_one(&mut *tx)
    .await?;
    let row = sqlx::query_as!(
        Row,
        "SELECT id, slug, name, kind, schedule, pace, filter, story_limit, sends_empty, review_minutes, created_by,
                created_at, paused_at, settled_to, next_at, run_at
           FROM subscriptions
          WHERE run_at <= $1
             OR next_at <= $1 AND (kind <> 'alert' OR looked_at_mark <> $2)
          ORDER BY coalesce(run_at, next_at), id
          LIMIT 1
            FOR UPDATE SKIP LOCKED",
        now as Timestamp,
        mark,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let id = row.id;
    let keywords = subscriptions::keywords_of(&mut tx, id).await?;
    match row.read(keywords) {
        Ok(subscription) => Ok(Some(Draft {
            tx,
            subscription,
            mark,
        })),
        Err(error) => {
            put_off(&mut *tx, id, now.plus(FAILED_AGAIN)).await?;
            tx.commit().await?;
            Err(error)
        }
    }
}

/// Puts off whatever there is to do for a subscription.
///
/// # Errors
/// The database does not answer.
pub async fn put_off(
    db: impl PgExecutor<'_>,
    id: SubscriptionId,
    to: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE subscriptions
            SET next_at = CASE WHEN next_at IS NOT NULL THEN greatest(next_at, $2) END,
                run_at = CASE WHEN run_at IS NOT NULL THEN greatest(run_at, $2) END,
                looked_at_mark = 0
          WHERE id = $1",
        id as SubscriptionId,
        to as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An issue that is to be frozen.
#[derive(Debug, Clone, Copy)]
pub struct Frozen<'a> {
    /// The issue.
    pub issue: Issue,
    /// What it holds.
    pub composed: &'a Composed,
    /// Where it stands: in review, released or empty.
    pub state: EditionState,
    /// The host of the Message-IDs of its mails.
    pub host: &'a str,
}

/// The incidents that subscribers are told of, by what else is asked of them.
macro_rules! incidents {
    ($asked:tt $(, $bound:expr)* $(,)?) => {
        sqlx::query_as!(
            IncidentRow,
            r#"SELECT i.id, i.feed_id, i.kind, i.detail, i.opened_at, i.closed_at,
                      -- where a source has several feeds, which
                      CASE WHEN s.id IN (SELECT source_id FROM feeds GROUP BY source_id HAVING count(*) > 1)
                           THEN format('%s (%s)', s.name, coalesce(left(f.title, 100), f.url))
                           ELSE s.name
                      END AS "source!"
                 FROM incidents i
                 JOIN feeds f ON f.id = i.feed_id
                 JOIN sources s ON s.id = f.source_id
                WHERE i.topic IN ('outage', 'items', 'silence', 'gap', 'markup')
                  "# + $asked
            $(, $bound)*
        )
    };
}

impl Draft {
    /// What the subscription has not been told.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn due(
        &mut self,
        texts: &mut Texts,
        now: Timestamp,
    ) -> Result<Vec<DueStory>, StoreError> {
        due::stories(&mut self.tx, self.subscription.id, texts, now).await
    }

    /// When the latest editions were composed, the latest first; those of the time since `since`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn composed_since(&mut self, since: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT composed_at AS "composed_at!"
                 FROM editions
                WHERE subscription_id = $1 AND composed_at > $2
                ORDER BY composed_at DESC"#,
            self.subscription.id as SubscriptionId,
            since as Timestamp,
        )
        .fetch_all(&mut *self.tx)
        .await?)
    }

    /// The number of the next issue out of schedule in the minute of `issue`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next_serial(&mut self, issue: Issue) -> Result<u16, StoreError> {
        let serial = sqlx::query_scalar!(
            r#"SELECT coalesce(max(serial), 0) + 1 AS "serial!"
                 FROM editions
                WHERE subscription_id = $1 AND local_date = $2::text::date AND slot = $3"#,
            self.subscription.id as SubscriptionId,
            issue.key.date.to_string(),
            minutes(issue),
        )
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(u16::try_from(serial).unwrap_or(u16::MAX))
    }

    /// Records issues that were not composed in time.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn miss(&mut self, issues: &[Issue]) -> Result<(), StoreError> {
        for issue in issues {
            sqlx::query!(
                "INSERT INTO editions (subscription_id, local_date, slot, serial, due_at, release_at, state)
                 VALUES ($1, $2::text::date, $3, $4, $5, $5, 'missed')
                     ON CONFLICT (subscription_id, local_date, slot, serial) DO NOTHING",
                self.subscription.id as SubscriptionId,
                issue.key.date.to_string(),
                minutes(*issue),
                serial(*issue),
                issue.due as Timestamp,
            )
            .execute(&mut *self.tx)
            .await?;
        }
        Ok(())
    }

    /// Writes an edition with all that it settles, and if it is released its deliveries. None if the issue is there
    /// already: then nothing was written, and what is due stays due.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn freeze(
        &mut self,
        frozen: Frozen<'_>,
        texts: &Texts,
        now: Timestamp,
    ) -> Result<Option<EditionId>, StoreError> {
        let body = serde_json::to_string(&frozen.composed.edition)
            .map_err(|error| StoreError::Unexpected(format!("an edition: {error}")))?;
        let id = sqlx::query_scalar!(
            r#"INSERT INTO editions (subscription_id, local_date, slot, serial, due_at, release_at, state, composed_at, body)
               VALUES ($1, $2::text::date, $3, $4, $5, $5, $6, $7, $8::text::json)
                   ON CONFLICT (subscription_id, local_date, slot, serial) DO NOTHING
               RETURNING id AS "id: EditionId""#,
            self.subscription.id as SubscriptionId,
            frozen.issue.key.date.to_string(),
            minutes(frozen.issue),
            serial(frozen.issue),
            frozen.issue.due as Timestamp,
            frozen.state.as_str(),
            now as Timestamp,
            body,
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(id) = id else {
            return Ok(None);
        };
        self.settle(id, frozen.composed, texts).await?;
        if frozen.state == EditionState::Released {
            queue(&mut self.tx, id, frozen.host, now).await?;
        }
        Ok(Some(id))
    }

    async fn settle(
        &mut self,
        id: EditionId,
        composed: &Composed,
        texts: &Texts,
    ) -> Result<(), StoreError> {
        let members = &composed.members;
        let articles: Vec<ArticleId> = members.iter().map(|member| member.article).collect();
        let stories: Vec<StoryId> = members.iter().map(|member| member.story).collect();
        let revisions: Vec<i32> = articles.iter().map(|id| texts.revision(*id)).collect();
        let memberships: Vec<String> = members
            .iter()
            .map(|member| member.membership.as_str().to_owned())
            .collect();
        sqlx::query!(
            "INSERT INTO edition_members (subscription_id, edition_id, article_id, story_id, revision, membership)
             SELECT $1, $2, * FROM UNNEST($3::bigint[], $4::bigint[], $5::integer[], $6::text[])",
            self.subscription.id as SubscriptionId,
            id as EditionId,
            &articles as &[ArticleId],
            &stories as &[StoryId],
            &revisions,
            &memberships,
        )
        .execute(&mut *self.tx)
        .await?;
        if composed.revisions.is_empty() {
            return Ok(());
        }
        let (articles, revisions): (Vec<ArticleId>, Vec<i32>) =
            composed.revisions.iter().copied().unzip();
        sqlx::query!(
            "INSERT INTO edition_revisions (subscription_id, edition_id, article_id, revision)
             SELECT $1, $2, * FROM UNNEST($3::bigint[], $4::integer[])
                 ON CONFLICT DO NOTHING",
            self.subscription.id as SubscriptionId,
            id as EditionId,
            &articles as &[ArticleId],
            &revisions,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Puts off what there is to do, and ends the transaction.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn later(self, at: Timestamp) -> Result<(), StoreError> {
        let settled = Settled {
            to: self.subscription.settled_to,
            next_at: Some(at),
            has_run: true,
            mark: 0,
        };
        self.finish(settled).await
    }

    /// Incidents that the subscription was not told of: those open since before `before`, and the end, before then, of those
    /// that it was told of.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn incidents(&mut self, before: Timestamp) -> Result<Vec<IncidentNews>, StoreError> {
        let rows = incidents!(
            r#"AND CASE WHEN i.closed_at IS NULL THEN i.opened_at <= $2
                           ELSE i.closed_at <= $2
                                AND EXISTS (SELECT FROM told_incidents t
                                             WHERE t.subscription_id = $1 AND t.incident_id = i.id AND NOT t.is_over)
                      END
                  AND NOT EXISTS (SELECT FROM told_incidents t
                                   WHERE t.subscription_id = $1 AND t.incident_id = i.id
                                     AND t.is_over = (i.closed_at IS NOT NULL))
                ORDER BY i.opened_at, i.id
                LIMIT 1000"#,
            self.subscription.id as SubscriptionId,
            before as Timestamp,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        rows.into_iter().map(IncidentRow::read).collect()
    }

    /// Puts a notice of incidents into the outbox, and remembers that they were told.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn tell(
        &mut self,
        news: &[IncidentNews],
        notice: &Notice,
        host: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (ids, over): (Vec<i64>, Vec<bool>) = news
            .iter()
            .map(|news| (news.id, news.closed_at.is_some()))
            .unzip();
        sqlx::query!(
            "INSERT INTO told_incidents (subscription_id, incident_id, is_over)
             SELECT $1, * FROM UNNEST($2::bigint[], $3::boolean[])",
            self.subscription.id as SubscriptionId,
            &ids,
            &over,
        )
        .execute(&mut *self.tx)
        .await?;
        let content = Content::Notice(notice.clone());
        deliveries::queue_content(
            &mut self.tx,
            self.subscription.id,
            None,
            &content,
            host,
            now,
        )
        .await?;
        Ok(())
    }

    /// Says where the subscription stands, and ends the transaction.
    ///
    /// # Errors
    /// The database does not answer; nothing of this draft was written then.
    pub async fn finish(mut self, settled: Settled) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE subscriptions
                SET settled_to = $2, next_at = $3, looked_at_mark = $4,
                    run_at = CASE WHEN $5 THEN NULL ELSE run_at END
              WHERE id = $1",
            self.subscription.id as SubscriptionId,
            settled.to as Timestamp,
            settled.next_at as Option<Timestamp>,
            settled.mark,
            settled.has_run,
        )
        .execute(&mut *self.tx)
        .await?;
        self.tx.commit().await?;
        Ok(())
    }
}

/// An incident, as stored.
struct IncidentRow {
    id: i64,
    feed_id: FeedId,
    kind: String,
    detail: String,
    opened_at: Timestamp,
    closed_at: Option<Timestamp>,
    source: String,
}

impl IncidentRow {
    fn read(self) -> Result<IncidentNews, StoreError> {
        Ok(IncidentNews {
            id: self.id,
            feed: self.feed_id,
            source: self.source,
            trouble: self
                .kind
                .parse()
                .map_err(|_| StoreError::UnknownWord(self.kind.clone()))?,
            detail: self.detail,
            opened_at: self.opened_at,
            closed_at: self.closed_at,
        })
    }
}

fn minutes(issue: Issue) -> i16 {
    i16::try_from(issue.key.slot.minutes()).unwrap_or_default()
}

fn serial(issue: Issue) -> i16 {
    i16::try_from(issue.key.serial).unwrap_or(i16::MAX)
}

/// Puts an edition into the outbox, once for each recipient that takes mail. Its Message-IDs are its number and the
/// recipient's.
pub(super) async fn queue(
    tx: &mut PgConnection,
    edition: EditionId,
    host: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let queued = sqlx::query!(
        "INSERT INTO deliveries (recipient_id, edition_id, message_id, follows, created_at, tried_since, next_at)
         SELECT r.id, e.id, 'edition-' || e.id || '-' || r.id || '@' || $2,
                (SELECT d.message_id FROM deliveries d
                  WHERE d.recipient_id = r.id AND d.edition_id IS NOT NULL
                  ORDER BY d.id DESC LIMIT 1),
                $3, $3, $3
           FROM editions e
           JOIN recipients r ON r.subscription_id = e.subscription_id
           LEFT JOIN users u ON u.id = r.user_id
          WHERE e.id = $1
            AND r.unsubscribed_at IS NULL
            AND r.suppressed_at IS NULL
            AND u.disabled_at IS NULL
          ORDER BY r.id
             ON CONFLICT (edition_id, recipient_id) DO NOTHING",
        edition as EditionId,
        host,
        now as Timestamp,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE editions SET state = 'released', released_at = $2 WHERE id = $1",
        edition as EditionId,
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(queued.rows_affected())
}

/// Puts one edition whose review ends by `now` into the outbox; none if none ends, or others have them all.
///
/// # Errors
/// The database does not answer.
pub async fn release_next(
    db: &PgPool,
    host: &str,
    now: Timestamp,
) -> Result<Option<EditionId>, StoreError> {
    let mut tx = super::begin(db).await?;
    let id = sqlx::query_scalar!(
        "SELECT id FROM editions
          WHERE state = 'review' AND release_at <= $1
          ORDER BY release_at, id
          LIMIT 1
            FOR UPDATE SKIP LOCKED",
        now as Timestamp,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(id) = id {
        queue(&mut tx, id, host, now).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// A wish for a test: the subscription and the recipient, locked until it is met.
pub struct TestWish {
    tx: sqlx::Transaction<'static, sqlx::Postgres>,
    /// The subscription.
    pub subscription: Stored,
    /// Who is to get it.
    pub recipient: RecipientId,
}

/// Claims the oldest wish for a test; none if there is none, or others have them all.
///
/// # Errors
/// The database does not answer, or the subscription cannot be read: the wish is dropped, and the next one can be claimed.
pub async fn claim_test(db: &PgPool) -> Result<Option<TestWish>, StoreError> {
    let mut tx = super::begin(db).await?;
    let wish = sqlx::query!(
        "SELECT id, subscription_id FROM recipients
          WHERE test_at IS NOT NULL
          ORDER BY test_at, id
          LIMIT 1
            FOR UPDATE SKIP LOCKED"
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(wish) = wish else {
        return Ok(None);
    };
    let row = sqlx::query_as!(
        Row,
        "SELECT id, slug, name, kind, schedule, pace, filter, story_limit, sends_empty, review_minutes, created_by,
                created_at, paused_at, settled_to, next_at, run_at
           FROM subscriptions
          WHERE id = $1",
        wish.subscription_id as SubscriptionId,
    )
    .fetch_one(&mut *tx)
    .await?;
    let keywords = subscriptions::keywords_of(&mut tx, row.id).await?;
    match row.read(keywords) {
        Ok(subscription) => Ok(Some(TestWish {
            tx,
            subscription,
            recipient: wish.id,
        })),
        Err(error) => {
            drop_test(&mut *tx, wish.id).await?;
            tx.commit().await?;
            Err(error)
        }
    }
}

/// Forgets the wish for a test.
///
/// # Errors
/// The database does not answer.
pub async fn drop_test(db: impl PgExecutor<'_>, recipient: RecipientId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE recipients SET test_at = NULL WHERE id = $1",
        recipient as RecipientId,
    )
    .execute(db)
    .await?;
    Ok(())
}

impl TestWish {
    /// What the subscription has not been told.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn due(
        &mut self,
        texts: &mut Texts,
        now: Timestamp,
    ) -> Result<Vec<DueStory>, StoreError> {
        due::stories(&mut self.tx, self.subscription.id, texts, now).await
    }

    /// What is wrong with feeds now, whoever was told of it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open_incidents(&mut self) -> Result<Vec<IncidentNews>, StoreError> {
        let rows = incidents!(
            r#"AND i.closed_at IS NULL
                ORDER BY i.opened_at, i.id
                LIMIT 1000"#,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        rows.into_iter().map(IncidentRow::read).collect()
    }

    /// Puts the test into the outbox.
    ///
    /// # Errors
    /// The database does not answer; the wish stands then.
    pub async fn meet(
        mut self,
        content: &Content,
        host: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (id, to) = (self.subscription.id, Some(self.recipient));
        deliveries::queue_content(&mut self.tx, id, to, content, host, now).await?;
        drop_test(&mut *self.tx, self.recipient).await?;
        self.tx.commit().await?;
        Ok(())
    }
}

impl std::fmt::Debug for TestWish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestWish")
            .field("subscription", &self.subscription.slug)
            .finish_non_exhaustive()
    }
}

/// When the next thing is to be done by the composer: an issue, or the end of a review.
///
/// # Errors
/// The database does not answer.
pub async fn next_at(db: &PgPool) -> Result<Option<Timestamp>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT least((SELECT min(next_at) FROM subscriptions),
                        (SELECT min(run_at) FROM subscriptions),
                        (SELECT min(release_at) FROM editions WHERE state = 'review')) AS "next""#
    )
    .fetch_one(db)
    .await?)
}

/// What a subscription would be told now, and nothing is settled by it.
///
/// # Errors
/// The database does not answer.
pub async fn preview(
    db: &PgPool,
    subscription: SubscriptionId,
    now: Timestamp,
) -> Result<Vec<DueStory>, StoreError> {
    let mut connection = db.acquire().await?;
    due::stories(&mut connection, subscription, &mut Texts::default(), now).await
}

/// Reads a stored body.
pub(super) fn read_body(body: &str) -> Result<Edition, StoreError> {
    serde_json::from_str(body)
        .map_err(|error| StoreError::Unexpected(format!("an edition: {error}")))
}
