//! An admin tunes what the desk follows: a pasted query repaired by clicks, compared, saved, restored; a concept; a feed.

use serde_json::json;
use wirewatch::{domain::BeatConcept, domain::Role, web::WebOptions};

use super::{Browser, number};
use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    site::{PASSWORD, Site},
    worker::{TestClock, TestWorker, beat},
};

const PAGE: &str = "<html><head><title>Office</title><link rel=alternate type=application/rss+xml href=/rss title='All news'></head><body><p>Hello</p></body></html>";

async fn desk(publisher: &FeedServer) -> (TestWorker, Site) {
    let entries = [
        ("a", "Iran ship near Korea", "Seen from Pyongyang."),
        ("b", "Korea football match", "x"),
        ("c", "Tehran talks resume", "x"),
    ];
    publisher.put("/feed", Document::feed(rss(&entries)));
    publisher.put("/", Document::feed(PAGE.to_owned()));
    publisher.put("/rss", Document::feed(rss(&[("z", "Korea envoy", "x")])));
    let mut beat = beat(
        &[publisher.url("/feed")],
        &[("desk", "football"), ("place", "@place")],
    );
    beat.concepts.push(BeatConcept {
        slug: "place".to_owned(),
        name: "Place".to_owned(),
        terms: [("en".to_owned(), vec!["Pyongyang".to_owned()])].into(),
        anti_terms: Vec::new(),
        note: String::new(),
    });
    let (_, db) = database::fresh().await;
    let worker = TestWorker::on(db, &beat, TestClock::at("2026-11-23T10:00:00Z")).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    site.account("mara", Role::Admin).await;
    (worker, site)
}

const HEADLINES: &str =
    "return [...document.querySelectorAll('.line .headline')].map((it) => it.textContent).sort()";
/// Whether an address waits to be tried.
const IS_TRIED: &str = "return document.querySelector('meta[http-equiv=refresh]') !== null";
const QUERY: &str = "return document.getElementById('keyword-query').value";

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_tunes_what_the_desk_follows_and_the_audit_has_each_step() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let publisher = FeedServer::start().await;
    let (worker, site) = desk(&publisher).await;
    browser
        .goto(&site.url("/login?next=/admin/keywords/desk"))
        .await;
    browser.sign_in("mara", PASSWORD).await;
    browser.until_text("h1", "desk").await;

    // Pasted from Factiva: checked as it stands there, before any button.
    browser
        .run(
            "const area = document.getElementById('keyword-query');
             area.value = 'korea near3 iran and @plac';
             document.getElementById('keyword-dialect').value = 'factiva';
             area.dispatchEvent(new Event('input', { bubbles: true }));",
        )
        .await;
    browser
        .until_text("#checked .mistake", "no concept @plac")
        .await;
    browser.shot("tuning-mistake").await;
    browser.click("#checked .way button").await;
    browser
        .until(QUERY, &json!("korea NEAR/2 iran AND @place"))
        .await;
    browser.until_text(".outcome strong", "+1 −1").await;
    browser
        .until(
            HEADLINES,
            &json!(["Iran ship near Korea", "Korea football match"]),
        )
        .await;
    browser.shot("tuning-difference").await;
    let save = ".fields button:not([formaction])";
    browser.click(save).await;
    browser.until_text(".done", "Saved as version 2.").await;
    worker.rematch().await;
    worker.place().await;
    browser.goto(&site.url("/keywords/desk")).await;
    browser
        .until(HEADLINES, &json!(["Iran ship near Korea"]))
        .await;

    // The old version again.
    browser.goto(&site.url("/admin/keywords/desk")).await;
    browser.click(".audit a").await;
    browser.until(QUERY, &json!("football")).await;
    browser.click(save).await;
    browser.until_text(".done", "Saved as version 3.").await;
    worker.rematch().await;
    worker.place().await;
    browser.goto(&site.url("/keywords/desk")).await;
    browser
        .until(HEADLINES, &json!(["Korea football match"]))
        .await;

    // A concept, with what it changes under the keyword that uses it.
    browser.goto(&site.url("/admin/concepts/place")).await;
    browser.type_into("#terms-en", "\nTehran").await;
    browser.click("button[formaction$='/try']").await;
    browser.until_text(".outcome strong", "+1 −0").await;
    browser.shot("tuning-concept").await;
    browser.click(save).await;
    browser.until_text(".done", "Saved as version 2.").await;
    worker.rematch().await;
    worker.place().await;
    browser.goto(&site.url("/keywords/place")).await;
    browser
        .until(
            HEADLINES,
            &json!(["Iran ship near Korea", "Tehran talks resume"]),
        )
        .await;

    // A feed from the home page of its publisher.
    browser.goto(&site.url("/admin/feeds/new")).await;
    browser.type_into("#url", &publisher.url("/")).await;
    browser.click(".fields button").await;
    browser.until(IS_TRIED, &json!(true)).await;
    worker.try_addresses().await;
    browser.until_text(".rows", "All news").await;
    browser.click(".rows button").await;
    browser.until(IS_TRIED, &json!(true)).await;
    worker.try_addresses().await;
    browser.until_text("main", "Korea envoy").await;
    browser.click("form[action='/admin/feeds'] button").await;
    browser.until_text("h1", "Test Wire").await;

    browser.goto(&site.url("/admin/audit")).await;
    let told = "return [...document.querySelectorAll('.audit .what')].map((it) => it.textContent.replace(/\\s+/g, ' ')).filter((it) => it.includes('mara') && it.includes('127.0.0.1')).length";
    // She signed in; two versions of the keyword, the concept and the keyword that hangs on it, the feed.
    browser.until(told, &json!(6)).await;
    browser.shot("tuning-audit").await;

    every_page_fits(&browser, &site).await;
    every_refusal_keeps_what_was_typed(&browser, &worker, &site).await;
    browser.end_after(&["409", "422"]).await;
}

/// A form that somebody else saved meanwhile, and one with a language that is none.
async fn every_refusal_keeps_what_was_typed(browser: &Browser, worker: &TestWorker, site: &Site) {
    let save = ".fields button:not([formaction])";
    browser.goto(&site.url("/admin/feeds/1")).await;
    sqlx::query("UPDATE feeds SET note = 'rebuilt in May' WHERE id = 1")
        .execute(&worker.db)
        .await
        .unwrap();
    browser.type_into("#feed-note", "mine").await;
    browser.click(save).await;
    browser.until_text(".mistakes", "rebuilt in May").await;
    let note = "return document.getElementById('feed-note').value";
    browser.until(note, &json!("mine")).await;
    fits(browser, "feed-outdated").await;
    browser.click(save).await;
    browser.until_text("h1", "Test Wire").await;

    browser.goto(&site.url("/admin/concepts/place")).await;
    browser.type_into("#new-language", "fa_IR").await;
    browser.type_into("#new-terms", "ایران").await;
    browser.click(save).await;
    browser.until_text(".mistakes", "fa_IR").await;
    let terms = "return document.getElementById('new-terms').value";
    browser.until(terms, &json!("ایران")).await;
    fits(browser, "concept-language").await;
}

/// Looks at the page that is open, narrow and wide.
async fn fits(browser: &Browser, name: &str) {
    for (width, scheme) in [(390, "dark"), (1440, "light")] {
        browser.widen(width).await;
        browser.prefer(scheme).await;
        let wide = browser
            .run("return document.documentElement.scrollWidth")
            .await;
        assert!(number(&wide) <= f64::from(width), "{name}: {wide}");
        browser.shot(&format!("{name}-{width}-{scheme}")).await;
    }
}

/// Looks at every page of the admin in both themes and at both widths.
async fn every_page_fits(browser: &Browser, site: &Site) {
    for (width, scheme) in [(390, "dark"), (1440, "dark"), (390, "light")] {
        browser.widen(width).await;
        browser.prefer(scheme).await;
        for (path, name) in [
            ("/admin/keywords", "keywords"),
            ("/admin/keywords/desk", "keyword"),
            ("/admin/keywords/desk/parts", "parts"),
            ("/admin/keywords/desk/quality", "precision"),
            ("/admin/concepts", "concepts"),
            ("/admin/concepts/place", "concept"),
            ("/admin/outlets", "outlets"),
            ("/admin/feeds", "feeds"),
            ("/admin/feeds/1", "feed"),
            ("/admin/sources/test-wire", "source"),
            ("/admin/quality", "quality"),
            ("/admin/audit", "audit"),
            ("/why-not", "why-not"),
        ] {
            browser.goto(&site.url(path)).await;
            let wide = browser
                .run("return document.documentElement.scrollWidth")
                .await;
            assert!(
                number(&wide) <= f64::from(width),
                "{path} is {wide} wide at {width}"
            );
            browser.shot(&format!("{name}-{width}-{scheme}")).await;
        }
    }
}
