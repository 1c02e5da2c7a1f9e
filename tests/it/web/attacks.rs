//! Attacks that fail: on sessions, passwords, forms, redirects and hosts.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use reqwest::Method;
use wirewatch::{
    domain::{Clock as _, Role},
    store::{PgPool, users},
    web::{ROUTES, WebOptions},
};

use super::{access::filled, accounts::cookie_of};
use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    site::{PASSWORD, Site, ask},
    worker::{TestClock, TestWorker, count},
};

async fn closed_site() -> (Site, PgPool, std::sync::Arc<TestClock>) {
    with(WebOptions::default()).await
}

async fn with(options: WebOptions) -> (Site, PgPool, std::sync::Arc<TestClock>) {
    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let site = Site::with(&db, clock.clone(), options).await;
    (site, db, clock)
}

async fn status(site: &Site, cookie: &str) -> u16 {
    ask(site
        .bare_request(Method::GET, "/session")
        .header("cookie", cookie))
    .await
    .status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_an_attacker_planted_is_not_the_one_that_signs_in() {
    let (site, db, _) = closed_site().await;
    site.account("ed", Role::Editor).await;
    let planted = format!("wirewatch={}", "ab".repeat(32));
    let form = [("name", "ed"), ("password", PASSWORD), ("next", "/")];
    let answer = ask(site.form("/login", &form).header("cookie", &planted)).await;
    let fresh = cookie_of(&answer);
    assert_ne!(fresh, planted);
    assert_eq!(fresh.len(), "wirewatch=".len() + 64);
    assert_eq!(
        (status(&site, &planted).await, status(&site, &fresh).await),
        (401, 204)
    );
    let flags = answer.header("set-cookie");
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(flags.contains(flag), "{flags}");
    }
    assert!(!flags.contains("Domain"), "{flags}");

    // A second sign-in of the same browser replaces the first session, and the table holds no token.
    let answer = ask(site.form("/login", &form).header("cookie", &fresh)).await;
    let second = cookie_of(&answer);
    assert_eq!(
        (status(&site, &fresh).await, status(&site, &second).await),
        (401, 204)
    );
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM sessions")
        .fetch_all(&db)
        .await
        .unwrap();
    assert_eq!(stored.len(), 1);
    assert_ne!(
        stored[0],
        second.trim_start_matches("wirewatch=").as_bytes()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_signing_out_role_password_disabling_and_time() {
    let (site, db, clock) = closed_site().await;
    site.account("chief", Role::Admin).await;
    let user = site.account("ed", Role::Editor).await;
    let now = clock.now();

    let cookie = site.session_of(user).await;
    ask(site.form("/logout", &[]).header("cookie", &cookie)).await;
    assert_eq!(status(&site, &cookie).await, 401, "after signing out");

    let cookie = site.session_of(user).await;
    users::set_role(&db, user, Role::Analyst, "chief", now)
        .await
        .unwrap();
    assert_eq!(
        status(&site, &cookie).await,
        401,
        "after a change of the role"
    );

    let (cookie, other) = (site.session_of(user).await, site.session_of(user).await);
    let form = [
        ("current", PASSWORD),
        ("new", "another ferry oblique gravel"),
    ];
    let answer = ask(site
        .form("/account/password", &form)
        .header("cookie", &cookie))
    .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let fresh = cookie_of(&answer);
    let to = site.bare_request(Method::GET, answer.header("location"));
    let page = ask(to.header("cookie", &fresh)).await.body;
    assert!(page.contains("The password is changed."), "{page}");
    assert_eq!(page.matches("this browser").count(), 1, "{page}");
    let statuses = [
        status(&site, &cookie).await,
        status(&site, &other).await,
        status(&site, &fresh).await,
    ];
    assert_eq!(statuses, [401, 401, 204], "after a change of the password");

    users::set_disabled(&db, user, true, "chief", now)
        .await
        .unwrap();
    assert_eq!(status(&site, &fresh).await, 401, "after disabling");
    let answer = site.sign_in("ed", "another ferry oblique gravel").await;
    assert_eq!(answer.status, 401);
    users::set_disabled(&db, user, false, "chief", now)
        .await
        .unwrap();

    let idle = site.session_of(user).await;
    clock.advance(Duration::from_hours(73));
    assert_eq!(status(&site, &idle).await, 401, "unused");
    let busy = ask(site.form(
        "/login",
        &[("name", "ed"), ("password", "another ferry oblique gravel")],
    ))
    .await;
    let busy = cookie_of(&busy);
    for _ in 0..15 {
        assert_eq!(status(&site, &busy).await, 204);
        clock.advance(Duration::from_hours(48));
    }
    assert_eq!(
        status(&site, &busy).await,
        401,
        "after its whole time, used or not"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_session_does_not_change_the_password() {
    let (site, _, _) = closed_site().await;
    let user = site.account("ed", Role::Editor).await;
    let cookie = site.session_of(user).await;
    let mut statuses = Vec::new();
    for guess in 0..8 {
        let current = format!("guess number {guess} of many");
        let form = [
            ("current", current.as_str()),
            ("new", "another ferry oblique gravel"),
        ];
        statuses.push(
            ask(site
                .form("/account/password", &form)
                .header("cookie", &cookie))
            .await
            .status,
        );
    }
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slow_and_says_nothing_about_who_has_an_account() {
    let (site, db, clock) = closed_site().await;
    site.account("ed", Role::Editor).await;
    let mut bodies = BTreeSet::new();
    for name in ["ed", "nobody", "no such name at all!"] {
        let mut statuses = Vec::new();
        for _ in 0..7 {
            let form = [
                ("name", name),
                ("password", "guess after guess after guess"),
                ("next", "/"),
            ];
            let answer = ask(site.form("/login", &form)).await;
            statuses.push(answer.status);
            if answer.status == 401 {
                let said: String = answer
                    .body
                    .lines()
                    .filter(|line| line.contains("role=\"alert\""))
                    .collect();
                assert!(said.contains("do not belong together"), "{said}");
                bodies.insert(said);
            } else {
                assert!(!answer.header("retry-after").is_empty());
            }
        }
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429], "{name}");
    }
    assert_eq!(bodies.len(), 1, "one answer for all: {bodies:?}");
    assert_eq!(
        site.sign_in("ed", PASSWORD).await.status,
        429,
        "the right password waits as well"
    );
    clock.advance(Duration::from_secs(31));
    assert_eq!(site.sign_in("ed", PASSWORD).await.status, 303);
    assert_eq!(
        site.sign_in("ed", PASSWORD).await.status,
        303,
        "success is forgotten at once"
    );
    let named: i64 = count(
        &db,
        "sign_in_buckets WHERE key LIKE '%nobody%' OR key LIKE '%name%'",
    )
    .await;
    assert_eq!(named, 0, "what was typed is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessers_cannot_keep_the_owner_out() {
    // Behind a proxy that we trust, so that there are many addresses.
    let (site, _, _) = with(WebOptions {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        public_url: "https://wirewatch.example.org".to_owned(),
        ..WebOptions::default()
    })
    .await;
    site.account("ed", Role::Editor).await;
    let attempt = async |address: &str, password: &str| {
        let request = site
            .form(
                "/login",
                &[("name", "ed"), ("password", password), ("next", "/")],
            )
            .header("host", "wirewatch.example.org")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-for", address);
        ask(request).await
    };
    let mut heard = 0;
    for round in 0..6 {
        for guesser in 0..12 {
            let answer = attempt(
                &format!("198.51.100.{guesser}"),
                "a guess of twelve letters",
            )
            .await;
            heard += u32::from(answer.status == 401);
            assert!(
                matches!(answer.status, 401 | 429),
                "{round}: {}",
                answer.status
            );
        }
    }
    // One first attempt of each, and ten of those who failed before.
    assert_eq!(heard, 12 + 10, "of 72 guesses");
    let answer = attempt("203.0.113.9", PASSWORD).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.header("set-cookie").starts_with("__Host-wirewatch="));
    assert!(answer.header("set-cookie").ends_with("; Secure"));
    assert_eq!(
        answer.header("strict-transport-security"),
        "max-age=63072000"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sign_ins_holds_nobody_else_up() {
    let (site, _, _) = closed_site().await;
    site.account("ed", Role::Editor).await;
    let long = "x".repeat(2_000);
    let is_over = AtomicBool::new(false);
    let hashing = futures_util::future::join_all((0..30).map(|number| {
        let name = format!("name{number}");
        let password = if number % 2 == 0 {
            long.clone()
        } else {
            "a guess of twelve letters".to_owned()
        };
        let site = &site;
        async move { site.sign_in(&name, &password).await.status }
    }));
    let flood = async {
        let statuses = hashing.await;
        is_over.store(true, Ordering::Release);
        statuses
    };
    let probe = async {
        let mut answers = 0;
        while !is_over.load(Ordering::Acquire) {
            let answer = ask(site.bare_request(Method::GET, "/livez")).await;
            assert_eq!(answer.status, 200);
            answers += 1;
        }
        answers
    };
    let (statuses, answers) = tokio::join!(flood, probe);
    eprintln!("{answers} others were answered meanwhile");
    assert!(
        statuses
            .iter()
            .all(|status| matches!(status, 401 | 429 | 503)),
        "{statuses:?}"
    );
    // Behind the passwords there would be one answer for each at most.
    assert!(answers > 2 * statuses.len(), "{answers}");
    // Too long is refused, not cut off.
    let form = [
        ("name", "ed"),
        ("password", &*"y".repeat(100_000)),
        ("next", "/"),
    ];
    assert_eq!(ask(site.form("/login", &form)).await.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_has_an_account_takes_as_long_as_one_that_has_none() {
    let (site, _, clock) = closed_site().await;
    site.account("ed", Role::Editor).await;
    let time = async |name: &str| {
        let begun = std::time::Instant::now();
        let answer = site.sign_in(name, "a guess of twelve letters").await;
        assert_eq!(answer.status, 401);
        begun.elapsed()
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..21 {
        // Side by side, so that what else the machine does troubles both.
        known.push(time("ed").await);
        unknown.push(time(&format!("nobody{round}")).await);
        clock.advance(Duration::from_mins(10));
    }
    known.sort_unstable();
    unknown.sort_unstable();
    let ratio = known[10].as_secs_f64() / unknown[10].as_secs_f64();
    assert!((0.5..2.0).contains(&ratio), "{known:?} {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_counts_whole_and_in_any_spelling_of_its_letters() {
    let (site, _, _) = closed_site().await;
    let user = site.account("ed", Role::Editor).await;
    let set = async |current: &str, new: &str| {
        let cookie = site.session_of(user).await;
        let form = site.form("/account/password", &[("current", current), ("new", new)]);
        ask(form.header("cookie", &cookie)).await.status
    };
    let begin = "oblique ferry lantern gravel ";
    let long = begin.repeat(4);
    assert!(long.len() > 72);
    let (one, other) = (format!("{long}x"), format!("{long}y"));
    assert_eq!(set(PASSWORD, &one).await, 303);
    assert_eq!(
        site.sign_in("ed", &other).await.status,
        401,
        "beyond 72 bytes"
    );
    assert_eq!(site.sign_in("ed", &one).await.status, 303);
    // Composed and decomposed letters look the same and are typed by different keyboards.
    let (composed, decomposed) = (
        "caf\u{e9} zw\u{f6}lf gravel lantern",
        "cafe\u{301} zwo\u{308}lf gravel lantern",
    );
    assert_eq!(set(&one, composed).await, 303);
    assert_eq!(site.sign_in("ed", decomposed).await.status, 303);
    // What stands behind a NUL counts as well.
    let (whole, cut) = ("gravel\0 lantern oblique ferry", "gravel\0 lantern oblique");
    assert_eq!(set(composed, whole).await, 303);
    assert_eq!(site.sign_in("ed", cut).await.status, 401);
    // What is too long is refused, not cut off.
    let status = set(whole, &"gravel lantern ".repeat(140)).await;
    assert!(matches!(status, 413 | 422), "{status}");
    assert_eq!(site.sign_in("ed", whole).await.status, 303);
}

/// A fingerprint of what is stored; what merely notes that somebody was here does not count.
pub(super) async fn fingerprint(db: &PgPool) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables
          WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE '\\_sqlx%'
            AND table_name NOT IN ('sign_in_buckets', 'leases')
          ORDER BY 1",
    )
    .fetch_all(db)
    .await
    .unwrap();
    let mut all = Vec::new();
    for table in tables {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '-') FROM ",
        );
        query.push(&table).push(" t");
        let digest: String = query.build_query_scalar().fetch_one(db).await.unwrap();
        all.extend([table, digest]);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_another_site_changes_anything_on_any_route() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let admin = site.account("chief", Role::Admin).await;
    let cookie = site.session_of(admin).await;
    let before = fingerprint(&worker.db).await;
    let changing: Vec<_> = ROUTES
        .iter()
        .filter(|route| route.method != "GET")
        .collect();
    assert!(changing.len() > 10);
    for route in changing {
        let path = filled(route.path).replace("999", "1");
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://news.example"),
            ("origin", "null"),
        ] {
            for content_type in [
                "application/x-www-form-urlencoded",
                "text/plain",
                "application/json",
            ] {
                let method: Method = route.method.parse().unwrap();
                let request = site
                    .bare_request(method, &path)
                    .header("cookie", &cookie)
                    .header("content-type", content_type)
                    .header(name, value)
                    .body("role=admin&name=x&days=7&full_name=x&time_zone=&clock_format=24h");
                let answer = ask(request).await;
                assert_eq!(answer.status, 403, "{path} {name}: {value} {content_type}");
            }
        }
    }
    assert_eq!(fingerprint(&worker.db).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_changes_nothing_on_any_route() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let admin = site.account("chief", Role::Admin).await;
    let cookie = site.session_of(admin).await;
    let before = fingerprint(&worker.db).await;
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        for method in [Method::GET, Method::GET, Method::GET, Method::HEAD] {
            let path = filled(route.path).replace("999", "1");
            let request = site
                .bare_request(method.clone(), &path)
                .header("cookie", &cookie);
            // The live stream has no end: its head is enough.
            let answer = request.send().await.unwrap();
            assert!(answer.status().as_u16() < 500, "{method} {path}");
        }
    }
    assert_eq!(fingerprint(&worker.db).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_leads_to_no_other_site() {
    let (site, _, _) = closed_site().await;
    let user = site.account("ed", Role::Editor).await;
    let cookie = site.session_of(user).await;
    for next in [
        "//e.example",
        "/\\e.example",
        "/%5ce.example",
        "/%2f%2fe.example",
        "/\t/e.example",
        "https:e.example",
        "https://e.example/",
        "javascript:alert(1)",
        "/x//../\\e.example",
        "/x/..//e.example",
    ] {
        let form = [("name", "ed"), ("password", PASSWORD), ("next", next)];
        let answer = ask(site.form("/login", &form)).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/"),
            "{next}"
        );
        let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let asked = site.bare_request(Method::GET, &format!("/login?next={query}"));
        let answer = ask(asked.header("cookie", &cookie)).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/"),
            "{next}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_hostile_page_made_lead_here_gets_nothing() {
    let (site, _, _) = with(WebOptions {
        anonymous_reading: true,
        ..WebOptions::default()
    })
    .await;
    for path in [
        "/",
        "/feeds",
        "/events",
        "/api/v1/articles",
        "/login",
        "/static/0/wirewatch.js",
    ] {
        for host in [
            "news.example",
            "127.0.0.1.news.example",
            "localhost.news.example:8080",
        ] {
            let answer = ask(site.bare_request(Method::GET, path).header("host", host)).await;
            assert_eq!(answer.status, 403, "{path} {host}");
            assert!(answer.body.contains("web.public_url"), "{}", answer.body);
            assert!(!answer.body.contains("password"), "{}", answer.body);
        }
        let answer = site
            .bare_request(Method::GET, path)
            .header("origin", "https://news.example")
            .header("x-forwarded-host", "news.example")
            .send()
            .await
            .unwrap();
        let headers = answer.headers();
        assert!(
            headers.get("access-control-allow-origin").is_none(),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_plain_http_from_elsewhere_the_sign_in_says_what_to_do() {
    let (site, db, _) = closed_site().await;
    site.account("ed", Role::Editor).await;
    let elsewhere = |request: reqwest::RequestBuilder| request.header("host", "192.0.2.7:8080");
    let page = ask(elsewhere(site.bare_request(Method::GET, "/login"))).await;
    assert_eq!(page.status, 200);
    for says in [
        "plain HTTP",
        "web.trusted_proxies",
        "web.public_url",
        "ssh -L",
    ] {
        assert!(page.body.contains(says), "{says}: {}", page.body);
    }
    assert!(!page.body.contains("type=\"password\""));
    let form = [("name", "ed"), ("password", PASSWORD), ("next", "/")];
    let request = site
        .form("/login", &form)
        .header("origin", "http://192.0.2.7:8080");
    let answer = ask(elsewhere(request)).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (403, ""));
    assert_eq!(count(&db, "sessions").await, 0);
    // A proxy that nobody told us of is told of.
    let request = site
        .bare_request(Method::GET, "/login")
        .header("x-forwarded-proto", "https");
    assert!(ask(request).await.body.contains("not told to believe it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_answer_carries_it_carries_on_failures_too() {
    let (site, db, _) = closed_site().await;
    let user = site.account("ed", Role::Editor).await;
    let cookie = site.session_of(user).await;
    let request =
        |method: Method, path: &str| site.bare_request(method, path).header("cookie", &cookie);
    let mut met = BTreeSet::new();
    let mut look = async |request: reqwest::RequestBuilder| {
        let answer = ask(request).await;
        met.insert(answer.status);
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{policy}"
        );
        for part in [
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(
            answer.header("strict-transport-security"),
            "",
            "not over plain HTTP"
        );
        assert_eq!(answer.header("server"), "");
    };
    look(request(Method::GET, "/account")).await;
    look(request(Method::GET, "/nowhere")).await;
    look(request(Method::DELETE, "/account")).await;
    look(request(Method::TRACE, "/account")).await;
    look(request(Method::GET, "/admin/users")).await;
    look(site.bare_request(Method::GET, "/account")).await;
    look(site.bare_request(Method::GET, "/api/v1/feeds")).await;
    look(
        request(Method::POST, "/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("x".repeat(70_000)),
    )
    .await;
    look(
        request(Method::POST, "/login")
            .header("content-type", "text/plain")
            .body("x"),
    )
    .await;
    look(request(Method::GET, "/").header("host", "news.example")).await;
    sqlx::query("DROP TABLE api_tokens")
        .execute(&db)
        .await
        .unwrap();
    look(request(Method::GET, "/account")).await;
    let met: Vec<u16> = met.into_iter().collect();
    assert_eq!(met, [200, 303, 400, 401, 403, 404, 405, 413, 500]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_ends_soon_after_its_reader_may_read_no_more() {
    let (site, db, clock) = closed_site().await;
    site.account("chief", Role::Admin).await;
    let user = site.account("ed", Role::Viewer).await;
    for change in ["role", "session", "disabled"] {
        let cookie = site.session_of(user).await;
        let opened = site
            .bare_request(Method::GET, "/events")
            .header("cookie", &cookie);
        let mut stream = opened.send().await.unwrap();
        assert_eq!(stream.status(), 200);
        let now = clock.now();
        match change {
            "role" => {
                users::set_role(&db, user, Role::Editor, "chief", now)
                    .await
                    .unwrap();
            }
            "session" => {
                ask(site.form("/logout", &[]).header("cookie", &cookie)).await;
            }
            _ => {
                users::set_disabled(&db, user, true, "chief", now)
                    .await
                    .unwrap();
            }
        }
        let rest = tokio::time::timeout(crate::site::PATIENCE, async {
            let mut rest = Vec::new();
            while let Some(chunk) = stream.chunk().await.unwrap() {
                rest.extend(chunk);
            }
            String::from_utf8(rest).unwrap()
        });
        let rest = rest.await.expect("the stream ends");
        assert!(rest.contains("event: signed-out"), "{change}: {rest}");
    }
}
