//! The pages in a real Chromium, as a reader meets them.
//!
//! Without Chromium and its driver these tests say that they were skipped; `BROWSER_TESTS=required` makes that a
//! failure.

mod accounts;
mod axe;
mod chromium;
mod demo;
mod desk;
mod failures;
mod forms;
mod hostile;
mod live;
mod looks;
mod mails;
mod tuning;

use serde_json::{Value, json};
use wirewatch::domain::Role;

use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{PASSWORD, Site},
    worker::TestWorker,
};
use chromium::Browser;

/// The items of the feed that the pages are made of, the last one not published at first.
const ITEMS: [(&str, &str, &str); 5] = [
    (
        "a",
        "Nuclear envoys meet in Geneva about inspections",
        "Talks on Iran resume.",
    ),
    (
        "b",
        "Oman signs a pipeline contract worth billions",
        "A deal with Iran on gas.",
    ),
    (
        "c",
        "Share prices close higher after a cut of rates",
        "Markets in Iran rose.",
    ),
    (
        "d",
        "Customs officers stop a vessel with whisky",
        "The ship was bound for Iran.",
    ),
    (
        "e",
        "Footballers travel to Jakarta on a hospital boat",
        "Fans from Iran saw the ship.",
    ),
];

/// The pages over a database that a worker fills from one feed.
struct Newsroom {
    publisher: FeedServer,
    worker: TestWorker,
    site: Site,
}

impl Newsroom {
    /// With the first `items` published and read, under the keywords `iran` and `ships`.
    async fn open(items: usize) -> Self {
        let publisher = FeedServer::start().await;
        let feeds = [publisher.url("/feed"), publisher.url("/missing")];
        let worker = TestWorker::new(&feeds, &[("iran", "iran"), ("ships", "ship*")]).await;
        let site = Site::start(&worker.db, worker.clock.clone()).await;
        let newsroom = Self {
            publisher,
            worker,
            site,
        };
        newsroom.publish(items).await;
        newsroom
    }

    async fn publish(&self, items: usize) {
        let document = Document::feed(rss(&ITEMS[..items]));
        self.publisher.put("/feed", document);
        self.worker.pass_a_day_later().await;
    }
}

/// What a reader sees of the sections: per keyword the lines, and the words of the button that lets lines in.
const SECTIONS: &str = r#"
    return Object.fromEntries([...document.querySelectorAll(".section")].map((section) => [
        section.dataset.keyword,
        [
            [...section.querySelectorAll(".line")].filter((line) => line.checkVisibility()).length,
            section.querySelector(".let-in").checkVisibility() ? section.querySelector(".let-in").textContent : "",
        ],
    ]));
"#;

/// The headline that has the focus.
const FOCUSED: &str =
    "return document.activeElement.closest('.line')?.querySelector('.headline').textContent ?? ''";

#[tokio::test(flavor = "multi_thread")]
async fn new_lines_wait_behind_their_number_and_show_at_once_where_nothing_can_jump() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let newsroom = Newsroom::open(2).await;
    browser.goto(&newsroom.site.url("/")).await;
    browser.run("window.isTheSamePage = true").await;
    browser
        .until(SECTIONS, &json!({"iran": [2, ""], "ships": [0, ""]}))
        .await;

    newsroom.publish(4).await;
    browser
        .until(SECTIONS, &json!({"iran": [2, "2 new"], "ships": [1, ""]}))
        .await;
    browser
        .until("return document.title", &json!("(2) wirewatch"))
        .await;
    let counts =
        "return [...document.querySelectorAll('[data-rail]')].map((count) => count.textContent)";
    browser.until(counts, &json!(["4", "1"])).await;

    browser.press(".").await;
    browser
        .until(SECTIONS, &json!({"iran": [4, ""], "ships": [1, ""]}))
        .await;
    browser
        .until("return document.title", &json!("wirewatch"))
        .await;

    newsroom.publish(5).await;
    browser
        .until(
            SECTIONS,
            &json!({"iran": [4, "1 new"], "ships": [1, "1 new"]}),
        )
        .await;
    browser.click("[data-keyword=iran] .let-in").await;
    browser
        .until(SECTIONS, &json!({"iran": [5, ""], "ships": [1, "1 new"]}))
        .await;
    let newest = "return document.querySelector('[data-keyword=iran] .line .headline').textContent";
    browser
        .until(
            newest,
            &json!("Footballers travel to Jakarta on a hospital boat"),
        )
        .await;
    browser
        .until("return window.isTheSamePage", &json!(true))
        .await;
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_works_with_keys() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let newsroom = Newsroom::open(3).await;
    browser.goto(&newsroom.site.url("/keywords/iran")).await;
    let headlines = "return [...document.querySelectorAll('.line')].filter((line) => line.checkVisibility()).map((line) => line.querySelector('.headline').textContent)";
    let lines = browser.run(headlines).await;
    assert_eq!(lines.as_array().map(Vec::len), Some(3));
    for (key, line) in [("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1)] {
        browser.press(key).await;
        browser.until(FOCUSED, &lines[line]).await;
    }
    let is_help_open = "return document.getElementById('help').open";
    browser.press("?").await;
    browser.until(is_help_open, &json!(true)).await;
    browser.press("\u{e00c}").await;
    browser.until(is_help_open, &json!(false)).await;

    browser.press("f").await;
    browser
        .until("return document.activeElement.id", &json!("filter"))
        .await;
    for letter in ["o", "m", "a", "n"] {
        browser.press(letter).await;
    }
    browser
        .until(
            headlines,
            &json!(["Oman signs a pipeline contract worth billions"]),
        )
        .await;
    browser.press("\u{e00c}").await;
    browser.until(headlines, &lines).await;

    // The place in the list is kept meanwhile.
    browser.press("j").await;
    browser.until(FOCUSED, &lines[2]).await;
    browser.press("o").await;
    browser
        .until("return document.querySelector('h1').textContent", &lines[2])
        .await;
    browser
        .until(
            "return location.pathname.startsWith('/articles/')",
            &json!(true),
        )
        .await;
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_read_without_scripts() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let newsroom = Newsroom::open(3).await;
    newsroom.site.account("ed", Role::Editor).await;
    browser.switch_scripts_off().await;
    browser.goto(&newsroom.site.url("/")).await;
    browser.click(".who a").await;
    browser.sign_in("ed", PASSWORD).await;
    browser.until_text(".who bdi", "ed").await;
    browser
        .until_text("noscript", "where JavaScript is on")
        .await;
    browser.click(".rail a").await;
    browser.until_text("h1", "IRAN").await;
    let headline = browser.text(".line .headline").await.unwrap();
    browser.click(".line .headline").await;
    browser.until_text("h1", &headline).await;
    browser.click(".sightings a").await;
    browser.until_text("h1", "Test Wire").await;
    browser.click("main form button").await;
    browser.until_text(".about", "asked for by hand").await;
    assert_eq!(newsroom.worker.pass().await.polled, 1);
    browser.click(".way a").await;
    browser.until_text("h1", "Feeds").await;
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_headlines_do_nothing_and_turn_nothing_around() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let newsroom = Newsroom::open(1).await;
    browser.goto(&newsroom.site.url("/")).await;
    browser
        .until(SECTIONS, &json!({"iran": [1, ""], "ships": [0, ""]}))
        .await;
    let hostile = "Iran ship &amp;lt;img src=x onerror=window.hostile=1&amp;gt;&amp;lt;script&amp;gt;window.hostile=1&amp;lt;/script&amp;gt; \u{202e}back";
    newsroom
        .publisher
        .put("/feed", Document::feed(rss(&[("x", hostile, hostile)])));
    newsroom.worker.pass_a_day_later().await;
    browser
        .until(SECTIONS, &json!({"iran": [1, "1 new"], "ships": [1, ""]}))
        .await;
    browser.press(".").await;
    let shown = "return document.querySelector('[data-keyword=ships] .headline').textContent.includes('<img src=x')";
    browser.until(shown, &json!(true)).await;
    // Letters that turn the direction stand in an element that keeps it to itself.
    let stray = r"
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const stray = [];
        while (walker.nextNode()) {
            const { data, parentElement } = walker.currentNode;
            if (data.includes('\u202e') && !parentElement.closest('bdi, [dir=auto]')) stray.push(parentElement.outerHTML);
        }
        return [stray, document.querySelectorAll('img').length, document.scripts.length, window.hostile ?? null];
    ";
    let harmless = json!([[], 0, 1, null]);
    browser.until(stray, &harmless).await;
    browser.click("[data-keyword=ships] .headline").await;
    browser
        .until(
            "return document.querySelector('h1').textContent.includes('<script>')",
            &json!(true),
        )
        .await;
    browser.until(stray, &harmless).await;
    browser.end().await;
}

/// A number that a script gave.
fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is a number"))
}
