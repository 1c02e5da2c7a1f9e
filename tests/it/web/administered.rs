//! Feeds, sources and accounts administered, the audit, texts erased on a legal demand, and why something is not there.

use wirewatch::{domain::Role, web::WebOptions};

use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{Answer, Site, ask},
    web::{between, sealed},
    worker::{TestWorker, count},
};

struct Desk {
    publisher: FeedServer,
    worker: TestWorker,
    site: Site,
    cookie: String,
}

impl Desk {
    async fn open() -> Self {
        let publisher = FeedServer::start().await;
        let entries = [
            ("a", "Iran ship talks", "secret words about Iran"),
            ("b", "Korea ship", "x"),
            ("c", "Weather", "x"),
        ];
        publisher.put("/feed", Document::feed(rss(&entries)));
        let worker = TestWorker::new(
            &[publisher.url("/feed")],
            &[
                ("desk", "iran"),
                ("wires", "ship AND tier:wire AND country:KR"),
            ],
        )
        .await;
        worker.pass().await;
        let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
        let user = site.account("anna", Role::Admin).await;
        let cookie = site.session_of(user).await;
        Self {
            publisher,
            worker,
            site,
            cookie,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let request = self.site.bare_request(reqwest::Method::GET, path);
        ask(request.header("cookie", &self.cookie)).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        ask(self.site.form(path, fields).header("cookie", &self.cookie)).await
    }

    /// Sends the form of a page that is opened before.
    async fn fill(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(path).await;
        self.post(path, &sealed(&page.body, fields)).await
    }

    async fn count(&self, from: &str) -> i64 {
        count(&self.worker.db, from).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_are_paused_filed_and_asked_again_one_by_one_and_many_at_once() {
    let desk = Desk::open().await;
    let page = desk.get("/admin/feeds").await;
    assert!(
        page.body.contains("name=\"feed\" value=\"1\""),
        "{}",
        page.body
    );
    let none = desk.post("/admin/feeds/bulk", &[("action", "pause")]).await;
    assert_eq!(none.status, 422);
    for (fields, holds) in [
        (
            vec![("action", "pause")],
            "state = 'paused' AND next_poll_at IS NULL",
        ),
        (
            vec![("action", "resume")],
            "state = 'active' AND next_poll_at IS NOT NULL",
        ),
        (
            vec![("action", "poll")],
            "next_poll_reason = 'asked for by hand'",
        ),
        (
            vec![("action", "category"), ("category", "a/b")],
            "category = 'a/b'",
        ),
        (
            vec![("action", "language"), ("language", "ko")],
            "language = 'ko'",
        ),
    ] {
        let mut all = vec![("feed", "1")];
        all.extend(fields.clone());
        let done = desk.post("/admin/feeds/bulk", &all).await;
        assert_eq!(
            done.header("location"),
            "/admin/feeds?changed=1",
            "{fields:?}"
        );
        assert_eq!(
            desk.count(&format!("feeds WHERE {holds}")).await,
            1,
            "{fields:?}"
        );
    }
    assert_eq!(
        desk.count("audit WHERE subject_kind = 'feed' AND actor = 'anna'")
            .await,
        4
    );
    for bad in [
        [("feed", "1"), ("action", "delete")],
        [("feed", "x"), ("action", "pause")],
    ] {
        assert_eq!(
            desk.post("/admin/feeds/bulk", &bad).await.status,
            400,
            "{bad:?}"
        );
    }
    assert_eq!(desk.post("/admin/feeds/1/pause", &[]).await.status, 303);
    assert!(
        desk.get("/admin/feeds/1")
            .await
            .body
            .contains("/admin/feeds/1/resume")
    );
    let edited = [
        ("title", "A feed"),
        ("note", "why"),
        ("source", "1"),
        ("category", "c"),
    ];
    assert_eq!(desk.fill("/admin/feeds/1", &edited).await.status, 303);
    assert_eq!(
        desk.count("feeds WHERE title = 'A feed' AND note = 'why'")
            .await,
        1
    );
    let nowhere = [("title", "A feed"), ("source", "77")];
    assert_eq!(desk.fill("/admin/feeds/1", &nowhere).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_takes_back_nothing_that_others_saved_and_loses_nothing_that_was_typed() {
    let desk = Desk::open().await;
    let list = "UPDATE feeds SET kind = 'list', etag = 'x',
                       selectors = '{\"item\": \"li.a\", \"title\": \"h2\"}'";
    sqlx::query(list).execute(&desk.worker.db).await.unwrap();
    let path = "/admin/feeds/1";
    let old = desk.get(path).await.body;
    let mended = [("source", "1"), ("list_item", "li.b"), ("note", "rebuilt")];
    assert_eq!(desk.fill(path, &mended).await.status, 303);
    let now = "UPDATE feeds SET etag = 'y'";
    sqlx::query(now).execute(&desk.worker.db).await.unwrap();
    // Who opened the page before and mends the note alone brings the old selectors.
    let late = [
        ("source", "1"),
        ("list_item", "li.a"),
        ("list_title", "h2"),
        ("note", "typed long"),
    ];
    let refused = desk.post(path, &sealed(&old, &late)).await;
    assert_eq!(refused.status, 409);
    for told in [
        "value=\"typed long\"",
        ">li.b<",
        ">rebuilt<",
        "value=\"h2\"",
    ] {
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
    }
    let kept = "feeds WHERE selectors ->> 'item' = 'li.b' AND note = 'rebuilt' AND etag = 'y'";
    assert_eq!(desk.count(kept).await, 1);
    // Sent again, it is meant.
    let again = desk.post(path, &sealed(&refused.body, &late)).await;
    assert_eq!(again.status, 303, "{}", again.body);
    assert_eq!(desk.count("feeds WHERE note = 'typed long'").await, 1);
    // What is the same already takes nothing back.
    let twice = desk.post(path, &sealed(&refused.body, &late)).await;
    assert_eq!(twice.status, 303);
    for wrong in [
        ("language", "fa_IR"),
        ("list_item", ""),
        ("list_item", "li["),
        ("list_title", "h2["),
        ("list_link", "a[@href"),
        ("source", "77"),
    ] {
        let mut fields = vec![
            ("source", "1"),
            ("list_item", "li.c"),
            ("list_date", "time"),
        ];
        fields.retain(|(name, _)| *name != wrong.0);
        fields.push(wrong);
        let refused = desk.fill(path, &fields).await;
        assert_eq!(refused.status, 422, "{wrong:?}");
        assert!(refused.body.contains("role=\"alert\""), "{wrong:?}");
        assert!(refused.body.contains("value=\"time\""), "{wrong:?}");
        // What no poll could read is told by its field.
        let flaw = format!("aria-describedby=\"{}-flaw\"", wrong.0);
        let is_selector = wrong.0.starts_with("list_") && !wrong.1.is_empty();
        assert_eq!(refused.body.contains(&flaw), is_selector, "{wrong:?}");
        assert_eq!(refused.body.contains("is no CSS selector"), is_selector);
    }
    assert_eq!(
        desk.count("feeds WHERE selectors ->> 'item' = 'li.a'")
            .await,
        1
    );
    let path = "/admin/sources/test-wire";
    let old = desk.get(path).await.body;
    let source = |note| {
        [
            ("name", "Test Wire"),
            ("domain", "news.example"),
            ("tier", "wire"),
            ("note", note),
        ]
    };
    assert_eq!(desk.fill(path, &source("first")).await.status, 303);
    let refused = desk.post(path, &sealed(&old, &source("second"))).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains(">first<") && refused.body.contains("value=\"second\""));
    assert_eq!(desk.count("sources WHERE note = 'first'").await, 1);
    let again = desk
        .post(path, &sealed(&refused.body, &source("second")))
        .await;
    assert_eq!(again.status, 303);
    desk.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_feed_was_is_in_its_editor_again_from_the_audit() {
    let desk = Desk::open().await;
    for title in ["First name", "A feed"] {
        let edited = [("title", title), ("source", "1"), ("category", title)];
        assert_eq!(desk.fill("/admin/feeds/1", &edited).await.status, 303);
    }
    assert_eq!(desk.post("/admin/feeds/1/pause", &[]).await.status, 303);
    let changed: i64 = sqlx::query_scalar(
        "SELECT min(id) FROM audit WHERE subject_kind = 'feed' AND after ->> 'title' = 'A feed'",
    )
    .fetch_one(&desk.worker.db)
    .await
    .unwrap();
    let way = format!("/admin/feeds/1?audit={changed}");
    let told = desk.get("/admin/audit?kind=feed").await;
    assert!(
        told.body.contains(&format!("href=\"{way}\"")),
        "{}",
        told.body
    );
    let earlier = desk.get(&way).await;
    assert_eq!(earlier.status, 200);
    assert!(earlier.body.contains("as it was before a change"));
    assert_eq!(
        earlier.body.matches("value=\"First name\"").count(),
        2,
        "name and category: {}",
        earlier.body
    );
    assert!(earlier.body.contains("It was not paused then"));
    assert!(
        !earlier.body.contains("value=\"A feed\""),
        "{}",
        earlier.body
    );
    assert_eq!(desk.get("/admin/feeds/1?audit=999999").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_the_database_does_not_take_is_given_up_and_holds_up_no_other() {
    let desk = Desk::open().await;
    let refuse =
        "ALTER TABLE feeds ADD CONSTRAINT refused CHECK (url NOT LIKE '%refused%') NOT VALID";
    sqlx::query(refuse).execute(&desk.worker.db).await.unwrap();
    for path in ["/refused", "/taken"] {
        let url = desk.publisher.url(path);
        let opml = format!(
            "<opml version=\"2.0\"><body><outline text=\"{path}\" xmlUrl=\"{url}\"/></body></opml>"
        );
        let pasted = desk.post("/admin/feeds/opml", &[("opml", &opml)]).await;
        assert_eq!(pasted.status, 303, "{}", pasted.body);
    }
    assert_eq!(desk.worker.add_lists().await, 2);
    let page = desk.get("/admin/feeds").await;
    for told in [
        "nothing was added: the database does not take this list",
        "1 feeds added, 0 were there",
    ] {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    assert_eq!(desk.count("feeds WHERE url LIKE '%refused%'").await, 0);
    assert_eq!(desk.count("feeds WHERE url LIKE '%taken%'").await, 1);
    assert_eq!(desk.worker.add_lists().await, 0, "neither waits any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_feeds_come_from_other_readers_and_go_to_them() {
    let desk = Desk::open().await;
    let url = desk.publisher.url("/other?a=1&amp;b=2");
    let opml = format!(
        "<opml version=\"2.0\"><body><outline text=\"Other &amp; more\" xmlUrl=\"{url}\"/><outline text=\"x\" xmlUrl=\"nowhere\"/></body></opml>"
    );
    for text in [opml.as_str(), "no list"] {
        assert_eq!(
            desk.post("/admin/feeds/opml", &[("opml", text)])
                .await
                .status,
            303
        );
    }
    // The page with forms reads nothing anew by itself; without scripts one of its own does, until the lists are done.
    let page = desk.get("/admin/feeds").await;
    assert!(!page.body.contains("http-equiv"), "{}", page.body);
    let waiting = desk.get("/admin/feeds/lists").await;
    assert!(
        waiting.body.contains("http-equiv=\"refresh\"") && !waiting.body.contains("id=\"opml\""),
        "{}",
        waiting.body
    );
    assert_eq!(desk.worker.add_lists().await, 2);
    let done = desk.get("/admin/feeds/lists").await;
    assert!(
        done.body.contains("1 feeds added") && !done.body.contains("http-equiv"),
        "{}",
        done.body
    );
    let page = desk.get("/admin/feeds").await;
    assert!(
        page.body.contains("1 feeds added, 0 were there; line 1"),
        "{}",
        page.body
    );
    assert!(page.body.contains("nothing was added"));
    assert_eq!(
        desk.count("audit WHERE subject_kind = 'feed' AND actor = 'anna' AND action = 'add'")
            .await,
        1
    );
    assert_eq!(
        desk.count("opml_imports WHERE text <> ''").await,
        0,
        "what was pasted is not kept"
    );
    // Far longer than any other form, and longer than any list may be, of letters that a form writes as three.
    let long = |bytes: usize| {
        opml.replace(
            "<body>",
            &format!("<body>{}", "<!--\n-->".repeat(bytes / 8)),
        )
    };
    let taken = desk
        .post("/admin/feeds/opml", &[("opml", &long(4_100_000))])
        .await;
    assert_eq!(taken.status, 303, "{}", taken.body);
    assert_eq!(desk.worker.add_lists().await, 1);
    let page = desk.get("/admin/feeds").await;
    assert!(
        page.body.contains("0 feeds added, 1 were there"),
        "{}",
        page.body
    );
    let refused = desk
        .post("/admin/feeds/opml", &[("opml", &long(5_000_000))])
        .await;
    assert_eq!(refused.status, 413);
    assert!(
        refused.body.contains("A list may have 4 MiB here"),
        "{}",
        refused.body
    );
    // Of a form beyond all bounds the rest is not read: who still sends then may find the connection closed.
    let fields = [("opml", long(14_000_000))];
    let form = desk.site.form(
        "/admin/feeds/opml",
        &fields.each_ref().map(|(name, text)| (*name, text.as_str())),
    );
    let beyond = form.header("cookie", &desk.cookie).send().await;
    assert!(beyond.is_err() || beyond.is_ok_and(|answer| answer.status() == 413));
    assert_eq!(desk.count("opml_imports").await, 3);
    let list = desk.get("/admin/feeds.opml").await;
    let read = wirewatch::pipeline::opml::read(list.body.as_bytes()).unwrap();
    assert_eq!(
        (read.feeds.len(), read.problems.len()),
        (2, 0),
        "{}",
        list.body
    );
    assert!(
        read.feeds
            .iter()
            .any(|feed| feed.title.as_deref() == Some("Other & more"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_a_source_is_changed_and_what_asks_for_it_is_matched_anew() {
    let desk = Desk::open().await;
    let fields = [
        ("name", "Test Wire"),
        ("domain", "news.example"),
        ("tier", "wire"),
        ("country", "kr"),
    ];
    let saved = desk.fill("/admin/sources/test-wire", &fields).await;
    assert_eq!(saved.header("location"), "/admin/sources/test-wire?saved=1");
    assert_eq!(desk.count("sources WHERE country = 'KR'").await, 1);
    let asking = "rematches JOIN keywords ON id = keyword_id WHERE slug = 'wires'";
    assert_eq!(desk.count(asking).await, 1);
    assert_eq!(desk.count("rematches").await, 1, "others do not ask for it");
    for (name, value) in [
        ("country", "Korea"),
        ("domain", "no domain"),
        ("tier", "best"),
        ("language", "?"),
    ] {
        let mut wrong = fields.to_vec();
        wrong.retain(|(known, _)| *known != name);
        wrong.push((name, value));
        assert_eq!(
            desk.fill("/admin/sources/test-wire", &wrong).await.status,
            422,
            "{name}"
        );
    }
    let mut new = fields.to_vec();
    new.push(("slug", "another"));
    assert_eq!(desk.post("/admin/sources", &new).await.status, 303);
    assert_eq!(
        desk.post("/admin/sources", &new).await.status,
        422,
        "it is there"
    );
    // What was before a change is looked at from the audit.
    let audit = desk.get("/admin/audit?kind=source&action=change").await;
    let earlier =
        between(&audit.body, "href=\"/admin/sources/test-wire?", "\"")[0].replace("&#38;", "&");
    let page = desk
        .get(&format!("/admin/sources/test-wire?{earlier}"))
        .await;
    assert!(page.body.contains("value=\"JP\""), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_tells_from_where_is_filtered_and_exported() {
    let desk = Desk::open().await;
    desk.post("/admin/feeds/1/pause", &[]).await;
    let page = desk
        .get("/admin/audit?kind=feed&action=pause&who=anna")
        .await;
    assert!(
        page.body
            .contains("<span class=\"hint from\">127.0.0.1</span>"),
        "{}",
        page.body
    );
    assert!(
        !desk
            .get("/admin/audit?action=resume&from=2026-11-23")
            .await
            .body
            .contains("127.0.0.1")
    );
    assert!(
        !desk
            .get("/admin/audit?to=2026-11-22")
            .await
            .body
            .contains("<strong>pause")
    );
    assert!(
        desk.get("/admin/audit?from=2026-11-23&to=2026-11-23")
            .await
            .body
            .contains("<strong>pause")
    );
    assert_eq!(desk.get("/admin/audit?from=today").await.status, 400);
    let lines = desk.get("/admin/audit.jsonl?kind=feed&action=pause").await;
    let row: serde_json::Value = serde_json::from_str(lines.body.trim()).unwrap();
    assert_eq!(
        (&row["who"], &row["from"], &row["after"]["paused"]),
        (&"anna".into(), &"127.0.0.1".into(), &true.into())
    );
    let table = desk.get("/admin/audit.csv").await;
    assert!(table.header("content-disposition").contains("audit.csv"));
    let rows = i64::try_from(table.body.lines().count()).unwrap() - 1;
    assert_eq!(rows, desk.count("audit").await, "all of it");
    for statement in [
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'x'",
        "TRUNCATE audit",
    ] {
        assert!(
            sqlx::query(statement)
                .execute(&desk.worker.db)
                .await
                .is_err(),
            "{statement}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_erased_stays_erased_with_a_tombstone_and_a_row() {
    let desk = Desk::open().await;
    let path = "/articles/1/erase";
    assert_eq!(
        desk.post(path, &[("reason", "a court")]).await.status,
        400,
        "it must be meant"
    );
    // It matched nothing when it came, and was drawn to be judged.
    sqlx::query(
        "INSERT INTO backlog_samples (week, identity, source_id, url, title, summary, entries)
         SELECT '2026-11-16', identity, source_id, url, title, summary, 3 FROM articles WHERE id = 1",
    )
    .execute(&desk.worker.db)
    .await
    .unwrap();
    let meant = [("reason", "a court"), ("sure", "true")];
    assert_eq!(desk.post(path, &meant).await.status, 303);
    assert_eq!(desk.post(path, &meant).await.status, 404, "once");
    let page = desk.get("/articles/1").await;
    assert!(
        page.body.contains("[erased]") && !page.body.contains("secret words"),
        "{}",
        page.body
    );
    // Its publisher changes it, and the past is matched anew: the text does not come back.
    let changed = [(
        "a",
        "Iran ship talks go on",
        "secret words again about Iran",
    )];
    desk.publisher.put("/feed", Document::feed(rss(&changed)));
    desk.worker.pass_a_day_later().await;
    for (table, text) in [
        ("articles", "concat(title, summary, content)"),
        ("revisions", "concat(title, summary, content)"),
        ("backlog_samples", "concat(title, summary)"),
        ("matches", "hits::text"),
        ("audit", "concat(before, after)"),
    ] {
        let from = format!("{table} WHERE {text} ~* 'secret|talks'");
        assert_eq!(desk.count(&from).await, 0, "{table}");
    }
    assert_eq!(
        desk.count("backlog_samples WHERE title = '[erased]' AND url IS NOT NULL")
            .await,
        1
    );
    // Nor is a tombstone told as an article that changed.
    assert_eq!(desk.count("revisions").await, 0);
    let touched = "articles WHERE title_changes > 0 OR updated_at IS NOT NULL";
    assert_eq!(desk.count(touched).await, 0);
    assert_eq!(desk.count("matches WHERE hits <> '[]'").await, 0);
    assert_eq!(
        desk.count("articles WHERE erased_at IS NOT NULL AND url IS NOT NULL")
            .await,
        1
    );
    let row = "audit WHERE action = 'erase' AND subject = '1' AND after ->> 'reason' = 'a court'";
    assert_eq!(desk.count(row).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_something_is_not_on_the_board_is_told() {
    let desk = Desk::open().await;
    let url: String = sqlx::query_scalar("SELECT url FROM articles LIMIT 1")
        .fetch_one(&desk.worker.db)
        .await
        .unwrap();
    let stored = desk
        .post("/why-not", &[("asked", &format!("{url}?utm_source=x#y"))])
        .await;
    assert!(
        stored.body.contains("href=\"/articles/1\""),
        "{}",
        stored.body
    );
    assert!(stored.body.contains("<strong>matches it</strong>"));
    sqlx::query(
        "INSERT INTO desk_changes (id, made_at, actor, story_id, kind) SELECT 1, now(), 'ed', id, 'pass' FROM stories LIMIT 1",
    )
    .execute(&desk.worker.db)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO desk_states (story_id, state, by, since, reason, reports, change_id)
         SELECT story_id, 'passed', 'ed', now(), 'noise', 1, 1 FROM desk_changes",
    )
    .execute(&desk.worker.db)
    .await
    .unwrap();
    let passed = desk.post("/why-not", &[("asked", &url)]).await;
    assert!(
        passed.body.contains("<bdi>ed</bdi>: noise"),
        "{}",
        passed.body
    );
    let entry: String = sqlx::query_scalar("SELECT url FROM backlog WHERE title = 'Korea ship'")
        .fetch_one(&desk.worker.db)
        .await
        .unwrap();
    let unmatched = desk.post("/why-not", &[("asked", &entry)]).await;
    assert!(
        unmatched
            .body
            .contains("It was fetched, and matched nothing"),
        "{}",
        unmatched.body
    );
    assert!(
        unmatched.body.contains("country:KR (it is JP)"),
        "{}",
        unmatched.body
    );
    assert!(unmatched.body.contains("iran (no mention)"));
    // An outlet's page is found in a feed of another one, however it is written.
    sqlx::query("UPDATE backlog SET url = 'http://m.outlet.example/Korea/Ship?from=hp' WHERE title = 'Korea ship'")
        .execute(&desk.worker.db)
        .await
        .unwrap();
    let of_others = desk
        .post(
            "/why-not",
            &[("asked", "https://www.outlet.example/korea/ship/#top")],
        )
        .await;
    assert!(
        of_others
            .body
            .contains("It was fetched, and matched nothing")
    );
    let host = desk.publisher.url("/never-seen");
    let missing = desk.post("/why-not", &[("asked", &host)]).await;
    assert!(
        missing.body.contains("It was not fetched") && missing.body.contains("href=\"/feeds/1\"")
    );
    let elsewhere = desk
        .post("/why-not", &[("asked", "https://elsewhere.example/x")])
        .await;
    assert!(elsewhere.body.contains("No feed of its site"));
    let text = desk
        .post("/why-not", &[("asked", "Envoys meet\nA ship near Iran")])
        .await;
    assert!(
        text.body.contains("<strong>matches it</strong>"),
        "{}",
        text.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_signed_out_everywhere_and_nobody_locks_themselves_out() {
    let desk = Desk::open().await;
    let ed = desk.site.account("ed", Role::Editor).await;
    let cookie = desk.site.session_of(ed).await;
    let ask_as_ed = async || {
        let request = desk.site.bare_request(reqwest::Method::GET, "/yours");
        ask(request.header("cookie", &cookie)).await.status
    };
    assert_eq!(ask_as_ed().await, 200);
    let done = desk
        .post(&format!("/admin/users/{ed}/sessions/end"), &[])
        .await;
    assert_eq!(done.status, 200);
    assert_eq!(ask_as_ed().await, 303, "the sign-in");
    assert_eq!(
        desk.count("audit WHERE action = 'sign out' AND subject = 'ed'")
            .await,
        1
    );
    for (path, fields) in [
        ("/admin/users/1/sessions/end", &[][..]),
        ("/admin/users/1/disable", &[]),
        ("/admin/users/1/role", &[("role", "viewer")]),
    ] {
        assert_eq!(desk.post(path, fields).await.status, 409, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matched_nothing_is_sampled_each_week_and_judged() {
    let desk = Desk::open().await;
    assert!(
        desk.get("/admin/quality")
            .await
            .body
            .contains("No sample was drawn yet")
    );
    sqlx::query("UPDATE backlog SET is_backfill = false, first_seen_at = '2026-11-18T10:00:00Z'")
        .execute(&desk.worker.db)
        .await
        .unwrap();
    desk.worker.upkeep().await;
    desk.worker.upkeep().await;
    assert_eq!(desk.count("backlog_samples").await, 2, "once a week");
    let page = desk.get("/admin/quality").await;
    assert!(
        page.body.contains("Korea ship") && page.body.contains("0 % – 100 %"),
        "{}",
        page.body
    );
    let judge = async |id: &str, fields: &[(&str, &str)]| {
        desk.post(&format!("/admin/quality/{id}"), fields)
            .await
            .status
    };
    assert_eq!(
        judge("1", &[("missed", "true"), ("keyword", "desk")]).await,
        303
    );
    assert_eq!(judge("2", &[("missed", "false")]).await, 303);
    assert_eq!(
        judge("1", &[("missed", "true"), ("keyword", "none")]).await,
        404
    );
    assert_eq!(judge("9", &[("missed", "false")]).await, 404);
    let page = desk.get("/admin/quality").await;
    assert!(
        page.body.contains("<td>1/2</td><td>9 % – 91 %</td>"),
        "{}",
        page.body
    );
    assert_eq!(
        desk.count("audit WHERE subject_kind = 'sample' AND after ->> 'url' LIKE 'http%'")
            .await,
        2
    );
    // The audit only grows: no text that may have to be erased is in it.
    assert_eq!(
        desk.count("audit WHERE after::text ~ 'Korea ship|Weather'")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn how_precise_a_keyword_is_follows_from_what_the_desk_did() {
    let publisher = FeedServer::start().await;
    let titles: Vec<(String, String)> = (0..12)
        .map(|number| {
            let words = ["sanctions tanker", "football match"][number % 2];
            (
                format!("g{number}"),
                format!("Iran {words} {number} {}", "x".repeat(number + 3)),
            )
        })
        .collect();
    let entries: Vec<(&str, &str, &str)> = titles
        .iter()
        .map(|(guid, title)| (&**guid, &**title, "x"))
        .collect();
    publisher.put("/feed", Document::feed(rss(&entries)));
    let worker = TestWorker::new(
        &[publisher.url("/feed")],
        &[("desk", "tanker OR iran AND football")],
    )
    .await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let user = site.account("anna", Role::Admin).await;
    let cookie = site.session_of(user).await;
    // Each article a story of its own, half of them used, half passed as noise.
    for statement in [
        "DELETE FROM story_members",
        "INSERT INTO stories (id, created_at) SELECT 1000 + id, now() FROM articles",
        "INSERT INTO story_members (article_id, story_id, reason, placed_at) SELECT id, 1000 + id, '{}', now() FROM articles",
        "INSERT INTO desk_changes (id, made_at, actor, story_id, kind) SELECT id, now(), 'ed', 1000 + id, 'use' FROM articles",
        "INSERT INTO desk_states (story_id, state, by, since, reason, reports, change_id)
         SELECT 1000 + id, CASE WHEN title LIKE '%tanker%' THEN 'used' ELSE 'passed' END, 'ed', now(),
                CASE WHEN title LIKE '%tanker%' THEN NULL ELSE 'noise' END, 1, id
           FROM articles",
    ] {
        sqlx::query(statement).execute(&worker.db).await.unwrap();
    }
    let get = async |path: &str| {
        let request = site.bare_request(reqwest::Method::GET, path);
        ask(request.header("cookie", &cookie)).await
    };
    let page = get("/admin/keywords/desk/quality").await;
    assert!(
        page.body
            .contains("<td>1</td><td>6/12</td><td>50 %</td><td>25 % – 75 %</td>"),
        "{}",
        page.body
    );
    let clause = between(&page.body, "<tr><td><code dir=\"auto\">tanker", "</tr>")[0];
    assert!(
        clause.contains("<td>6/6</td><td>100 %</td><td>61 % – 100 %</td>"),
        "{clause}"
    );
    assert!(
        page.body
            .contains("value=\"(tanker OR iran AND football) AND NOT football\""),
        "{}",
        page.body
    );
    let near = get("/admin/keywords/desk/near").await;
    assert_eq!(near.status, 200);
    assert!(near.body.contains("Near misses"), "{}", near.body);
}
