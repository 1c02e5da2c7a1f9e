//! What came of a run, and which invariants it breaks. The numbers are those of the list of invariants.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::HeaderMap;
use wirewatch::{digest::webhook, store::PgPool};

use crate::{
    digests::{mime::Mail, smtp::Taken},
    worker::count,
};

/// What is known without the database.
pub(super) struct Outside {
    /// What was published and matches: title by address.
    pub(super) published: BTreeMap<String, String>,
    /// What the mail server took.
    pub(super) letters: Vec<Taken>,
    /// What the receiver of webhooks got.
    pub(super) posts: Vec<(HeaderMap, String)>,
    /// The articles that a live client saw.
    pub(super) seen: BTreeSet<i64>,
    /// The articles that a pulling client got, in order.
    pub(super) pulled: Vec<i64>,
    /// Requests for forbidden addresses.
    pub(super) forbidden: u64,
    /// What each process said.
    pub(super) words: Vec<String>,
}

/// What came of it.
pub(super) struct Facts {
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
    /// The articles that each letter is to tell, by its Message-ID: frozen before it was sent.
    frozen: BTreeMap<String, BTreeSet<String>>,
    /// What the receiver of webhooks got.
    pub(super) posts: Vec<(HeaderMap, String)>,
    /// The secret of its signatures.
    secret: Vec<u8>,
    /// Message-IDs of mails that are told to be sent.
    sent: BTreeSet<String>,
    /// Identifiers of webhooks that are told to be sent.
    posted: BTreeSet<String>,
    /// Deliveries that never came to be sent, but for those to the forbidden address.
    unsent: i64,
    /// Feeds without a next check, or with one that is too far or was missed.
    without_check: Vec<String>,
    /// Requests for forbidden addresses.
    forbidden: u64,
    /// Whether webhooks, trials and pages of the forbidden address were refused, as they are to be.
    unrefused: i64,
    /// What was changed without a row of the audit: the kind, and how often.
    unaudited: Vec<(&'static str, i64)>,
    /// Claims of nobody that are not over.
    stuck: i64,
    /// Lines that tell of a panic.
    panics: Vec<String>,
    /// Articles by their numbers.
    ids: BTreeSet<i64>,
    /// What a live client saw.
    seen: BTreeSet<i64>,
    /// What a pulling client got, in order.
    pulled: Vec<i64>,
}

/// What was changed, and how to find changes without a row of the audit.
const UNAUDITED: [(&str, &str); 7] = [
    (
        "digest",
        "subscriptions s WHERE NOT EXISTS (
             SELECT FROM audit a WHERE a.action = 'add' AND a.subject_kind = 'digest' AND a.subject = s.slug)",
    ),
    (
        "recipient",
        "recipients r JOIN subscriptions s ON s.id = r.subscription_id WHERE NOT EXISTS (
             SELECT FROM audit a WHERE a.action = 'add' AND a.subject_kind = 'recipient' AND a.subject = s.slug
                AND a.after ->> 'address' = r.address)",
    ),
    (
        "feed",
        "feeds f WHERE (
             SELECT count(*) FROM audit a
              WHERE a.action = 'add' AND a.subject_kind = 'feed' AND a.subject = f.url) <> 1",
    ),
    (
        "user",
        "users u FULL JOIN (SELECT * FROM audit WHERE action = 'add' AND subject_kind = 'user') a ON a.subject = u.name
         WHERE u.name IS NULL OR a.subject IS NULL",
    ),
    (
        "role",
        "users u WHERE u.role <> (
             SELECT a.after ->> 'role' FROM audit a
              WHERE a.subject_kind = 'user' AND a.subject = u.name AND a.after ? 'role'
              ORDER BY a.id DESC LIMIT 1)",
    ),
    (
        "version of a keyword",
        "keywords k WHERE (SELECT count(*) FROM keyword_versions v WHERE v.keyword_id = k.id) <> (
             SELECT count(*) FROM audit a
              WHERE a.subject_kind = 'keyword' AND a.subject = k.slug AND a.action IN ('add', 'change'))",
    ),
    (
        "query of a keyword",
        "keywords k WHERE k.query <> (
             SELECT a.after ->> 'query' FROM audit a
              WHERE a.subject_kind = 'keyword' AND a.subject = k.slug ORDER BY a.id DESC LIMIT 1)",
    ),
];

/// Message-IDs or identifiers of a channel that are told to be sent.
async fn sent_by(db: &PgPool, channel: &str) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT d.message_id FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
          WHERE d.state = 'sent' AND r.channel = $1",
    )
    .bind(channel)
    .fetch_all(db)
    .await
    .unwrap()
}

/// How feeds stand of which this holds, for whoever looks for what went wrong.
pub(super) async fn feeds(db: &PgPool, condition: &str) -> Vec<String> {
    let query = format!(
        "SELECT concat_ws(' ', f.url, f.state, 'next', f.next_poll_at, f.next_poll_reason, 'tried', f.last_attempt_at,
                f.last_error_code, 'failures', f.consecutive_failures, 'leased', f.lease_until, 'now', now())
           FROM feeds f WHERE {condition} ORDER BY f.id"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .fetch_all(db)
        .await
        .unwrap()
}

/// The articles that the edition of each delivery shows.
async fn frozen(db: &PgPool) -> BTreeMap<String, BTreeSet<String>> {
    let lines: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT d.message_id, line ->> 'url'
           FROM deliveries d
           JOIN editions e ON e.id = d.edition_id
           LEFT JOIN LATERAL json_array_elements(e.body -> 'sections') AS sections (section) ON true
           LEFT JOIN LATERAL json_array_elements(section -> 'lines') AS lines (line) ON true
          WHERE NOT COALESCE((line ->> 'is_left_out')::boolean, false)",
    )
    .fetch_all(db)
    .await
    .unwrap();
    let mut frozen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, url) in lines {
        frozen.entry(format!("<{id}>")).or_default().extend(url);
    }
    frozen
}

impl Facts {
    pub(super) async fn read(db: &PgPool, outside: Outside) -> Self {
        let mut unaudited = Vec::new();
        for (kind, query) in UNAUDITED {
            unaudited.push((kind, count(db, query).await));
        }
        let articles: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT id, url, title FROM articles ORDER BY id")
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
            published: outside.published,
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
            letters: outside
                .letters
                .into_iter()
                .map(|letter| {
                    let id = Mail::read(&letter.bytes).one("message-id");
                    (letter.recipient, id, letter.bytes)
                })
                .collect(),
            frozen: frozen(db).await,
            posts: outside.posts,
            secret: sqlx::query_scalar("SELECT secret FROM recipients WHERE address LIKE '%/hook'")
                .fetch_one(db)
                .await
                .unwrap(),
            sent: sent_by(db, "mail")
                .await
                .into_iter()
                .map(|id| format!("<{id}>"))
                .collect(),
            posted: sent_by(db, "webhook").await.into_iter().collect(),
            unsent: count(
                db,
                "deliveries d JOIN recipients r ON r.id = d.recipient_id
                  WHERE d.state <> 'sent' AND r.address NOT LIKE '%/secret'",
            )
            .await,
            without_check: feeds(
                db,
                "(next_poll_at IS NULL) <> (state = 'paused') OR next_poll_at < now() - interval '90 s'
                 OR consecutive_failures = 0 AND next_poll_at > now() + interval '1 min'",
            )
            .await,
            forbidden: outside.forbidden,
            unrefused: count(
                db,
                "(SELECT FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
                   WHERE d.state <> 'dead' AND r.address LIKE '%/secret'
                   UNION ALL SELECT FROM wanted_pages WHERE state <> 'failed'
                   UNION ALL SELECT FROM trials WHERE outcome IS NULL) AS refused_not",
            )
            .await,
            unaudited,
            stuck: count(
                db,
                "(SELECT FROM feeds WHERE lease_until < now() - interval '20 s'
                   UNION ALL SELECT FROM deliveries WHERE state = 'waiting') AS stuck",
            )
            .await,
            panics: outside
                .words
                .iter()
                .flat_map(|words| words.lines())
                .filter(|line| line.contains("panicked"))
                .map(str::to_owned)
                .collect(),
            ids: articles.iter().map(|(id, ..)| *id).collect(),
            articles: articles
                .into_iter()
                .map(|(_, url, title)| (url, title))
                .collect(),
            seen: outside.seen,
            pulled: outside.pulled,
        }
    }
}

/// What is broken, each with the number of its invariant.
pub(super) fn violations(facts: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    stored(facts, &mut found);
    told(facts, &mut found);
    letters(facts, &mut found);
    posts(facts, &mut found);
    for feed in &facts.without_check {
        found.push(format!("4: no next check, or none soon: {feed}"));
    }
    if facts.forbidden > 0 {
        found.push(format!(
            "5: {} requests for a forbidden address",
            facts.forbidden
        ));
    }
    if facts.unrefused > 0 {
        found.push(format!(
            "5: {} requests for a forbidden address were not refused",
            facts.unrefused
        ));
    }
    for (kind, times) in &facts.unaudited {
        if *times > 0 {
            found.push(format!(
                "6: {times} changes of a {kind} without a row of the audit"
            ));
        }
    }
    watched(facts, &mut found);
    if facts.stuck > 0 {
        found.push(format!("{} claims were never given back", facts.stuck));
    }
    found.extend(facts.panics.iter().cloned());
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
    let mut told: BTreeSet<(&str, String)> = BTreeSet::new();
    for ((recipient, id), bytes) in by_id {
        // What is no edition's tells of none.
        let Some(frozen) = facts.frozen.get(id) else {
            continue;
        };
        let links = Mail::read(bytes).links().into_iter();
        let links: BTreeSet<String> = links
            .filter(|link| link.starts_with("https://news.example/"))
            .collect();
        if links != *frozen {
            found.push(format!(
                "2: {id} tells other articles than its edition holds"
            ));
        }
        for link in links {
            if !told.insert((recipient, link.clone())) {
                found.push(format!("2: two letters tell {recipient} of {link}"));
            }
        }
    }
}

fn posts(facts: &Facts, found: &mut Vec<String>) {
    let mut by_id: BTreeMap<&str, &str> = BTreeMap::new();
    for (headers, body) in &facts.posts {
        let header = |name: &str| headers[name].to_str().unwrap();
        let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
        let signature = webhook::signature(&facts.secret, id, at.parse().unwrap(), body);
        if header("webhook-signature") != signature {
            found.push(format!("3: {id} is not signed well"));
        }
        if by_id.entry(id).or_insert(body) != body {
            found.push(format!("3: {id} was posted with other content"));
        }
    }
    for id in &facts.posted {
        if !by_id.contains_key(id.as_str()) {
            found.push(format!("3: {id} is told to be posted, and nobody got it"));
        }
    }
    if facts.unsent > 0 {
        found.push(format!("3: {} deliveries were given up", facts.unsent));
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
