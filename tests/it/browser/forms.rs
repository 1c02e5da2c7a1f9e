//! Forms as fingers meet them: what Enter does, and what is still there after a refusal.

use std::time::Duration;

use serde_json::json;
use wirewatch::{domain::Role, web::WebOptions};

use super::Browser;
use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{PASSWORD, Site},
    worker::TestWorker,
};

const ENTER: &str = "\u{e007}";

/// The feeds as an admin has them, with one of them.
async fn feeds(browser: &Browser) -> (TestWorker, Site) {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran ship", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    site.account("anna", Role::Admin).await;
    browser.goto(&site.url("/login?next=/admin/feeds")).await;
    browser.sign_in("anna", PASSWORD).await;
    browser.until_text("h1", "Feeds").await;
    (worker, site)
}

#[tokio::test(flavor = "multi_thread")]
async fn enter_in_a_field_about_many_feeds_pauses_none() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let (worker, site) = feeds(&browser).await;
    // With nothing filled in, it says so, and what was chosen is chosen still.
    browser.click("input[name=feed]").await;
    browser.type_into("#bulk-category", ENTER).await;
    browser.until_text(".problem", "Fill in").await;
    let chosen = "return document.querySelector('input[name=feed]').checked";
    browser.until(chosen, &json!(true)).await;
    browser.type_into("#bulk-language", "Koreanisch!").await;
    browser.type_into("#bulk-language", ENTER).await;
    browser.until_text(".problem", "A language is").await;
    browser
        .until(
            "return document.getElementById('bulk-language').value",
            &json!("Koreanisch!"),
        )
        .await;
    browser
        .run("document.getElementById('bulk-language').value = ''")
        .await;
    browser.type_into("#bulk-category", "agencies").await;
    browser.type_into("#bulk-category", ENTER).await;
    browser.until_text(".done", "1").await;
    assert_eq!(
        worker
            .count("feeds WHERE state <> 'paused' AND category = 'agencies' AND language IS NULL")
            .await,
        1
    );
    browser.click("input[name=feed]").await;
    browser.type_into("#bulk-language", "ko").await;
    browser.type_into("#bulk-language", ENTER).await;
    browser.until_text(".rows", "ko").await;
    assert_eq!(
        worker
            .count("feeds WHERE state <> 'paused' AND category = 'agencies' AND language = 'ko'")
            .await,
        1
    );
    browser.end_after(&["422"]).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_beside_a_list_that_waits_stays_and_the_list_is_told() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let (worker, site) = feeds(&browser).await;
    browser.type_into("#opml", "no list").await;
    browser.click("#lists button").await;
    browser.until_text("#lists-told", "waits").await;
    browser.shot("feeds-waiting").await;
    browser.goto(&site.url("/admin/feeds/lists")).await;
    browser.until_text("#lists-told", "waits").await;
    browser.shot("feed-lists").await;
    browser.widen(390).await;
    browser.prefer("dark").await;
    browser.shot("feed-lists-dark-390").await;
    browser.goto(&site.url("/admin/feeds")).await;
    browser.until_text("#lists-told", "waits").await;
    browser.shot("feeds-waiting-dark-390").await;
    browser.widen(1280).await;
    browser.prefer("light").await;
    browser.run("window.isTheSamePage = true").await;
    browser.click("input[name=feed]").await;
    browser.type_into("#bulk-category", "agencies").await;
    browser.type_into("#opml", "<opml>").await;
    // Longer than the page waits before it looks again.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    worker.add_lists().await;
    browser.until_text("#lists-told", "nothing was added").await;
    let kept = "return [window.isTheSamePage, document.querySelector('input[name=feed]').checked, document.getElementById('bulk-category').value, document.getElementById('opml').value, document.querySelector('[data-again]')]";
    browser
        .until(kept, &json!([true, true, "agencies", "<opml>", null]))
        .await;

    // More than may wait: the refusal gives back what was pasted, and goes on telling of the others.
    sqlx::query("INSERT INTO opml_imports (text, actor, asked_at) SELECT 'no list', 'anna', now() FROM generate_series(1, 20)")
        .execute(&worker.db)
        .await
        .unwrap();
    browser.click("#lists button").await;
    browser.until_text(".problem", "Too many lists").await;
    browser.run("window.isTheSamePage = true").await;
    let told = "return document.getElementById('lists-told').textContent.includes('waits')";
    browser.until(told, &json!(true)).await;
    while worker.add_lists().await > 0 {}
    browser.until(told, &json!(false)).await;
    let kept = "return [window.isTheSamePage, document.getElementById('opml').value]";
    browser.until(kept, &json!([true, "<opml>"])).await;
    browser.end_after(&["422"]).await;
    site.stop().await;
}
