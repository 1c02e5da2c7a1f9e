//! What is due, and what becomes of an issue that nobody was there to compose.

use std::time::Duration;

use wirewatch::store::subscriptions;

use super::{
    desk::{Desk, Report, daily, headline, write},
    mime::Mail,
};
use crate::worker::count;

const NOW: &str = "2026-11-24T03:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn an_article_that_becomes_visible_late_is_told_late_and_is_not_lost() {
    let desk = Desk::open(&["iran"], NOW).await;
    desk.subscribe("morning", &daily("UTC", &["07:00"], &["iran"]))
        .await;
    desk.publish(&Report::new("yonhap-0", &headline(), &["iran"]))
        .await;
    let mut late = desk.db.begin().await.unwrap();
    write(
        &mut late,
        &Report::new("yonhap-1", &headline(), &["iran"]),
        desk.now(),
    )
    .await;
    desk.publish(&Report::new("yonhap-2", &headline(), &["iran"]))
        .await;
    desk.work_at("2026-11-24T07:00:00Z").await;
    late.commit().await.unwrap();
    desk.placing.place().await;
    desk.work_at("2026-11-25T07:00:00Z").await;
    let mails: Vec<_> = desk
        .smtp
        .taken()
        .iter()
        .map(|letter| Mail::read(&letter.bytes))
        .collect();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].text.contains("yonhap-2") && !mails[0].text.contains("yonhap-1"));
    assert!(mails[1].text.contains("yonhap-1") && !mails[1].text.contains("yonhap-2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_before_a_subscription_or_while_it_rested_is_no_news_to_it() {
    let desk = Desk::open(&["iran", "dprk"], NOW).await;
    desk.publish(&Report::new("yonhap-1", &headline(), &["iran", "dprk"]))
        .await;
    let wanted = daily("UTC", &["07:00"], &["iran"]);
    desk.subscribe("morning", &wanted).await;
    desk.publish(&Report::new("yonhap-2", &headline(), &["iran", "dprk"]))
        .await;
    desk.publish(&Report::new("yonhap-3", &headline(), &["dprk"]))
        .await;
    let both = daily("UTC", &["07:00"], &["iran", "dprk"]);
    subscriptions::change(&desk.db, "morning", &both, "test", desk.now())
        .await
        .unwrap();
    desk.publish(&Report::new("yonhap-4", &headline(), &["dprk"]))
        .await;
    desk.work_at("2026-11-24T07:00:00Z").await;
    subscriptions::set_paused(&desk.db, "morning", true, "test", desk.now())
        .await
        .unwrap();
    desk.publish(&Report::new("yonhap-5", &headline(), &["iran"]))
        .await;
    desk.work_at("2026-11-25T08:00:00Z").await;
    subscriptions::set_paused(&desk.db, "morning", false, "test", desk.now())
        .await
        .unwrap();
    desk.publish(&Report::new("yonhap-6", &headline(), &["iran"]))
        .await;
    desk.work_at("2026-11-26T07:00:00Z").await;
    let told: Vec<Vec<String>> = desk
        .smtp
        .taken()
        .iter()
        .map(|letter| {
            let links = Mail::read(&letter.bytes).links();
            let mut told: Vec<_> = links
                .into_iter()
                .filter_map(|link| {
                    link.strip_prefix("https://news.example/yonhap-")
                        .map(str::to_owned)
                })
                .collect();
            told.sort();
            told
        })
        .collect();
    assert_eq!(told, [vec!["2", "4"], vec!["6"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_away_sends_one_issue_when_it_is_back_with_everything_in_it() {
    let desk = Desk::open(&["iran"], NOW).await;
    desk.subscribe("morning", &daily("UTC", &["07:00"], &["iran"]))
        .await;
    for name in ["yonhap-1", "reuters-2", "kcna-3"] {
        desk.publish(&Report::new(name, &headline(), &["iran"]))
            .await;
        desk.clock.advance(Duration::from_hours(24));
    }
    // Three days later, half an hour late.
    desk.work_at("2026-11-27T07:30:00Z").await;
    assert_eq!(count(&desk.db, "editions WHERE state = 'missed'").await, 3);
    assert_eq!(
        count(&desk.db, "editions WHERE state = 'released'").await,
        1
    );
    let taken = desk.smtp.taken();
    assert_eq!(taken.len(), 1);
    let mail = Mail::read(&taken[0].bytes);
    assert_eq!(mail.words("subject"), "Morning: 3 new — Fri 27 Nov");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_moves_to_another_zone_gets_one_issue_a_date() {
    let desk = Desk::open(&["iran"], "2026-11-23T20:00:00Z").await;
    desk.subscribe("morning", &daily("Asia/Tokyo", &["07:00"], &["iran"]))
        .await;
    for (hours, zone) in [
        (5, "America/New_York"),
        (24, "Asia/Tokyo"),
        (24, "Pacific/Apia"),
        (24, "Africa/Casablanca"),
    ] {
        for _ in 0..hours * 4 {
            desk.clock.advance(Duration::from_mins(15));
            desk.work().await;
        }
        let wanted = daily(zone, &["07:00"], &["iran"]);
        subscriptions::change(&desk.db, "morning", &wanted, "test", desk.now())
            .await
            .unwrap();
    }
    let dates = count(
        &desk.db,
        "(SELECT DISTINCT local_date FROM editions WHERE state = 'released') AS dates",
    )
    .await;
    assert_eq!(
        dates,
        count(&desk.db, "editions WHERE state = 'released'").await
    );
    assert!(dates >= 3, "{dates}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headline_that_changes_after_it_was_told_brings_its_story_back_once() {
    let desk = Desk::open(&["iran"], NOW).await;
    desk.subscribe("morning", &daily("UTC", &["07:00"], &["iran"]))
        .await;
    let id = desk
        .publish(&Report::new("yonhap-1", "Visit planned", &["iran"]))
        .await;
    desk.work_at("2026-11-24T07:00:00Z").await;
    sqlx::query(
        "WITH was AS (INSERT INTO revisions (article_id, revision, title, summary, content, replaced_at)
                      SELECT id, 0, title, summary, content, now() FROM articles WHERE id = $1)
         UPDATE articles SET title = 'Visit cancelled', revision = 1, title_changes = 1 WHERE id = $1",
    )
    .bind(id.get())
    .execute(&desk.db)
    .await
    .unwrap();
    desk.work_at("2026-11-25T07:00:00Z").await;
    desk.work_at("2026-11-26T07:00:00Z").await;
    let mails: Vec<_> = desk
        .smtp
        .taken()
        .iter()
        .map(|letter| Mail::read(&letter.bytes))
        .collect();
    assert_eq!(
        mails[1].words("subject"),
        "Morning: 1 developing — Wed 25 Nov"
    );
    assert!(
        mails[1]
            .text
            .contains("“Visit planned” → “Visit cancelled”"),
        "{}",
        mails[1].text
    );
    assert_eq!(
        mails[2].words("subject"),
        "Morning: nothing new — Thu 26 Nov"
    );
}
