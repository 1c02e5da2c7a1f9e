//! Accounts, as people meet them.

use serde_json::json;
use wirewatch::{
    auth::Token,
    domain::{Clock as _, Role},
    store::users,
    web::{WebOptions, links},
};

use super::{Browser, number};
use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{PASSWORD, Site, random},
    worker::TestWorker,
};

async fn closed() -> (TestWorker, Site) {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran talks", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    (worker, site)
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_link_to_the_second_person_and_out_again() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let (worker, site) = closed().await;
    let token = Token::new(random());
    let base = site.url("");
    let link = links::first_admin_link(
        &worker.db,
        base.trim_end_matches('/'),
        &token,
        worker.clock.now(),
    );
    browser.goto(&link.await.unwrap().unwrap()).await;
    browser.sign_in("mara", PASSWORD).await;
    browser.until_text(".who bdi", "mara").await;
    browser.click(".who a[href='/admin/users']").await;
    browser.until_text("h1", "Accounts").await;
    browser
        .click("form[action='/admin/users/invite'] button")
        .await;
    browser.until_text(".once", "works once").await;
    let invitation = browser.text(".once code").await.unwrap();
    assert!(invitation.starts_with(&base), "{invitation}");
    browser.click(".who button").await;
    browser.until_text("h1", "Sign in").await;
    browser.goto(&invitation).await;
    browser.sign_in("ed", PASSWORD).await;
    browser.until_text(".who bdi", "ed").await;
    // A viewer sees the feed, and no button to change anything.
    browser.goto(&site.url("/feeds/1")).await;
    let buttons = "return document.querySelectorAll('main form button').length";
    browser.until(buttons, &json!(0)).await;
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_says_within_seconds_that_its_reader_was_signed_out() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let (worker, site) = closed().await;
    let user = site.account("ed", Role::Editor).await;
    browser.goto(&site.url("/keywords/iran")).await;
    browser.until_text("h1", "Sign in").await;
    browser.sign_in("ed", PASSWORD).await;
    browser.until_text("h1", "IRAN").await;
    users::set_role(&worker.db, user, Role::Viewer, "test", worker.clock.now())
        .await
        .unwrap();
    browser
        .until_text("#connection", "You are signed out")
        .await;
    browser.click("#connection a").await;
    browser.until_text("h1", "Sign in").await;
    let next = "return document.querySelector('[name=next]').value";
    browser.until(next, &json!("/keywords/iran")).await;
    // Whether the stream ended or was refused, depends on who was faster.
    browser.end_after(&["401"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_told_in_the_zone_and_on_the_clock_of_the_reader() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let (_worker, site) = closed().await;
    site.account("ed", Role::Admin).await;
    browser.goto(&site.url("/account")).await;
    browser.sign_in("ed", PASSWORD).await;
    browser.until_text("h1", "Your account").await;
    browser.type_into("#time_zone", "Asia/Kathmandu").await;
    browser
        .run("document.getElementById('clock_format').value = '12h'")
        .await;
    browser
        .click("form[action='/account/preferences'] button")
        .await;
    browser
        .until(
            "return document.documentElement.dataset.zone",
            &json!("Asia/Kathmandu"),
        )
        .await;
    browser.goto(&site.url("/articles/1")).await;
    // 10:00 UTC is 15:45 in Kathmandu, on the server's page as in the script.
    let told = "return [...document.querySelectorAll('time')].some((time) => /3:45\\sPM/.test(time.title))";
    browser.until(told, &json!(true)).await;
    for (width, scheme) in [
        (390, "light"),
        (390, "dark"),
        (1440, "light"),
        (1440, "dark"),
    ] {
        browser.widen(width).await;
        browser.prefer(scheme).await;
        for path in ["/account", "/admin/users", "/"] {
            browser.goto(&site.url(path)).await;
            let wide = browser
                .run("return document.documentElement.scrollWidth")
                .await;
            assert!(
                number(&wide) <= f64::from(width),
                "{path} is {wide} wide at {width}"
            );
        }
    }
    browser.end().await;
}
