//! Everything at once, with faults: feeds, mail, webhooks, people who change things, two workers, two webs, a digest
//! process, PostgreSQL on a small disk behind a proxy that cuts and delays. Processes are killed and ended, clocks jump,
//! PostgreSQL crashes, stands still and has no room; then every invariant is checked.
//!
//! A seed draws the faults. `CHAOS_SECONDS=300 CHAOS_SEED=7 cargo test --test it operations::chaos` runs for longer, or
//! runs that again.

mod facts;
mod faults;
mod people;
mod watchers;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use wirewatch::{
    app::SystemClock,
    domain::{
        Clock as _,
        delivery::{Channel, WebhookForm},
    },
    store::{
        self, PgPool,
        recipients::{self, NewRecipient},
        subscriptions::{self, SubscriptionChange},
    },
};

use self::{
    facts::{Facts, Outside, violations},
    people::People,
    watchers::{Puller, Viewer},
};
use super::{
    machine::{Database, Machine, Process, client, comes, until},
    proxy::Proxy,
    publisher::Publisher,
};
use crate::{
    dice::{Dice, asked},
    digests::{
        desk::daily,
        receiver::Receiver,
        smtp::{Mood, SmtpServer},
    },
    worker::{beat, count},
};

/// How long faults last where nobody says otherwise.
const SECONDS: u64 = 30;

/// A web that does not answer by then is taken for one that stands still.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Faults and changes at least, however long that takes on a busy machine.
const STRIKES: u64 = 5;
const CHANGES: u64 = 3;

const FEEDS: usize = 12;

/// Everything published is stored so soon after the last fault.
const PATIENCE: Duration = Duration::from_mins(5);

/// Everything that runs.
struct World {
    database: Database,
    db: PgPool,
    proxy: Proxy,
    publisher: Publisher,
    smtp: SmtpServer,
    receiver: Receiver,
    processes: Vec<Process>,
    viewer: Viewer,
    puller: Puller,
    /// Requests for an address that the fetch policy forbids.
    forbidden: Arc<AtomicU64>,
    token: String,
    machine: Arc<Machine>,
    /// How often which fault struck.
    struck: BTreeMap<&'static str, u64>,
}

impl World {
    async fn build() -> Self {
        let database = Database::start_on_small_disk().await;
        let db = database.connect().await;
        store::migrate(&db).await.unwrap();
        let proxy = Proxy::start(database.socket()).await;
        let publisher = Publisher::start(FEEDS).await;
        let (secret, forbidden) = watchers::canary(&publisher).await;
        let smtp = SmtpServer::start().await;
        let receiver = Receiver::start().await;
        let mut feeds = publisher.urls();
        feeds.push(publisher.url("/astray"));
        let mut machine = Machine::new(&proxy.url("wirewatch"), &beat(&feeds, &[("acme", "acme")]));
        for (name, value) in [
            ("WIREWATCH_MAIL__SERVER", "127.0.0.1"),
            ("WIREWATCH_MAIL__PORT", &smtp.address.port().to_string()),
            ("WIREWATCH_MAIL__SECURITY", "none"),
            ("WIREWATCH_MAIL__FROM", "desk@desk.example"),
            ("WIREWATCH_MAIL__TIMEOUT", "2s"),
            ("WIREWATCH_WEBHOOK__ALLOW_NETWORKS", "[\"127.0.0.1/32\"]"),
        ] {
            machine.set(name, value);
        }
        machine.own_clocks();
        // It loads the beat and polls nothing: a subscription does not tell what arrived before it.
        let mut processes = vec![machine.start("digest", "digest.log")];
        let first = &db;
        until("the beat", || async move {
            store::beat::revision(first).await.unwrap().is_some()
        })
        .await;
        subscribe(&db, "morning").await;
        subscribe(&db, "evening").await;
        for address in [&receiver.url, &secret] {
            add_recipient(&db, "evening", Channel::Webhook, address).await;
        }
        people::ask_for(&db, &[&secret, &publisher.url("/astray")]).await;
        for (role, log) in [
            ("worker", "worker-1.log"),
            ("worker", "worker-2.log"),
            ("web", "web-1.log"),
            ("web", "web-2.log"),
        ] {
            processes.push(machine.start(role, log));
        }
        let token = machine.token("analyst").await;
        let bases: Vec<String> = processes
            .iter()
            .filter(|process| process.role == "web")
            .map(|process| process.base.clone())
            .collect();
        Self {
            struck: BTreeMap::new(),
            machine: Arc::new(machine),
            viewer: Viewer::start(bases.clone(), token.clone()),
            puller: Puller::start(bases, token.clone()),
            database,
            db,
            proxy,
            publisher,
            smtp,
            receiver,
            processes,
            forbidden,
            token,
        }
    }

    async fn run_digests(&self) {
        for process in self
            .processes
            .iter()
            .filter(|process| process.role == "web")
        {
            for id in [1, 2] {
                let url = format!("{}/api/v1/digests/{id}/run", process.base);
                let request = client()
                    .post(url)
                    .bearer_auth(&self.token)
                    .timeout(ANSWER_WITHIN);
                // A web that is away is part of the game.
                let _ = request.send().await;
            }
        }
    }

    /// Without faults from now on: waits until all is done that is to be done.
    async fn settle(&mut self) {
        self.publisher.misbehave(false);
        self.smtp.set(|_| Mood::Take);
        self.receiver.answer(|| 200);
        let publisher = &self.publisher;
        let db = &self.db;
        // What is lost is told by the check; here is only waited.
        let has_all = comes(PATIENCE, || async move {
            let expected = publisher.matching().len();
            count(db, "articles WHERE arrival IS NOT NULL").await
                >= i64::try_from(expected).unwrap()
        })
        .await;
        if !has_all {
            eprintln!("{:#?}", facts::feeds(db, "true").await);
            return;
        }
        until("the last issue", || async {
            self.run_digests().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            count(
                db,
                "subscriptions s CROSS JOIN articles a WHERE NOT EXISTS (
                     SELECT FROM edition_members m WHERE m.subscription_id = s.id AND m.article_id = a.id)",
            )
            .await
                == 0
        })
        .await;
        until("the outbox", || async move {
            // Waiting deliveries are tried soon, whatever they waited for.
            sqlx::query(
                "UPDATE deliveries SET next_at = now() WHERE state = 'waiting' AND next_at > now()",
            )
            .execute(db)
            .await
            .unwrap();
            // An issue that was asked for goes out also where nothing is new.
            count(db, "subscriptions WHERE run_at IS NOT NULL").await == 0
                && count(db, "deliveries WHERE state = 'waiting'").await == 0
        })
        .await;
        until("what people asked for", || async move {
            count(db, "trials WHERE outcome IS NULL").await == 0
                && count(db, "wanted_pages WHERE state = 'waiting'").await == 0
        })
        .await;
        let last = count(db, "articles").await;
        let (viewer, puller) = (&self.viewer, &self.puller);
        until("what watches", || async move {
            let wanted = usize::try_from(last).unwrap();
            viewer.articles().len() >= wanted && puller.articles().len() >= wanted
        })
        .await;
    }

    async fn facts(&self) -> Facts {
        let outside = Outside {
            published: self.publisher.matching(),
            letters: self.smtp.taken(),
            posts: self.receiver.got(),
            seen: self.viewer.articles(),
            pulled: self.puller.articles(),
            forbidden: self.forbidden.load(Ordering::SeqCst),
            words: self.processes.iter().map(Process::words).collect(),
        };
        Facts::read(&self.db, outside).await
    }
}

async fn subscribe(db: &PgPool, slug: &str) {
    let now = SystemClock.now();
    // The hour is far from now: issues come when they are asked for.
    let wanted = daily("UTC", &["03:33"], &["acme"]);
    let added = subscriptions::add(db, slug, &wanted, "test", now)
        .await
        .unwrap();
    assert!(matches!(added, SubscriptionChange::Done(_)), "{added:?}");
    add_recipient(db, slug, Channel::Mail, &format!("{slug}@readers.example")).await;
}

async fn add_recipient(db: &PgPool, slug: &str, channel: Channel, address: &str) {
    let reader = NewRecipient {
        channel,
        form: WebhookForm::Json,
        address,
        user: None,
    };
    let added = recipients::add(db, slug, reader, "test", SystemClock.now()).await;
    assert!(added.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_nothing_is_lost_and_nothing_is_told_twice() {
    let (mut dice, seed) = Dice::said("CHAOS_SEED");
    let time = Duration::from_secs(asked("CHAOS_SECONDS").unwrap_or(SECONDS));
    let mut world = World::build().await;
    let watched = world.publisher.clone();
    until("the first polls", || {
        let watched = watched.clone();
        async move { watched.answers() > 12 }
    })
    .await;
    world.publisher.misbehave(true);
    let mut letters = 0_u64;
    world.smtp.set(move |_| {
        letters += 1;
        match letters % 7 {
            2 => Mood::TakeAndCut,
            4 => Mood::AtData("451 4.3.0 later"),
            5 => Mood::Down,
            _ => Mood::Take,
        }
    });
    let mut posts = 0_u64;
    world.receiver.answer(move || {
        posts += 1;
        match posts % 5 {
            2 => 503,
            4 => 500,
            _ => 200,
        }
    });
    let people = People::start(Arc::clone(&world.machine), seed);
    let begun = Instant::now();
    let publisher = world.publisher.clone();
    let publishing = tokio::spawn(async move {
        while begun.elapsed() < time {
            publisher.publish();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut strikes = 0;
    while begun.elapsed() < time || strikes < STRIKES || people.changes() < CHANGES {
        tokio::time::sleep(Duration::from_millis(700 + dice.below(2_500))).await;
        world.strike(&mut dice).await;
        world.run_digests().await;
        strikes += 1;
        assert!(begun.elapsed() < time + PATIENCE, "people change nothing");
    }
    publishing.await.unwrap();
    let changes = people.changes();
    people.stop().await;
    world.settle().await;
    let facts = world.facts().await;
    let found = violations(&facts);
    eprintln!(
        "{strikes} faults {:?}, {} articles, {} editions, {} letters, {} posts, {changes} changes",
        world.struck,
        facts.articles.len(),
        facts.editions,
        facts.letters.len(),
        facts.posts.len(),
    );
    assert!(found.is_empty(), "CHAOS_SEED={seed}: {found:#?}");
    assert!(facts.articles.len() > 100 && facts.letters.len() > 4 && facts.posts.len() > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_finds_what_is_lost_and_what_is_told_twice() {
    let mut world = World::build().await;
    for _ in 0..4 {
        world.publisher.publish();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.settle().await;
    assert_eq!(violations(&world.facts().await), Vec::<String>::new());

    // Planted: a write that is lost after the feed's validators were stored, as a store that keeps them first would.
    sqlx::query("DELETE FROM articles WHERE id = (SELECT max(id) FROM articles)")
        .execute(&world.db)
        .await
        .unwrap();
    let found = violations(&world.facts().await);
    assert!(
        found.iter().any(|violation| violation.starts_with("1:")),
        "{found:?}"
    );

    // Planted: a membership that is forgotten, so that the next issue tells the same again. Of an article that has a line
    // of its own: the others of its story were told by that.
    let (article, edition): (i64, i64) = sqlx::query_as(
        "SELECT a.id, e.id
           FROM editions e
          CROSS JOIN LATERAL json_array_elements(e.body -> 'sections') AS sections (section)
          CROSS JOIN LATERAL json_array_elements(section -> 'lines') AS lines (line)
           JOIN articles a ON a.url = line ->> 'url'
          WHERE e.subscription_id = 1 AND e.state = 'released'
          ORDER BY a.id
          LIMIT 1",
    )
    .fetch_one(&world.db)
    .await
    .unwrap();
    let forgotten =
        sqlx::query("DELETE FROM edition_members WHERE edition_id = $1 AND article_id = $2")
            .bind(edition)
            .bind(article)
            .execute(&world.db)
            .await
            .unwrap();
    assert_eq!(forgotten.rows_affected(), 1);
    let repeated = format!("2: morning told article {article} 2 times");
    until("the issue that repeats it, found", || async {
        world.run_digests().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        violations(&world.facts().await).contains(&repeated)
    })
    .await;
}
