//! Colours and widths, as the browser computes them.

use serde_json::{Value, json};

use super::{Browser, Newsroom, number};

/// The colours of elements: `[foreground, background]` for each selector, the background of the page for the rest.
const COLOURS: &str = "return [...document.querySelectorAll('.headline, .facts, .why, .age, .news span, .statement time, .trouble, .failure, mark')]
    .filter((element) => element.checkVisibility())
    .map((element) => [element.className || element.tagName, getComputedStyle(element).color])";

const PAPER: &str = "return getComputedStyle(document.body).backgroundColor";

/// Red, green and blue of `rgb(r, g, b)`, each from 0 to 1.
fn channels(colour: &Value) -> [f64; 3] {
    let colour = colour.as_str().unwrap();
    let inside = colour.strip_prefix("rgb(").unwrap().trim_end_matches(')');
    let parts: Vec<f64> = inside
        .split(',')
        .map(|part| part.trim().parse::<f64>().unwrap() / 255.0)
        .collect();
    parts.try_into().unwrap()
}

/// Relative luminance (WCAG 2.2).
pub(super) fn luminance(colour: &Value) -> f64 {
    let linear = channels(colour).map(|channel| {
        if channel <= 0.04045 {
            channel / 12.92
        } else {
            ((channel + 0.055) / 1.055).powf(2.4)
        }
    });
    0.0722f64.mul_add(linear[2], 0.2126f64.mul_add(linear[0], 0.7152 * linear[1]))
}

/// Contrast ratio (WCAG 2.2).
pub(super) fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[tokio::test(flavor = "multi_thread")]
async fn text_has_contrast_in_the_light_and_in_the_dark() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let newsroom = Newsroom::open(4).await;
    for (scheme, is_dark) in [("light", false), ("dark", true)] {
        browser.prefer(scheme).await;
        for path in ["/", "/feeds", "/articles/1"] {
            browser.goto(&newsroom.site.url(path)).await;
            let paper = luminance(&browser.run(PAPER).await);
            assert_eq!(paper < 0.05, is_dark, "{scheme} {path}: {paper}");
            let colours = browser.run(COLOURS).await;
            let colours = colours.as_array().unwrap();
            assert!(!colours.is_empty(), "{path}");
            for colour in colours {
                let ratio = contrast(luminance(&colour[1]), paper);
                assert!(ratio >= 4.5, "{scheme} {path} {colour}: {ratio}");
            }
        }
    }
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_shows_one_column_and_nothing_beyond_its_edge() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let newsroom = Newsroom::open(4).await;
    browser.widen(390).await;
    for path in [
        "/",
        "/keywords/iran",
        "/articles/1",
        "/feeds",
        "/feeds/1",
        "/feeds/2",
        "/trends?keyword=iran",
    ] {
        browser.goto(&newsroom.site.url(path)).await;
        let width = browser
            .run("return document.documentElement.scrollWidth")
            .await;
        assert!(number(&width) <= 390.0, "{path} is {width} wide");
    }
    browser.goto(&newsroom.site.url("/")).await;
    let stacked = "
        const box = (selector) => document.querySelector(selector).getBoundingClientRect();
        return [
            box('.rail').bottom <= box('#main').top + 1,
            box('.line .what').bottom <= box('.line .where').top + 1,
            box('#main').width >= 380,
        ]";
    browser.until(stacked, &json!([true, true, true])).await;
    browser.widen(1280).await;
    let beside = "
        const box = (selector) => document.querySelector(selector).getBoundingClientRect();
        return [box('.rail').right <= box('#main').left + 1, box('.line .what').right <= box('.line .where').left + 1]";
    browser.until(beside, &json!([true, true])).await;
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_stays_on_one_line_beside_a_long_name() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let newsroom = Newsroom::open(4).await;
    browser.goto(&newsroom.site.url("/")).await;
    let one_line = "
        const entry = document.querySelector('.rail li');
        entry.querySelector('a').textContent = 'Missiles, submarines and everything that flies or dives';
        const count = entry.querySelector('.count');
        const before = count.getBoundingClientRect().height;
        count.textContent = '12,345';
        return count.getBoundingClientRect().height === before && entry.scrollWidth <= entry.clientWidth";
    assert_eq!(browser.run(one_line).await, true);
    browser.end().await;
}
