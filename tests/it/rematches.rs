//! The past after a keyword was saved: what the difference foretold, however often the work was broken off.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use wirewatch::{
    domain::{Clock as _, Timestamp},
    jobs::rematch::Rematcher,
    store::{
        PgPool,
        keyword_edits::{self, KeywordEdit, Saved},
        workers::Worker,
    },
    web::Difference,
};

use crate::{
    feed_server::{Document, FeedServer, rss},
    worker::{TestWorker, count},
};

/// Titles of entries: every mix of four words.
fn titles() -> Vec<String> {
    (0..64_u32)
        .map(|bits| {
            let words = ["iran", "korea", "football", "ship", "envoy"];
            let chosen = words.iter().enumerate();
            let chosen = chosen.filter(|(at, _)| bits >> at & 1 == 1);
            let chosen: Vec<&str> = chosen.map(|(_, word)| *word).collect();
            format!("{} n{bits}", chosen.join(" "))
        })
        .collect()
}

async fn stocked(query: &str) -> TestWorker {
    let publisher = FeedServer::start().await;
    let titles = titles();
    let guids: Vec<String> = (0..titles.len()).map(|at| format!("g{at}")).collect();
    let entries: Vec<(&str, &str, &str)> = guids
        .iter()
        .zip(&titles)
        .map(|(guid, title)| (guid.as_str(), title.as_str(), "x"))
        .collect();
    publisher.put("/feed", Document::feed(rss(&entries)));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("desk", query)]).await;
    worker.pass().await;
    worker
}

async fn save(worker: &TestWorker, query: &str) -> i32 {
    let keyword = keyword_edits::find(&worker.db, "desk")
        .await
        .unwrap()
        .unwrap();
    let edit = KeywordEdit {
        slug: "desk",
        edited: keyword.version,
        name: &keyword.name,
        query,
        note: "",
        reason: "a test",
    };
    match keyword_edits::save(&worker.db, edit, "anna", worker.clock.now())
        .await
        .unwrap()
    {
        Saved::As(version) => version,
        other => panic!("{other:?}"),
    }
}

/// Titles that the desk sees under its keyword, or that stand in a FROM clause.
async fn titles_in(db: &PgPool, from: &str) -> BTreeSet<String> {
    let select = format!("SELECT title FROM {from}");
    let all: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(select))
        .fetch_all(db)
        .await
        .unwrap();
    let titles: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(titles.len(), all.len(), "nothing is there twice");
    titles
}

const OPEN: &str = "matches JOIN articles ON articles.id = article_id WHERE closed_at IS NULL";

async fn rematcher(worker: &TestWorker) -> Rematcher {
    let holder = Arc::new(Worker::register(&worker.db).await.unwrap());
    Rematcher::new(worker.db.clone(), worker.clock.clone(), holder)
}

async fn finish(worker: &TestWorker) {
    let going = CancellationToken::new();
    let rematcher = rematcher(worker).await;
    rematcher.step(&going).await.unwrap();
    worker.clock.advance(Duration::from_mins(6));
    rematcher.step(&going).await.unwrap();
    assert_eq!(
        count(&worker.db, "rematches WHERE finished_at IS NULL").await,
        0
    );
}

const EDITS: &[(&str, &str)] = &[
    ("iran", "korea"),
    ("iran", "iran AND NOT football"),
    ("iran AND ship", "iran OR korea"),
    ("zz", "ship NEAR/1 envoy OR korea NOT football"),
    ("iran OR korea", "zz"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_difference_is_what_matching_the_past_anew_does() {
    for (old, new) in EDITS {
        let worker = stocked(old).await;
        let before = titles_in(&worker.db, OPEN).await;
        let start = Timestamp::from_micros(0);
        let mut difference = Difference::between(&worker.db, Some(old), new, start)
            .await
            .unwrap();
        let (mut gained, mut lost) = (BTreeSet::new(), BTreeSet::new());
        while let Some(changed) = difference.next().await.unwrap() {
            for one in changed {
                let title = one.text.text.title.clone();
                if one.compared.is_gained() {
                    gained.insert(title);
                } else if one.compared.is_lost() {
                    lost.insert(title);
                }
            }
        }
        assert_eq!(difference.tally().read, 64);
        save(&worker, new).await;
        finish(&worker).await;
        let after = titles_in(&worker.db, OPEN).await;
        assert_eq!(gained, &after - &before, "{old} → {new}");
        assert_eq!(lost, &before - &after, "{old} → {new}");
        // What a desk that had the new query from the start would have.
        let fresh = stocked(new).await;
        assert_eq!(after, titles_in(&fresh.db, OPEN).await, "{old} → {new}");
        // What was an article stays one.
        let articles = titles_in(&worker.db, "articles").await;
        assert_eq!(articles, &before | &after);
        let kept = titles_in(&worker.db, "backlog").await;
        assert_eq!(articles.len() + kept.len(), 64);
        assert!(articles.is_disjoint(&kept));
        let versions = "matches WHERE closed_at IS NULL AND keyword_version <> 2";
        assert_eq!(count(&worker.db, versions).await, 0);
        // The past is no news.
        let told = "matches WHERE closed_at IS NULL AND NOT is_backfill";
        let kept = i64::try_from((&before & &after).len()).unwrap();
        assert_eq!(count(&worker.db, told).await, kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_broken_off_at_any_point_ends_in_the_same_state() {
    let whole = stocked("iran").await;
    save(&whole, "korea AND NOT football").await;
    finish(&whole).await;
    for delay in [0_u64, 2, 5, 13] {
        let worker = stocked("iran").await;
        save(&worker, "korea AND NOT football").await;
        let holder = Arc::new(Worker::register(&worker.db).await.unwrap());
        for turn in 0..200_u64 {
            // Each turn dies in the middle of whatever it does.
            let (db, clock) = (worker.db.clone(), worker.clock.clone());
            let rematcher = Rematcher::new(db, clock, Arc::clone(&holder)).with_batches_of(3);
            let going = CancellationToken::new();
            let lifetime = Duration::from_micros(700 * delay + 97 * turn);
            let _ = tokio::time::timeout(lifetime, rematcher.step(&going)).await;
            if count(&worker.db, "rematches WHERE NOT is_late").await == 0 {
                break;
            }
        }
        finish(&worker).await;
        for from in [OPEN, "articles", "backlog"] {
            let (one, other) = (
                titles_in(&worker.db, from).await,
                titles_in(&whole.db, from).await,
            );
            assert_eq!(one, other, "{delay}: {from}");
        }
        let told: Vec<(i64, i64)> = sqlx::query_as("SELECT gained, lost FROM rematches")
            .fetch_all(&worker.db)
            .await
            .unwrap();
        let expected: Vec<(i64, i64)> = sqlx::query_as("SELECT gained, lost FROM rematches")
            .fetch_all(&whole.db)
            .await
            .unwrap();
        assert_eq!(told, expected, "{delay}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_poll_stored_by_the_old_version_meanwhile_is_matched_too() {
    let worker = stocked("iran").await;
    let going = CancellationToken::new();
    let rematcher = rematcher(&worker).await;
    save(&worker, "korea").await;
    rematcher.step(&going).await.unwrap();
    // A poll that began with the old engine: an article for nothing, an entry that should be one.
    for statement in [
        "INSERT INTO articles (identity, source_id, feed_id, title, summary, content, sort_at, first_seen_at)
         SELECT '\\x01', source_id, id, 'iran late', '', '', now(), '2026-11-23T10:00:01Z' FROM feeds",
        "INSERT INTO matches (keyword_id, article_id, keyword_version, hits, why, sort_at, matched_at)
         SELECT keywords.id, articles.id, 1, '[]', '', sort_at, sort_at FROM keywords, articles WHERE title = 'iran late'",
        "INSERT INTO backlog (identity, feed_id, title, summary, content, sort_at, first_seen_at)
         SELECT '\\x02000000000000000000000000000000', id, 'korea late', '', '', now(), '2026-11-23T10:00:01Z' FROM feeds",
    ] {
        sqlx::query(statement).execute(&worker.db).await.unwrap();
    }
    rematcher.step(&going).await.unwrap();
    assert!(!titles_in(&worker.db, OPEN).await.contains("korea late"));
    worker.clock.advance(Duration::from_mins(6));
    rematcher.step(&going).await.unwrap();
    let open = titles_in(&worker.db, OPEN).await;
    assert!(open.contains("korea late") && !open.contains("iran late"));
    assert!(
        titles_in(&worker.db, "articles")
            .await
            .contains("iran late")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_version_that_is_no_longer_the_last_is_refused() {
    let worker = stocked("iran").await;
    assert_eq!(save(&worker, "korea").await, 2);
    let edit = KeywordEdit {
        slug: "desk",
        edited: 1,
        name: "Desk",
        query: "ship",
        note: "",
        reason: "",
    };
    let now = worker.clock.now();
    let saved = keyword_edits::save(&worker.db, edit, "bert", now)
        .await
        .unwrap();
    assert_eq!(saved, Saved::Outdated(2));
    assert_eq!(
        save(&worker, "iran").await,
        3,
        "an older text comes back as a new version"
    );
    let told =
        "audit WHERE subject_kind = 'keyword' AND actor = 'anna' AND after ->> 'reason' = 'a test'";
    assert_eq!(count(&worker.db, told).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_the_difference_with_what_each_part_does() {
    let (url, db) = crate::database::fresh().await;
    let publisher = FeedServer::start().await;
    let entries = [
        ("a", "Iran ship", "x"),
        ("b", "Iran football", "x"),
        ("c", "Korea", "x"),
    ];
    publisher.put("/feed", Document::feed(rss(&entries)));
    let beat = crate::worker::beat(&[publisher.url("/feed")], &[("desk", "iran")]);
    let clock = crate::worker::TestClock::at("2026-11-23T10:00:00Z");
    let worker = TestWorker::on(db, &beat, clock).await;
    worker.pass().await;
    let ask = async |old: &str, new: &str| {
        let mut command = crate::binary::wirewatch(&[
            "query", "diff", "--days", "3660", "--json", "--", old, new,
        ]);
        command.env("DATABASE_URL", &url);
        crate::binary::finish(command).await
    };
    let told = ask("keyword:desk", "(iran OR korea) AND NOT football").await;
    assert!(told.status.success(), "{told:?}");
    let lines: Vec<serde_json::Value> = String::from_utf8(told.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let changes: BTreeSet<(&str, &str)> = lines[..2]
        .iter()
        .map(|line| {
            (
                line["change"].as_str().unwrap(),
                line["title"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        changes,
        BTreeSet::from([("gained", "Korea"), ("lost", "Iran football")])
    );
    let summary = &lines[2]["summary"];
    let counts = ["read", "before", "after", "gained", "lost"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [3, 2, 2, 1, 1].map(Some));
    assert_eq!(summary["exclusions"][0]["kept_out"], 1);
    let refused = ask("iran AND (", "iran").await;
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
}
