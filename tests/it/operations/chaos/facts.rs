//! What came of a run, and which invariants it breaks. The numbers are those of the list of invariants.

use std::collections::{BTreeMap, BTreeSet};

use wirewatch::store::PgPool;

use crate::{
    digests::{mime::Mail, smtp::Taken},
    worker::count,
};

/// What came of it.
pub(super) struct Facts {
    /// What was published and matches: title by address.
    published: BTreeMap<String, String>,
    /// What is stored: address and title.
    pub(super) articles: Vec<(String, String)>,
    unplaced: i64,
    /// Editions that were released.
    pub(super) editions: i64,
    /// Articles that a subscription has not told, and does not know why.
    untold: i64,
    /// Of each subscription, how often each article stands in what its released editions say.
    tellings: Vec<(String, i64, i64)>,
    /// What the mail server took: recipient, Message-ID, and all of it.
    pub(super) letters: Vec<(String, String, Vec<u8>)>,
    /// Message-IDs that are told to be sent.
    sent: BTreeSet<String>,
    /// Feeds without a next check.
    without_check: i64,
    /// Requests for forbidden addresses.
    forbidden: u64,
    /// Runs that were asked for, subscriptions and recipients, without a row of the audit.
    unaudited: i64,
    /// Articles by their numbers.
    ids: BTreeSet<i64>,
    /// What a live client saw.
    seen: BTreeSet<i64>,
    /// What a pulling client got, in order.
    pulled: Vec<i64>,
}

impl Facts {
    pub(super) async fn read(
        db: &PgPool,
        published: BTreeMap<String, String>,
        taken: Vec<Taken>,
        seen: BTreeSet<i64>,
        pulled: Vec<i64>,
        forbidden: u64,
    ) -> Self {
        let articles: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT id, url, title FROM articles ORDER BY id")
                .fetch_all(db)
                .await
                .unwrap();
        let sent: Vec<String> =
            sqlx::query_scalar("SELECT message_id FROM deliveries WHERE state = 'sent'")
                .fetch_all(db)
                .await
                .unwrap();
        // An article is told by its address, which stands in exactly one line of one edition, or in none if its story
        // was told by another of its articles.
        let tellings: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT s.slug, a.id, count(*)
               FROM editions e
               JOIN subscriptions s ON s.id = e.subscription_id
              CROSS JOIN LATERAL json_array_elements(e.body -> 'sections') AS sections (section)
              CROSS JOIN LATERAL json_array_elements(section -> 'lines') AS lines (line)
               JOIN articles a ON a.url = line ->> 'url'
              WHERE e.state = 'released' AND NOT COALESCE((e.body ->> 'is_test')::boolean, false)
              GROUP BY s.slug, a.id",
        )
        .fetch_all(db)
        .await
        .unwrap();
        Self {
            published,
            unplaced: count(db, "articles WHERE arrival IS NULL").await,
            editions: count(db, "editions WHERE state = 'released'").await,
            untold: count(
                db,
                "subscriptions s CROSS JOIN matches m
                  WHERE m.closed_at IS NULL AND NOT m.is_backfill AND NOT EXISTS (
                        SELECT FROM edition_members e WHERE e.subscription_id = s.id AND e.article_id = m.article_id)",
            )
            .await,
            tellings,
            letters: taken
                .into_iter()
                .map(|letter| {
                    let id = Mail::read(&letter.bytes).one("message-id");
                    (letter.recipient, id, letter.bytes)
                })
                .collect(),
            sent: sent.into_iter().map(|id| format!("<{id}>")).collect(),
            without_check: count(
                db,
                "feeds WHERE (next_poll_at IS NULL) <> (state = 'paused')",
            )
            .await,
            forbidden,
            unaudited: count(
                db,
                "subscriptions s
                  WHERE NOT EXISTS (SELECT FROM audit a WHERE a.action = 'add' AND a.subject = s.slug)",
            )
            .await,
            ids: articles.iter().map(|(id, ..)| *id).collect(),
            articles: articles
                .into_iter()
                .map(|(_, url, title)| (url, title))
                .collect(),
            seen,
            pulled,
        }
    }
}

/// What is broken, each with the number of its invariant.
pub(super) fn violations(facts: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    stored(facts, &mut found);
    told(facts, &mut found);
    letters(facts, &mut found);
    if facts.without_check > 0 {
        found.push(format!(
            "4: {} feeds have no next check",
            facts.without_check
        ));
    }
    if facts.forbidden > 0 {
        found.push(format!(
            "5: {} requests for a forbidden address",
            facts.forbidden
        ));
    }
    if facts.unaudited > 0 {
        found.push(format!(
            "6: {} changes without a row of the audit",
            facts.unaudited
        ));
    }
    watched(facts, &mut found);
    found
}

fn stored(facts: &Facts, found: &mut Vec<String>) {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for (url, title) in &facts.articles {
        *times.entry(url.as_str()).or_default() += 1;
        match facts.published.get(url) {
            None => found.push(format!("1: {url} was never published")),
            Some(published) if published != title => {
                found.push(format!("1: {url} is {title:?}, and was {published:?}"));
            }
            Some(_) => {}
        }
    }
    for url in facts.published.keys() {
        if !times.contains_key(url.as_str()) {
            found.push(format!("1: {url} is lost"));
        }
    }
    for (url, times) in times.iter().filter(|(_, times)| **times > 1) {
        found.push(format!("1: {url} is stored {times} times"));
    }
    if facts.unplaced > 0 {
        found.push(format!("1: {} articles have no number", facts.unplaced));
    }
}

fn told(facts: &Facts, found: &mut Vec<String>) {
    if facts.untold > 0 {
        found.push(format!("2: {} articles are in no edition", facts.untold));
    }
    for (subscription, article, times) in &facts.tellings {
        if *times > 1 {
            found.push(format!(
                "2: {subscription} told article {article} {times} times"
            ));
        }
    }
}

fn letters(facts: &Facts, found: &mut Vec<String>) {
    let mut by_id: BTreeMap<(&str, &str), &[u8]> = BTreeMap::new();
    for (recipient, id, bytes) in &facts.letters {
        let first = by_id
            .entry((recipient.as_str(), id.as_str()))
            .or_insert(bytes.as_slice());
        if *first != bytes.as_slice() {
            found.push(format!("3: {id} came to {recipient} with other content"));
        }
    }
    let taken: BTreeSet<&str> = by_id.keys().map(|(_, id)| *id).collect();
    for id in &facts.sent {
        if !taken.contains(id.as_str()) {
            found.push(format!("3: {id} is told to be sent, and nobody took it"));
        }
    }
}

fn watched(facts: &Facts, found: &mut Vec<String>) {
    let missed: Vec<_> = facts.ids.difference(&facts.seen).collect();
    if !missed.is_empty() {
        found.push(format!("7: a live client never saw {missed:?}"));
    }
    let pulled: BTreeSet<i64> = facts.pulled.iter().copied().collect();
    if pulled.len() != facts.pulled.len() {
        found.push("7: a pulling client got an article twice".to_owned());
    }
    let missed: Vec<_> = facts.ids.difference(&pulled).collect();
    if !missed.is_empty() {
        found.push(format!("7: a pulling client never got {missed:?}"));
    }
}
