//! An address becomes a feed: tried by a worker, shown as it would be read, added with a row in the audit.

use std::time::Duration;

use wirewatch::{
    domain::{Clock as _, Role},
    store::trials,
};

use super::between;
use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{Answer, Site, ask},
    worker::TestWorker,
};

/// An analyst before a page.
struct Desk {
    site: Site,
    worker: TestWorker,
    cookie: String,
}

impl Desk {
    async fn open() -> Self {
        let worker = TestWorker::new(&[], &[("iran", "iran")]).await;
        let site = Site::start(&worker.db, worker.clock.clone()).await;
        let user = site.account("ana", Role::Analyst).await;
        let cookie = site.session_of(user).await;
        Self {
            site,
            worker,
            cookie,
        }
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        ask(self.site.form(path, fields).header("cookie", &self.cookie)).await
    }

    /// Tries an address, and gives the page with what came.
    async fn tried(&self, fields: &[(&str, &str)]) -> String {
        let asked = self.send("/admin/feeds/trials", fields).await;
        assert_eq!(asked.status, 303, "{}", asked.body);
        let path = asked.header("location").to_owned();
        let waiting = self.site.get(&path).await.body;
        assert!(waiting.contains("http-equiv=\"refresh\""), "{waiting}");
        assert_eq!(self.worker.try_addresses().await, 1);
        let page = self.site.get(&path).await.body;
        assert!(!page.contains("http-equiv=\"refresh\""));
        page
    }
}

const PAGE: &str = "<html><head><title>Office</title><link rel=alternate type=application/rss+xml title='All news' href=/rss></head><body>\
    <div class=news><div class=row><a href=/1>Iran sanctions are extended</a> <span class=d>24 November 2026</span></div>\
    <div class=row><a href=/2>Vessels are added to the list</a> <span class=d>23 November 2026</span></div>\
    <div class=row><a href=/3>A general licence is renewed</a> <span class=d>20 November 2026</span></div></div></body></html>";

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_a_page_offers_is_tried_shown_and_added() {
    let desk = Desk::open().await;
    let publisher = FeedServer::start().await;
    publisher.put("/news", Document::feed(PAGE));
    publisher.put(
        "/rss",
        Document::feed(rss(&[("a", "Iran <b>talks", "Envoys met.")])),
    );
    let page = desk.tried(&[("url", &publisher.url("/news"))]).await;
    assert!(
        page.contains("All news") && page.contains(&format!("value=\"{}\"", publisher.url("/rss"))),
        "{page}"
    );
    let page = desk.tried(&[("url", &publisher.url("/rss"))]).await;
    assert!(
        page.contains("Iran talks") && page.contains("1 entries"),
        "{page}"
    );
    let sources = between(&page, "<option value=\"", "\"");
    let added = desk
        .send(
            "/admin/feeds",
            &[
                ("url", &publisher.url("/rss")),
                ("source", sources[0]),
                ("name", "Office news"),
                ("note", "found on its page"),
            ],
        )
        .await;
    assert_eq!(added.status, 303, "{}", added.body);
    let feed = desk.site.get(added.header("location")).await;
    assert!(feed.body.contains("Office news"));
    let audited = "audit WHERE actor = 'ana' AND action = 'add' AND subject_kind = 'feed' AND after ->> 'note' = 'found on its page'";
    assert_eq!(desk.worker.count(audited).await, 1);
    // It is due at once; and added again it is the same.
    assert_eq!(desk.worker.pass().await.new_articles, 1);
    let again = desk
        .send(
            "/admin/feeds",
            &[("url", &publisher.url("/rss")), ("source", sources[0])],
        )
        .await;
    assert_eq!(again.header("location"), added.header("location"));
    assert_eq!(desk.worker.count("feeds").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_feed_is_read_as_a_list_with_selectors_that_can_be_changed() {
    let desk = Desk::open().await;
    let publisher = FeedServer::start().await;
    publisher.put(
        "/list",
        Document::feed(PAGE.replace("rel=alternate", "rel=none")),
    );
    let url = publisher.url("/list");
    let page = desk.tried(&[("url", &url)]).await;
    assert!(
        page.contains("3 entries") && page.contains("Iran sanctions are extended"),
        "{page}"
    );
    let item = between(&page, "id=\"item\" name=\"item\" value=\"", "\"")[0];
    assert!(item.contains("row"), "{item}");
    // A selector that finds nothing is told so, and what was typed stays.
    let nothing = desk.tried(&[("url", &url), ("item", "li.none")]).await;
    assert!(
        nothing.contains("role=\"alert\"") && nothing.contains("value=\"li.none\""),
        "{nothing}"
    );
    // One that no poll could read is refused at once, by its field, to be tried as to be added.
    for path in ["/admin/feeds/trials", "/admin/feeds"] {
        let fields = [
            ("url", url.as_str()),
            ("item", ".row"),
            ("date", "time["),
            ("source", "1"),
        ];
        let fields = &fields[..if path.ends_with("trials") { 3 } else { 4 }];
        let refused = desk.send(path, fields).await;
        assert_eq!(refused.status, 422, "{path}");
        let told = ["aria-describedby=\"date-flaw\"", "value=\"time[\""];
        assert!(
            told.iter().all(|told| refused.body.contains(told)),
            "{}",
            refused.body
        );
    }
    assert_eq!(desk.worker.count("feeds WHERE kind = 'list'").await, 0);
    let fields = [
        ("url", url.as_str()),
        ("item", ".news > .row"),
        ("date", ".d"),
        ("title", "a"),
        ("link", "a"),
        ("summary", ""),
    ];
    let page = desk.tried(&fields).await;
    assert!(page.contains("datetime=\"2026-11-24"), "{page}");
    let sources = between(&page, "<option value=\"", "\"");
    let added = desk
        .send(
            "/admin/feeds",
            &[fields.as_slice(), &[("source", sources[0])]].concat(),
        )
        .await;
    assert_eq!(added.status, 303, "{}", added.body);
    assert_eq!(
        desk.worker
            .count("feeds WHERE kind = 'list' AND selectors ->> 'item' = '.news > .row'")
            .await,
        1
    );
    let summary = desk.worker.pass().await;
    assert_eq!(
        (summary.failed, summary.new_entries, summary.new_articles),
        (0, 3, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_looked_for_where_feeds_use_to_be_and_failures_are_told_in_words() {
    let desk = Desk::open().await;
    let publisher = FeedServer::start().await;
    publisher.put(
        "/",
        Document::feed("<html><title>Nothing here</title><p>Welcome</p></html>"),
    );
    publisher.put("/rss.xml", Document::feed(rss(&[("a", "Iran", "x")])));
    let page = desk.tried(&[("url", &publisher.url("/"))]).await;
    assert!(page.contains(&publisher.url("/rss.xml")), "{page}");
    for (url, words) in [
        (publisher.url("/missing"), "404"),
        ("http://10.0.0.1/feed".to_owned(), "blocked_address"),
        ("http://127.0.0.1:22/".to_owned(), "blocked_address"),
    ] {
        let page = desk.tried(&[("url", &url)]).await;
        assert!(
            page.contains("role=\"alert\"") && page.contains(words),
            "{page}"
        );
    }
    for url in [
        "",
        "feed",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://a:b@e.example/",
    ] {
        let refused = desk.send("/admin/feeds/trials", &[("url", url)]).await;
        assert_eq!(refused.status, 422, "{url}");
        let refused = desk
            .send("/admin/feeds", &[("url", url), ("source", "1")])
            .await;
        assert_eq!(refused.status, 422, "{url}");
    }
    let nowhere = desk
        .send(
            "/admin/feeds",
            &[("url", "https://e.example/feed"), ("source", "999")],
        )
        .await;
    assert_eq!(nowhere.status, 422);
    assert_eq!(desk.worker.count("feeds").await, 0);
    assert_eq!(desk.worker.count("trials WHERE outcome IS NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_ends_its_process_again_and_again_is_given_up() {
    let desk = Desk::open().await;
    let publisher = FeedServer::start().await;
    publisher.put("/rss", Document::feed(rss(&[("a", "Iran", "x")])));
    let url = publisher.url("/rss");
    let asked = desk.send("/admin/feeds/trials", &[("url", &url)]).await;
    let lease = Duration::from_mins(1);
    for attempt in 1..=3 {
        let now = desk.worker.clock.now();
        let begun = trials::claim(&desk.worker.db, now, lease).await.unwrap();
        assert_eq!(begun.map(|trial| trial.attempts), Some(attempt));
        desk.worker.clock.advance(lease);
    }
    assert_eq!(desk.worker.try_addresses().await, 1);
    let page = desk.site.get(asked.header("location")).await.body;
    assert!(page.contains("broke off again and again"), "{page}");
    assert!(publisher.asked().is_empty(), "it is not asked any more");
}
