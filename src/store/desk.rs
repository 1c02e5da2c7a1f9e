//! What the desk makes of stories: states, changes that can be taken back, notes. One transaction writes a change, its
//! audit row and the number that open pages catch up by.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor};

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    desk_touches,
};
use crate::domain::{
    DeskChangeId, NoteId, StoryId, Timestamp, UserId, UserName,
    desk::{Desk, DeskRefusal, PassReason, Wish, Wishing},
};

/// The channel on which the last number is announced.
pub const CHANNEL: &str = "desk";

/// Claims that end in one transaction.
const MOST_EXPIRED: i64 = 500;

/// What came of a wish about one story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// Done, as this change.
    Done(DeskChangeId),
    /// Not done.
    Refused(DeskRefusal),
    /// There is no such story.
    Missing,
}

/// What came of taking a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    /// Done; of this story.
    Done(StoryId),
    /// Something else was decided about the story since.
    Superseded(StoryId),
    /// It was taken back before.
    Already(StoryId),
    /// A note is taken back by its author.
    NotYours(StoryId),
    /// There is no such change.
    Missing,
}

/// A story as the desk has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryDesk {
    /// The story.
    pub story: StoryId,
    /// All stories that are one with it by now, itself included.
    pub group: Vec<i64>,
    /// What stands.
    pub desk: Desk,
    /// Independent reports that it has.
    pub reports: i32,
    /// Notes about it.
    pub notes: i64,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Number.
    pub id: NoteId,
    /// The story that it was written about.
    pub story: StoryId,
    /// The change that it came with.
    pub change: DeskChangeId,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub written_at: Timestamp,
    /// What it says.
    pub text: String,
}

/// A change, as a story's page tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeskChange {
    /// Number.
    pub id: DeskChangeId,
    /// When.
    pub made_at: Timestamp,
    /// By whom.
    pub actor: String,
    /// What: `claim`, `use`, …
    pub kind: String,
    /// What stood after it; none for a note.
    pub after: Option<Desk>,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
    /// Whether it made what stands now, so that it can be taken back.
    pub is_last: bool,
}

/// What stands, as the database tells it; nothing stood yet where it tells nothing.
pub(super) fn from_json(row: Option<Value>) -> Desk {
    // Constraints hold the words to those of `domain`.
    row.and_then(|row| serde_json::from_value(row).ok())
        .unwrap_or_default()
}

fn to_json(desk: &Desk) -> Value {
    serde_json::to_value(desk).unwrap_or_default()
}

/// The number of the last change.
///
/// # Errors
/// The database does not answer.
pub async fn last_number(db: impl PgExecutor<'_>) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!("SELECT last FROM desk_numbers")
        .fetch_one(db)
        .await?)
}

/// The transaction of a change: whoever has begun it is the only one who changes anything of the desk.
struct Batch {
    tx: sqlx::Transaction<'static, sqlx::Postgres>,
    last: i64,
}

/// What stands about a story, and where it came from.
struct Standing {
    story: StoryId,
    reports: i32,
    desk: Desk,
    change: Option<DeskChangeId>,
    /// The last number at which something of it changed.
    touched: i64,
    /// Whether it was asked for by the number of a story that it took since, of which something else stood.
    is_asked_elsewhere: bool,
}

impl Standing {
    /// Whether a page that has heard up to a number shows what stands. A page that does not say has heard nothing of a
    /// merge as long as it asks by the number of a story that is no more.
    fn is_known(&self, heard: Option<i64>) -> bool {
        heard.map_or(!self.is_asked_elsewhere, |heard| self.touched <= heard)
    }
}

/// What a change made of what stood.
struct Difference {
    before: Value,
    after: Value,
    /// The rows of all stories that are one, as they were before it.
    former: Value,
}

impl Batch {
    async fn begin(db: &PgPool) -> Result<Self, StoreError> {
        let mut tx = super::begin(db).await?;
        // Whoever changes stories has the lock on them already when they take this one; here they are only read.
        let last = sqlx::query_scalar!("SELECT last FROM desk_numbers FOR UPDATE")
            .fetch_one(&mut *tx)
            .await?;
        Ok(Self { tx, last })
    }

    /// What stands about these stories or those that took their members; each once.
    async fn standing(&mut self, stories: &[StoryId]) -> Result<Vec<Standing>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT s.id AS "story!: StoryId", s.reports AS "reports!", to_jsonb(d) AS "desk?: Value",
                      coalesce((SELECT max(t.number)
                                  FROM stories g
                                  JOIN desk_touches t ON t.story_id = g.id
                                 WHERE g.id = s.id OR g.merged_into = s.id), 0) AS "touched!",
                      EXISTS (SELECT
                                FROM stories asked
                               WHERE asked.id = ANY($1)
                                 AND asked.merged_into = s.id
                                 AND NOT EXISTS (SELECT
                                                   FROM desk_states own
                                                  WHERE own.story_id = asked.id
                                                    AND own.change_id = d.change_id)) AS "is_asked_elsewhere!"
                 FROM stories s
                 LEFT JOIN LATERAL desk_of(s.id) AS d ON true
                WHERE s.id IN (SELECT coalesce(merged_into, id) FROM stories WHERE id = ANY($1))
                ORDER BY s.id"#,
            stories as &[StoryId],
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let standing = rows.into_iter().map(|row| Standing {
            story: row.story,
            reports: row.reports,
            touched: row.touched,
            is_asked_elsewhere: row.is_asked_elsewhere,
            change: row
                .desk
                .as_ref()
                .and_then(|desk| desk["change_id"].as_i64())
                .map(DeskChangeId::new),
            desk: from_json(row.desk),
        });
        Ok(standing.collect())
    }

    /// Writes down a change of a story, and what stands after it.
    async fn write(
        &mut self,
        before: &Standing,
        kind: &'static str,
        after: &Desk,
        who: &str,
        now: Timestamp,
    ) -> Result<DeskChangeId, StoreError> {
        let difference = Difference {
            before: to_json(&before.desk),
            after: to_json(after),
            former: self.rows(before.story).await?,
        };
        let id = self.record(before, kind, difference, who, now).await?;
        sqlx::query!(
            "INSERT INTO desk_states (story_id, state, by, since, until, link, reason, assignee, reports, change_id)
             SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM stories WHERE id = $1 OR merged_into = $1
                 ON CONFLICT (story_id) DO UPDATE
                SET state = excluded.state, by = excluded.by, since = excluded.since, until = excluded.until,
                    link = excluded.link, reason = excluded.reason, assignee = excluded.assignee,
                    reports = excluded.reports, change_id = excluded.change_id",
            before.story as StoryId,
            after.state.as_str(),
            after.by,
            after.since.unwrap_or(now) as Timestamp,
            after.until as Option<Timestamp>,
            after.link,
            after.reason.map(PassReason::as_str),
            after.assignee,
            after.reports,
            id as DeskChangeId,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(id)
    }

    /// Releases the claims that ran out on a story and on those that were merged into it, each by itself: what was decided of
    /// the others stays. Where such a claim is what stood, that is a change of the story.
    async fn expire(&mut self, before: Standing, now: Timestamp) -> Result<(), StoreError> {
        let former = self.rows(before.story).await?;
        let expired = sqlx::query_scalar!(
            "UPDATE desk_states
                SET state = 'new', by = '', since = $2, until = NULL, link = NULL, reason = NULL, reports = 0
              WHERE story_id IN (SELECT id FROM stories WHERE id = $1 OR merged_into = $1) AND until <= $2
             RETURNING story_id AS \"id!: i64\"",
            before.story as StoryId,
            now as Timestamp,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        if before.desk.until.is_none_or(|until| until > now) {
            return Ok(());
        }
        let standing = self.standing(&[before.story]).await?;
        let after = standing.into_iter().next();
        let difference = Difference {
            before: to_json(&before.desk),
            after: to_json(&after.map_or_else(Desk::default, |after| after.desk)),
            former,
        };
        let id = self
            .record(&before, "expire", difference, "wirewatch", now)
            .await?;
        sqlx::query!(
            "UPDATE desk_states SET change_id = $2 WHERE story_id = ANY($1)",
            &expired,
            id as DeskChangeId,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// What stands about a story and those that were merged into it, row by row.
    async fn rows(&mut self, story: StoryId) -> Result<Value, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT coalesce(jsonb_agg(to_jsonb(d) ORDER BY d.story_id), '[]') AS "rows!"
                 FROM stories g
                 JOIN desk_states d ON d.story_id = g.id
                WHERE g.id = $1 OR g.merged_into = $1"#,
            story as StoryId,
        )
        .fetch_one(&mut *self.tx)
        .await?)
    }

    /// Gives a change that makes a difference its number and its audit row.
    async fn record(
        &mut self,
        before: &Standing,
        kind: &'static str,
        difference: Difference,
        who: &str,
        now: Timestamp,
    ) -> Result<DeskChangeId, StoreError> {
        let id = self
            .number(
                before.story,
                kind,
                who,
                now,
                Some(&difference),
                before.change,
            )
            .await?;
        let change = Change {
            action: kind,
            subject_kind: "story",
            subject: before.story.to_string(),
            before: Some(difference.before),
            after: Some(difference.after),
        };
        audit::record(&mut self.tx, who, now, &[change]).await?;
        Ok(id)
    }

    /// Gives a change its number.
    async fn number(
        &mut self,
        story: StoryId,
        kind: &str,
        who: &str,
        now: Timestamp,
        difference: Option<&Difference>,
        previous: Option<DeskChangeId>,
    ) -> Result<DeskChangeId, StoreError> {
        self.last += 1;
        sqlx::query!(
            "INSERT INTO desk_changes (id, made_at, actor, story_id, kind, before, after, former, previous)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            self.last,
            now as Timestamp,
            who,
            story as StoryId,
            kind,
            difference.map(|difference| &difference.before),
            difference.map(|difference| &difference.after),
            difference.map(|difference| &difference.former),
            previous.map(DeskChangeId::get),
        )
        .execute(&mut *self.tx)
        .await?;
        desk_touches::touch(&mut self.tx, story, self.last).await?;
        Ok(DeskChangeId::new(self.last))
    }

    /// Ends the transaction and tells everybody who listens.
    async fn commit(mut self) -> Result<(), StoreError> {
        desk_touches::announce(&mut self.tx, self.last).await?;
        self.tx.commit().await?;
        Ok(())
    }
}

/// Grants a wish about stories, or says of each why not. Of a story that was merged, the one that took its members is
/// meant. `heard`: the last number of a change that whoever asks has heard of, where they say so; what was decided after it
/// is told, not overwritten.
///
/// # Errors
/// The database does not answer; nothing was changed then.
pub async fn change(
    db: &PgPool,
    stories: &[StoryId],
    wish: &Wish,
    heard: Option<i64>,
    who: &str,
    claim_for: Duration,
    now: Timestamp,
) -> Result<Vec<(StoryId, Changed)>, StoreError> {
    let mut batch = Batch::begin(db).await?;
    let standing = batch.standing(stories).await?;
    let mut outcomes = Vec::new();
    for mut before in standing {
        before.desk = before.desk.at(now);
        let around = Wishing {
            who,
            claim_for,
            reports: before.reports,
            is_known: before.is_known(heard),
            now,
        };
        let outcome = match before.desk.after(wish, around) {
            Ok(after) => Changed::Done(batch.write(&before, wish.kind(), &after, who, now).await?),
            Err(refusal) => Changed::Refused(refusal),
        };
        outcomes.push((before.story, outcome));
    }
    if outcomes.is_empty() {
        outcomes = stories
            .iter()
            .map(|story| (*story, Changed::Missing))
            .collect();
    }
    batch.commit().await?;
    Ok(outcomes)
}

/// Writes a note about a story. Whoever it mentions and has an account finds it among theirs. None if there is no such
/// story.
///
/// # Errors
/// The database does not answer; nothing was written then.
pub async fn note(
    db: &PgPool,
    story: StoryId,
    text: &str,
    mentions: &[UserName],
    who: &str,
    now: Timestamp,
) -> Result<Option<(StoryId, DeskChangeId)>, StoreError> {
    let mut batch = Batch::begin(db).await?;
    let Some(story) = super::story_decisions::survivor(&mut *batch.tx, story).await? else {
        return Ok(None);
    };
    let change = batch.number(story, "note", who, now, None, None).await?;
    let id = sqlx::query_scalar!(
        r#"INSERT INTO notes (story_id, change_id, author, written_at, text)
           VALUES ($1, $2, $3, $4, $5)
           RETURNING id AS "id: NoteId""#,
        story as StoryId,
        change as DeskChangeId,
        who,
        now as Timestamp,
        text,
    )
    .fetch_one(&mut *batch.tx)
    .await?;
    let names: Vec<String> = mentions.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "INSERT INTO note_mentions (note_id, user_id)
         SELECT $1, id FROM users WHERE name = ANY($2) AND disabled_at IS NULL AND name <> $3",
        id as NoteId,
        &names,
        who,
    )
    .execute(&mut *batch.tx)
    .await?;
    let change_row = Change {
        action: "note",
        subject_kind: "story",
        subject: story.to_string(),
        before: None,
        after: Some(json!({"note": id, "text": text})),
    };
    audit::record(&mut batch.tx, who, now, &[change_row]).await?;
    batch.commit().await?;
    Ok(Some((story, change)))
}

/// Takes changes back, the last one first: what stood before each stands again, unless something else was decided since.
///
/// # Errors
/// The database does not answer; nothing was taken back then.
pub async fn undo(
    db: &PgPool,
    changes: &[DeskChangeId],
    who: &str,
    now: Timestamp,
) -> Result<Vec<TakenBack>, StoreError> {
    let mut batch = Batch::begin(db).await?;
    let mut changes = changes.to_vec();
    changes.sort_unstable_by(|a, b| b.cmp(a));
    changes.dedup();
    let mut outcomes = Vec::new();
    for change in changes {
        outcomes.push(batch.undo(change, who, now).await?);
    }
    batch.commit().await?;
    Ok(outcomes)
}

impl Batch {
    async fn undo(
        &mut self,
        change: DeskChangeId,
        who: &str,
        now: Timestamp,
    ) -> Result<TakenBack, StoreError> {
        let Some(row) = sqlx::query!(
            r#"SELECT c.kind, c.actor, c.before, c.after, c.former, c.previous, c.undone_at,
                      coalesce(s.merged_into, s.id) AS "story!: StoryId"
                 FROM desk_changes c
                 JOIN stories s ON s.id = c.story_id
                WHERE c.id = $1"#,
            change as DeskChangeId,
        )
        .fetch_optional(&mut *self.tx)
        .await?
        else {
            return Ok(TakenBack::Missing);
        };
        let story = row.story;
        if row.undone_at.is_some() {
            return Ok(TakenBack::Already(story));
        }
        let is_undone = if row.kind == "note" {
            if row.actor != who {
                return Ok(TakenBack::NotYours(story));
            }
            remove_note(&mut self.tx, change, now).await?
        } else if let Some(former) = &row.former {
            restore(&mut self.tx, change, former).await?
        } else {
            let before = from_json(row.before.clone());
            restore_alike(&mut self.tx, change, &before, row.previous, now).await?
        };
        if !is_undone {
            return Ok(TakenBack::Superseded(story));
        }
        sqlx::query!(
            "UPDATE desk_changes SET undone_at = $2, undone_by = $3 WHERE id = $1",
            change as DeskChangeId,
            now as Timestamp,
            who,
        )
        .execute(&mut *self.tx)
        .await?;
        self.last += 1;
        desk_touches::touch(&mut self.tx, story, self.last).await?;
        let undone = Change {
            action: "undo",
            subject_kind: "story",
            subject: story.to_string(),
            before: Some(json!({"change": change, "kind": row.kind, "desk": row.after})),
            after: Some(json!({"desk": row.before})),
        };
        audit::record(&mut self.tx, who, now, &[undone]).await?;
        Ok(TakenBack::Done(story))
    }
}

async fn remove_note(
    tx: &mut PgConnection,
    change: DeskChangeId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let removed = sqlx::query!(
        "UPDATE notes SET removed_at = $2 WHERE change_id = $1 AND removed_at IS NULL",
        change as DeskChangeId,
        now as Timestamp,
    )
    .execute(tx)
    .await?;
    Ok(removed.rows_affected() > 0)
}

/// Puts back what stood before a change wherever the change still stands: of each story what was its own.
async fn restore(
    tx: &mut PgConnection,
    change: DeskChangeId,
    former: &Value,
) -> Result<bool, StoreError> {
    let stories = sqlx::query_scalar!(
        r#"DELETE FROM desk_states WHERE change_id = $1 RETURNING story_id AS "id!: i64""#,
        change as DeskChangeId
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!(
        "INSERT INTO desk_states (story_id, state, by, since, until, link, reason, assignee, reports, change_id)
         SELECT story_id, state, by, since, until, link, reason, assignee, reports, change_id
           FROM jsonb_populate_recordset(NULL::desk_states, $2)
          WHERE story_id = ANY($1)",
        &stories,
        former,
    )
    .execute(tx)
    .await?;
    Ok(!stories.is_empty())
}

/// The same for a change that was written down without the rows before it: one state for all of its stories.
async fn restore_alike(
    tx: &mut PgConnection,
    change: DeskChangeId,
    before: &Desk,
    previous: Option<i64>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(previous) = previous else {
        let restored = sqlx::query!(
            "DELETE FROM desk_states WHERE change_id = $1",
            change as DeskChangeId
        )
        .execute(tx)
        .await?;
        return Ok(restored.rows_affected() > 0);
    };
    let restored = sqlx::query!(
        "UPDATE desk_states
            SET state = $2, by = $3, since = $4, until = $5, link = $6, reason = $7, assignee = $8, reports = $9,
                change_id = $10
          WHERE change_id = $1",
        change as DeskChangeId,
        before.state.as_str(),
        before.by,
        before.since.unwrap_or(now) as Timestamp,
        before.until as Option<Timestamp>,
        before.link,
        before.reason.map(PassReason::as_str),
        before.assignee,
        before.reports,
        previous,
    )
    .execute(tx)
    .await?;
    Ok(restored.rows_affected() > 0)
}

/// Releases the claims that ran out. Returns how many.
///
/// # Errors
/// The database does not answer.
pub async fn release_expired(db: &PgPool, now: Timestamp) -> Result<usize, StoreError> {
    let waits = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM desk_states WHERE until <= $1) AS "exists!""#,
        now as Timestamp
    )
    .fetch_one(db)
    .await?;
    if !waits {
        return Ok(0);
    }
    let mut batch = Batch::begin(db).await?;
    let stories = sqlx::query_scalar!(
        r#"SELECT story_id AS "story: StoryId" FROM desk_states WHERE until <= $1 ORDER BY until LIMIT $2"#,
        now as Timestamp,
        MOST_EXPIRED,
    )
    .fetch_all(&mut *batch.tx)
    .await?;
    let mut count = 0;
    for before in batch.standing(&stories).await? {
        batch.expire(before, now).await?;
        count += 1;
    }
    batch.commit().await?;
    Ok(count)
}

/// What stands about these stories at an instant. Of a story that was merged, the one that took its members is told,
/// once.
///
/// # Errors
/// The database does not answer.
pub async fn of_stories(
    db: impl PgExecutor<'_>,
    stories: &[StoryId],
    now: Timestamp,
) -> Result<Vec<StoryDesk>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT s.id AS "story!: StoryId", s.reports AS "reports!",
                  ARRAY(SELECT g.id FROM stories g WHERE g.id = s.id OR g.merged_into = s.id) AS "group!: Vec<i64>",
                  (SELECT to_jsonb(d) FROM desk_of(s.id) d) AS "desk?: Value",
                  (SELECT count(*)
                     FROM stories g
                     JOIN notes n ON n.story_id = g.id
                    WHERE (g.id = s.id OR g.merged_into = s.id) AND n.removed_at IS NULL) AS "notes!"
             FROM stories s
            WHERE s.id IN (SELECT coalesce(merged_into, id) FROM stories WHERE id = ANY($1))
            ORDER BY s.id"#,
        stories as &[StoryId],
    )
    .fetch_all(db)
    .await?;
    let told = rows.into_iter().map(|row| StoryDesk {
        story: row.story,
        group: row.group,
        desk: from_json(row.desk).at(now),
        reports: row.reports,
        notes: row.notes,
    });
    Ok(told.collect())
}

/// The notes about a story and those that were merged into it, oldest first; at most 200, the latest.
///
/// # Errors
/// The database does not answer.
pub async fn notes(db: impl PgExecutor<'_>, story: StoryId) -> Result<Vec<Note>, StoreError> {
    let mut notes = sqlx::query_as!(
        Note,
        r#"SELECT n.id AS "id!: NoteId", n.story_id AS "story!: StoryId", n.change_id AS "change!: DeskChangeId",
                  n.author AS "author!", n.written_at AS "written_at!", n.text AS "text!"
             FROM stories g
             JOIN notes n ON n.story_id = g.id
            WHERE (g.id = $1 OR g.merged_into = $1) AND n.removed_at IS NULL
            ORDER BY n.id DESC
            LIMIT 200"#,
        story as StoryId,
    )
    .fetch_all(db)
    .await?;
    notes.reverse();
    Ok(notes)
}

/// The latest changes of a story and of those that were merged into it, the newest first.
///
/// # Errors
/// The database does not answer.
pub async fn changes(
    db: impl PgExecutor<'_>,
    story: StoryId,
    limit: i64,
) -> Result<Vec<DeskChange>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT c.id AS "id!: DeskChangeId", c.made_at AS "made_at!", c.actor AS "actor!", c.kind AS "kind!",
                  c.after AS "after?", c.undone_at AS "undone_at?",
                  (c.undone_at IS NULL AND (c.kind = 'note' OR EXISTS (SELECT
                                                                         FROM desk_states d
                                                                        WHERE d.story_id = g.id
                                                                          AND d.change_id = c.id))) AS "is_last!"
             FROM stories g
             JOIN desk_changes c ON c.story_id = g.id
            WHERE g.id = $1 OR g.merged_into = $1
            ORDER BY c.id DESC
            LIMIT $2"#,
        story as StoryId,
        limit,
    )
    .fetch_all(db)
    .await?;
    let changes = rows.into_iter().map(|row| DeskChange {
        id: row.id,
        made_at: row.made_at,
        actor: row.actor,
        kind: row.kind,
        after: row.after.map(|after| from_json(Some(after))),
        undone_at: row.undone_at,
        is_last: row.is_last,
    });
    Ok(changes.collect())
}

/// A note that mentions somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The story by now.
    pub story: StoryId,
    /// Headline of its first article.
    pub title: String,
    /// Language of that article.
    pub language: Option<String>,
    /// Who wrote.
    pub author: String,
    /// When.
    pub written_at: Timestamp,
    /// What.
    pub text: String,
    /// Whether it has not been seen.
    pub is_new: bool,
}

/// The latest notes that mention somebody, the newest first.
///
/// # Errors
/// The database does not answer.
pub async fn mentions_of(
    db: impl PgExecutor<'_>,
    user: UserId,
    limit: i64,
) -> Result<Vec<Mention>, StoreError> {
    Ok(sqlx::query_as!(
        Mention,
        r#"SELECT coalesce(s.merged_into, s.id) AS "story!: StoryId", coalesce(a.title, '') AS "title!",
                  a.language AS "language?", n.author AS "author!", n.written_at AS "written_at!", n.text AS "text!",
                  m.seen_at IS NULL AS "is_new!"
             FROM note_mentions m
             JOIN notes n ON n.id = m.note_id
             JOIN stories s ON s.id = n.story_id
             LEFT JOIN stories t ON t.id = coalesce(s.merged_into, s.id)
             LEFT JOIN articles a ON a.id = t.first_article_id
            WHERE m.user_id = $1 AND n.removed_at IS NULL
            ORDER BY m.note_id DESC
            LIMIT $2"#,
        user as UserId,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// Somebody has seen the notes that mention them.
///
/// # Errors
/// The database does not answer.
pub async fn see_mentions(db: &PgPool, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE note_mentions SET seen_at = $2 WHERE user_id = $1 AND seen_at IS NULL",
        user as UserId,
        now as Timestamp,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A story that is somebody's: claimed by them, given to them, or followed by the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldStory {
    /// The story.
    pub story: StoryId,
    /// Headline of its first article.
    pub title: String,
    /// Language of that article.
    pub language: Option<String>,
    /// Source of that article.
    pub source: String,
    /// Independent reports that it has.
    pub reports: i32,
    /// What stands.
    pub desk: Desk,
}

/// The stories that somebody claimed or was given, and those that the desk watches, the latest first.
///
/// # Errors
/// The database does not answer.
pub async fn held_by(
    db: impl PgExecutor<'_>,
    name: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<HeldStory>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT t.id AS "story!: StoryId", a.title AS "title!", a.language AS "language?", s.name AS "source!",
                  t.reports AS "reports!", (SELECT to_jsonb(d) FROM desk_of(t.id) d) AS "desk?: Value"
             FROM (SELECT DISTINCT coalesce(o.merged_into, o.id) AS id
                     FROM desk_states d
                     JOIN stories o ON o.id = d.story_id
                    WHERE (d.state = 'claimed' AND d.by = $1) OR d.state = 'watch'
                        OR (d.assignee = $1 AND d.state IN ('new', 'claimed'))) AS held
             JOIN stories t ON t.id = held.id
             JOIN articles a ON a.id = t.first_article_id
             JOIN sources s ON s.id = a.source_id
            ORDER BY t.last_report_at DESC NULLS LAST, t.id DESC
            LIMIT $2"#,
        name,
        limit,
    )
    .fetch_all(db)
    .await?;
    let held = rows.into_iter().map(|row| HeldStory {
        story: row.story,
        title: row.title,
        language: row.language,
        source: row.source,
        reports: row.reports,
        desk: from_json(row.desk).at(now),
    });
    Ok(held.collect())
}

/// The names of those who may work the desk.
///
/// # Errors
/// The database does not answer.
pub async fn workers(db: impl PgExecutor<'_>) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT name FROM users WHERE disabled_at IS NULL AND role <> 'viewer' ORDER BY name"
    )
    .fetch_all(db)
    .await?)
}
