//! What a feed carries when it is read for the first time is copied into the tables: the same rows as any other way, and
//! nothing is lost where two workers meet.

use serde_json::Value;

use crate::{
    feed_server::{Document, FeedServer, rss},
    worker::TestWorker,
};

const KEYWORDS: &[(&str, &str)] = &[("iran", "iran")];

/// Everything that an entry may have, and entries that have next to nothing.
const RICH: &str = "<?xml version=\"1.0\"?>
    <rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"
         xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel><title>Test Wire</title>
    <item><guid isPermaLink=\"false\">rich</guid><link>https://news.example/rich</link><title>북한 &amp; 날씨</title>
    <description>요약 \u{1f980}</description><content:encoded><![CDATA[<p>One</p><p>Two \\ \"three\"</p>]]></content:encoded>
    <dc:creator>김 기자</dc:creator><dc:creator>Jane, \"J\" Roe</dc:creator>
    <category>a{b},c</category><category>NULL</category><category>날씨</category>
    <pubDate>Sun, 22 Nov 2026 08:30:00 +0900</pubDate></item>
    <item><title>Neither address nor date</title></item>
    <item><link>https://news.example/bare</link><pubDate>Fri, 31 Dec 1999 23:59:59 GMT</pubDate></item>
    </channel></rss>";

#[tokio::test(flavor = "multi_thread")]
async fn a_first_read_leaves_the_rows_that_a_later_one_would() {
    let publisher = FeedServer::start().await;
    publisher.put("/first", Document::feed(RICH));
    let first = TestWorker::new(&[publisher.url("/first")], KEYWORDS).await;
    first.pass().await;

    publisher.put("/later", Document::feed(rss(&[("a", "Iran talks", "")])));
    let later = TestWorker::new(&[publisher.url("/later")], KEYWORDS).await;
    later.pass().await;
    publisher.put("/later", Document::feed(RICH));
    later.pass_a_day_later().await;

    let rows = backlog(&first).await;
    assert_eq!(rows, backlog(&later).await);
    let rich = &rows[2];
    assert_eq!(rich["authors"][1], "Jane, \"J\" Roe");
    assert_eq!(
        rich["categories"],
        serde_json::json!(["a{b},c", "NULL", "날씨"])
    );
    assert_eq!(rich["content"], "One\nTwo \\ \"three\"");
    assert_eq!(rich["published_at"], "2026-11-21T23:30:00+00:00");
    assert_eq!(rows[0]["published_at"], "1999-12-31T23:59:59+00:00");
    assert_eq!(rows[0]["authors"], serde_json::json!([]));
    assert_eq!(ledger(&first).await, ledger(&later).await);
    assert_eq!(
        first
            .count("ledger WHERE last_seen_on = '2026-11-23' AND first_seen_at = '2026-11-23T10:00:00Z'")
            .await,
        3
    );
}

/// The entries of [`RICH`] in the backlog, without what depends on when they were read.
async fn backlog(worker: &TestWorker) -> Vec<Value> {
    sqlx::query_scalar(
        "SELECT to_jsonb(backlog) - '{identity,feed_id,first_seen_at,is_backfill}'::text[]
                - CASE WHEN published_at IS NULL THEN 'sort_at' ELSE '' END
           FROM backlog ORDER BY title",
    )
    .fetch_all(&worker.db)
    .await
    .unwrap()
}

/// The hashes of these entries; one without an address is another's in another feed.
async fn ledger(worker: &TestWorker) -> Vec<Value> {
    sqlx::query_scalar(
        "SELECT jsonb_build_array(encode(identity, 'hex'), url_hash, guid_hash, title_hash, content_hash)
           FROM ledger WHERE url_hash IS NOT NULL AND identity NOT IN (SELECT identity FROM articles) ORDER BY identity",
    )
    .fetch_all(&worker.db)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_another_worker_stores_at_this_moment_costs_nothing() {
    let publisher = FeedServer::start().await;
    let document = Document::feed(rss(&[
        ("a", "Iran talks", ""),
        ("b", "Weather", ""),
        ("c", "Sport", ""),
    ]));
    publisher.put("/feed", document.clone());
    publisher.put(
        "/other",
        Document::feed(rss(&[("d", "Iran again", ""), ("e", "Music", "")])),
    );
    let feeds = [publisher.url("/feed"), publisher.url("/other")];
    let worker = TestWorker::new(&feeds, KEYWORDS).await;
    worker.pass().await;
    let before = backlog(&worker).await;
    assert_eq!(before.len(), 3);
    // As if nothing had been read, but for one entry that somebody else is about to store.
    let mut other = worker.db.begin().await.unwrap();
    for step in [
        "CREATE TABLE kept AS SELECT * FROM backlog WHERE title = 'Weather'",
        "TRUNCATE ledger, backlog, matches, sightings, story_members, stories, articles CASCADE",
        "UPDATE feeds SET last_success_at = NULL, body_hash = NULL, etag = NULL, next_poll_at = '2026-11-23T10:00:00Z'",
    ] {
        sqlx::query(step).execute(&worker.db).await.unwrap();
    }
    sqlx::query("INSERT INTO backlog SELECT * FROM kept")
        .execute(&mut *other)
        .await
        .unwrap();
    let (summary, ()) = tokio::join!(worker.pass(), async {
        worker.until_one_waits().await;
        other.commit().await.unwrap();
    });
    assert_eq!(
        (summary.polled, summary.failed, summary.new_articles),
        (2, 0, 2)
    );
    assert_eq!(backlog(&worker).await, before);
    assert_eq!(worker.count("ledger").await, 5);
    assert_eq!(worker.count("feeds WHERE last_success_at IS NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_read_of_the_old_text_does_not_hide_a_change() {
    let publisher = FeedServer::start().await;
    let old = rss(&[("a", "Weather", "")]);
    publisher.put("/owner", Document::feed(old.clone()));
    publisher.put("/late", Document::feed("away").with_status(500));
    let feeds = [publisher.url("/owner"), publisher.url("/late")];
    let worker = TestWorker::new(&feeds, KEYWORDS).await;
    worker.pass().await;
    let changed = rss(&[("a", "Weather, corrected", "")]);
    publisher.put("/owner", Document::feed(changed));
    publisher.put("/late", Document::feed(old));
    let summary = worker.pass_a_day_later().await;
    assert_eq!((summary.polled, summary.failed), (2, 0));
    let told = backlog(&worker).await;
    assert_eq!(
        (told.len(), &told[0]["title"]),
        (1, &"Weather, corrected".into())
    );
}
