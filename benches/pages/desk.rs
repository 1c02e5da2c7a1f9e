//! What a desk has made of its newest stories: states, notes, what its readers have seen.

use std::time::Duration;

use anyhow::Context as _;
use wirewatch::{
    domain::{
        Role, StoryId, Timestamp, UserId,
        desk::{PassReason, Wish},
    },
    store::{PgPool, desk, users},
};

/// Who reads and works.
const READERS: [&str; 12] = [
    "reader", "ada", "ben", "cho", "dina", "emil", "farah", "gus", "hana", "ivo", "jun", "kim",
];
/// Stories that the desk did something about.
const STORIES: i64 = 4_000;
/// Articles that each reader has seen.
const SEEN: i64 = 20_000;

/// The account that the pages are asked for by.
pub(crate) async fn reader(db: &PgPool) -> anyhow::Result<UserId> {
    let name = READERS[0].parse()?;
    users::by_name(db, &name)
        .await?
        .context("the database has no reader")
}

/// Fills in what a desk does.
pub(crate) async fn fill(db: &PgPool, now: Timestamp) -> anyhow::Result<()> {
    for reader in READERS {
        let name = reader.parse()?;
        users::add(db, &name, "", Role::Editor, None, "benchmark", now).await?;
    }
    let newest: Vec<i64> = sqlx::query_scalar("SELECT id FROM stories ORDER BY id DESC LIMIT $1")
        .bind(STORIES)
        .fetch_all(db)
        .await?;
    let wishes = [
        Wish::Claim,
        Wish::Use(Some("https://our.example/piece".to_owned())),
        Wish::Pass(PassReason::ALL[0]),
        Wish::Watch,
        Wish::Assign(Some(READERS[1].parse()?)),
    ];
    let claim_for = Duration::from_hours(2);
    for (number, some) in newest.chunks(100).enumerate() {
        let stories: Vec<StoryId> = some.iter().copied().map(StoryId::new).collect();
        let wish = &wishes[number % wishes.len()];
        let who = READERS[number % READERS.len()];
        desk::change(db, &stories, wish, None, who, claim_for, now).await?;
        for story in stories.iter().step_by(10) {
            desk::note(
                db,
                *story,
                "Seen elsewhere; ask the ministry.",
                &[],
                who,
                now,
            )
            .await?;
        }
    }
    sqlx::query(
        "INSERT INTO seen (user_id, article_id, seen_at)
         SELECT u.id, a.id, $2
           FROM users u
          CROSS JOIN (SELECT id FROM articles ORDER BY id DESC LIMIT 2 * $1) a
          WHERE (a.id + u.id) % 2 = 0",
    )
    .bind(SEEN)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}
