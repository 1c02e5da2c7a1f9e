//! A server that fails for a while: nothing that somebody did or wrote is lost.

use serde_json::json;

use super::{
    Browser,
    desk::{newsroom, says, sign_in},
};

const ENTER: char = '\u{e007}';
const CONTROL: char = '\u{e009}';

/// Lets requests to an address fail: as a server that is busy, or as a connection that is away.
fn fail(path: &str, how: &str) -> String {
    let answer = match how {
        "busy" => {
            "Promise.resolve(new Response(JSON.stringify({ detail: 'The database does not answer.' }), { status: 503 }))"
        }
        _ => "Promise.reject(new TypeError('away'))",
    };
    format!(
        "window.works ??= window.fetch;
         window.fetch = (path, ...rest) => path === '{path}' ? {answer} : window.works(path, ...rest);"
    )
}

const WORK_AGAIN: &str = "window.fetch = window.works";

/// The story of a line.
async fn story(browser: &Browser, line: usize) -> String {
    let story = format!("return document.querySelectorAll('.line.new')[{line}].dataset.story");
    browser.run(&story).await.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_back_is_taken_back_by_the_next_try() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let room = newsroom().await;
    sign_in(&browser, &room.site, "editor", "/keywords/iran").await;
    let (first, second) = (story(&browser, 0).await, story(&browser, 1).await);
    browser.press("j").await;
    browser.press("c").await;
    says(&browser, &first, "claimed").await;
    browser.press("j").await;
    browser.press("w").await;
    says(&browser, &second, "watched").await;
    for how in ["busy", "away"] {
        browser.run(&fail("/desk/undo", how)).await;
        browser.press("z").await;
        let words = if how == "busy" {
            "The database"
        } else {
            "connection"
        };
        browser.until_text("#told", words).await;
    }
    browser.run(WORK_AGAIN).await;
    browser.press("z").await;
    says(&browser, &second, "").await;
    says(&browser, &first, "claimed").await;
    // In quick succession each takes back its own.
    browser.press("w").await;
    says(&browser, &second, "watched").await;
    browser.type_keys("zz").await;
    says(&browser, &second, "").await;
    says(&browser, &first, "").await;
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_stays_where_it_was_typed_until_it_is_written() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let room = newsroom().await;
    sign_in(&browser, &room.site, "editor", "/keywords/iran").await;
    let first = story(&browser, 0).await;
    let typed = "const it = document.getElementById('ask-note'); return [it.open, it.querySelector('textarea').value]";
    // Written about two stories, which the server refuses.
    browser.press("j").await;
    browser.press("x").await;
    browser.press("x").await;
    browser.press("k").await;
    browser.press("k").await;
    browser.press("n").await;
    browser.type_keys("Call them").await;
    browser.press_with(CONTROL, ENTER).await;
    browser
        .until_text("#ask-note .problem", "about one story")
        .await;
    browser.until(typed, &json!([true, "Call them"])).await;
    browser.press("\u{e00c}").await;
    browser.until(typed, &json!([false, ""])).await;
    browser
        .run("for (const box of document.querySelectorAll('.choose:checked')) box.checked = false")
        .await;

    browser.press("n").await;
    browser.until(typed, &json!([true, ""])).await;
    browser.type_keys("Call them").await;
    for how in ["busy", "away"] {
        browser.run(&fail("/desk", how)).await;
        browser.press_with(CONTROL, ENTER).await;
        let words = if how == "busy" {
            "The database"
        } else {
            "connection"
        };
        browser.until_text("#ask-note .problem", words).await;
        browser.until(typed, &json!([true, "Call them"])).await;
    }
    browser.shot("note-refused").await;
    browser.run(WORK_AGAIN).await;
    browser.press_with(CONTROL, ENTER).await;
    says(&browser, &first, "1 note").await;
    browser.until(typed, &json!([false, ""])).await;
    browser.end_after(&["400"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_while_the_server_was_busy_is_told_again() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let room = newsroom().await;
    browser
        .run_first(
            "window.refused = [];
             window.told = [];
             const works = window.fetch;
             window.fetch = async (path, asked) => {
                 if (path !== '/seen') return works(path, asked);
                 const articles = asked.body.getAll('article');
                 if (window.refused.length || !articles.length) {
                     window.told.push(...articles);
                     return works(path, asked);
                 }
                 window.refused.push(...articles);
                 return new Response('', { status: 503, headers: { 'retry-after': '1' } });
             };",
        )
        .await;
    sign_in(&browser, &room.site, "viewer", "/keywords/iran").await;
    browser
        .until(
            "return window.refused.length > 0 && window.refused.every((article) => window.told.includes(article))",
            &json!(true),
        )
        .await;
    let seen = "return document.querySelectorAll('.line.seen').length > 0";
    browser.until(seen, &json!(true)).await;
    browser.end().await;
}
