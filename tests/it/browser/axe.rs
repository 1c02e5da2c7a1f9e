//! Every page through axe-core, in both themes, at both widths: for people who use a keyboard, a screen reader or other eyes.

use serde_json::{Value, json};
use wirewatch::{
    domain::Role,
    web::{ROUTES, WebOptions},
};

use super::Browser;
use crate::{
    feed_server::FeedServer,
    headlines,
    site::{PASSWORD, Site},
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
const NOT_PAGES: [&str; 12] = [
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
    "/welcome/",
];

/// Pages that the table of routes does not show by itself.
const MORE: [&str; 9] = [
    "/?filter=",
    "/?tier=wire&state=new&time=30d",
    "/search?q=iran",
    "/search?q=iran+AND+(",
    "/articles/1?q=iran&keyword=iran",
    "/stories?all=yes",
    "/handover?since=24h",
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
        browser.press("j").await;
        browser.press(key).await;
        let is_open = format!("return document.getElementById('{dialog}').open");
        browser.until(&is_open, &json!(true)).await;
        wrong.extend(findings(&browser, dialog).await);
        browser.press("\u{e00c}").await;
        browser.until(&is_open, &json!(false)).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.end_after(&["404", "400", "410"]).await;
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
