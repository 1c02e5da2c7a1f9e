//! What programs see.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use sqlx::ConnectOptions as _;

use super::with_concepts;
use wirewatch::{domain::Role, store::installation, web::WebOptions};

use crate::{
    binary::{finish, wirewatch},
    database,
    feed_server::{Document, FeedServer, rss},
    site::{Site, ask},
    worker::{TestClock, TestWorker, beat},
};

fn keys(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_has_the_promised_fields_and_no_others() {
    let publisher = FeedServer::start().await;
    publisher.put("/good", Document::feed(rss(&[("a", "Iran", "x")])));
    publisher.put("/bad", Document::feed("").with_status(500));
    let feeds = [publisher.url("/good"), publisher.url("/bad")];
    let worker = TestWorker::new(&feeds, &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;

    let all = site.get("/api/v1/feeds").await;
    assert_eq!(all.header("content-type"), "application/json");
    assert_eq!(all.json()["feeds"].as_array().unwrap().len(), 2);
    let one = async |url: &str| site.get(&format!("/api/v1/feeds?url={url}")).await;
    let good = one(&feeds[0]).await.json()["feeds"][0].clone();
    let promised = BTreeSet::from([
        "id",
        "url",
        "title",
        "state",
        "last_attempt_at",
        "last_success_at",
        "last_http_status",
        "last_error_code",
        "consecutive_failures",
        "next_poll_at",
        "next_poll_reason",
        "entries_seen",
        "entries_skipped",
        "last_new_entry_at",
        "norm_per_day",
        "troubles",
    ]);
    assert_eq!(keys(&good), promised);
    assert_eq!(
        (&good["url"], &good["state"], &good["title"]),
        (
            &feeds[0].clone().into(),
            &"active".into(),
            &"Test Wire".into()
        )
    );
    assert_eq!(good["last_success_at"], "2026-11-23T10:00:00Z");
    assert_eq!(
        (&good["last_error_code"], &good["entries_seen"]),
        (&Value::Null, &1.into())
    );

    let bad = one(&feeds[1]).await.json()["feeds"][0].clone();
    assert_eq!(
        (
            &bad["state"],
            &bad["last_error_code"],
            &bad["last_http_status"]
        ),
        (&"failing".into(), &"http_status".into(), &500.into())
    );
    assert_eq!(
        (&bad["consecutive_failures"], &bad["last_success_at"]),
        (&1.into(), &Value::Null)
    );
    let path = format!("/api/v1/feeds/{}", bad["id"]);
    assert_eq!(site.get(&path).await.json(), bad);
    let unknown = one("https://nowhere.example/").await;
    assert_eq!(
        (unknown.status, unknown.body.as_str()),
        (200, "{\"feeds\":[]}")
    );
    assert_eq!(site.get("/api/v1/feeds/999").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_can_ask_for_a_poll() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let answer = site.post("/api/v1/feeds/1/poll").await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["next_poll_at"], "2026-11-23T10:00:00Z");
    assert_eq!(worker.pass().await.polled, 1);
    assert_eq!(site.post("/api/v1/feeds/999/poll").await.status, 404);

    sqlx::query("UPDATE feeds SET state = 'paused', next_poll_at = NULL")
        .execute(&worker.db)
        .await
        .unwrap();
    let answer = site.post("/api/v1/feeds/1/poll").await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (409, &409.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_goes_out_with_its_matches_and_their_hits() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "북한 and 이란", "x")])));
    let (_, db) = database::fresh().await;
    let beat = with_concepts(beat(
        &[publisher.url("/feed")],
        &[("link", "@dprk AND @iran")],
    ));
    let worker = TestWorker::on(db, &beat, TestClock::at("2026-11-23T10:00:00Z")).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let page = site.get("/api/v1/articles").await.json();
    assert_eq!(keys(&page), BTreeSet::from(["articles", "more", "next"]));
    let article = &page["articles"][0];
    let fields = BTreeSet::from([
        "id",
        "arrival",
        "url",
        "title",
        "summary",
        "content",
        "language",
        "authors",
        "categories",
        "source",
        "source_name",
        "tier",
        "country",
        "published",
        "sort_at",
        "first_seen",
        "updated",
        "revision",
        "is_backfill",
        "story",
        "copy_of",
        "matches",
    ]);
    assert_eq!(keys(article), fields);
    let one = site
        .get(&format!("/api/v1/articles/{}", article["id"]))
        .await;
    assert_eq!(one.json(), *article);
    assert_eq!(
        (&article["url"], &article["source"], &article["first_seen"]),
        (
            &"https://news.example/a".into(),
            &"test-wire".into(),
            &"2026-11-23T10:00:00Z".into()
        )
    );
    let found = &article["matches"][0];
    assert_eq!(
        (&found["keyword"], &found["version"]),
        (&"link".into(), &1.into())
    );
    assert!(found["why"].as_str().unwrap().contains("@dprk"));
    let title = article["title"].as_str().unwrap();
    let hits = found["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 2);
    for (hit, concept) in hits.iter().zip(["North Korea", "Iran"]) {
        let at = |side: &str| usize::try_from(hit[side].as_u64().unwrap()).unwrap();
        assert_eq!(hit["field"], "title");
        assert_eq!(hit["text"], title[at("start")..at("end")]);
        assert_eq!(hit["concept"], concept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_gives_every_article_once_in_order_while_more_arrive() {
    const BATCHES: usize = 12;
    let publisher = FeedServer::start().await;
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let publish = |batch: usize| {
        let items: Vec<(String, String)> = (0..(batch + 1) * 5)
            .map(|item| (item.to_string(), format!("Iran report {item}")))
            .collect();
        let items: Vec<(&str, &str, &str)> = items
            .iter()
            .map(|(guid, title)| (&**guid, &**title, "x"))
            .collect();
        publisher.put("/feed", Document::feed(rss(&items)));
    };
    let (mut titles, mut arrivals, mut cursor) = (Vec::new(), Vec::new(), String::new());
    for turn in 0..BATCHES * 3 {
        if turn < BATCHES {
            publish(turn);
            worker.pass_a_day_later().await;
        }
        let page = site
            .get(&format!("/api/v1/articles?since={cursor}&limit=3"))
            .await
            .json();
        for article in page["articles"].as_array().unwrap() {
            titles.push(article["title"].as_str().unwrap().to_owned());
            arrivals.push(article["arrival"].as_i64().unwrap());
        }
        page["next"].as_str().unwrap().clone_into(&mut cursor);
    }
    assert_eq!(titles.len(), BATCHES * 5);
    assert_eq!(titles.iter().collect::<BTreeSet<_>>().len(), BATCHES * 5);
    assert!(
        arrivals.is_sorted_by(|one, next| one < next),
        "{arrivals:?}"
    );
    assert_eq!(
        site.get("/api/v1/articles?since=yesterday").await.status,
        400
    );
    // What is ahead of all is of a database that this one is an older copy of.
    let last = arrivals.last().unwrap();
    for (path, status) in [
        (format!("/api/v1/articles?since={last}"), 200),
        (format!("/api/v1/articles?since={}", last + 1), 400),
        (format!("/api/v1/matches?since={}.0", last + 1), 400),
        (format!("/api/v1/export?resume={}", last + 1), 400),
    ] {
        assert_eq!(site.get(&path).await.status, status, "{path}");
    }
}

/// A worker that stored what matches `iran` or `dprk`, or both, and a site over it.
async fn two_keywords() -> (TestWorker, Site) {
    let publisher = FeedServer::start().await;
    let items: Vec<(String, String)> = (0..30)
        .map(|item| {
            let about = ["Iran", "Pyongyang", "Iran and Pyongyang"][item % 3];
            (item.to_string(), format!("{about} report {item}"))
        })
        .collect();
    let items: Vec<(&str, &str, &str)> = items
        .iter()
        .map(|(guid, title)| (&**guid, &**title, "x"))
        .collect();
    publisher.put("/feed", Document::feed(rss(&items)));
    let keywords = [("iran", "iran"), ("dprk", "pyongyang")];
    let worker = TestWorker::new(&[publisher.url("/feed")], &keywords).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    (worker, site)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_match_goes_out_once_however_it_is_paged() {
    let (worker, site) = two_keywords().await;
    // One article matches two keywords under one number: a page may end between them.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..60 {
        let page = site
            .get(&format!("/api/v1/matches?since={cursor}&limit=3"))
            .await
            .json();
        for found in page["matches"].as_array().unwrap() {
            seen.push((
                found["article"].as_i64().unwrap(),
                found["keyword"].to_string(),
            ));
        }
        page["next"].as_str().unwrap().clone_into(&mut cursor);
        if page["more"] == false {
            break;
        }
    }
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM matches")
        .fetch_one(&worker.db)
        .await
        .unwrap();
    assert_eq!((seen.len(), stored), (40, 40));
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 40);
    let of_one = site.get("/api/v1/matches?keyword=dprk&limit=1000").await;
    assert_eq!(of_one.json()["matches"].as_array().unwrap().len(), 20);
    assert_eq!(site.get("/api/v1/matches?keyword=none").await.status, 404);
    assert_eq!(site.get("/api/v1/matches?since=12").await.status, 400);
    let rest = site.get(&format!("/api/v1/matches?since={cursor}")).await;
    assert_eq!(rest.json()["matches"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_the_stream_and_one_that_names_nothing_is_refused() {
    let (_worker, site) = two_keywords().await;
    let count = async |query: &str| {
        let page = site
            .get(&format!("/api/v1/articles?{query}&limit=1000"))
            .await;
        page.json()["articles"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 30);
    assert_eq!(count("keyword=dprk").await, 20);
    assert_eq!(count("tier=wire&country=jp&source=test-wire").await, 30);
    assert_eq!(count("tier=press").await, 0);
    assert_eq!(count("from=2026-01-01&to=2026-01-02").await, 0);
    for missing in ["keyword=none", "source=none", "q=iran&source=none"] {
        let answer = site.get(&format!("/api/v1/articles?{missing}")).await;
        assert_eq!(answer.status, 404, "{missing}");
    }
    for wrong in [
        "tier=none",
        "from=soon",
        "limit=0",
        "limit=1001",
        "limit=x",
        "in=backlog",
        "in=null",
        "country=null",
        "before=null",
        "since=x&q=iran",
    ] {
        let answer = site.get(&format!("/api/v1/articles?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    for (path, names) in [
        ("/api/v1/articles?keywrod=dprk", "“keywrod”: there are "),
        ("/api/v1/export?keyword=dprk&since=0", "“since”: there are "),
        (
            "/api/v1/keywords?limit=5",
            "“limit”: this address takes none",
        ),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.contains(names), "{path}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_changed_is_not_sent_again() {
    let (_worker, site) = two_keywords().await;
    let first = site.get("/api/v1/articles").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    assert_eq!(first.header("cache-control"), "private, no-cache");
    let again = site.request(reqwest::Method::GET, "/api/v1/articles");
    let again = ask(again.header("if-none-match", format!("\"x\", W/{tag}"))).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(again.header("etag"), tag);
    let other = site.request(reqwest::Method::GET, "/api/v1/keywords");
    let other = ask(other.header("if-none-match", &tag)).await;
    assert_eq!(other.status, 200);
    let head = ask(site.request(reqwest::Method::HEAD, "/api/v1/articles")).await;
    assert_eq!((head.status, head.header("etag")), (200, tag.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_fast_is_told_to_wait_and_others_are_not() {
    let (worker, _) = two_keywords().await;
    let options = WebOptions {
        requests_per_minute: 5,
        ..WebOptions::default()
    };
    let site = Site::with(&worker.db, worker.clock.clone(), options).await;
    let [one, other] = [
        site.token_of(Role::Viewer).await.unwrap(),
        site.token_of(Role::Viewer).await.unwrap(),
    ];
    let get = async |key: &str| {
        let request = site.bare_request(reqwest::Method::GET, "/api/v1/health");
        ask(request.bearer_auth(key)).await
    };
    for left in ["r=4", "r=3", "r=2", "r=1", "r=0"] {
        let answer = get(&one).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("ratelimit").contains(left));
    }
    let refused = get(&one).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "12"));
    assert_eq!(refused.json()["status"], 429);
    assert_eq!(get(&other).await.status, 200);
    worker.clock.advance(Duration::from_secs(12));
    assert_eq!(get(&one).await.status, 200);
    // Keys that are none are counted as well, and nobody else's.
    for status in [401, 401, 401, 401, 401, 429] {
        assert_eq!(get("none").await.status, status);
    }
    assert_eq!(get(&other).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_every_article_and_goes_on_where_it_broke_off() {
    let (worker, site) = two_keywords().await;
    let whole = site.get("/api/v1/export").await;
    assert_eq!(whole.header("content-type"), "application/jsonl");
    let lines: Vec<Value> = whole
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 30);
    let resume = lines[11]["resume"].as_str().unwrap();
    let rest = site.get(&format!("/api/v1/export?resume={resume}")).await;
    let expected: String = whole
        .body
        .lines()
        .skip(12)
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(rest.body, expected);
    let of_one = site.get("/api/v1/export?keyword=dprk").await;
    assert_eq!(of_one.body.lines().count(), 20);
    assert_eq!(site.get("/api/v1/export?resume=x").await.status, 400);
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_into_a_file_goes_on_only_with_what_it_was_begun_with() {
    let (worker, site) = two_keywords().await;
    let whole = site.get("/api/v1/export?keyword=dprk").await.body;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dprk.jsonl");
    let url = worker.db.connect_options().to_url_lossy();
    let export = async |wanted: &[&str]| {
        let mut command = wirewatch(&["export"]);
        command
            .args(wanted)
            .arg("--output")
            .arg(&path)
            .env("DATABASE_URL", url.as_str());
        let told = finish(command).await;
        (
            told.status.success(),
            String::from_utf8(told.stderr).unwrap(),
        )
    };
    let cut = whole.match_indices('\n').nth(6).unwrap().0 + 20;
    std::fs::write(&path, &whole[..cut]).unwrap();
    let kept = || std::fs::read_to_string(&path).unwrap();

    let (is_done, told) = export(&["--to", "2020-01-01"]).await;
    assert!(
        !is_done && told.contains("none of those asked for"),
        "{told}"
    );
    assert_eq!(kept(), whole[..cut], "what was there is as it was");
    assert!(export(&["--keyword", "dprk"]).await.0);
    assert_eq!(kept(), whole);

    std::fs::write(&path, "{\"resume\":\"999\"}\n").unwrap();
    let (is_done, told) = export(&["--keyword", "dprk"]).await;
    assert!(
        !is_done && told.contains("restored from a backup"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_that_is_lost_or_found_again_comes_once_more() {
    let (worker, site) = two_keywords().await;
    let since = async |cursor: &str| {
        let page = site
            .get(&format!("/api/v1/matches?since={cursor}&limit=1000"))
            .await
            .json();
        let next = page["next"].as_str().unwrap().to_owned();
        (page["matches"].as_array().unwrap().clone(), next)
    };
    let (all, cursor) = since("").await;
    let change = async |is_closed: bool| {
        sqlx::query(
            "UPDATE matches SET closed_at = CASE WHEN $1 THEN now() END WHERE (article_id, keyword_id) IN (
                 SELECT article_id, keyword_id FROM matches ORDER BY article_id, keyword_id LIMIT 3)",
        )
        .bind(is_closed)
        .execute(&worker.db)
        .await
        .unwrap();
        worker.place().await;
    };
    change(true).await;
    let (lost, cursor) = since(&cursor).await;
    assert_eq!(lost.len(), 3);
    assert!(lost.iter().all(|found| found["closed"].is_string()));
    change(false).await;
    let (found, cursor) = since(&cursor).await;
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|found| found["closed"].is_null()));
    let was = |found: &Value| all.contains(found);
    assert!(found.iter().all(was), "they are the same matches");
    change(false).await;
    assert!(since(&cursor).await.0.is_empty(), "nothing changed");
    let (again, _) = since("").await;
    assert_eq!(again.len(), all.len(), "each once for who begins now");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_after_a_restore_with_a_number_given_after_the_backup_misses_nothing() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran report", "x")])));
    let keywords = [("iran", "iran"), ("dprk", "pyongyang")];
    let worker = TestWorker::new(&[publisher.url("/feed")], &keywords).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    installation::leave_numbers_out(&worker.db).await.unwrap();
    let items = [("a", "Iran report", "x"), ("b", "Pyongyang report", "x")];
    publisher.put("/feed", Document::feed(rss(&items)));
    worker.clock.advance(Duration::from_hours(24));
    worker.pass().await;
    for path in [
        "/api/v1/articles?since=100",
        "/api/v1/articles?since=100&keyword=dprk",
        "/api/v1/matches?since=100.0&keyword=dprk",
    ] {
        // As many pages as it takes, and no more than it should.
        let first = site.get(path).await.json();
        let next = first["next"].as_str().unwrap();
        let (place, rest) = path.split_once("since=").unwrap();
        let filters = rest.split_once('&').map_or("", |(_, filters)| filters);
        let second = site.get(&format!("{place}since={next}&{filters}")).await;
        let told = format!("{first}{}", second.json());
        assert_eq!(
            told.matches("Pyongyang report").count(),
            1,
            "{path}: {told}"
        );
        assert!(!told.contains("Iran report"), "{path}: {told}");
    }
    let found = site.get("/api/v1/articles?q=report").await.json();
    let ids: Vec<i64> = found["articles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|article| article["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids.len(), 2, "{found}");
    assert!(
        ids.iter().any(|&id| id > 1_000_000_000),
        "no number is given twice: {ids:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stories_keywords_and_the_audit_are_told() {
    let (worker, site) = two_keywords().await;
    let stories = site.get("/api/v1/stories?least=1&limit=1").await.json();
    let first = &stories["stories"][0];
    assert_eq!(first["desk"]["state"], "new");
    let next = stories["next"].as_str().unwrap();
    let more = site
        .get(&format!("/api/v1/stories?least=1&before={next}"))
        .await
        .json();
    assert_eq!(more["next"], Value::Null);
    let rest = more["stories"].as_array().unwrap();
    assert!(rest.iter().all(|story| story["id"] != first["id"]));
    let one = site
        .get(&format!("/api/v1/stories/{}", first["id"]))
        .await
        .json();
    assert_eq!(one["id"], first["id"]);
    assert_eq!(
        i64::try_from(one["articles"].as_array().unwrap().len()).unwrap(),
        first["articles"]
    );
    let keywords = site.get("/api/v1/keywords").await.json();
    assert_eq!(keywords["keywords"][1]["slug"], "dprk");
    assert_eq!(
        site.get("/api/v1/keywords/dprk").await.json(),
        keywords["keywords"][1]
    );
    let versions = site.get("/api/v1/keywords/dprk/versions").await.json();
    assert_eq!(versions["versions"][0]["query"], "pyongyang");
    let audit = site.get("/api/v1/audit?kind=keyword&limit=1").await.json();
    assert_eq!(audit["changes"][0]["kind"], "keyword");
    let next = &audit["next"];
    let older = site
        .get(&format!("/api/v1/audit?kind=keyword&before={next}"))
        .await;
    assert_eq!(older.json()["changes"].as_array().unwrap().len(), 1);
    assert_eq!(older.json()["next"], Value::Null);
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_served_and_laid_out() {
    let (_worker, site) = two_keywords().await;
    let document = site.get("/api/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let page = site.get("/api").await;
    assert_eq!(page.status, 200);
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.body.contains(&format!(" {path}</code>")), "{path}");
    }
}
