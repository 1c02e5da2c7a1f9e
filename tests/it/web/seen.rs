//! What is new to whom: each reader has their own, and what arrives meanwhile stays new.

use std::time::Duration;

use super::{between, desk::Newsroom};

/// The headlines with a dot, as the board shows them to somebody.
async fn new_lines(room: &Newsroom, who: &str) -> usize {
    room.page(who, "/")
        .await
        .matches("<li class=\"line new\"")
        .count()
}

async fn articles(room: &Newsroom) -> Vec<i64> {
    sqlx::query_scalar("SELECT id FROM articles ORDER BY id")
        .fetch_all(&room.worker.db)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_reader_has_seen_stays_new_to_another() {
    let room = Newsroom::open(1).await;
    room.publish(5).await;
    let all = articles(&room).await;
    assert_eq!(all.len(), 5);
    let before = new_lines(&room, &room.ed).await;
    assert_eq!(new_lines(&room, &room.mara).await, before);
    let seen: Vec<String> = all[3..].iter().map(ToString::to_string).collect();
    let fields: Vec<(&str, &str)> = seen.iter().map(|id| ("article", id.as_str())).collect();
    assert_eq!(room.send(&room.ed, "/seen", &fields).await.status, 204);
    assert_eq!(new_lines(&room, &room.ed).await, before - 2);
    assert_eq!(new_lines(&room, &room.mara).await, before);
    let rail = room.page(&room.ed, "/").await;
    let count = between(&rail, "data-rail=\"iran\" data-count=\"", "\"")[0];
    assert_eq!(count, (before - 2).to_string());

    // An hour later it is told when they were here.
    assert!(!rail.contains("since you were here"));
    room.worker.clock.advance(Duration::from_hours(1));
    assert!(
        room.page(&room.ed, "/")
            .await
            .contains("since you were here")
    );
    for wrong in [[("article", "x")], [("user", "1")]] {
        assert_eq!(room.send(&room.ed, "/seen", &wrong).await.status, 400);
    }
    let unknown = room.send(&room.ed, "/seen", &[("article", "999999")]).await;
    assert_eq!(unknown.status, 204);
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_after_the_page_was_made_stays_new_when_all_of_it_is_marked() {
    let room = Newsroom::open(1).await;
    room.publish(3).await;
    assert_eq!(room.send(&room.ed, "/seen", &[]).await.status, 204);
    let page = room.page(&room.ed, "/").await;
    let arrival = between(&page, "data-arrival=\"", "\"")[0].to_owned();
    room.publish(5).await;
    let mark = [("arrival", arrival.as_str()), ("next", "/")];
    assert_eq!(room.send(&room.ed, "/seen/mark", &mark).await.status, 303);
    assert_eq!(new_lines(&room, &room.ed).await, 2);
    // A number from nowhere marks what there is, and no more.
    let far = [("arrival", "999999999"), ("keyword", "iran")];
    assert_eq!(room.send(&room.ed, "/seen/mark", &far).await.status, 303);
    assert_eq!(new_lines(&room, &room.ed).await, 0);
    room.publish(6).await;
    assert_eq!(new_lines(&room, &room.ed).await, 1);
    // Taken back, what was new before is new again.
    assert_eq!(room.send(&room.ed, "/seen/unmark", &[]).await.status, 303);
    assert_eq!(new_lines(&room, &room.ed).await, 3);
    room.site.stop().await;
}
