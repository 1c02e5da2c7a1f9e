//! Who gets what at each address: every route, for everybody.
//!
//! The list is written by hand, not derived from the table of routes: a route that is missing here fails, as does one
//! that is here and not in the table.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use wirewatch::{
    domain::Role,
    web::{ROUTES, WebOptions},
};

use crate::{
    feed_server::{Document, FeedServer, rss},
    site::Site,
    worker::TestWorker,
};

/// The least that gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Least {
    /// Everybody.
    Anybody,
    /// Somebody who signed in, whatever the role; no program.
    Person,
    /// Somebody, or a program, of this role or a higher one.
    Of(Role),
}

use Least::{Anybody, Of, Person};

const VIEWER: Least = Of(Role::Viewer);
const EDITOR: Least = Of(Role::Editor);
const ANALYST: Least = Of(Role::Analyst);
const ADMIN: Least = Of(Role::Admin);

/// Every address. A new page gets its line here.
const EXPECTED: &[(&str, &str, Least)] = &[
    ("GET", "/", VIEWER),
    ("GET", "/keywords/{slug}", VIEWER),
    ("POST", "/articles/add", EDITOR),
    ("GET", "/articles/added/{id}", EDITOR),
    ("GET", "/articles/{id}", VIEWER),
    ("GET", "/search", VIEWER),
    ("GET", "/feeds", VIEWER),
    ("GET", "/stories", VIEWER),
    ("GET", "/stories/{id}", VIEWER),
    ("POST", "/stories/out", EDITOR),
    ("POST", "/stories/{id}/merge", EDITOR),
    ("POST", "/stories/decisions/{id}/undo", EDITOR),
    ("POST", "/desk", EDITOR),
    ("POST", "/desk/undo", EDITOR),
    ("GET", "/handover", VIEWER),
    ("GET", "/yours", Person),
    ("POST", "/yours/mentions", Person),
    ("POST", "/filters", Person),
    ("POST", "/filters/{id}/remove", Person),
    ("POST", "/seen", Person),
    ("POST", "/seen/mark", Person),
    ("POST", "/seen/unmark", Person),
    ("GET", "/feeds/league", VIEWER),
    ("GET", "/trends", VIEWER),
    ("GET", "/trends.csv", VIEWER),
    ("GET", "/admin/grouping", ADMIN),
    ("GET", "/admin/audit", ADMIN),
    ("GET", "/admin/keywords", ANALYST),
    ("GET", "/admin/keywords/new", ANALYST),
    ("POST", "/admin/keywords/new", ANALYST),
    ("POST", "/admin/keywords/new/try", ANALYST),
    ("GET", "/admin/keywords/{slug}", ANALYST),
    ("POST", "/admin/keywords/{slug}", ANALYST),
    ("POST", "/admin/keywords/{slug}/try", ANALYST),
    ("POST", "/admin/keywords/{slug}/check", ANALYST),
    ("GET", "/admin/keywords/{slug}/parts", ANALYST),
    ("GET", "/admin/concepts", ANALYST),
    ("POST", "/admin/concepts", ANALYST),
    ("GET", "/admin/concepts/{slug}", ANALYST),
    ("POST", "/admin/concepts/{slug}", ANALYST),
    ("POST", "/admin/concepts/{slug}/try", ANALYST),
    ("GET", "/admin/outlets", ANALYST),
    ("POST", "/admin/outlets", ANALYST),
    ("POST", "/admin/outlets/try", ANALYST),
    ("GET", "/feeds/{id}", VIEWER),
    ("POST", "/feeds/{id}/poll", EDITOR),
    ("GET", "/admin/feeds/new", ANALYST),
    ("POST", "/admin/feeds/trials", ANALYST),
    ("GET", "/admin/feeds/trials/{id}", ANALYST),
    ("POST", "/admin/feeds", ANALYST),
    ("GET", "/admin/quality", EDITOR),
    ("POST", "/admin/quality/{id}", EDITOR),
    ("GET", "/admin/keywords/{slug}/quality", ANALYST),
    ("GET", "/admin/keywords/{slug}/near", ANALYST),
    ("GET", "/why-not", EDITOR),
    ("POST", "/why-not", EDITOR),
    ("GET", "/admin/audit.csv", ADMIN),
    ("GET", "/admin/audit.jsonl", ADMIN),
    ("POST", "/articles/{id}/erase", ADMIN),
    ("POST", "/admin/users/{id}/sessions/end", ADMIN),
    ("GET", "/admin/feeds", ANALYST),
    ("GET", "/admin/feeds/lists", ANALYST),
    ("POST", "/admin/feeds/bulk", ANALYST),
    ("POST", "/admin/feeds/opml", ANALYST),
    ("GET", "/admin/feeds.opml", ANALYST),
    ("GET", "/admin/feeds/{id}", ANALYST),
    ("POST", "/admin/feeds/{id}", ANALYST),
    ("POST", "/admin/feeds/{id}/pause", ANALYST),
    ("POST", "/admin/feeds/{id}/resume", ANALYST),
    ("GET", "/admin/sources/new", ANALYST),
    ("POST", "/admin/sources", ANALYST),
    ("GET", "/admin/sources/{slug}", ANALYST),
    ("POST", "/admin/sources/{slug}", ANALYST),
    ("GET", "/events", VIEWER),
    ("GET", "/digests", VIEWER),
    ("POST", "/digests", ANALYST),
    ("GET", "/digests/new", ANALYST),
    ("GET", "/digests/{slug}", VIEWER),
    ("POST", "/digests/{slug}", ANALYST),
    ("GET", "/digests/{slug}/edit", ANALYST),
    ("POST", "/digests/{slug}/pause", ANALYST),
    ("POST", "/digests/{slug}/resume", ANALYST),
    ("POST", "/digests/{slug}/run", ANALYST),
    ("POST", "/digests/{slug}/remove", ANALYST),
    ("POST", "/digests/{slug}/recipients", ANALYST),
    ("POST", "/digests/{slug}/recipients/{id}/remove", ANALYST),
    ("POST", "/digests/{slug}/recipients/{id}/return", ANALYST),
    ("POST", "/digests/{slug}/recipients/{id}/test", EDITOR),
    ("GET", "/digests/{slug}/preview", VIEWER),
    ("GET", "/digests/{slug}/feed.atom", VIEWER),
    ("GET", "/digests/{slug}/feed.json", VIEWER),
    ("GET", "/digests/{slug}/table.csv", VIEWER),
    ("GET", "/digests/{slug}/{edition}", VIEWER),
    ("POST", "/digests/{slug}/{edition}/review", EDITOR),
    ("GET", "/admin/outbox", ADMIN),
    ("GET", "/admin/outbox/{id}", ADMIN),
    ("POST", "/admin/outbox/{id}/resend", ADMIN),
    ("GET", "/unsubscribe/{token}", Anybody),
    ("POST", "/unsubscribe/{token}", Anybody),
    ("POST", "/unsubscribe/{token}/return", Anybody),
    ("GET", "/login", Anybody),
    ("POST", "/login", Anybody),
    ("POST", "/login/demo", Anybody),
    ("POST", "/logout", Anybody),
    ("GET", "/welcome/{token}", Anybody),
    ("POST", "/welcome/{token}", Anybody),
    ("GET", "/session", VIEWER),
    ("GET", "/account", Person),
    ("POST", "/account/preferences", Person),
    ("POST", "/account/password", Person),
    ("POST", "/account/sessions/others/end", Person),
    ("POST", "/account/sessions/{id}/end", Person),
    ("POST", "/account/tokens", Person),
    ("POST", "/account/tokens/{id}/revoke", Person),
    ("GET", "/admin/users", ADMIN),
    ("POST", "/admin/users/invite", ADMIN),
    ("POST", "/admin/users/{id}/role", ADMIN),
    ("POST", "/admin/users/{id}/disable", ADMIN),
    ("POST", "/admin/users/{id}/enable", ADMIN),
    ("POST", "/admin/users/{id}/link", ADMIN),
    ("GET", "/out/{file}", VIEWER),
    ("GET", "/out/search/{file}", VIEWER),
    ("GET", "/api", VIEWER),
    ("GET", "/api/openapi.json", Anybody),
    ("GET", "/api/v1/articles", VIEWER),
    ("GET", "/api/v1/articles/{id}", VIEWER),
    ("GET", "/api/v1/export", VIEWER),
    ("GET", "/api/v1/matches", VIEWER),
    ("GET", "/api/v1/stories", VIEWER),
    ("GET", "/api/v1/stories/{id}", VIEWER),
    ("GET", "/api/v1/keywords", VIEWER),
    ("GET", "/api/v1/keywords/{slug}", VIEWER),
    ("GET", "/api/v1/keywords/{slug}/versions", ANALYST),
    ("GET", "/api/v1/feeds", VIEWER),
    ("GET", "/api/v1/feeds/{id}", VIEWER),
    ("POST", "/api/v1/feeds/{id}/poll", EDITOR),
    ("GET", "/api/v1/digests", EDITOR),
    ("GET", "/api/v1/digests/{id}", EDITOR),
    ("POST", "/api/v1/digests/{id}/run", ANALYST),
    ("GET", "/api/v1/health", VIEWER),
    ("GET", "/api/v1/audit", ADMIN),
    ("GET", "/static/{hash}/{name}", Anybody),
    ("GET", "/livez", Anybody),
    ("GET", "/readyz", Anybody),
];

/// An address with its parameters filled: numbers that nothing has, so that nothing happens to who is let in.
pub(super) fn filled(path: &str) -> String {
    path.replace("{id}", "999")
        .replace("{slug}", "iran")
        .replace("{token}", "none")
        .replace("{file}", "iran.atom")
        .replace("{edition}", "2026-11-24-0700")
        .replace("{hash}/{name}", "0/wirewatch.css")
}

/// Who asks, and with what.
struct Asking {
    who: &'static str,
    /// None: nobody.
    role: Option<Role>,
    is_person: bool,
    header: Option<(&'static str, String)>,
}

impl Asking {
    fn may(&self, least: Least) -> bool {
        match least {
            Anybody => true,
            Person => self.is_person,
            Of(role) => self.role.is_some_and(|own| own >= role),
        }
    }

    fn ask(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.header {
            Some((name, value)) => request.header(*name, value),
            None => request,
        }
    }
}

async fn everybody(site: &Site) -> Vec<Asking> {
    let mut all = vec![Asking {
        who: "anonymous",
        role: None,
        is_person: false,
        header: None,
    }];
    for role in Role::ALL {
        let user = site.account(role.as_str(), role).await;
        all.push(Asking {
            who: role.as_str(),
            role: Some(role),
            is_person: true,
            header: Some(("cookie", site.session_of(user).await)),
        });
        let token = site.token_of(role).await.unwrap();
        all.push(Asking {
            who: "a token",
            role: Some(role),
            is_person: false,
            header: Some(("authorization", format!("Bearer {token}"))),
        });
    }
    all
}

async fn stocked(options: WebOptions) -> (TestWorker, Site) {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), options).await;
    (worker, site)
}

#[test]
fn every_route_of_the_table_is_expected_and_every_expected_route_is_there() {
    let table: BTreeSet<(&str, &str)> = ROUTES
        .iter()
        .map(|route| (route.method, route.path))
        .collect();
    let expected: BTreeSet<(&str, &str)> = EXPECTED
        .iter()
        .map(|(method, path, _)| (*method, *path))
        .collect();
    assert_eq!(table, expected, "tests/it/web/access.rs lists every route");
    assert_eq!(table.len(), ROUTES.len(), "no route stands there twice");
}

#[test]
fn the_router_is_built_from_the_table_alone() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let mut calls = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let count = [
                    ".route(",
                    ".nest(",
                    ".merge(",
                    ".route_service(",
                    ".nest_service(",
                ]
                .iter()
                .map(|call| text.matches(call).count())
                .sum::<usize>();
                calls.extend(std::iter::repeat_n(path, count));
            }
        }
    }
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].ends_with("router.rs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_who_may_and_nobody_else() {
    let (_worker, site) = stocked(WebOptions::default()).await;
    for asking in everybody(&site).await {
        for (method, path, least) in EXPECTED {
            // Signing out would end the session that the others are asked with.
            if *path == "/logout" && asking.is_person {
                continue;
            }
            let method: Method = method.parse().unwrap();
            let request = site.bare_request(method.clone(), &filled(path));
            let answer = asking.ask(request).send().await.unwrap();
            let status = answer.status().as_u16();
            let location = answer
                .headers()
                .get("location")
                .map_or("", |value| value.to_str().unwrap());
            let is_turned_away = matches!(status, 401 | 403)
                || (status == 303 && location.starts_with("/login?next=") || location == "/login")
                    && *path != "/logout";
            let who = (asking.who, asking.role);
            // No form was sent, so the sign-in and the links answer that they want one.
            assert_eq!(
                is_turned_away,
                !asking.may(*least),
                "{who:?} {method} {path}: {status} {location}"
            );
            assert!(status < 500, "{who:?} {method} {path}: {status}");
            if is_turned_away {
                let is_nobody = asking.role.is_none();
                let is_page = method == Method::GET
                    && !path.starts_with("/api/")
                    && !path.starts_with("/out/")
                    && *path != "/events"
                    && *path != "/session";
                let expected = match (is_nobody, is_page) {
                    (true, true) => 303,
                    (true, false) => 401,
                    (false, _) => 403,
                };
                assert_eq!(status, expected, "{who:?} {method} {path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_feeds_and_tables_opens_nothing_else() {
    let (_worker, site) = stocked(WebOptions::default()).await;
    let key = site.output_key(Role::Admin).await;
    let is_output = |path: &str| {
        path.starts_with("/out/")
            || (path.starts_with("/digests/")
                && [".atom", ".json", ".csv"]
                    .iter()
                    .any(|kind| path.ends_with(kind)))
    };
    for (method, path, least) in EXPECTED {
        let method: Method = method.parse().unwrap();
        let filled = filled(path);
        let in_header = site.bare_request(method.clone(), &filled).bearer_auth(&key);
        let in_header = in_header.send().await.unwrap().status().as_u16();
        let in_address = site.bare_request(method.clone(), &format!("{filled}?token={key}"));
        let in_address = in_address.send().await.unwrap().status().as_u16();
        let let_in = |status: u16| !matches!(status, 303 | 401 | 403);
        if is_output(path) {
            assert!(let_in(in_header) && let_in(in_address), "{method} {path}");
        } else if *least != Anybody {
            assert_eq!(in_header, 403, "{method} {path}");
            assert!(!let_in(in_address), "{method} {path}: {in_address}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_everybody_may_read_nobody_may_more() {
    let options = WebOptions {
        anonymous_reading: true,
        ..WebOptions::default()
    };
    let (_worker, site) = stocked(options).await;
    for (method, path, least) in EXPECTED {
        let method: Method = method.parse().unwrap();
        let answer = site
            .bare_request(method.clone(), &filled(path))
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let is_turned_away = matches!(status, 401 | 403) || status == 303 && *path != "/logout";
        let may = matches!(least, Anybody | Of(Role::Viewer));
        assert_eq!(is_turned_away, !may, "{method} {path}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_an_address_goes_around_its_gate() {
    let (_worker, site) = stocked(WebOptions::default()).await;
    let user = site.account("viewer", Role::Viewer).await;
    let cookie = site.session_of(user).await;
    for path in [
        "/admin/users/",
        "//admin/users",
        "/admin//users",
        "/Admin/users",
        "/admin/users;x",
        "/admin/users.json",
        "/admin/%75sers",
        "/./admin/users",
        "/feeds/../admin/users",
        "/admin/users?role=admin",
    ] {
        for method in [
            Method::GET,
            Method::HEAD,
            Method::OPTIONS,
            Method::PUT,
            Method::DELETE,
        ] {
            let answer = site
                .bare_request(method.clone(), path)
                .header("cookie", &cookie)
                .header("x-http-method-override", "GET")
                .header("x-original-url", "/admin/users")
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            assert!(matches!(status, 403..=405), "{method} {path}: {status}");
        }
    }
}
