//! Open pages and counts while stories change: merged, parted, known later than they were told, known by copies alone.

use serde_json::{Value, json};
use wirewatch::{domain::Role, web::WebOptions};

use super::{between, desk::Newsroom, live::Listener};
use crate::{
    site::{Site, ask},
    stories::{Desk, OTHER, OWN, WIRE, desk_sends},
};

/// The lines that an event tells: keyword, article, story.
fn lines(told: &Value) -> Vec<(String, i64, i64)> {
    let line = |line: &Value| {
        let number = |name: &str| line[name].as_i64().unwrap();
        let keyword = line["keyword"].as_str().unwrap().to_owned();
        (keyword, number("article"), number("story"))
    };
    let mut lines: Vec<_> = told["lines"].as_array().unwrap().iter().map(line).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn open_boards_hear_of_stories_that_are_merged_and_parted() {
    let room = Newsroom::open(3).await;
    let [one, two] = [room.story(0).await, room.story(1).await];
    let article = async |story: i64| -> i64 {
        sqlx::query_scalar("SELECT article_id FROM story_members WHERE story_id = $1")
            .bind(story)
            .fetch_one(&room.worker.db)
            .await
            .unwrap()
    };
    let [first, second] = [article(one).await, article(two).await];
    room.does(&room.ed, one, &[("do", "use")]).await;
    let mut board = Listener::open_as(&room.site, "/events?after=0", &room.mara).await;
    let mut page = Listener::open_as(&room.site, &format!("/events?story={one}"), &room.mara).await;

    let merge = format!("/stories/{two}/merge");
    room.send(&room.ed, &merge, &[("other", &one.to_string())])
        .await;
    let merged = board.next_of("regrouped").await;
    assert_eq!(merged["ids"], json!([one, two]));
    let mut articles: Vec<i64> = serde_json::from_value(merged["articles"].clone()).unwrap();
    articles.sort_unstable();
    assert_eq!(articles, [first, second]);
    let standing = lines(&merged);
    assert!(
        standing.len() == 1 && standing[0].2 == two,
        "one line for both: {standing:?}"
    );

    let told = board.next_of("desk").await;
    let about = &told["stories"][0];
    assert_eq!(about["story"], json!(two));
    assert_eq!(about["state"], "used", "what stands of both");
    assert_eq!(
        page.next_of("desk").await["stories"][0]["story"],
        json!(two)
    );

    let undone = room.send(&room.ed, "/stories/decisions/1/undo", &[]).await;
    assert_eq!(undone.status, 303, "{}", undone.body);
    let parted = board.next_of("regrouped").await;
    let iran = || "iran".to_owned();
    assert_eq!(
        lines(&parted),
        [(iran(), first, one), (iran(), second, two)]
    );

    // A page that was away is told the same.
    room.send(&room.ed, &merge, &[("other", &one.to_string())])
        .await;
    room.send(&room.ed, "/stories/out", &[("article", &first.to_string())])
        .await;
    let mut late = Listener::open_as(&room.site, "/events?after=0&desk=0", &room.mara).await;
    let told = lines(&late.next_of("regrouped").await);
    assert_eq!(told.len(), 2, "{told:?}");
    let own = told.iter().find(|line| line.1 == first).unwrap().2;
    assert!(
        own != one && own != two,
        "moved out into a story of its own"
    );
    room.site.stop().await;
}

/// A reader's page, and what it counts as new under a keyword.
struct Reader {
    site: Site,
    cookie: String,
}

impl Reader {
    async fn of(desk: &Desk) -> Self {
        let worker = &desk.worker;
        let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
        let user = site.account("ed", Role::Editor).await;
        let cookie = site.session_of(user).await;
        Self { site, cookie }
    }

    async fn board(&self) -> String {
        let request = self.site.bare_request(reqwest::Method::GET, "/");
        ask(request.header("cookie", &self.cookie)).await.body
    }

    /// The count of a keyword, and the articles of its new lines.
    async fn news(&self, keyword: &str) -> (i64, Vec<i64>) {
        let board = self.board().await;
        let count = between(
            &board,
            &format!("data-rail=\"{keyword}\" data-count=\""),
            "\"",
        )[0];
        let section = between(&board, &format!("data-keyword=\"{keyword}\""), "</section>")[0];
        let lines = between(section, "<li class=\"line new\" data-article=\"", "\"");
        let lines = lines.iter().map(|id| id.parse().unwrap()).collect();
        (count.parse().unwrap(), lines)
    }

    async fn sees(&self, article: i64) {
        let article = article.to_string();
        let form = self.site.form("/seen", &[("article", &article)]);
        let answer = ask(form.header("cookie", &self.cookie)).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyword_counts_the_lines_that_it_shows_and_reading_them_leaves_nothing_new() {
    let desk = Desk::following(&[("ships", "tanker OR rate")]).await;
    desk.publishes(
        "first-wire",
        "Coast guard detains tanker off Port Marlow",
        WIRE,
    )
    .await;
    desk.publishes(
        "own-paper",
        "Tanker Silver Heron: crude hidden as palm oil",
        OWN,
    )
    .await;
    desk.publishes("money-daily", "Bank lifts key rate to 14 percent", OTHER)
        .await;
    assert_eq!(
        desk.placed("own-paper").await.0,
        desk.placed("first-wire").await.0
    );
    let reader = Reader::of(&desk).await;
    let (own, rates) = (
        desk.article("own-paper").await,
        desk.article("money-daily").await,
    );
    assert_eq!(reader.news("ships").await, (2, vec![rates, own]));
    for article in [own, rates] {
        reader.sees(article).await;
    }
    assert_eq!(reader.news("ships").await, (0, vec![]));
    reader.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_that_a_keyword_knows_by_a_copy_alone_is_new_there_once() {
    let desk = Desk::following(&[("ships", "tanker"), ("held", "held")]).await;
    let reader = Reader::of(&desk).await;
    let mut board = Listener::open_as(&reader.site, "/events?after=0", &reader.cookie).await;
    desk.publishes(
        "first-wire",
        "Coast guard detains tanker off Port Marlow",
        WIRE,
    )
    .await;
    desk.publishes("copying-post", "Tanker held near harbour", WIRE)
        .await;
    let copy = desk.article("copying-post").await;
    assert!(desk.placed("copying-post").await.1.is_some());
    assert_eq!(reader.news("held").await, (1, vec![copy]));
    assert_eq!(reader.news("ships").await.0, 1);

    board.next_of("arrival").await;
    let told = board.next_of("arrival").await;
    let of = |keyword: &str| {
        let lines = told["lines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["keyword"] == keyword);
        let line = line.unwrap();
        (line["is_new"] == true, line["stands"] == true)
    };
    assert_eq!((of("held"), of("ships")), ((true, true), (false, false)));

    // Another copy adds nothing, be the first one seen or not.
    reader.sees(copy).await;
    desk.publishes("money-daily", "Tanker held by coast guard", WIRE)
        .await;
    assert!(desk.placed("money-daily").await.1.is_some());
    assert_eq!(reader.news("held").await, (0, vec![]));
    reader.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_was_told_before_its_story_was_known_gets_it_on_open_pages() {
    let desk = Desk::following(&[("ships", "tanker OR rate")]).await;
    let reader = Reader::of(&desk).await;
    let mut board = Listener::open_as(&reader.site, "/events?after=0", &reader.cookie).await;
    // Grouping fails where it writes, and nothing else does.
    let refuse = "ALTER TABLE grouping ADD CONSTRAINT broken CHECK (last_arrival = 0)";
    sqlx::query(refuse).execute(&desk.worker.db).await.unwrap();
    desk.publishes(
        "first-wire",
        "Coast guard detains tanker off Port Marlow",
        WIRE,
    )
    .await;
    let told = board.next_of("arrival").await;
    let article = desk.article("first-wire").await;
    assert_eq!(told["lines"][0]["article"], json!(article));
    assert_eq!(told["lines"][0]["story"], Value::Null);
    assert!(!reader.board().await.contains("data-story="));

    let repair = "ALTER TABLE grouping DROP CONSTRAINT broken";
    sqlx::query(repair).execute(&desk.worker.db).await.unwrap();
    desk.worker.place().await;
    let story = desk.placed("first-wire").await.0;
    let known = board.next_of("regrouped").await;
    assert_eq!(lines(&known), [("ships".to_owned(), article, story)]);
    assert_eq!(known["articles"], json!([article]));

    // What arrives in order is told once, with its story.
    desk.publishes("money-daily", "Bank lifts key rate to 14 percent", OTHER)
        .await;
    let told = board.next_of("arrival").await;
    assert_eq!(
        told["lines"][0]["story"],
        json!(desk.placed("money-daily").await.0)
    );
    let touched = "desk_touches WHERE regrouped > 0";
    assert_eq!(desk.worker.count(touched).await, 1);
    reader.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regrouping_of_everything_tells_what_it_changed() {
    let desk = Desk::following(&[("ships", "tanker OR rate")]).await;
    desk.publishes(
        "first-wire",
        "Coast guard detains tanker off Port Marlow",
        WIRE,
    )
    .await;
    desk.publishes("copying-post", "Tanker held near harbour", WIRE)
        .await;
    let site = desk.site().await;
    desk.worker.regroup().await;
    let touched = "desk_touches WHERE regrouped > 0";
    assert_eq!(desk.worker.count(touched).await, 0, "nothing changed");
    // As if the words had told them apart before.
    sqlx::query(
        "WITH own AS (INSERT INTO stories (id, created_at) SELECT last_story + 1, now() FROM grouping RETURNING id),
              next AS (UPDATE grouping SET last_story = last_story + 1)
         UPDATE story_members SET story_id = own.id, copy_of = NULL FROM own WHERE copy_of IS NOT NULL",
    )
    .execute(&desk.worker.db)
    .await
    .unwrap();
    desk.worker.regroup().await;
    assert_eq!(desk.worker.count(touched).await, 2);
    let own = desk.article("copying-post").await.to_string();
    let moved = desk_sends(&site, "/stories/out", &[("article", &own)]).await;
    assert_eq!(moved.status, 303, "{}", moved.body);
    site.stop().await;
}
