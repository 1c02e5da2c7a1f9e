//! What grows is trimmed, in small batches, and what is kept for good is kept.

use std::time::Duration;

use crate::{
    feed_server::{Document, FeedServer, rss},
    worker::TestWorker,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_goes_batch_by_batch_and_the_rest_stays() {
    let publisher = FeedServer::start().await;
    publisher.put(
        "/feed",
        Document::feed(rss(&[("a", "Iran", "x"), ("b", "Other", "x")])),
    );
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    // More than two batches of each, all of them old; the clock stands on 2026-11-23.
    for statement in [
        "INSERT INTO users (name, role, created_at) VALUES ('old', 'viewer', '2020-01-01')",
        "INSERT INTO incidents (feed_id, topic, kind, detail, opened_at, found_at, closed_at)
         SELECT 1, 'outage', 'unreachable', '', '2026-01-01', '2026-01-01', timestamptz '2026-01-01' + n * interval '1 second'
           FROM generate_series(1, 4500) AS n",
        "INSERT INTO hosts (host, asked_at)
         SELECT 'h' || n, '2026-01-01' FROM generate_series(1, 4500) AS n",
        "INSERT INTO feed_days (feed_id, day) SELECT 1, date '2010-01-01' + n FROM generate_series(1, 4500) AS n",
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at, user_agent, address)
         SELECT sha256(n::text::bytea), 1, '2026-01-01', '2026-01-01', '2026-01-02', '', ''
           FROM generate_series(1, 4500) AS n",
        "INSERT INTO api_tokens (token_hash, name, role, created_at, expires_at)
         SELECT sha256(n::text::bytea), 'old', 'viewer', '2026-01-01', '2026-01-02' FROM generate_series(1, 4500) AS n",
        "INSERT INTO sign_in_buckets (key, level, raised_at)
         SELECT 'k' || n, 1, '2026-01-01' FROM generate_series(1, 4500) AS n",
        "INSERT INTO trials (url, actor, asked_at)
         SELECT 'https://news.example/' || n, 'x', '2026-01-01' FROM generate_series(1, 4500) AS n",
        "INSERT INTO backlog (identity, feed_id, title, summary, content, sort_at, first_seen_at)
         SELECT sha256(n::text::bytea), 1, 't', '', '', '2026-01-01', '2026-01-01' FROM generate_series(1, 4500) AS n",
        // And one of each that is not old.
        "INSERT INTO incidents (feed_id, topic, kind, detail, opened_at, found_at)
         VALUES (1, 'outage', 'unreachable', '', '2026-01-01', '2026-01-01')",
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at, user_agent, address)
         VALUES ('new', 1, '2026-11-23', '2026-11-23', '2027-01-01', '', '')",
        "INSERT INTO api_tokens (token_hash, name, role, created_at, expires_at)
         VALUES ('new', 'new', 'viewer', '2026-11-23', '2027-01-01')",
    ] {
        sqlx::raw_sql(statement).execute(&worker.db).await.unwrap();
    }
    let begun = std::time::Instant::now();
    worker.upkeep().await;
    assert!(begun.elapsed() < Duration::from_mins(1));
    for (what, left) in [
        ("incidents WHERE closed_at < '2026-11-01'", 0),
        ("incidents WHERE opened_at = '2026-01-01'", 1),
        ("hosts WHERE asked_at < '2026-11-01'", 0),
        ("feed_days WHERE day < '2026-11-01'", 0),
        ("sessions", 1),
        ("api_tokens", 1),
        ("sign_in_buckets", 0),
        ("trials", 0),
        ("backlog", 1),
        ("articles", 1),
        ("users", 1),
    ] {
        assert_eq!(worker.count(what).await, left, "{what}");
    }
    assert!(worker.count("audit").await > 0, "the audit is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_clock_that_ran_ahead_has_set_holds_nothing_up() {
    let publisher = FeedServer::start().await;
    let urls = ["/ahead", "/gone", "/tomorrow", "/hours"].map(|path| {
        publisher.put(path, Document::feed(rss(&[("a", "Iran", "x")])));
        publisher.url(path)
    });
    let worker = TestWorker::new(&urls, &[("iran", "iran")]).await;
    let [ahead, gone, tomorrow, hours] = &urls;
    let polled = "2026-11-23T09:00:00Z";
    for (url, state, next, attempt) in [
        (ahead, "active", "2026-12-24", polled),
        (gone, "gone", "2026-12-20", polled),
        (tomorrow, "active", "2026-11-24", polled),
        // Asked by a clock that was some hours ahead: its interval begins there.
        (
            hours,
            "active",
            "2026-11-24T01:00:00Z",
            "2026-11-23T20:00:00Z",
        ),
    ] {
        sqlx::query(
            "UPDATE feeds SET state = $2, next_poll_at = $3::timestamptz, last_attempt_at = $4::timestamptz WHERE url = $1",
        )
            .bind(url)
            .bind(state)
            .bind(next)
            .bind(attempt)
            .execute(&worker.db)
            .await
            .unwrap();
    }
    sqlx::raw_sql(
        "INSERT INTO hosts (host, asked_at, slow_until)
         VALUES ('ahead.example', '2026-12-24', '2026-12-24'), ('well.example', '2026-11-23', '2026-11-23')",
    )
    .execute(&worker.db)
    .await
    .unwrap();
    worker.upkeep().await;
    let due: Vec<String> =
        sqlx::query_scalar("SELECT url FROM feeds WHERE next_poll_at < '2026-11-24' ORDER BY url")
            .fetch_all(&worker.db)
            .await
            .unwrap();
    assert_eq!(due, [ahead.clone(), hours.clone()]);
    assert_eq!(
        worker
            .count("feeds WHERE last_attempt_at > '2026-11-23T10:00:00Z'")
            .await,
        0
    );
    let in_time = worker.count("hosts WHERE asked_at < '2026-11-24' AND slow_until < '2026-11-24'");
    assert_eq!(in_time.await, 2);
}
