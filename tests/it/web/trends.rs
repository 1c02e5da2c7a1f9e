//! How much is written about what, as people and spreadsheets see it.

use wirewatch::web::WebOptions;

use super::between;
use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    headlines,
    site::{Site, ask},
    worker::{TestClock, TestWorker, beat},
};

const KEYWORDS: [(&str, &str); 2] = [("boats", "boat*"), ("iran", "iran")];

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

fn row<'a>(page: &'a str, keyword: &str) -> &'a str {
    between(page, &format!("<a href=\"/keywords/{keyword}\">"), "</tr>")[0]
}

/// The numbers of a keyword's row: of its days, its stories, the days before, the change, the last day, a usual one.
fn cells(page: &str, keyword: &str) -> Vec<String> {
    let row = row(page, keyword);
    let days = between(row, "aria-label=\"", "\"")[0]
        .split("; ")
        .nth(1)
        .unwrap();
    let text = |cell: &str| -> String {
        let pieces = cell
            .split('<')
            .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
        pieces.collect()
    };
    let numbers = between(row, "<td>", "</td>").into_iter().skip(1).map(text);
    std::iter::once(days.to_owned()).chain(numbers).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_told_beside_what_is_usual() {
    let (_worker, site) = collection(8).await;
    let page = site.get("/trends?days=7").await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(
        cells(&page.body, "iran"),
        ["1 1 1 1 1 1 8", "14", "7", "+7", "8", "1.0"]
    );
    assert!(
        row(&page.body, "iran").contains(">more than usual<"),
        "{}",
        page.body
    );
    let boats = cells(&page.body, "boats");
    assert_eq!(boats[4], "0", "{boats:?}");
    let (first, second) = (
        page.body.find("/keywords/iran"),
        page.body.find("/keywords/boats"),
    );
    assert!(first < second, "what is unusual stands first");
    let read = "brought 7 entries on the 7 days before today (UTC), 7 entries on the 7 days before those: ±0.";
    assert!(page.body.contains(read), "{}", page.body);
    assert!(
        !page.body.contains("Where a field is empty"),
        "all is known"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_not_compared() {
    let (worker, site) = collection(1).await;
    let page = site.get("/trends?days=28").await;
    assert!(
        page.body.contains("Where a field is empty"),
        "{}",
        page.body
    );
    let iran = cells(&page.body, "iran");
    assert_eq!(iran[1..], ["17", "", "", "1", "1.0"], "{iran:?}");
    for (change, usual) in [
        ("UPDATE feed_days SET failures = attempts WHERE day < (SELECT max(day) FROM feed_days) - 1", ""),
        ("UPDATE feed_days SET failures = 0", "1.0"),
        ("INSERT INTO rematches (keyword_id, version, saved_at, last_article, total)
          SELECT id, version, now(), 0, 0 FROM keywords ON CONFLICT (keyword_id) DO UPDATE SET finished_at = NULL", ""),
    ] {
        sqlx::raw_sql(change).execute(&worker.db).await.unwrap();
        let page = site.get("/trends?days=28").await;
        assert_eq!(cells(&page.body, "iran")[5], usual, "{change}");
    }

    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let worker = TestWorker::on(db, &beat(&[], &[]), clock).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let page = site.get("/trends").await;
    for expected in ["No keywords yet.", "No feed is read yet."] {
        assert!(page.body.contains(expected), "{expected}: {}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyword_that_was_changed_is_known_as_far_as_the_backlog_reaches() {
    let (worker, site) = collection(1).await;
    let now = "(SELECT max(first_seen_at) FROM articles)";
    for (backlog, expected) in [
        // One entry that matched nothing, read three weeks ago: so far was read when the keyword was saved.
        ("INTERVAL '21 days'", ["7", "1.0"]),
        ("INTERVAL '1 hour'", ["", ""]),
    ] {
        let change = format!(
            "UPDATE feeds SET created_at = {now} - INTERVAL '60 days';
             INSERT INTO keyword_versions (keyword_id, version, query, saved_at, actor)
             SELECT id, version + 1, query, {now}, 'test' FROM keywords;
             UPDATE keywords SET version = version + 1;
             DELETE FROM backlog;
             INSERT INTO backlog (identity, feed_id, title, summary, content, sort_at, first_seen_at)
             VALUES ('\\x00', 1, '', '', '', {now}, {now} - {backlog})"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(change))
            .execute(&worker.db)
            .await
            .unwrap();
        let page = site.get("/trends?days=7").await;
        let iran = cells(&page.body, "iran");
        assert_eq!([&*iran[2], &*iran[5]], expected, "{backlog}: {iran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_of_two_days_is_one_and_its_copies_are_none() {
    let publisher = FeedServer::start().await;
    let text = "The foreign ministers of Iran and Oman met in Muscat on Monday and spoke about ships, prisoners and \
                prices for two hours, officials of both countries said afterwards.";
    let told = rss(&[("a", "Ministers of Iran and Oman meet in Muscat", text)]);
    publisher.put("/one", Document::feed(told.clone()));
    publisher.put("/two", headlines::document(1));
    let feeds = [publisher.url("/one"), publisher.url("/two")];
    let worker = TestWorker::new(&feeds, &KEYWORDS).await;
    worker.pass().await;
    publisher.put(
        "/two",
        Document::feed(told.replace("https://", "https://two.")),
    );
    worker.pass_a_day_later().await;
    worker.place_and_list().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    assert_eq!(
        worker
            .count("story_members WHERE copy_of IS NOT NULL")
            .await,
        1
    );
    let page = site.get("/trends?days=7&keyword=iran").await;
    let iran = cells(&page.body, "iran");
    assert_eq!(iran[..2], ["0 0 0 0 0 2 0", "2"], "{iran:?}");
    // The copy and the other report, as if they told the same event on two days.
    sqlx::raw_sql("UPDATE story_members SET copy_of = NULL, story_id = (SELECT min(story_id) FROM story_members)")
        .execute(&worker.db)
        .await
        .unwrap();
    let page = site.get("/trends?days=7&keyword=iran").await;
    let iran = cells(&page.body, "iran");
    assert_eq!(iran[..2], ["0 0 0 0 0 1 1", "1"], "{iran:?}");
    let tellers = between(&page.body, "<section class=\"tellers\"", "</section>")[0];
    for expected in ["<bdi>en</bdi>", "<bdi>wire</bdi>", "<bdi>JP</bdi>"] {
        assert!(tellers.contains(expected), "{expected}: {tellers}");
    }
    assert!(
        page.body.contains("/trends?days=28&amp;keyword=iran"),
        "it stays chosen"
    );
    let nobody = site.get("/trends?keyword=boats").await;
    assert!(
        nobody.body.contains("Nobody in this time."),
        "{}",
        nobody.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_has_a_row_for_each_whole_day_of_each_keyword() {
    let (worker, site) = collection(8).await;
    let table = site.get("/trends.csv?days=7").await;
    assert_eq!(table.status, 200, "{}", table.body);
    let rows: Vec<&str> = table.body.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(rows.len(), 1 + 2 * 7, "{}", table.body);
    assert_eq!(rows[0], "\"day\",\"zone\",\"keyword\",\"name\",\"stories\"");
    assert!(
        rows[8..]
            .iter()
            .all(|row| row.ends_with(",\"UTC\",\"iran\",\"iran\",\"1\"")),
        "{rows:?}"
    );
    worker.clock.advance(std::time::Duration::from_hours(24));
    let later = site.get("/trends.csv?days=91&keyword=iran").await;
    assert_eq!(later.body.lines().count(), 1 + 91, "{}", later.body);
    assert!(
        later.body.trim_end().ends_with(",\"8\""),
        "yesterday is over: {}",
        later.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_those_of_the_reader() {
    let worker = TestWorker::new(&[], &KEYWORDS).await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let cookie = site.reader_in("Asia/Seoul").await;
    let get = async |path: &str| {
        let request = site.bare_request(reqwest::Method::GET, path);
        ask(request.header("cookie", &cookie)).await.body
    };
    assert!(get("/trends").await.contains("days of Asia/Seoul"));
    assert!(get("/trends.csv").await.contains("\"Asia/Seoul\",\"iran\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_days_and_keywords_are_refused_in_words() {
    let worker = TestWorker::new(&[], &KEYWORDS).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    for (path, status, words) in [
        ("/trends?days=5", 400, "is to be one of 7, 14, 28, 91"),
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
