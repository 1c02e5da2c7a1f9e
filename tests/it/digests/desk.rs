//! A desk whose articles tests write, with two digest workers and a mail server.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use wirewatch::{
    app::DigestParts,
    config::Settings,
    domain::{
        ArticleId, Timestamp,
        delivery::{Channel, Kind, Pace, WebhookForm},
        digest::{DigestFilter, Schedule, Weekday},
    },
    store::{
        recipients::{self, NewRecipient},
        subscriptions::{self, SubscriptionChange, Wanted},
    },
};

use super::{mime::Mail, smtp::SmtpServer};
use crate::{
    database,
    worker::{TestClock, TestWorker, beat},
};

/// Where links in mails begin.
pub(crate) const BASE: &str = "https://desk.example";

pub(crate) struct Desk {
    pub(crate) url: String,
    pub(crate) db: PgPool,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) placing: TestWorker,
    pub(crate) smtp: SmtpServer,
    pub(crate) workers: [DigestParts; 2],
}

/// An article to be.
pub(crate) struct Report<'a> {
    pub(crate) name: &'a str,
    pub(crate) title: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) language: &'a str,
    pub(crate) keywords: &'a [&'a str],
}

impl<'a> Report<'a> {
    pub(crate) fn new(name: &'a str, title: &'a str, keywords: &'a [&'a str]) -> Self {
        Self {
            name,
            title,
            summary: "",
            language: "en",
            keywords,
        }
    }
}

/// How long one letter may take where no server hangs: a busy machine is no reason to send it again.
const MAIL_TIMEOUT: Duration = Duration::from_secs(30);

/// The same beside a server that hangs, which is waited for.
pub(crate) const SHORT_MAIL_TIMEOUT: Duration = Duration::from_secs(3);

/// Settings that hand mail to `smtp`.
fn settings(smtp: &SmtpServer, timeout: Duration) -> Settings {
    let file = format!(
        "[mail]\nserver = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"desk@desk.example\"\n\
         from_name = \"Desk, Iran 伊朗\"\ntimeout = \"{}s\"\n[webhook]\nallow_networks = [\"127.0.0.0/8\"]\n",
        smtp.address.port(),
        timeout.as_secs(),
    );
    Settings::from_layers(Some(("test", &file)), std::collections::BTreeMap::new()).unwrap()
}

impl Desk {
    /// A desk with these keywords, at this instant.
    pub(crate) async fn open(keywords: &[&str], now: &str) -> Self {
        Self::with(keywords, now, MAIL_TIMEOUT).await
    }

    /// The same, where a letter may take so long.
    pub(crate) async fn with(keywords: &[&str], now: &str, mail_timeout: Duration) -> Self {
        let (url, db) = database::fresh().await;
        let clock = TestClock::at(now);
        let smtp = SmtpServer::start().await;
        let settings = settings(&smtp, mail_timeout);
        let keywords: Vec<_> = keywords.iter().map(|slug| (*slug, *slug)).collect();
        let placing = TestWorker::on(db.clone(), &beat(&[], &keywords), clock.clone()).await;
        let worker = || async {
            DigestParts::build(&db, &settings, BASE.to_owned(), clock.clone())
                .await
                .unwrap()
        };
        Self {
            workers: [worker().await, worker().await],
            url,
            clock,
            placing,
            smtp,
            db,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        use wirewatch::domain::Clock as _;
        self.clock.now()
    }

    /// A subscription with one reader, `slug@readers.example`.
    pub(crate) async fn subscribe(&self, slug: &str, wanted: &Wanted) {
        let added = subscriptions::add(&self.db, slug, wanted, "test", self.now())
            .await
            .unwrap();
        assert!(matches!(added, SubscriptionChange::Done(_)), "{added:?}");
        self.add_reader(slug, &format!("{slug}@readers.example"))
            .await;
    }

    /// Changes a subscription as it stands.
    pub(crate) async fn change(&self, slug: &str, wanted: &Wanted) {
        let stored = subscriptions::by_slug(&self.db, slug).await.unwrap();
        let seen = stored.unwrap().wanted;
        let changed = subscriptions::change(&self.db, slug, wanted, &seen, "test", self.now())
            .await
            .unwrap();
        assert!(
            matches!(changed, SubscriptionChange::Done(_)),
            "{changed:?}"
        );
    }

    pub(crate) async fn add_reader(&self, slug: &str, address: &str) {
        let new = NewRecipient {
            channel: Channel::Mail,
            form: WebhookForm::Json,
            address,
            user: None,
        };
        let added = recipients::add(&self.db, slug, new, "test", self.now()).await;
        assert!(added.unwrap().is_some());
    }

    /// Stores an article that matches, and places it.
    pub(crate) async fn publish(&self, report: &Report<'_>) -> ArticleId {
        let mut connection = self.db.acquire().await.unwrap();
        let id = write(&mut connection, report, self.now()).await;
        drop(connection);
        self.placing.place().await;
        id
    }

    /// Both workers compose, then deliver, until nothing is left to do now.
    pub(crate) async fn work(&self) {
        for worker in &self.workers {
            worker.composer.step().await.unwrap();
            let going = CancellationToken::new();
            worker.deliverer.step(&going).await.unwrap();
        }
    }

    pub(crate) async fn work_at(&self, now: &str) {
        let now: Timestamp = serde_json::from_value(now.into()).unwrap();
        self.clock.advance(now.since(self.now()));
        self.work().await;
    }

    /// The letters that the mail server took, as they were taken.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let taken = self.smtp.taken();
        taken
            .iter()
            .map(|letter| Mail::read(&letter.bytes))
            .collect()
    }
}

/// Stores an article that matches: the row of a source for each name's first part before a dash.
pub(crate) async fn write(
    connection: &mut PgConnection,
    report: &Report<'_>,
    now: Timestamp,
) -> ArticleId {
    let source = report.name.split('-').next().unwrap();
    let at = sqlx::types::Json(now.as_micros());
    let id: i64 = sqlx::query_scalar(
        "WITH made AS (
             INSERT INTO sources (slug, name, domain, country, tier, created_at)
             VALUES ($1, $1, $1 || '.example', 'KR', 'wire', now())
                 ON CONFLICT (slug) DO NOTHING
             RETURNING id
         ), source AS (
             SELECT id FROM made UNION ALL SELECT id FROM sources WHERE slug = $1 LIMIT 1
         ), moment AS (
             SELECT to_timestamp(0) + ($6::text::bigint * interval '1 microsecond') AS at
         )
         INSERT INTO articles (identity, source_id, url, title, summary, content, language, sort_at, first_seen_at)
         SELECT sha256($2::text::bytea), source.id, 'https://news.example/' || $2, $3, $4, '', $5, moment.at, moment.at
           FROM source, moment
         RETURNING id",
    )
    .bind(source)
    .bind(report.name)
    .bind(report.title)
    .bind(report.summary)
    .bind(report.language)
    .bind(at.0.to_string())
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO matches (keyword_id, article_id, keyword_version, hits, why, sort_at, matched_at)
         SELECT k.id, a.id, k.version, '[]', k.query, a.sort_at, a.first_seen_at
           FROM keywords k, articles a
          WHERE k.slug = ANY ($1) AND a.id = $2",
    )
    .bind(report.keywords.iter().map(|slug| (*slug).to_owned()).collect::<Vec<_>>())
    .bind(id)
    .execute(&mut *connection)
    .await
    .unwrap();
    ArticleId::new(id)
}

/// A headline like no other: words of letters drawn at random, so that no two articles tell one story.
pub(crate) fn headline() -> String {
    let word = || -> String {
        (0..4)
            .map(|_| {
                let consonant =
                    b"bcdfghjklmnprstvwz"[usize::try_from(crate::binary::any_below(18)).unwrap()];
                let vowel = b"aeiou"[usize::try_from(crate::binary::any_below(5)).unwrap()];
                format!("{}{}", char::from(consonant), char::from(vowel))
            })
            .collect()
    };
    format!("{} {} {} {}", word(), word(), word(), word())
}

/// A digest of these keywords, every day at these times.
pub(crate) fn daily(zone: &str, times: &[&str], keywords: &[&str]) -> Wanted {
    Wanted {
        name: "Morning".to_owned(),
        kind: Kind::Digest,
        schedule: Schedule {
            zone: zone.to_owned(),
            days: Weekday::ALL.into(),
            times: times.iter().map(|time| time.parse().unwrap()).collect(),
            quiet: [].into(),
        },
        pace: Pace::default(),
        filter: DigestFilter::default(),
        story_limit: 100,
        sends_empty: true,
        review_minutes: 0,
        keywords: keywords.iter().map(|slug| (*slug).to_owned()).collect(),
    }
}

/// Work that dies: after so many steps it is dropped where it stands, as a killed process would drop it.
pub(crate) struct Mortal<F> {
    work: Pin<Box<F>>,
    steps: u64,
}

impl<F: Future> Mortal<F> {
    pub(crate) fn new(work: F, steps: u64) -> Self {
        Self {
            work: Box::pin(work),
            steps,
        }
    }
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.steps == 0 {
            return Poll::Ready(None);
        }
        self.steps -= 1;
        let done = pin!(self.work.as_mut()).poll(context);
        done.map(Some)
    }
}

/// Whatever waits may wait so long in tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
