//! What the desk decides about stories: articles together or apart. Each decision is a row that outlives every
//! regrouping, has its audit row, and can be taken back.

use serde_json::json;
use sqlx::{PgConnection, PgExecutor};

use super::{
    PgPool, StoreError,
    audit::{self, Change},
    desk_touches,
    stories::{self, Link},
};
use crate::domain::{ArticleId, DecisionId, StoryId, Timestamp};

/// What came of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// Done; this is the story to look at.
    Done(StoryId),
    /// There is no such article, story or decision.
    Missing,
    /// Nothing to do: the article is alone in its story, both stories are one, the decision was taken back already.
    Nothing(StoryId),
}

/// A decision as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its number.
    pub id: DecisionId,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub actor: String,
    /// `together` or `apart`.
    pub kind: String,
    /// How many articles changed their story by it.
    pub moved: i32,
    /// Headline of the first of them.
    pub title: String,
    /// The story that they left.
    pub from_story: StoryId,
    /// The story that they went to.
    pub into_story: StoryId,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
}

/// The links of the decisions that stand, oldest first.
pub(super) async fn links(tx: &mut PgConnection) -> Result<Vec<Link>, StoreError> {
    Ok(sqlx::query_as!(
        Link,
        r#"SELECT article AS "article!", other AS "other!", kind = 'together' AS "is_together!"
             FROM story_decisions,
                  LATERAL UNNEST(articles) AS article,
                  LATERAL UNNEST(others) AS other
            WHERE undone_at IS NULL
            ORDER BY id"#
    )
    .fetch_all(tx)
    .await?)
}

struct Wish<'a> {
    kind: &'static str,
    articles: &'a [i64],
    others: &'a [i64],
    moved: &'a [i64],
    from: StoryId,
    into: StoryId,
    /// Stories that had been merged into the one that ends.
    followers: &'a [i64],
    /// The article that is no copy any more, and of which one it was.
    unfolded: Option<(i64, i64)>,
}

/// Moves an article out of its story, its copies with it.
///
/// # Errors
/// The database does not answer; nothing was decided then.
pub async fn move_out(
    db: &PgPool,
    article: ArticleId,
    actor: &str,
    now: Timestamp,
) -> Result<Decided, StoreError> {
    let mut tx = super::begin(db).await?;
    let state = stories::lock(&mut tx).await?;
    let Some(from) = story_of(&mut *tx, article).await? else {
        return Ok(Decided::Missing);
    };
    let members = sqlx::query!(
        r#"SELECT article_id, copy_of, (article_id = $2 OR coalesce(copy_of = $2, false)) AS "leaves!"
             FROM story_members
            WHERE story_id = $1
            ORDER BY article_id"#,
        from as StoryId,
        article as ArticleId,
    )
    .fetch_all(&mut *tx)
    .await?;
    let part = |leaves: bool| -> Vec<i64> {
        members
            .iter()
            .filter(|member| member.leaves == leaves)
            .map(|member| member.article_id.get())
            .collect()
    };
    let (leaving, staying) = (part(true), part(false));
    if staying.is_empty() {
        return Ok(Decided::Nothing(from));
    }
    let into = StoryId::new(state.last_story + 1);
    sqlx::query!("UPDATE grouping SET last_story = $1", into.get())
        .execute(&mut *tx)
        .await?;
    stories::create(&mut tx, &[into.get()], now).await?;
    stories::relocate(&mut tx, &leaving, into).await?;
    let original = members
        .iter()
        .find(|member| member.article_id == article)
        .and_then(|member| member.copy_of);
    // Apart from its original it is no copy any more.
    sqlx::query!(
        "UPDATE story_members SET copy_of = NULL WHERE article_id = $1",
        article as ArticleId
    )
    .execute(&mut *tx)
    .await?;
    stories::count(&mut tx, &[from.get(), into.get()]).await?;
    let wish = Wish {
        kind: "apart",
        articles: &leaving,
        others: &staying,
        moved: &leaving,
        from,
        into,
        followers: &[],
        unfolded: original.map(|original| (article.get(), original.get())),
    };
    record(&mut tx, &wish, actor, now).await?;
    tx.commit().await?;
    Ok(Decided::Done(from))
}

/// Merges a story into another one.
///
/// # Errors
/// The database does not answer; nothing was decided then.
pub async fn merge(
    db: &PgPool,
    from: StoryId,
    into: StoryId,
    actor: &str,
    now: Timestamp,
) -> Result<Decided, StoreError> {
    let mut tx = super::begin(db).await?;
    stories::lock(&mut tx).await?;
    let (Some(from), Some(into)) = (
        survivor(&mut *tx, from).await?,
        survivor(&mut *tx, into).await?,
    ) else {
        return Ok(Decided::Missing);
    };
    if from == into {
        return Ok(Decided::Nothing(into));
    }
    let moved = member_ids(&mut tx, from).await?;
    let others = member_ids(&mut tx, into).await?;
    let followers = followers(&mut *tx, from).await?;
    stories::merge(&mut tx, from, into).await?;
    stories::count(&mut tx, &[from.get(), into.get()]).await?;
    let wish = Wish {
        kind: "together",
        articles: &moved,
        // One of them stands for the story: all of it is one anyway.
        others: others.get(..1).unwrap_or_default(),
        moved: &moved,
        from,
        into,
        followers: &followers,
        unfolded: None,
    };
    record(&mut tx, &wish, actor, now).await?;
    tx.commit().await?;
    Ok(Decided::Done(into))
}

/// Takes a decision back: the articles that it moved return to the story that they left.
///
/// # Errors
/// The database does not answer; the decision stands then.
pub async fn undo(
    db: &PgPool,
    decision: DecisionId,
    actor: &str,
    now: Timestamp,
) -> Result<Decided, StoreError> {
    let mut tx = super::begin(db).await?;
    stories::lock(&mut tx).await?;
    let Some(row) = sqlx::query!(
        "SELECT kind, moved, from_story, into_story, followers, copies, originals, undone_at
           FROM story_decisions
          WHERE id = $1
            FOR UPDATE",
        decision as DecisionId,
    )
    .fetch_optional(&mut *tx)
    .await?
    else {
        return Ok(Decided::Missing);
    };
    if row.undone_at.is_some() {
        return Ok(Decided::Nothing(row.from_story));
    }
    let back = if row.kind == "together" {
        row.from_story
    } else {
        survivor(&mut *tx, row.from_story)
            .await?
            .unwrap_or(row.from_story)
    };
    // What went elsewhere since was decided, or grouped, after it, and stays there.
    let there = survivor(&mut *tx, row.into_story)
        .await?
        .unwrap_or(row.into_story);
    let moved = sqlx::query_scalar!(
        r#"SELECT article_id AS "id!: i64" FROM story_members WHERE article_id = ANY($1) AND story_id = $2"#,
        &row.moved,
        there as StoryId,
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut touched = vec![back.get(), there.get()];
    if !moved.is_empty() {
        touched.extend(stories::relocate(&mut tx, &moved, back).await?);
        fold_again(&mut tx, &row.copies, &row.originals, back).await?;
        follow_again(&mut tx, &row.followers, there, back).await?;
    }
    stories::count(&mut tx, &touched).await?;
    // A story that the undoing emptied leads to where its articles are, and so do those that were merged into it.
    sqlx::query!(
        "UPDATE stories
            SET merged_into = $1
           FROM stories emptied
          WHERE emptied.id = ANY($2)
            AND emptied.articles = 0
            AND emptied.id <> $1
            AND (stories.id = emptied.id OR stories.merged_into = emptied.id)
            AND stories.id <> $1",
        back as StoryId,
        &touched,
    )
    .execute(&mut *tx)
    .await?;
    desk_touches::regrouped(&mut tx, touched).await?;
    sqlx::query!(
        "UPDATE story_decisions SET undone_at = $2, undone_by = $3 WHERE id = $1",
        decision as DecisionId,
        now as Timestamp,
        actor,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("UPDATE grouping SET decisions = decisions + 1")
        .execute(&mut *tx)
        .await?;
    let change = Change {
        action: "undo",
        subject_kind: "story",
        subject: row.from_story.to_string(),
        before: Some(
            json!({"decision": decision, "kind": row.kind, "articles": row.moved, "story": row.into_story}),
        ),
        after: Some(json!({"story": back})),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(Decided::Done(back))
}

/// Articles that stopped being copies are copies again, where they came back to the story of their original.
async fn fold_again(
    tx: &mut PgConnection,
    copies: &[i64],
    originals: &[i64],
    back: StoryId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE story_members
            SET copy_of = former.original
           FROM UNNEST($1::bigint[], $2::bigint[]) AS former (copy, original)
           JOIN story_members o ON o.article_id = former.original
          WHERE story_members.article_id = former.copy
            AND story_members.story_id = $3
            AND story_members.copy_of IS NULL
            AND o.story_id = $3",
        copies,
        originals,
        back as StoryId,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Stories that had been merged into one that is freed lead to it again, but for those that went elsewhere since.
async fn follow_again(
    tx: &mut PgConnection,
    followers: &[i64],
    there: StoryId,
    back: StoryId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE stories SET merged_into = $3 WHERE id = ANY($1) AND merged_into = $2 AND id <> $3",
        followers,
        there as StoryId,
        back as StoryId,
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn record(
    tx: &mut PgConnection,
    wish: &Wish<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (copies, originals): (Vec<i64>, Vec<i64>) = wish.unfolded.into_iter().unzip();
    let id = sqlx::query_scalar!(
        "INSERT INTO story_decisions (made_at, actor, kind, articles, others, moved, from_story, into_story, followers,
                                      copies, originals)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         RETURNING id",
        now as Timestamp,
        actor,
        wish.kind,
        wish.articles,
        wish.others,
        wish.moved,
        wish.from as StoryId,
        wish.into as StoryId,
        wish.followers,
        &copies,
        &originals,
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query!("UPDATE grouping SET decisions = decisions + 1")
        .execute(&mut *tx)
        .await?;
    desk_touches::regrouped(&mut *tx, [wish.from.get(), wish.into.get()]).await?;
    let change = Change {
        action: if wish.kind == "together" {
            "merge"
        } else {
            "split"
        },
        subject_kind: "story",
        subject: wish.from.to_string(),
        before: Some(json!({"story": wish.from, "articles": wish.moved})),
        after: Some(json!({"story": wish.into, "decision": id})),
    };
    audit::record(tx, actor, now, &[change]).await
}

pub(super) async fn story_of(
    db: impl PgExecutor<'_>,
    article: ArticleId,
) -> Result<Option<StoryId>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT story_id FROM story_members WHERE article_id = $1",
        article as ArticleId
    )
    .fetch_optional(db)
    .await?)
}

/// The story itself, or the one that took its members.
pub(super) async fn survivor(
    db: impl PgExecutor<'_>,
    story: StoryId,
) -> Result<Option<StoryId>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT coalesce(merged_into, id) AS "id!: StoryId" FROM stories WHERE id = $1"#,
        story as StoryId
    )
    .fetch_optional(db)
    .await?)
}

/// The stories that were merged into one.
async fn followers(db: impl PgExecutor<'_>, story: StoryId) -> Result<Vec<i64>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id!: i64" FROM stories WHERE merged_into = $1 ORDER BY id"#,
        story as StoryId
    )
    .fetch_all(db)
    .await?)
}

async fn member_ids(tx: &mut PgConnection, story: StoryId) -> Result<Vec<i64>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT article_id FROM story_members WHERE story_id = $1 ORDER BY article_id",
        story as StoryId
    )
    .fetch_all(tx)
    .await?;
    Ok(ids.into_iter().map(ArticleId::get).collect())
}

/// The latest decisions, the newest first; of one story, or of all.
///
/// # Errors
/// The database does not answer.
pub async fn latest(
    db: impl PgExecutor<'_>,
    story: Option<StoryId>,
    limit: i64,
) -> Result<Vec<Decision>, StoreError> {
    Ok(sqlx::query_as!(
        Decision,
        r#"SELECT d.id, d.made_at, d.actor, d.kind, cardinality(d.moved) AS "moved!",
                  coalesce(a.title, '') AS "title!", d.from_story, d.into_story, d.undone_at
             FROM story_decisions d
             LEFT JOIN articles a ON a.id = d.moved[1]
            WHERE $1::bigint IS NULL OR d.from_story = $1 OR d.into_story = $1
            ORDER BY d.id DESC
            LIMIT $2"#,
        story.map(StoryId::get),
        limit,
    )
    .fetch_all(db)
    .await?)
}
