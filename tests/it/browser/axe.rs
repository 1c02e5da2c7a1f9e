//! Every page through axe-core, in both themes, at both widths: for people who use a keyboard, a screen reader or other eyes.

use std::time::Duration;

use serde_json::{Value, json};
use wirewatch::{
    domain::Role,
    web::{ROUTES, WebOptions},
};

use super::Browser;
use crate::{
    digests::desk::{BASE, Desk, Report, daily},
    feed_server::{Document, FeedServer},
    headlines,
    site::{PASSWORD, Site, ask},
    web::between,
    worker::TestWorker,
};

/// axe-core, as its authors publish it.
const AXE: &str = include_str!("../../fixtures/axe/axe.min.js");

/// What is wrong with the page: the rule, and the elements that break it.
const RUN: &str = r"
    const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations'] }).then(
        ({ violations }) => done(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html, any, all, none }) => html.slice(0, 200) + ' ' + [...any, ...all, ...none].map(({ message }) => message).join('; '))])),
        (error) => done([['failed', String(error)]]));
";

/// Addresses that are for programs, or no pages.
const NOT_PAGES: [&str; 13] = [
    "/api/",
    "/events",
    "/static/",
    "/livez",
    "/readyz",
    "/session",
    "/out/",
    "/admin/audit.csv",
    "/admin/audit.jsonl",
    "/admin/feeds.opml",
    "/metrics",
    "/trends.csv",
    "/welcome/",
];

/// Pages that the table of routes does not show by itself.
const MORE: [&str; 10] = [
    "/?filter=",
    "/?tier=wire&state=new&time=30d",
    "/search?q=iran",
    "/search?q=iran+AND+(",
    "/articles/1?q=iran&keyword=iran",
    "/stories?all=yes",
    "/handover?since=24h",
    "/trends?days=91&keyword=iran",
    "/keywords/none",
    "/welcome/none",
];

fn pages() -> Vec<String> {
    ROUTES
        .iter()
        .filter(|route| route.method == "GET")
        .filter(|route| {
            !NOT_PAGES
                .iter()
                .any(|prefix| route.path.starts_with(prefix))
        })
        .map(|route| {
            route
                .path
                .replace("{id}", "1")
                .replace("{slug}", "iran")
                .replace("{keyword}", "iran")
        })
        .filter(|path| !path.contains('{'))
        .chain(MORE.map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_in_either_theme() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let publisher = FeedServer::start().await;
    publisher.put("/feed", headlines::document(2));
    let feeds = [publisher.url("/feed"), publisher.url("/missing")];
    let worker = TestWorker::new(&feeds, &[("iran", "iran"), ("ships", "ship*")]).await;
    worker.pass().await;
    publisher.put("/feed", headlines::document(8));
    worker.pass_a_day_later().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let admin = site.account("mara", Role::Admin).await;
    let cookie = site.session_of(admin).await;
    for fields in [
        &[("story", "1"), ("do", "claim")][..],
        &[("story", "2"), ("do", "pass"), ("reason", "noise")],
        &[
            ("story", "3"),
            ("do", "use"),
            ("link", "https://ours.example/"),
        ],
        &[("story", "1"), ("do", "note"), ("text", "see @mara")],
        &[("story", "4"), ("do", "assign"), ("to", "mara")],
    ] {
        let form = site.form("/desk", fields).header("cookie", &cookie);
        assert!(
            form.send().await.unwrap().status().is_redirection(),
            "{fields:?}"
        );
    }
    browser.goto(&site.url("/login")).await;
    let mut wrong = findings(&browser, "/login").await;
    browser.sign_in("mara", PASSWORD).await;
    browser.until_text(".who bdi", "mara").await;
    for path in pages() {
        browser.goto(&site.url(&path)).await;
        wrong.extend(findings(&browser, &path).await);
    }
    // What opens over a page is looked at as well.
    browser.goto(&site.url("/keywords/iran")).await;
    for (key, dialog) in [
        ("?", "help"),
        ("p", "ask-pass"),
        ("u", "ask-use"),
        ("n", "ask-note"),
        ("a", "ask-assign"),
    ] {
        let is_open = format!("return document.getElementById('{dialog}').open");
        // A busy machine may give the page its focus after the first keys.
        for _ in 0..100 {
            browser.press("j").await;
            browser.press(key).await;
            if browser.run(&is_open).await == json!(true) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(browser.run(&is_open).await, json!(true), "{dialog}");
        wrong.extend(findings(&browser, dialog).await);
        browser.press("\u{e00c}").await;
        browser.until(&is_open, &json!(false)).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.end_after(&["404", "400", "410"]).await;
}

/// Pages that there is something to see on only once something else was done: digests with an edition, an article that was
/// asked for, a feed that was tried, links that were sent.
#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_the_pages_that_come_of_others() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let desk = Desk::open(&["iran"], "2026-11-24T03:00:00Z").await;
    desk.subscribe("morning", &daily("Europe/Berlin", &["07:00"], &["iran"]))
        .await;
    let report = Report::new("yonhap-1", "Tehran sends engineers", &["iran"]);
    desk.publish(&report).await;
    desk.work_at("2026-11-24T06:00:00Z").await;
    let publisher = FeedServer::start().await;
    publisher.put("/feed", headlines::document(4));
    publisher.put("/page", Document::feed("<h1>no list</h1>"));
    let site = Site::with(&desk.db, desk.clock.clone(), WebOptions::default()).await;
    let admin = site.account("mara", Role::Admin).await;
    let cookie = site.session_of(admin).await;
    let mut pages: Vec<String> = [
        "/digests",
        "/digests/new",
        "/digests/morning",
        "/digests/morning/edit",
        "/digests/morning/preview",
        "/digests/morning/2026-11-24-0700",
        "/admin/outbox",
        "/admin/outbox/1",
        "/admin/keywords/new?query=iran+AND+(",
        "/keywords/iran",
    ]
    .map(str::to_owned)
    .into();
    let url = publisher.url("/feed");
    for (path, fields) in [
        ("/articles/add", &[("url", "http://10.0.0.1/")][..]),
        ("/admin/feeds/trials", &[("url", url.as_str())]),
        ("/admin/feeds/trials", &[("url", "http://10.0.0.1/")]),
    ] {
        let asked = ask(site.form(path, fields).header("cookie", &cookie)).await;
        assert_eq!(asked.status, 303, "{path}: {}", asked.body);
        pages.push(asked.header("location").to_owned());
    }
    assert_eq!(desk.placing.read_pages().await, 1);
    assert_eq!(desk.placing.try_addresses().await, 2);
    let invited = site.form("/admin/users/invite", &[("role", "viewer")]);
    let invited = ask(invited.header("cookie", &cookie)).await;
    let token = between(&invited.body, "/welcome/", "<")[0];
    // Whoever is signed in already is led elsewhere.
    let mut wrong = Vec::new();
    for path in [format!("/welcome/{token}"), unsubscribing(&desk)] {
        browser.goto(&site.url(&path)).await;
        wrong.extend(findings(&browser, &path).await);
    }
    browser.goto(&site.url("/login")).await;
    browser.sign_in("mara", PASSWORD).await;
    browser.until_text(".who bdi", "mara").await;
    for path in pages {
        browser.goto(&site.url(&path)).await;
        let missing = browser.run("return document.querySelector('.refusal') !== null");
        assert_eq!(missing.await, json!(false), "{path}");
        wrong.extend(findings(&browser, &path).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.end_after(&[]).await;
}

/// The link in a letter that ends it.
fn unsubscribing(desk: &Desk) -> String {
    let letter = desk.smtp.taken().into_iter().next().unwrap();
    let text = String::from_utf8_lossy(&letter.bytes).into_owned();
    let unfolded = text.replace("\r\n ", "").replace("\r\n\t", "");
    let header = between(&unfolded, "List-Unsubscribe: <", ">")[0];
    header.strip_prefix(BASE).unwrap().to_owned()
}

/// What is wrong with the page that is open, in both themes and at both widths.
async fn findings(browser: &Browser, page: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (width, scheme) in [
        (1440, "light"),
        (1440, "dark"),
        (390, "light"),
        (390, "dark"),
    ] {
        browser.widen(width).await;
        browser.prefer(scheme).await;
        browser.run(AXE).await;
        let found = browser.run_until_done(RUN).await;
        for rule in found.as_array().unwrap() {
            wrong.push(format!("{page} {scheme} {width}: {rule}"));
        }
        if page.starts_with('/') {
            let wide: Value = browser
                .run("return document.documentElement.scrollWidth")
                .await;
            if wide.as_u64().unwrap() > u64::from(width) {
                wrong.push(format!("{page} is {wide} wide at {width}"));
            }
        }
    }
    wrong
}
