//! How much is written about what, as people and spreadsheets see it.

use super::between;
use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    headlines,
    site::Site,
    worker::{TestClock, TestWorker, beat},
};

const KEYWORDS: [(&str, &str); 2] = [("iran", "iran"), ("boats", "boat*")];

/// A feed that brings one story a day, and at last `many` at once.
async fn collection(many: usize) -> (TestWorker, Site) {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", headlines::document(1));
    let worker = TestWorker::new(&[publisher.url("/feed")], &KEYWORDS).await;
    worker.pass().await;
    for day in 2..=16 {
        publisher.put("/feed", headlines::document(day));
        worker.pass_a_day_later().await;
    }
    publisher.put("/feed", headlines::document(16 + many));
    worker.pass_a_day_later().await;
    worker.place_and_list().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    (worker, site)
}

/// What stands in the cells of a keyword's row.
fn cells(page: &str, keyword: &str) -> Vec<String> {
    let row = between(page, &format!("<a href=\"/keywords/{keyword}\">"), "</tr>")[0];
    between(row, "<td>", "</td>")
        .into_iter()
        .map(|cell| {
            cell.split('<')
                .map(|part| part.split_once('>').map_or(part, |(_, text)| text))
                .collect()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_told_beside_what_is_usual() {
    let (_worker, site) = collection(8).await;
    let page = site.get("/trends?days=7").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let iran = cells(&page.body, "iran");
    assert_eq!(
        iran[1..],
        ["14", "6", "+133 %", "8 more than usual", "1.0"],
        "{iran:?}"
    );
    let boats = cells(&page.body, "boats");
    assert_eq!(boats[4], "0", "{boats:?}");
    let (first, second) = (
        page.body.find("/keywords/iran"),
        page.body.find("/keywords/boats"),
    );
    assert!(first < second, "what is unusual stands first");
    let everything = between(&page.body, "<tfoot>", "</tfoot>")[0];
    assert!(
        everything.contains("<td>14</td><td>7</td><td>+100 %</td>"),
        "{everything}"
    );
    assert!(!page.body.contains("is not known yet"), "all is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_not_compared() {
    let (_worker, site) = collection(1).await;
    let page = site.get("/trends?days=28").await;
    assert!(
        page.body.contains(": the time before is not known yet."),
        "{}",
        page.body
    );
    let iran = cells(&page.body, "iran");
    assert_eq!(iran[1..], ["17", "", "", "1", "1.0"], "{iran:?}");

    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let worker = TestWorker::on(db, &beat(&["http://127.0.0.1:9/".to_owned()], &[]), clock).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let page = site.get("/trends").await;
    for expected in [
        "No keywords yet.",
        "the time before and what is usual (15 days are enough) is not known yet.",
    ] {
        assert!(page.body.contains(expected), "{expected}: {}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_counts_once_and_its_tellers_are_counted_apart() {
    let publisher = FeedServer::start().await;
    let text = "The foreign ministers of Iran and Oman met in Muscat on Monday and spoke about ships, prisoners and \
                prices for two hours, officials of both countries said afterwards.";
    let told = rss(&[("a", "Ministers of Iran and Oman meet in Muscat", text)]);
    publisher.put("/one", Document::feed(told.clone()));
    publisher.put(
        "/two",
        Document::feed(told.replace("https://", "https://two.")),
    );
    let feeds = [publisher.url("/one"), publisher.url("/two")];
    let worker = TestWorker::new(&feeds, &KEYWORDS).await;
    worker.pass().await;
    worker.place_and_list().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    assert_eq!(worker.count("articles").await, 2);
    assert_eq!(worker.count("stories").await, 1);
    let page = site.get("/trends?keyword=iran").await;
    assert_eq!(
        cells(&page.body, "iran")[1],
        "1",
        "two copies are one story"
    );
    let tellers = between(&page.body, "<section class=\"whom\"", "</section>")[0];
    for expected in ["<bdi>en</bdi>", "<bdi>wire</bdi>"] {
        assert!(tellers.contains(expected), "{expected}: {tellers}");
    }
    let nobody = site.get("/trends?keyword=boats").await;
    assert!(
        nobody.body.contains("Nobody in this time."),
        "{}",
        nobody.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_has_a_row_for_each_day_of_each_keyword() {
    let (_worker, site) = collection(8).await;
    let table = site.get("/trends.csv?days=7").await;
    assert_eq!(table.status, 200, "{}", table.body);
    let rows: Vec<&str> = table.body.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(rows.len(), 1 + 2 * 7, "{}", table.body);
    assert_eq!(rows[0], "\"day\",\"keyword\",\"name\",\"stories\"");
    let stories: Vec<&str> = rows[1..=7]
        .iter()
        .filter_map(|row| row.rsplit(',').next())
        .collect();
    assert_eq!(
        stories,
        [
            "\"1\"", "\"1\"", "\"1\"", "\"1\"", "\"1\"", "\"1\"", "\"8\""
        ]
    );
    let one = site.get("/trends.csv?days=90&keyword=boats").await;
    assert_eq!(one.body.lines().count(), 91, "{}", one.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_days_and_keywords_are_refused_in_words() {
    let worker = TestWorker::new(&[], &KEYWORDS).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    for (path, status, words) in [
        ("/trends?days=5", 400, "is to be one of 7, 14, 28, 90"),
        ("/trends?days=x", 400, "days"),
        ("/trends.csv?days=0", 400, "is to be one of"),
        ("/trends?keyword=none", 404, "keyword"),
        ("/trends.csv?keyword=none", 404, "keyword"),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(words), "{path}: {}", answer.body);
    }
}
