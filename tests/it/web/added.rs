//! An article by its address: through the guard of the fetcher, and only as text.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wirewatch::{
    domain::{Clock as _, Role},
    store::wanted_pages::{self, SOURCE_LOCK},
    web::WebOptions,
};

use crate::{
    feed_server::{Document, FeedServer},
    site::{Answer, Site, ask},
    worker::{TestWorker, count},
};

struct Newsroom {
    publisher: FeedServer,
    worker: TestWorker,
    site: Site,
    editor: String,
}

impl Newsroom {
    async fn open() -> Self {
        let publisher = FeedServer::start().await;
        let worker = TestWorker::new(&[], &[("iran", "iran")]).await;
        let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
        let user = site.account("ed", Role::Editor).await;
        Self {
            editor: site.session_of(user).await,
            publisher,
            worker,
            site,
        }
    }

    async fn page(&self, path: &str) -> Answer {
        let request = self.site.bare_request(reqwest::Method::GET, path);
        ask(request.header("cookie", &self.editor)).await
    }

    /// Asks for a page and lets the worker read it; what the page about the wish answers then.
    async fn add(&self, url: &str) -> Answer {
        let form = self.site.form("/articles/add", &[("url", url)]);
        let asked = ask(form.header("cookie", &self.editor)).await;
        assert_eq!(asked.status, 303, "{url}: {}", asked.body);
        let waits = self.page(asked.header("location")).await;
        assert_eq!((waits.status, waits.header("refresh")), (200, "1"));
        assert_eq!(self.worker.read_pages().await, 1);
        self.worker.place().await;
        self.page(asked.header("location")).await
    }
}

const PAGE: &str = "<html lang=en><head><title>x</title><meta property='og:title' content='Envoys of Iran &lt;script&gt;alert(1)&lt;/script&gt; meet'></head>
    <body><article><p>The envoys met on Tuesday.</p><p>Nobody <script>window.hostile=1</script>spoke.</p></article></body></html>";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_asked_for_is_an_article_like_any_other() {
    let room = Newsroom::open().await;
    room.publisher.put("/story", Document::feed(PAGE));
    let url = room.publisher.url("/story?utm_source=mail");
    let added = room.add(&url).await;
    assert_eq!(
        (added.status, added.header("location")),
        (303, "/articles/1")
    );
    let article = room.page("/articles/1").await;
    assert!(
        article
            .body
            .contains("&#60;script&#62;alert(1)&#60;/script&#62;"),
        "{}",
        article.body
    );
    assert!(
        article.body.contains("The envoys met on Tuesday.")
            && !article.body.contains("<script>window")
    );
    // It matches, so it is on the board, in a story that can be claimed.
    assert!(room.page("/").await.body.contains("data-story=\"1\""));
    // The same page once more leads to the same article.
    let again = room.add(&room.publisher.url("/story")).await;
    assert_eq!(again.header("location"), "/articles/1");
    assert_eq!(room.worker.count("articles").await, 1);
    let audited = "audit WHERE subject_kind IN ('article', 'source', 'page') AND actor = 'ed'";
    assert_eq!(count(&room.worker.db, audited).await, 4);
    // The audit only grows: no text that may have to be erased is in it.
    let told = "audit WHERE concat(before, after) LIKE '%Envoys%'";
    assert_eq!(count(&room.worker.db, told).await, 0);
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_read_says_why_and_no_forbidden_address_is_asked() {
    let room = Newsroom::open().await;
    for (url, why) in [
        (
            "http://169.254.169.254/latest/meta-data/",
            "blocked_address",
        ),
        ("http://10.0.0.1/", "blocked_address"),
        (room.publisher.url("/missing").as_str(), "http_status"),
    ] {
        let refused = room.add(url).await;
        assert_eq!(refused.status, 200);
        assert!(refused.body.contains(why), "{url}: {}", refused.body);
    }
    room.publisher
        .put("/empty", Document::feed("<p>no headline</p>"));
    let empty = room.add(&room.publisher.url("/empty")).await;
    assert!(empty.body.contains("no headline"), "{}", empty.body);
    assert_eq!(room.worker.count("articles").await, 0);
    for wrong in [
        "",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://user:pw@news.example/",
    ] {
        let form = room.site.form("/articles/add", &[("url", wrong)]);
        let answer = ask(form.header("cookie", &room.editor)).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    room.site.stop().await;
}

const SOURCE: &str = "INSERT INTO sources (slug, name, domain, tier, note, created_at)";

#[tokio::test(flavor = "multi_thread")]
async fn a_host_has_one_source_however_many_ask_and_however_it_is_written() {
    let worker = TestWorker::new(&[], &[("iran", "iran")]).await;
    // Another worker is about to make the source: whoever looks meanwhile sees none yet, and can only wait.
    let mut other = worker.db.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock($1, hashtext('paper.example'))")
        .bind(SOURCE_LOCK)
        .execute(&mut *other)
        .await
        .unwrap();
    sqlx::query("LOCK TABLE sources IN SHARE MODE")
        .execute(&mut *other)
        .await
        .unwrap();
    let made =
        format!("{SOURCE} VALUES ('paper-example', 'Paper', 'paper.example', 'press', '', now())");
    sqlx::query(sqlx::AssertSqlSafe(made))
        .execute(&mut *other)
        .await
        .unwrap();
    let ending = async {
        worker.until_one_waits().await;
        other.commit().await.unwrap();
    };
    let now = worker.clock.now();
    let asking = wanted_pages::source_of(&worker.db, "paper.example", "Paper", "ed", now);
    let (source, ()) = tokio::join!(asking, ending);
    assert_eq!(source.unwrap().slug, "paper-example");
    let made = "sources WHERE domain = 'paper.example'";
    assert_eq!(worker.count(made).await, 1);
    // One that was entered with `www.` is the same publisher's, under its other hosts too.
    let entered =
        format!("{SOURCE} VALUES ('daily', 'Daily', 'www.daily.example', 'press', '', now())");
    sqlx::query(sqlx::AssertSqlSafe(entered))
        .execute(&worker.db)
        .await
        .unwrap();
    for host in ["daily.example", "english.daily.example"] {
        let source = wanted_pages::source_of(&worker.db, host, "Daily", "ed", now).await;
        assert_eq!(source.unwrap().slug, "daily", "{host}");
    }
    let apart = wanted_pages::source_of(&worker.db, "notdaily.example", "Not", "ed", now).await;
    assert_eq!(apart.unwrap().slug, "notdaily-example");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_many_pages_holds_up_nobody_who_asks_for_one() {
    let room = Newsroom::open().await;
    let (db, now) = (&room.worker.db, room.worker.clock.now());
    for (who, path) in [
        ("mara", "1"),
        ("mara", "2"),
        ("mara", "3"),
        ("ed", "4"),
        ("kim", "5"),
    ] {
        let url = format!("https://slow.example/{path}");
        assert!(
            wanted_pages::ask(db, &url, who, now)
                .await
                .unwrap()
                .is_some()
        );
    }
    let mut taken = Vec::new();
    for second in 0..5 {
        let at = now.plus(Duration::from_secs(second));
        let page = wanted_pages::take(db, at).await.unwrap().unwrap();
        taken.push((page.asked_by, page.url.chars().last().unwrap()));
    }
    let turns = taken.iter().map(|(who, page)| (who.as_str(), *page));
    assert_eq!(
        turns.collect::<Vec<_>>(),
        [
            ("mara", '1'),
            ("ed", '4'),
            ("kim", '5'),
            ("mara", '2'),
            ("mara", '3')
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_slow_is_left_to_the_next_process_at_the_end_of_one() {
    let room = Newsroom::open().await;
    let slow = Document::feed(PAGE).delayed(Duration::from_mins(5));
    room.publisher.put("/slow", slow);
    let url = room.publisher.url("/slow");
    let form = room.site.form("/articles/add", &[("url", &url)]);
    let asked = ask(form.header("cookie", &room.editor)).await;
    assert_eq!(asked.status, 303, "{}", asked.body);
    let db = &room.worker.db;
    for end in 1..=4 {
        let stop = CancellationToken::new();
        let ending = async {
            while count(db, "wanted_pages WHERE attempts = 1").await == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            stop.cancel();
        };
        let (read, ()) = tokio::join!(room.worker.read_pages_until(&stop), ending);
        assert_eq!(read, 0, "end {end}");
        let waits = "wanted_pages WHERE state = 'waiting' AND lease_until IS NULL AND attempts = 0";
        assert_eq!(count(db, waits).await, 1, "end {end}");
    }
    room.publisher.put("/slow", Document::feed(PAGE));
    assert_eq!(room.worker.read_pages().await, 1);
    assert_eq!(count(db, "articles").await, 1);
}
