//! Writes of those who may not: refused for everybody who may not, by any spelling and method, and nothing changes.

use reqwest::Method;
use wirewatch::{
    domain::{Clock as _, Role},
    store::users,
    web::{Gate, ROUTES, WebOptions},
};

use super::{access::filled, attacks::fingerprint};
use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{Site, ask},
    worker::TestWorker,
};

/// Who asks: what they may, if anything, and what they show.
struct Asker {
    who: String,
    role: Option<Role>,
    is_person: bool,
    header: Option<(&'static str, String)>,
}

impl Asker {
    fn of(who: &str, role: Option<Role>, header: Option<(&'static str, String)>) -> Self {
        Self {
            who: who.to_owned(),
            role,
            is_person: role.is_some() && header.as_ref().is_some_and(|(name, _)| *name == "cookie"),
            header,
        }
    }

    fn may(&self, gate: Gate) -> bool {
        match gate {
            Gate::Open | Gate::Anyone => true,
            Gate::Account => self.is_person,
            Gate::Output => self.role.is_some(),
            Gate::May(capability) => self.role.is_some_and(|role| capability.is_of(role)),
        }
    }
}

/// Every role as a person and as a program, and those who may nothing: nobody, a forged session, one that was ended, one
/// of an account that was disabled.
async fn everybody(site: &Site, worker: &TestWorker) -> Vec<Asker> {
    let mut all = vec![
        Asker::of("nobody", None, None),
        Asker::of(
            "a forged session",
            None,
            Some(("cookie", format!("wirewatch={}", "A".repeat(43)))),
        ),
    ];
    for role in [Role::Viewer, Role::Editor, Role::Analyst] {
        let user = site.account(role.as_str(), role).await;
        let cookie = site.session_of(user).await;
        all.push(Asker::of(
            role.as_str(),
            Some(role),
            Some(("cookie", cookie)),
        ));
        let token = site.token_of(role).await.unwrap();
        let bearer = format!("Bearer {token}");
        all.push(Asker::of(
            "a program",
            Some(role),
            Some(("authorization", bearer)),
        ));
    }
    let gone = site.account("gone", Role::Admin).await;
    let cookie = site.session_of(gone).await;
    ask(site.form("/logout", &[]).header("cookie", &cookie)).await;
    all.push(Asker::of(
        "an ended session",
        None,
        Some(("cookie", cookie)),
    ));
    let cookie = site.session_of(gone).await;
    users::set_disabled(&worker.db, gone, true, "chief", worker.clock.now())
        .await
        .unwrap();
    all.push(Asker::of(
        "a disabled account",
        None,
        Some(("cookie", cookie)),
    ));
    all
}

/// What is sent: forms that would do something, with more than anybody may say.
const BODIES: [&str; 3] = [
    "story=1&do=claim&role=admin&user_id=1&is_admin=true",
    "story=1&do=note&text=%3Cscript%3Ealert(1)%3C%2Fscript%3E&name=x&query=iran&url=http%3A%2F%2F127.0.0.1%2F",
    "role=admin&name=x&full_name=x&days=7&article=1&other=1&edited=1&query=iran",
];

async fn newsroom() -> (TestWorker, Site) {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    site.account("chief", Role::Admin).await;
    (worker, site)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_may_not_do_is_refused_on_every_route_and_changes_nothing() {
    let (worker, site) = newsroom().await;
    let askers = everybody(&site, &worker).await;
    for asker in &askers {
        // That a key was used is noted once.
        let mut request = site.bare_request(Method::GET, "/session");
        if let Some((name, value)) = &asker.header {
            request = request.header(*name, value);
        }
        ask(request).await;
    }
    let before = fingerprint(&worker.db).await;
    let mut refused = 0;
    for route in ROUTES.iter().filter(|route| route.method != "GET") {
        let path = filled(route.path).replace("999", "1");
        for asker in askers.iter().filter(|asker| !asker.may(route.gate)) {
            for body in BODIES {
                let mut request = site
                    .bare_request(Method::POST, &path)
                    .header("sec-fetch-site", "same-origin")
                    .header("content-type", "application/x-www-form-urlencoded")
                    .header("x-http-method-override", "GET")
                    .body(body);
                if let Some((name, value)) = &asker.header {
                    request = request.header(*name, value);
                }
                let answer = ask(request).await;
                let expected = if asker.role.is_some() { 403 } else { 401 };
                let who = (&asker.who, asker.role);
                assert_eq!(answer.status, expected, "{who:?} {path}: {}", answer.body);
                refused += 1;
            }
        }
    }
    assert!(refused > 500, "only {refused}");
    assert_eq!(fingerprint(&worker.db).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_and_no_method_writes_around_a_gate() {
    let (worker, site) = newsroom().await;
    let viewer = site.account("viewer", Role::Viewer).await;
    let cookie = site.session_of(viewer).await;
    let before = fingerprint(&worker.db).await;
    let is_kept = |gate| match gate {
        Gate::May(capability) => !capability.is_of(Role::Viewer),
        Gate::Open | Gate::Anyone | Gate::Account | Gate::Output => false,
    };
    for route in ROUTES
        .iter()
        .filter(|route| route.method != "GET" && is_kept(route.gate))
    {
        let path = filled(route.path).replace("999", "1");
        let mut tries = vec![];
        for spelled in [
            format!("{path}/"),
            format!("/{path}"),
            format!("{path};x"),
            format!("{path}.json"),
            path.to_uppercase(),
            format!("{path}?role=admin&_method=POST"),
            format!("/.{path}"),
        ] {
            tries.push((Method::POST, spelled));
        }
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            tries.push((method, path.clone()));
        }
        for (method, spelled) in tries {
            let request = site
                .bare_request(method.clone(), &spelled)
                .header("cookie", &cookie)
                .header("sec-fetch-site", "same-origin")
                .header("content-type", "application/x-www-form-urlencoded")
                .header("x-http-method-override", "POST")
                .header("x-original-url", &path)
                .body(BODIES[0]);
            let status = ask(request).await.status;
            assert!((400..500).contains(&status), "{method} {spelled}: {status}");
        }
    }
    assert_eq!(fingerprint(&worker.db).await, before);
}
