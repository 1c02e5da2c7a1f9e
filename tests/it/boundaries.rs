//! What a database refuses, or holds only up to a size: it costs neither the entry its neighbours nor the feed its checks.

use crate::{
    feed_server::{Document, FeedServer, rss},
    worker::TestWorker,
};

fn item(inner: &str) -> String {
    format!("<item>{inner}</item>")
}

/// A document of one odd item between two good ones of its own.
fn between(name: &str, odd: &str) -> Document {
    let good = |n: usize| {
        item(&format!(
            "<guid>{name}-{n}</guid><link>https://bounds.example/{name}/{n}</link><title>Acme good {n}</title>"
        ))
    };
    Document::feed(format!(
        "<rss version=\"2.0\"><channel><title>t</title>{}{odd}{}</channel></rss>",
        good(1),
        good(2)
    ))
}

/// Odd items, by name.
fn odd_items() -> Vec<(&'static str, String)> {
    let words: String = (0..280_000).map(|n| format!("w{n} ")).collect();
    vec![
        (
            "guid",
            item(&format!(
                "<guid>{}</guid><title>Acme odd</title>",
                "g".repeat(10_000)
            )),
        ),
        (
            "url",
            item(&format!(
                "<link>https://bounds.example/{}</link><title>Acme odd</title>",
                "u".repeat(9_000)
            )),
        ),
        (
            "title",
            item(&format!(
                "<title>Acme odd {}</title><link>https://bounds.example/t</link>",
                "t".repeat(9_000)
            )),
        ),
        (
            "body",
            item(&format!(
                "<title>Acme odd</title><link>https://bounds.example/b</link><description>{words}</description>"
            )),
        ),
        (
            "categories",
            item(&format!(
                "<title>Acme odd</title><link>https://bounds.example/c</link>{}",
                (0..5_000)
                    .map(|n| format!("<category>c{n}</category>"))
                    .collect::<String>()
            )),
        ),
        (
            "authors",
            item(&format!(
                "<title>Acme odd</title><link>https://bounds.example/a</link>{}",
                "<author>a@b.example (A)</author>".repeat(5_000)
            )),
        ),
        (
            "year-0",
            item(
                "<title>Acme odd</title><link>https://bounds.example/y0</link><pubDate>0000-01-01T00:00:00Z</pubDate>",
            ),
        ),
        (
            "year-9999",
            item(
                "<title>Acme odd</title><link>https://bounds.example/y9</link><pubDate>9999-12-31T23:59:59Z</pubDate>",
            ),
        ),
        (
            "year-294277",
            item(
                "<title>Acme odd</title><link>https://bounds.example/yy</link><pubDate>294277-01-09T04:00:54Z</pubDate>",
            ),
        ),
        (
            "same",
            item("<title>Acme odd</title><link>https://bounds.example/same</link>").repeat(100),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_and_dates_beyond_every_bound_are_stored_or_cut_and_neighbours_are_whole() {
    let odd = odd_items();
    let publisher = FeedServer::start().await;
    let mut feeds = Vec::new();
    for (name, odd) in &odd {
        publisher.put(&format!("/{name}"), between(name, odd));
        feeds.push(publisher.url(&format!("/{name}")));
    }
    // A keyword of one letter matches every word of the long text.
    let worker = TestWorker::new(&feeds, &[("acme", "acme"), ("letter", "w*")]).await;
    let summary = worker.pass().await;
    assert_eq!((summary.polled, summary.failed), (10, 0));
    assert_eq!(
        worker
            .count("articles WHERE title LIKE 'Acme good %'")
            .await,
        20
    );
    for (name, _) in &odd {
        let odd = format!(
            "articles JOIN feeds ON feeds.id = feed_id WHERE feeds.url LIKE '%/{name}' AND articles.title LIKE 'Acme odd%'"
        );
        assert_eq!(worker.count(&odd).await, 1, "{name}");
    }
    assert_eq!(
        worker
            .count("articles WHERE cardinality(categories) > 50 OR cardinality(authors) > 50")
            .await,
        0
    );
    assert_eq!(
        worker
            .count("articles WHERE sort_at > first_seen_at OR sort_at < '1990-01-01'")
            .await,
        0
    );
    // The search index takes them, too.
    assert!(worker.place_and_list().await >= 30);
    // The same documents are not read again and again.
    assert_eq!(worker.pass().await.polled, 0);
    assert_eq!(worker.pass_a_day_later().await.unchanged, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_beyond_two_to_the_31_are_numbers_like_others() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Acme one", "x")])));
    let (_, db) = crate::database::fresh().await;
    let far = 1_i64 << 40;
    for sequence in [
        "sources_id_seq",
        "feeds_id_seq",
        "articles_id_seq",
        "keywords_id_seq",
    ] {
        sqlx::query("SELECT setval($1::regclass, $2)")
            .bind(sequence)
            .bind(far)
            .execute(&db)
            .await
            .unwrap();
    }
    sqlx::query("UPDATE arrivals SET last = $1")
        .bind(far)
        .execute(&db)
        .await
        .unwrap();
    let clock = crate::worker::TestClock::at("2026-11-23T10:00:00Z");
    let beat = crate::worker::beat(&[publisher.url("/feed")], &[("acme", "acme")]);
    let worker = TestWorker::on(db, &beat, clock).await;
    assert_eq!(worker.pass().await.new_articles, 1);
    worker.place_and_list().await;
    let site = crate::site::Site::start(&worker.db, worker.clock.clone()).await;
    let list = site.get("/api/v1/articles?since=0").await.json();
    let id = list["articles"][0]["id"].as_i64().unwrap();
    assert!(id > far);
    for path in [
        "/".to_owned(),
        "/keywords/acme".to_owned(),
        format!("/articles/{id}"),
        "/search?q=acme".to_owned(),
        format!("/feeds/{}", far + 1),
    ] {
        let page = site.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
    }
    assert!(site.get("/").await.body.contains(" one</a>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_documents_with_the_same_news_in_opposite_order_lock_nobody_out() {
    let items: Vec<(String, String)> = (0..200)
        .map(|n| (format!("n{n}"), format!("Acme report {n}")))
        .collect();
    let document = |items: &mut dyn Iterator<Item = &(String, String)>| {
        let items: Vec<(&str, &str, &str)> = items
            .map(|(guid, title)| (guid.as_str(), title.as_str(), "x"))
            .collect();
        Document::feed(rss(&items))
    };
    let publisher = FeedServer::start().await;
    publisher.put("/up", document(&mut items.iter()));
    publisher.put("/down", document(&mut items.iter().rev()));
    let feeds = ["/up", "/down"].map(|path| publisher.url(path));
    let (_, db) = crate::database::fresh().await;
    let clock = crate::worker::TestClock::at("2026-11-23T10:00:00Z");
    let all = crate::worker::beat(&feeds, &[("acme", "acme")]);
    let first = TestWorker::on(db.clone(), &all, clock.clone()).await;
    let second = TestWorker::on(db, &all, clock).await;
    let (one, other) = tokio::join!(first.pass(), second.pass());
    assert_eq!(
        (one.polled + other.polled, one.failed + other.failed),
        (2, 0)
    );
    assert_eq!(first.count("articles").await, 200);
    assert_eq!(first.count("sightings").await, 400);
    assert_eq!(
        first.count("feeds WHERE last_error_code IS NOT NULL").await,
        0
    );
}
