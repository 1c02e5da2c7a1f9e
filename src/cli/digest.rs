//! `wirewatch digest`: what digests there are, what one would tell now, and an issue at once.

use anyhow::{Context as _, ensure};
use jiff::tz::TimeZone;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{DigestCommand, Outcome, output, user::ACTOR};
use crate::{
    app::{Database, DigestParts, SystemClock},
    config::Settings,
    digest::{
        compose::preview,
        render::{self, Links},
        schedule,
    },
    domain::{Clock as _, Coverage, delivery::Kind},
    store::{
        PgPool, edition_page, editions, feed_health,
        subscriptions::{self, Stored, SubscriptionChange},
    },
    web::links,
};

/// Sources named in the statement of a preview.
const NAMED: usize = 8;

pub(super) async fn run(
    command: DigestCommand,
    json: bool,
    settings: &Settings,
) -> anyhow::Result<Outcome> {
    let database = Database::open_there(settings).await?;
    let db = &database.pool;
    let outcome = match command {
        DigestCommand::List => list(db, json).await,
        DigestCommand::Preview { name, html } => show(db, settings, &name, html, json).await,
        DigestCommand::Send { name } => send(db, settings, &name, json).await,
    };
    database.close().await;
    outcome
}

async fn list(db: &PgPool, json: bool) -> anyhow::Result<Outcome> {
    for stored in subscriptions::all(db).await? {
        let when = match stored.wanted.kind {
            Kind::Digest => schedule::in_words(&stored.wanted.schedule),
            other => other.to_string(),
        };
        if json {
            output::json(&json!({
                "slug": stored.slug,
                "name": stored.wanted.name,
                "kind": stored.wanted.kind,
                "schedule": stored.wanted.schedule,
                "keywords": stored.wanted.keywords,
                "is_paused": stored.paused_at.is_some(),
                "next_at": stored.next_at,
            }))?;
        } else {
            let rest = if stored.paused_at.is_some() {
                ", paused".to_owned()
            } else {
                stored
                    .next_at
                    .filter(|_| stored.wanted.kind == Kind::Digest)
                    .map_or_else(String::new, |at| format!(", next {at}"))
            };
            let (slug, name) = (&stored.slug, &stored.wanted.name);
            output::line(&format!("{slug}\t{name}\t{when}{rest}"));
        }
    }
    Ok(Outcome::Done)
}

async fn named(db: &PgPool, name: &str) -> anyhow::Result<Stored> {
    subscriptions::by_slug(db, name)
        .await?
        .with_context(|| format!("there is no digest {name}; wirewatch digest list names them"))
}

fn base(settings: &Settings) -> String {
    links::base(&settings.web, settings.server.listen)
}

/// What an issue composed now would hold. Nothing is settled by it.
async fn show(
    db: &PgPool,
    settings: &Settings,
    name: &str,
    html: bool,
    json: bool,
) -> anyhow::Result<Outcome> {
    let now = SystemClock.now();
    let stored = named(db, name).await?;
    ensure!(
        stored.wanted.kind != Kind::Trouble,
        "{name} tells of feeds; wirewatch doctor says how they stand"
    );
    let due = editions::preview(db, stored.id, now).await?;
    let collection = Coverage::of(&feed_health::collection(db).await?, now).sentence(now, NAMED);
    let edition = preview(&stored.to_subscription(), &due, &collection, now);
    if json {
        output::json(&edition)?;
        return Ok(Outcome::Done);
    }
    let base = base(settings);
    let links = Links {
        base: &base,
        unsubscribe: None,
    };
    let zone = TimeZone::get(&edition.zone)?;
    let mail = render::mail(&edition, &zone, links)?;
    output::line(if html { &mail.html } else { &mail.text });
    Ok(Outcome::Done)
}

/// Composes an issue now and delivers what waits.
async fn send(db: &PgPool, settings: &Settings, name: &str, json: bool) -> anyhow::Result<Outcome> {
    let stored = named(db, name).await?;
    ensure!(
        stored.wanted.kind != Kind::Trouble,
        "{name} tells of feeds when there is something to tell; it has no issues"
    );
    let clock = std::sync::Arc::new(SystemClock);
    let asked = subscriptions::ask_run(db, name, ACTOR, clock.now()).await?;
    ensure!(
        matches!(asked, SubscriptionChange::Done(_)),
        "{name} is paused; resume it first"
    );
    let parts = DigestParts::build(db, settings, base(settings), clock).await?;
    parts.composer.step().await?;
    parts.deliverer.step(&CancellationToken::new()).await?;
    let issued = edition_page::issued(db, stored.id, 1).await?;
    let issue = issued.first().context("no issue came of it")?;
    if json {
        output::json(&json!({
            "issue": issue.key.to_string(),
            "state": issue.state,
            "subject": issue.subject,
            "sent": issue.sent,
            "waiting": issue.waiting,
            "failed": issue.failed,
        }))?;
    } else {
        let subject = issue.subject.as_deref().unwrap_or_default();
        output::line(&format!(
            "{}: {subject}\n{} sent, {} waiting, {} failed",
            issue.key, issue.sent, issue.waiting, issue.failed
        ));
    }
    Ok(if issue.failed == 0 {
        Outcome::Done
    } else {
        Outcome::SaidNo
    })
}
