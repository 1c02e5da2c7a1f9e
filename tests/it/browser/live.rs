//! Pages that are open while others work: nothing is pressed, lost or doubled by what comes in.

use serde_json::json;
use wirewatch::domain::Role;

use super::{
    Browser,
    desk::{newsroom, sign_in},
};
use crate::site::{Site, ask};

const ENTER: &str = "\u{e007}";

/// What has the focus: its id, else its value.
const HAS_FOCUS: &str = "return document.activeElement.id || document.activeElement.value || ''";

/// Does something with a story, as somebody who works elsewhere.
async fn does(site: &Site, cookie: &str, fields: &[(&str, &str)]) {
    let form = site.form("/desk", fields).header("cookie", cookie);
    let answer = ask(form).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_that_becomes_another_one_under_focus_and_finger_is_not_pressed() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let room = newsroom().await;
    let mara = room.site.account("mara", Role::Editor).await;
    let mara = room.site.session_of(mara).await;
    sign_in(&browser, &room.site, "editor", "/stories/5").await;
    browser
        .run(
            "document.querySelector('#desk-acts [value=claim]').focus();
             window.stopped = null;
             new MutationObserver(() => {
                 const release = document.querySelector('#desk-acts [value=release]');
                 if (!release || window.stopped !== null) return;
                 const click = new MouseEvent('click', { bubbles: true, cancelable: true, detail: 1 });
                 window.stopped = !release.dispatchEvent(click);
             }).observe(document.getElementById('desk-acts').parentNode, { childList: true });",
        )
        .await;
    does(&room.site, &mara, &[("story", "5"), ("do", "claim")]).await;
    // A click that was on its way to "Claim" releases nothing, nor does Enter.
    browser.until("return window.stopped", &json!(true)).await;
    browser.until(HAS_FOCUS, &json!("desk-acts")).await;
    browser.press(ENTER).await;
    browser
        .run("document.querySelector('#desk-changes button').focus()")
        .await;
    assert_eq!(
        room.worker
            .count("desk_states WHERE state = 'claimed' AND by = 'mara'")
            .await,
        1
    );

    // The way to take a change back goes away with the next one, whose own is another.
    does(
        &room.site,
        &mara,
        &[("story", "5"), ("do", "pass"), ("reason", "old")],
    )
    .await;
    browser.until(HAS_FOCUS, &json!("desk-changes")).await;
    browser.press(ENTER).await;
    // What is still the same has the focus still.
    browser
        .run("document.querySelector('#desk-acts [value=watch]').focus()")
        .await;
    does(&room.site, &mara, &[("story", "5"), ("do", "claim")]).await;
    browser
        .until(
            "return document.querySelectorAll('#desk-changes li').length",
            &json!(3),
        )
        .await;
    browser.until(HAS_FOCUS, &json!("watch")).await;
    assert_eq!(
        room.worker
            .count("desk_changes WHERE actor <> 'mara' OR undone_at IS NOT NULL")
            .await,
        0
    );
    browser.end().await;
}
