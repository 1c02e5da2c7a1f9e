//! The past after a keyword was saved: what the difference foretold, however often the work was broken off.

use std::{
    collections::BTreeSet,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use wirewatch::{
    app::SystemClock,
    domain::{ArticleId, BeatConcept, Changing, Clock as _, Concept, Subject, Timestamp},
    jobs::rematch::Rematcher,
    query::{self, Engine, Lexicon, Scratch},
    store::{
        PgPool,
        beat::{self, Dependants, Merge},
        concept_edits::{self, ConceptEdit},
        erasures,
        keyword_edits::{self, KeywordEdit, Saved},
        workers::{Kind, Worker},
    },
    web::{Difference, Edit},
};

use crate::{
    binary::{any_below, beat_file, end, finish as run, wirewatch},
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

/// What hangs on the keyword `desk`.
async fn dependants(db: &PgPool) -> Dependants {
    let source = beat::engine_source(db).await.unwrap();
    Dependants {
        revision: source.revision,
        keywords: query::dependants(&source.keywords, &[Changing::Keyword("desk")]),
    }
}

async fn save(worker: &TestWorker, query: &str) -> i32 {
    let keyword = keyword_edits::find(&worker.db, "desk")
        .await
        .unwrap()
        .unwrap();
    let edit = KeywordEdit {
        slug: "desk",
        edited: keyword.version,
        seen: None,
        name: &keyword.name,
        query,
        note: "",
        reason: "a test",
    };
    let dependants = dependants(&worker.db).await;
    match keyword_edits::save(&worker.db, edit, &dependants, "anna", worker.clock.now())
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
    let holder = Arc::new(Worker::register(&worker.db, Kind::Worker).await.unwrap());
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
                let Some(pair) = one.compared.pairs.first() else {
                    continue;
                };
                if pair.is_gained() {
                    gained.insert(title);
                } else if pair.is_lost() {
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
        let holder = Arc::new(Worker::register(&worker.db, Kind::Worker).await.unwrap());
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

const HELD: &str =
    "INSERT INTO articles (identity, source_id, feed_id, title, summary, content, sort_at, first_seen_at)
     SELECT '\\x04', source_id, id, 'iran held', '', '', now(), '2026-11-23T10:00:00Z' FROM feeds";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_poll_stored_by_the_old_version_meanwhile_is_matched_too() {
    let worker = stocked("iran").await;
    let going = CancellationToken::new();
    let rematcher = rematcher(&worker).await;
    // One has its number, and is not there yet, while a later one is.
    let mut held = worker.db.begin().await.unwrap();
    sqlx::query(HELD).execute(&mut *held).await.unwrap();
    sqlx::query(
        "INSERT INTO articles (identity, source_id, feed_id, title, summary, content, sort_at, first_seen_at)
         SELECT '\\x03', source_id, id, 'ships', '', '', now(), '2026-11-23T10:00:00Z' FROM feeds",
    )
    .execute(&worker.db)
    .await
    .unwrap();
    save(&worker, "korea").await;
    rematcher.step(&going).await.unwrap();
    held.commit().await.unwrap();
    // A poll that began with the old engine: an article for nothing, an entry that should be one.
    for statement in [
        "INSERT INTO articles (identity, source_id, feed_id, title, summary, content, sort_at, first_seen_at)
         SELECT '\\x01', source_id, id, 'iran late', '', '', now(), '2026-11-23T10:00:01Z' FROM feeds",
        "INSERT INTO matches (keyword_id, article_id, keyword_version, hits, why, sort_at, matched_at)
         SELECT keywords.id, articles.id, 1, '[]', '', sort_at, sort_at
           FROM keywords, articles WHERE title IN ('iran late', 'iran held')",
        "INSERT INTO backlog (identity, feed_id, title, summary, content, sort_at, first_seen_at)
         SELECT '\\x02000000000000000000000000000000', id, 'korea late', '', '', now(), '2026-11-23T10:00:01Z' FROM feeds",
        "INSERT INTO backlog (identity, feed_id, title, summary, content, sort_at, first_seen_at, is_backfill)
         SELECT '\\x05000000000000000000000000000000', id, 'korea archive', '', '', now(), '2026-11-23T10:00:01Z', true
           FROM feeds",
        "INSERT INTO articles (identity, source_id, feed_id, title, summary, content, sort_at, first_seen_at)
         SELECT '\\x06', source_id, id, 'korea stored', '', '', now(), '2026-11-23T10:00:01Z' FROM feeds",
    ] {
        sqlx::query(statement).execute(&worker.db).await.unwrap();
    }
    rematcher.step(&going).await.unwrap();
    assert!(!titles_in(&worker.db, OPEN).await.contains("korea late"));
    worker.clock.advance(Duration::from_mins(6));
    rematcher.step(&going).await.unwrap();
    let open = titles_in(&worker.db, OPEN).await;
    assert!(open.contains("korea late") && !open.contains("iran late"));
    assert!(!open.contains("iran held"), "{open:?}");
    // What came after the keyword was saved is news; what the first read of a feed brought is not.
    worker.place_and_list().await;
    let news = format!(
        "{OPEN} AND NOT matches.is_backfill AND matches.arrival > 0 AND NOT articles.is_backfill"
    );
    let news = titles_in(&worker.db, &format!("{news} AND title LIKE 'korea %'")).await;
    let late = ["korea late", "korea stored"].map(str::to_owned);
    assert_eq!(news, BTreeSet::from(late));
    assert!(open.contains("korea archive"), "{open:?}");
    assert!(
        titles_in(&worker.db, "articles")
            .await
            .contains("iran late")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_is_matched_by_no_keyword_anew() {
    let worker = stocked("iran").await;
    let article: ArticleId = sqlx::query_scalar("SELECT min(id) FROM articles")
        .fetch_one(&worker.db)
        .await
        .unwrap();
    let now = worker.clock.now();
    let erased = erasures::erase(&worker.db, article, "a court", "anna", now).await;
    assert!(erased.unwrap());
    save(&worker, "iran OR erased").await;
    finish(&worker).await;
    let told = "matches JOIN articles ON articles.id = article_id WHERE erased_at IS NOT NULL AND hits <> '[]'";
    assert_eq!(count(&worker.db, told).await, 0);
    assert_eq!(count(&worker.db, "rematches WHERE gained = 0").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_judged_before_a_keyword_was_saved_is_not_recorded_after_it() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("desk", "iran")]).await;
    // A change of the keywords is under way, and ends when the poll wants to record what it found.
    let mut saving = worker.db.begin().await.unwrap();
    sqlx::query("UPDATE beat SET revision = revision + 1")
        .execute(&mut *saving)
        .await
        .unwrap();
    let ending = async {
        worker.until_one_waits().await;
        saving.commit().await.unwrap();
    };
    let (pass, ()) = tokio::join!(worker.pass(), ending);
    assert_eq!(pass.new_articles, 0, "{pass:?}");
    assert_eq!(
        worker.count("ledger").await,
        0,
        "nothing of it was recorded"
    );
    let again = worker.pass().await;
    assert_eq!(
        (again.polled, again.new_articles),
        (1, 1),
        "at once: {again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_version_that_is_no_longer_the_last_is_refused() {
    let worker = stocked("iran").await;
    assert_eq!(save(&worker, "korea").await, 2);
    let edit = KeywordEdit {
        slug: "desk",
        edited: 1,
        seen: None,
        name: "Desk",
        query: "ship",
        note: "",
        reason: "",
    };
    let now = worker.clock.now();
    let dependants = dependants(&worker.db).await;
    let saved = keyword_edits::save(&worker.db, edit, &dependants, "bert", now)
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

/// The stories of articles that are under a keyword; what is in none is one of its own.
async fn stories_under(db: &PgPool) -> BTreeSet<String> {
    let all: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT coalesce('story ' || m.story_id, a.title)
           FROM matches x
           JOIN articles a ON a.id = x.article_id
           LEFT JOIN story_members m ON m.article_id = a.id
          WHERE x.closed_at IS NULL",
    )
    .fetch_all(db)
    .await
    .unwrap();
    all.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_difference_in_stories_is_what_matching_the_past_anew_does() {
    for (old, new) in EDITS {
        let worker = stocked(old).await;
        for statement in [
            "DELETE FROM story_members",
            "INSERT INTO stories (id, created_at) SELECT 1000 + n, now() FROM generate_series(0, 6) n",
            "INSERT INTO story_members (article_id, story_id, reason, placed_at)
             SELECT id, 1000 + id % 7, '{}', now() FROM articles WHERE id % 3 > 0",
        ] {
            sqlx::query(statement).execute(&worker.db).await.unwrap();
        }
        let before = stories_under(&worker.db).await;
        let start = Timestamp::from_micros(0);
        let mut difference = Difference::between(&worker.db, Some(old), new, start)
            .await
            .unwrap();
        let mut lines = 0;
        while let Some(changed) = difference.next().await.unwrap() {
            let is_line =
                |one: &&wirewatch::web::Changed| one.compared.is_changed() && one.folded.is_empty();
            lines += changed.iter().filter(is_line).count();
        }
        save(&worker, new).await;
        finish(&worker).await;
        let after = stories_under(&worker.db).await;
        let told = difference.stories().whole();
        let told = [told.before, told.after, told.gained, told.lost];
        let sets = [
            before.len(),
            after.len(),
            (&after - &before).len(),
            (&before - &after).len(),
        ];
        assert_eq!(told, sets.map(|size| size as u64), "{old} → {new}");
        let articles = difference.tally().first();
        assert!(lines >= sets[2] + sets[3], "{old} → {new}");
        assert!(
            lines as u64 <= articles.gained + articles.lost,
            "{old} → {new}"
        );
    }
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
        let mut command = wirewatch(&["query", "diff", "--days", "3660", "--json", "--", old, new]);
        command.env("DATABASE_URL", &url);
        run(command).await
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
    assert_eq!(
        summary["stories"],
        serde_json::json!({"before": 1, "after": 2, "gained": 1, "lost": 0})
    );
    let refused = ask("iran AND (", "iran").await;
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
}

/// Queries of a beat in which one thing hangs on another.
const HANGING: &[(&str, &str)] = &[
    ("desk", "iran"),
    ("over", "keyword:desk AND ship"),
    ("place", "@place AND NOT football"),
    ("alone", "envoy"),
];

async fn hanging() -> TestWorker {
    let publisher = FeedServer::start().await;
    let titles = titles();
    let guids: Vec<String> = (0..titles.len()).map(|at| format!("g{at}")).collect();
    let entries: Vec<(&str, &str, &str)> = guids
        .iter()
        .zip(&titles)
        .map(|(guid, title)| (guid.as_str(), title.as_str(), "x"))
        .collect();
    publisher.put("/feed", Document::feed(rss(&entries)));
    let mut beat = crate::worker::beat(&[publisher.url("/feed")], HANGING);
    beat.concepts.push(BeatConcept {
        slug: "place".to_owned(),
        name: "Place".to_owned(),
        terms: [("en".to_owned(), vec!["iran".to_owned()])].into(),
        anti_terms: Vec::new(),
        note: String::new(),
    });
    let (_, db) = crate::database::fresh().await;
    let worker = TestWorker::on(
        db,
        &beat,
        crate::worker::TestClock::at("2026-11-23T10:00:00Z"),
    )
    .await;
    worker.pass().await;
    worker
}

/// Titles under each keyword, by matching all of them from scratch.
async fn by_brute_force(db: &PgPool) -> BTreeSet<(String, String)> {
    let source = beat::engine_source(db).await.unwrap();
    let (lexicon, _) = Lexicon::new(&source.concepts, &source.outlets, &source.keywords);
    let (engine, problems) = Engine::compile(&source.keywords, &lexicon);
    assert_eq!(problems, [], "the beat is sound");
    let mut scratch = Scratch::default();
    let mut found = BTreeSet::new();
    for title in titles() {
        let subject = Subject {
            title: &title,
            summary: "x",
            ..Subject::default()
        };
        for matched in engine.matches(&subject, &mut scratch) {
            let keyword = source
                .keywords
                .iter()
                .find(|it| it.id == matched.keyword_id);
            found.insert((keyword.unwrap().slug.clone(), title.clone()));
        }
    }
    found
}

/// Titles that are stored under each keyword, each made by its present version.
async fn stored(db: &PgPool) -> BTreeSet<(String, String)> {
    let rows: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT slug, title, keyword_version = version
           FROM matches JOIN keywords ON keywords.id = keyword_id JOIN articles ON articles.id = article_id
          WHERE closed_at IS NULL",
    )
    .fetch_all(db)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(slug, title, is_present)| {
            assert!(is_present, "{slug} {title}: a match names what made it");
            (slug, title)
        })
        .collect()
}

fn any_word() -> &'static str {
    let words = ["iran", "korea", "football", "ship", "envoy", "n7", "zz"];
    words[usize::try_from(any_below(7)).unwrap()]
}

fn any_query() -> String {
    let (one, two, three) = (any_word(), any_word(), any_word());
    match any_below(5) {
        0 => one.to_owned(),
        1 => format!("{one} OR {two} AND {three}"),
        2 => format!("{one} AND NOT {two}"),
        3 => format!("{one} NEAR/1 {two} OR {three}"),
        _ => format!("({one} OR {two}) AND NOT {three}"),
    }
}

async fn save_concept(worker: &TestWorker, terms: &[String], anti_terms: &[String]) {
    let concept = concept_edits::find(&worker.db, "place")
        .await
        .unwrap()
        .unwrap();
    let source = beat::engine_source(&worker.db).await.unwrap();
    let dependants = Dependants {
        revision: source.revision,
        keywords: query::dependants(&source.keywords, &[Changing::Concept("place")]),
    };
    let terms = [("en".to_owned(), terms.to_vec())].into();
    let edit = ConceptEdit {
        slug: "place",
        edited: concept.version,
        seen: None,
        name: "Place",
        terms: &terms,
        anti_terms,
        note: "",
        reason: "a test",
    };
    let now = worker.clock.now();
    let saved = concept_edits::save(&worker.db, edit, &dependants, "anna", now)
        .await
        .unwrap();
    assert!(matches!(saved, Saved::As(_) | Saved::Same), "{saved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn random_edits_change_what_was_foretold_under_everything_that_hangs_on_them() {
    let worker = hanging().await;
    for round in 0..10 {
        let before = by_brute_force(&worker.db).await;
        assert_eq!(stored(&worker.db).await, before, "round {round}");
        let (query, terms) = (
            any_query(),
            vec![any_word().to_owned(), any_word().to_owned()],
        );
        let anti_terms = vec![format!("{} {}", any_word(), any_word())];
        let is_concept = any_below(2) == 0;
        let edit = if is_concept {
            Edit::Concept(Concept {
                slug: "place".to_owned(),
                name: "Place".to_owned(),
                terms: terms.clone(),
                anti_terms: anti_terms.clone(),
            })
        } else {
            Edit::Keyword {
                slug: "desk".to_owned(),
                query: query.clone(),
            }
        };
        let told = format!("round {round}: {edit:?}");
        let start = Timestamp::from_micros(0);
        let mut difference = Difference::of_edit(&worker.db, edit, start).await.unwrap();
        let (mut gained, mut lost) = (BTreeSet::new(), BTreeSet::new());
        while let Some(changed) = difference.next().await.unwrap() {
            for one in changed {
                for pair in &one.compared.pairs {
                    let slug = difference.keywords()[pair.query].slug.clone();
                    let row = (slug, one.text.text.title.clone());
                    if pair.is_gained() {
                        assert!(gained.insert(row));
                    } else if pair.is_lost() {
                        assert!(lost.insert(row));
                    }
                }
            }
        }
        if is_concept {
            save_concept(&worker, &terms, &anti_terms).await;
        } else {
            let keyword = keyword_edits::find(&worker.db, "desk")
                .await
                .unwrap()
                .unwrap();
            if keyword.query != query {
                save(&worker, &query).await;
            }
        }
        finish(&worker).await;
        let after = by_brute_force(&worker.db).await;
        assert_eq!(stored(&worker.db).await, after, "{told}");
        assert_eq!(gained, &after - &before, "{told}");
        assert_eq!(lost, &before - &after, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_beat_matches_the_past_with_all_that_hangs_on_it() {
    let worker = hanging().await;
    let mut file = beat::export(&worker.db).await.unwrap().unwrap();
    file.keywords[0].query = "korea".to_owned();
    file.concepts[0].terms = [("en".to_owned(), vec!["envoy".to_owned()])].into();
    let merge = Merge::Update(query::dependants);
    beat::import(
        &worker.db,
        &file,
        merge,
        "test",
        worker.clock.now(),
        &|_| {},
    )
    .await
    .unwrap();
    finish(&worker).await;
    assert_eq!(stored(&worker.db).await, by_brute_force(&worker.db).await);
    for (from, rows) in [
        ("concept_versions", 2),
        (
            "keyword_versions JOIN keywords ON id = keyword_id WHERE slug = 'alone'",
            1,
        ),
        (
            "keyword_versions JOIN keywords ON id = keyword_id WHERE slug = 'over'",
            2,
        ),
        ("outlet_versions", 1),
    ] {
        assert_eq!(count(&worker.db, from).await, rows, "{from}");
    }
    for statement in [
        "DELETE FROM keyword_versions",
        "UPDATE concept_versions SET reason = 'x'",
        "TRUNCATE outlet_versions",
    ] {
        assert!(
            sqlx::query(statement).execute(&worker.db).await.is_err(),
            "{statement}"
        );
    }
}

/// A past large enough for the process to be killed in the middle of it.
async fn large(entries: u32) -> (String, PgPool) {
    let (url, db) = crate::database::fresh().await;
    let beat = crate::worker::beat(
        &["https://news.example/feed".to_owned()],
        &[("desk", "iran")],
    );
    let now = SystemClock.now();
    beat::import(&db, &beat, Merge::IfEmpty, "test", now, &|_| {})
        .await
        .unwrap();
    for statement in [
        "UPDATE feeds SET state = 'paused', next_poll_at = NULL",
        "INSERT INTO backlog (identity, feed_id, title, summary, content, sort_at, first_seen_at)
         SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), feeds.id,
                CASE WHEN n % 3 = 0 THEN 'korea ' ELSE 'x ' END || CASE WHEN n % 5 = 0 THEN 'football ' ELSE '' END || n, '', '',
                now() - n * interval '1 second', now() - n * interval '1 second'
           FROM generate_series(1, $1) n, feeds",
        "INSERT INTO articles (identity, source_id, feed_id, title, summary, content, sort_at, first_seen_at)
         SELECT decode(lpad(to_hex(n + 1000000), 32, '0'), 'hex'), source_id, id,
                'iran ' || CASE WHEN n % 2 = 0 THEN 'korea ' ELSE '' END || n, '', '',
                now() - n * interval '1 second', now() - n * interval '1 second'
           FROM generate_series(1, $1 / 4) n, feeds",
        "INSERT INTO matches (keyword_id, article_id, keyword_version, hits, why, sort_at, matched_at)
         SELECT keywords.id, articles.id, 1, '[]', '', sort_at, sort_at FROM keywords, articles WHERE $1 > 0",
    ] {
        let query = sqlx::query(statement);
        let query = if statement.contains("$1") { query.bind(i32::try_from(entries).unwrap()) } else { query };
        query.execute(&db).await.unwrap();
    }
    let keyword = keyword_edits::find(&db, "desk").await.unwrap().unwrap();
    let edit = KeywordEdit {
        slug: "desk",
        edited: keyword.version,
        seen: None,
        name: "Desk",
        query: "korea AND NOT football",
        note: "",
        reason: "",
    };
    // Long enough ago for the second round to be due at once.
    let saved_at = now.minus(Duration::from_mins(10));
    let saved = keyword_edits::save(&db, edit, &dependants(&db).await, "anna", saved_at).await;
    assert_eq!(saved.unwrap(), Saved::As(2));
    (url, db)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_at_random_points_ends_in_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let beat = crate::worker::beat(
        &["https://news.example/feed".to_owned()],
        &[("desk", "iran")],
    );
    let beat = beat_file(folder.path(), &beat);
    let worker = |url: &str| {
        wirewatch(&["serve", "--role", "worker"])
            .env("DATABASE_URL", url)
            .env("WIREWATCH_BEAT__FILE", &beat)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let is_done = async |db: &PgPool| count(db, "rematches WHERE finished_at IS NULL").await == 0;
    let run_through = async |url: &str, db: &PgPool| {
        let mut child = worker(url);
        while !is_done(db).await {
            assert!(
                child.try_wait().unwrap().is_none(),
                "the worker ended by itself"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        child.kill().unwrap();
        end(child).await;
    };
    let (undisturbed, whole) = large(12_000).await;
    let begun = Instant::now();
    run_through(&undisturbed, &whole).await;
    let length = u64::try_from(begun.elapsed().as_millis()).unwrap();

    let (url, db) = large(12_000).await;
    let mut kills = 0;
    while kills < 40 && !is_done(&db).await {
        let mut child = worker(&url);
        tokio::time::sleep(Duration::from_millis(any_below(length))).await;
        child.kill().unwrap();
        end(child).await;
        kills += 1;
    }
    run_through(&url, &db).await;
    for from in [OPEN, "articles", "backlog"] {
        assert_eq!(
            titles_in(&db, from).await,
            titles_in(&whole, from).await,
            "{from}"
        );
    }
    let told = "SELECT read, gained, lost FROM rematches";
    let counts: (i64, i64, i64) = sqlx::query_as(told).fetch_one(&db).await.unwrap();
    let expected: (i64, i64, i64) = sqlx::query_as(told).fetch_one(&whole).await.unwrap();
    assert_eq!(counts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_texts_come_a_few_at_a_time() {
    let (_, db) = large(40).await;
    sqlx::query("UPDATE articles SET content = repeat('word ', 500000)")
        .execute(&db)
        .await
        .unwrap();
    let batch = wirewatch::store::rematches::articles(&db, i64::MIN, i64::MAX, 500)
        .await
        .unwrap();
    assert!(batch.is_cut);
    assert_eq!(batch.texts.len(), 2, "four megabytes, the last text whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_beat_takes_what_was_not_edited_and_tells_what_both_changed() {
    let worker = hanging().await;
    let shipped = beat::export(&worker.db).await.unwrap().unwrap();
    // Edited here: one keyword, and the concept.
    save(&worker, "korea").await;
    save_concept(&worker, &["envoy".to_owned()], &[]).await;
    let mut newer = shipped.clone();
    for keyword in &mut newer.keywords {
        match keyword.slug.as_str() {
            "desk" => keyword.query = "football".to_owned(),
            "alone" => keyword.query = "envoy OR n7".to_owned(),
            _ => {}
        }
    }
    newer.keywords.push(wirewatch::domain::BeatKeyword {
        slug: "fresh".to_owned(),
        name: "Fresh".to_owned(),
        query: "n8".to_owned(),
        note: String::new(),
    });
    let merge = Merge::Shipped(query::dependants);
    let now = worker.clock.now();
    let told = beat::import(&worker.db, &newer, merge, "test", now, &|_| {})
        .await
        .unwrap();
    assert_eq!(
        told.conflicts,
        [("keyword".to_owned(), vec!["desk".to_owned()])].into()
    );
    assert_eq!(told.changed.get("keyword"), Some(&1));
    assert_eq!(told.added.get("keyword"), Some(&1));
    assert_eq!(
        told.kept.get("concept"),
        Some(&1),
        "the file is as before: the edit stays"
    );
    let queries = beat::engine_source(&worker.db).await.unwrap().keywords;
    let query = |slug: &str| {
        queries
            .iter()
            .find(|it| it.slug == slug)
            .unwrap()
            .query
            .clone()
    };
    assert_eq!(
        (query("desk"), query("alone")),
        ("korea".to_owned(), "envoy OR n7".to_owned())
    );
    finish(&worker).await;
    assert_eq!(
        stored(&worker.db).await.len(),
        by_brute_force(&worker.db).await.len()
    );
}
