//! What people see.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use wirewatch::domain::BeatSource;

use super::{between, with_concepts};
use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    site::Site,
    worker::{TestClock, TestWorker, beat},
};

const KOREAN: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>서울 소식</title><language>ko</language>
<item><link>https://ko.example/1</link><title>북한 대표단, 이란 방문</title><description>대표단은 월요일에 도착했다.</description></item>
</channel></rss>"#;

/// The sections of a page with lines, by keyword.
fn section<'a>(page: &'a str, keyword: &str) -> &'a str {
    let start = format!("<section class=\"section\" data-keyword=\"{keyword}\"");
    between(page, &start, "</section>")[0]
}

/// The articles of a page with lines, in their order.
fn articles(page: &str) -> Vec<i64> {
    between(page, "data-article=\"", "\"")
        .into_iter()
        .map(|id| id.parse().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_shows_articles_under_their_keywords_with_hits_language_gloss_and_reason() {
    let publisher = FeedServer::start().await;
    publisher.put("/ko", Document::feed(KOREAN));
    let english = rss(&[
        ("a", "Iran talks resume", "Envoys met."),
        ("b", "Weather today", "Sunny."),
    ]);
    publisher.put("/en", Document::feed(english));
    let keywords = [
        ("link", "@dprk AND @iran"),
        ("talks", "title:talks"),
        ("ships", "ship*"),
    ];
    let feeds = [publisher.url("/ko"), publisher.url("/en")];
    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let worker = TestWorker::on(db, &with_concepts(beat(&feeds, &keywords)), clock).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;

    let board = site.get("/").await;
    assert_eq!(board.status, 200);
    let link = section(&board.body, "link");
    for expected in [
        "<mark title=\"North Korea\">북한</mark> 대표단, <mark title=\"Iran\">이란</mark> 방문",
        "lang=\"ko\" dir=\"auto\"",
        "<bdi>북한</bdi> = North Korea",
        "href=\"https://ko.example/1\"",
        "Test Wire",
        "matched: <span>",
        "@dprk",
    ] {
        assert!(link.contains(expected), "{expected}: {link}");
    }
    let talks = section(&board.body, "talks");
    assert!(talks.contains("Iran <mark>talks</mark> resume"), "{talks}");
    assert!(talks.contains("lang=\"en\" dir=\"auto\""), "{talks}");
    assert_eq!((articles(link).len(), articles(talks).len()), (1, 1));
    let ships = section(&board.body, "ships");
    assert!(ships.contains("Nothing has matched yet."), "{ships}");
    assert!(!board.body.contains("Weather today"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_keyword_show_sixty_articles_once_each() {
    // Seven items share each date, so that pages end between equals; none tells the story of another.
    let items = (0..60)
        .map(|item| {
            format!(
                "<item><guid>{item}</guid><link>https://news.example/{item}</link><title>Iran x{item}a y{item}b z{item}c</title>\
                 <pubDate>Mon, 23 Nov 2026 0{}:00:00 GMT</pubDate></item>",
                item / 7
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let publisher = FeedServer::start().await;
    let document = format!("<rss version=\"2.0\"><channel><title>x</title>{items}</channel></rss>");
    publisher.put("/feed", Document::feed(document));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;

    let (mut seen, mut sorts, mut pages) = (Vec::new(), Vec::new(), 0);
    let mut next = Some("/keywords/iran".to_owned());
    while let Some(path) = next {
        let page = site.get(&path).await.body;
        pages += 1;
        seen.extend(articles(&page));
        sorts.extend(
            between(&page, "data-sort=\"", "\"")
                .into_iter()
                .map(|sort| sort.parse::<i64>().unwrap()),
        );
        let older = between(&page, "href=\"/keywords/iran?before=", "\"");
        next = older
            .first()
            .map(|position| format!("/keywords/iran?before={position}"));
    }
    assert_eq!((pages, seen.len()), (2, 60));
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 60);
    assert!(sorts.is_sorted_by(|one, next| one >= next), "newest first");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_articles_page_tells_its_text_reasons_feeds_and_earlier_headlines() {
    let publisher = FeedServer::start().await;
    let before = rss(&[("a", "Iran talks resume", "Envoys met in Muscat.")]);
    let after = rss(&[("a", "Talks with Iran break off", "Envoys left Muscat.")]);
    publisher.put("/one", Document::feed(before.clone()));
    publisher.put("/two", Document::feed(before));
    let feeds = [publisher.url("/one"), publisher.url("/two")];
    let worker = TestWorker::new(&feeds, &[("iran", "iran"), ("muscat", "muscat")]).await;
    worker.pass().await;
    publisher.put("/one", Document::feed(after.clone()));
    publisher.put("/two", Document::feed(after));
    worker.pass_a_day_later().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;

    let id = articles(&site.get("/").await.body)[0];
    let page = site.get(&format!("/articles/{id}")).await.body;
    for expected in [
        "Talks with <mark>Iran</mark> break off",
        "Envoys left <mark>Muscat</mark>.",
        "href=\"/keywords/iran\"",
        "href=\"/keywords/muscat\"",
        "What it said before",
        "<bdi lang=\"en\">Iran talks resume</bdi>",
        "Envoys met in Muscat.",
        "href=\"https://news.example/a\" rel=\"noopener noreferrer nofollow\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    let carried_by = between(&page, "<ul class=\"sightings\">", "</ul>")[0];
    assert_eq!(between(carried_by, "href=\"/feeds/", "\"").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_in_trouble_come_first_and_each_has_its_log() {
    let publisher = FeedServer::start().await;
    let document = Document::feed(rss(&[("a", "Iran", "x")]));
    publisher.put("/a-good", document.clone());
    publisher.put("/m-missing", Document::feed("").with_status(404));
    publisher.put("/z-good", document);
    let paths = ["/a-good", "/m-missing", "/z-good"];
    let feeds = paths.map(|path| publisher.url(path));
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;

    let page = site.get("/feeds").await.body;
    let lines = between(&page, "<tr class=\"line\">", "</tr>");
    assert_eq!(lines.len(), 3);
    assert!(lines[0].contains("class=\"state failure\""), "{}", lines[0]);
    assert!(lines[0].contains("the server refuses"), "{}", lines[0]);
    assert!(lines[1].contains("read well") && lines[2].contains("read well"));
    assert!(page.contains("3 feeds: 1 not read, 2 read well"), "{page}");

    let id = between(lines[0], "href=\"/feeds/", "\"")[0];
    let feed = site.get(&format!("/feeds/{id}")).await.body;
    let log = between(&feed, "<table class=\"attempts\">", "</table>")[0];
    assert_eq!(log.matches("<tr>").count(), 2, "a head and one attempt");
    assert!(log.contains("the server refuses") && log.contains(">404<"));
    assert!(feed.contains(&publisher.url("/m-missing")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_makes_a_feed_due_and_the_worker_polls_it() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    assert_eq!(worker.pass().await.polled, 0, "nothing is due");
    let site = Site::start(&worker.db, worker.clock.clone()).await;

    let page = site.get("/feeds/1").await;
    assert!(
        page.body
            .contains("<form method=\"post\" action=\"/feeds/1/poll\">")
    );
    let answer = site.post("/feeds/1/poll").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER.as_u16());
    assert_eq!(answer.header("location"), "/feeds/1");
    assert!(
        site.get("/feeds/1")
            .await
            .body
            .contains("asked for by hand")
    );
    assert_eq!(worker.pass().await.polled, 1);
    assert_eq!(worker.count("fetch_log").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_publishers_and_files_say_never_becomes_markup() {
    let hostile = "\"><script>window.hostile=1</script><img src=x onerror=window.hostile=1> 'x' \u{202e}desrever";
    let escaped = hostile
        .replace('&', "&amp;")
        .replace('<', "&amp;lt;")
        .replace('>', "&amp;gt;");
    let publisher = FeedServer::start().await;
    let document = format!(
        "<rss version=\"2.0\"><channel><title>{escaped}</title><item><link>https://news.example/{}</link>\
         <title>Iran {escaped}</title><description>{escaped}</description><author>{escaped}</author>\
         <category>{escaped}</category></item></channel></rss>",
        "%22%3E%3Cimg%3E"
    );
    publisher.put("/feed", Document::feed(document));
    publisher.put(
        "/page",
        Document::feed(format!("<html><title>{hostile}</title>")),
    );
    let feeds = [publisher.url("/feed"), publisher.url("/page")];
    let mut beat = with_concepts(beat(&feeds, &[("iran", "@iran")]));
    beat.keywords[0].name = hostile.to_owned();
    beat.keywords[0].note = hostile.to_owned();
    beat.concepts[0].name = hostile.to_owned();
    let source: &mut BeatSource = &mut beat.sources[0];
    source.name = hostile.to_owned();
    let (_, db) = database::fresh().await;
    let worker = TestWorker::on(db, &beat, TestClock::at("2026-11-23T10:00:00Z")).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;

    let article = articles(&site.get("/").await.body)[0];
    for path in [
        "/".to_owned(),
        "/keywords/iran".to_owned(),
        format!("/articles/{article}"),
        "/feeds".to_owned(),
        "/feeds/1".to_owned(),
        "/feeds/2".to_owned(),
        "/keywords/%22%3E%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
    ] {
        let page = site.get(&path).await.body;
        assert_eq!(page.matches("<script").count(), 1, "{path}: only our own");
        assert!(!page.contains("<img"), "{path}: {page}");
        assert!(
            !between(&page, "<", ">")
                .iter()
                .any(|tag| tag.contains("onerror")),
            "{path}: {page}"
        );
    }
    // What goes out says the same, each in its own form: as JSON, as a beat file, as a digest's feeds.
    let api = site.get("/api/v1/articles").await;
    assert!(api.header("content-type").starts_with("application/json"));
    assert_eq!(api.header("x-content-type-options"), "nosniff");
    let told: serde_json::Value = serde_json::from_str(&api.body).unwrap();
    let title = told["articles"][0]["title"].as_str().unwrap();
    assert!(
        title.starts_with("Iran \"><script>window.hostile=1</script>"),
        "{title}"
    );
    let exported = wirewatch::store::beat::export(&worker.db)
        .await
        .unwrap()
        .unwrap();
    let read: wirewatch::domain::Beat =
        toml::from_str(&toml::to_string(&exported).unwrap()).unwrap();
    assert_eq!(read.keywords[0].name, hostile);
    assert_eq!(read.sources[0].name, hostile);

    let board = site.get("/").await.body;
    assert!(
        board.contains("Iran</mark> &#34;&#62;&#60;script&#62;window.hostile=1"),
        "shown as text: {board}"
    );
}
