//! What is due, and what becomes of an issue that nobody was there to compose.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use wirewatch::{
    domain::{Timestamp, digest::Weekday},
    store::{deliveries, due, subscriptions},
};

use super::{
    desk::{Desk, Mortal, Report, daily, headline, write},
    mime::Mail,
    year::instant,
};
use crate::{binary::any_below, worker::count};

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
    let mails = desk.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].text.contains("yonhap-2") && !mails[0].text.contains("yonhap-1"));
    assert!(mails[1].text.contains("yonhap-1") && !mails[1].text.contains("yonhap-2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_for_long_is_not_looked_through_again_and_what_is_not_stays_due() {
    let desk = Desk::open(&["iran"], NOW).await;
    desk.subscribe("morning", &daily("UTC", &["07:00"], &["iran"]))
        .await;
    let mut weekly = daily("UTC", &["07:00"], &["iran"]);
    weekly.schedule.days = [Weekday::Sat].into();
    desk.subscribe("weekly", &weekly).await;
    for name in ["yonhap-1", "yonhap-2"] {
        desk.publish(&Report::new(name, &headline(), &["iran"]))
            .await;
    }
    desk.work_at("2026-11-24T07:00:00Z").await;
    desk.publish(&Report::new("yonhap-3", &headline(), &["iran"]))
        .await;
    let at_seven: Timestamp = instant("2026-11-24T07:00:00Z");
    let after = async |slug: &str| -> i64 {
        sqlx::query_scalar(
            "SELECT since_arrival FROM subscription_keywords k
               JOIN subscriptions s ON s.id = k.subscription_id WHERE s.slug = $1",
        )
        .bind(slug)
        .fetch_one(&desk.db)
        .await
        .unwrap()
    };
    // What matched before seven; then all that there is.
    for (before, morning) in [(at_seven, 2), (desk.now().plus(Duration::from_secs(1)), 2)] {
        due::settle_old(&desk.db, before, 0, 1).await.unwrap();
        assert_eq!(
            (after("morning").await, after("weekly").await),
            (morning, 0)
        );
    }
    desk.work_at("2026-11-28T07:00:00Z").await;
    let taken = desk.smtp.taken();
    let lines = |recipient: &str| -> usize {
        taken
            .iter()
            .filter(|letter| letter.recipient == recipient)
            .map(|letter| {
                Mail::read(&letter.bytes)
                    .text
                    .matches("news.example/yonhap")
                    .count()
            })
            .sum()
    };
    assert_eq!(lines("weekly@readers.example"), 3);
    assert_eq!(lines("morning@readers.example"), 3);
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
    desk.change("morning", &both).await;
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
        desk.change("morning", &wanted).await;
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
    let mails = desk.mails();
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

/// Subscriptions whose keywords overlap.
const OVERLAPPING: [(&str, &[&str]); 5] = [
    ("all", &["iran", "dprk", "link"]),
    ("iran", &["iran"]),
    ("both", &["iran", "dprk"]),
    ("dprk", &["dprk", "link"]),
    ("link", &["link"]),
];

/// Writes 80 articles at 20 a second; every third transaction stays open for a while, so that commits come out of order.
async fn publish_out_of_order(desk: &Desk) {
    let mut open = tokio::task::JoinSet::new();
    for number in 0..80 {
        let (name, title) = (format!("outlet{}-{number}", number % 20), headline());
        let keywords: &[&str] = match any_below(4) {
            0 => &["iran"],
            1 => &["dprk"],
            2 => &["iran", "link"],
            _ => &["iran", "dprk", "link"],
        };
        let mut transaction = desk.db.begin().await.unwrap();
        write(
            &mut transaction,
            &Report::new(&name, &title, keywords),
            desk.now(),
        )
        .await;
        let stays = match number % 3 {
            0 => any_below(400),
            _ => 0,
        };
        open.spawn(async move {
            tokio::time::sleep(Duration::from_millis(stays)).await;
            transaction.commit().await.unwrap();
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    open.join_all().await;
}

/// One digest worker, which asks for issues all the time and dies now and then, until `is_over`.
async fn issue(desk: &Desk, worker: usize, is_over: &AtomicBool) -> u64 {
    let worker = &desk.workers[worker];
    let going = CancellationToken::new();
    let mut deaths = 0;
    while !is_over.load(Ordering::SeqCst) {
        for (slug, _) in OVERLAPPING {
            subscriptions::ask_run(&desk.db, slug, "test", desk.now())
                .await
                .unwrap();
        }
        desk.clock.advance(Duration::from_secs(5));
        let life = || match any_below(3) {
            0 => any_below(80),
            _ => u64::MAX,
        };
        let composed = Mortal::new(worker.composer.step(), life()).await;
        let delivered = Mortal::new(worker.deliverer.step(&going), life()).await;
        deaths += u64::from(composed.is_none()) + u64::from(delivered.is_none());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    deaths
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_digests_every_few_seconds_tell_each_article_once_whatever_order_commits_come_in()
 {
    let desk = Desk::open(&["iran", "dprk", "link"], NOW).await;
    for (slug, keywords) in OVERLAPPING {
        let mut wanted = daily("UTC", &["07:00"], keywords);
        wanted.schedule.days.clear();
        wanted.sends_empty = false;
        desk.subscribe(slug, &wanted).await;
    }
    for outlet in 0..20 {
        desk.publish(&Report::new(
            &format!("outlet{outlet}-x"),
            &headline(),
            &["link"],
        ))
        .await;
    }
    let is_over = AtomicBool::new(false);
    let place = async {
        while !is_over.load(Ordering::SeqCst) {
            desk.placing.place().await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let publish = async {
        publish_out_of_order(&desk).await;
        is_over.store(true, Ordering::SeqCst);
    };
    let ((), (), one, other) = tokio::join!(
        publish,
        place,
        issue(&desk, 0, &is_over),
        issue(&desk, 1, &is_over)
    );
    assert!(one + other > 0, "nobody died");
    // Everybody is well, and the last ones are told.
    desk.placing.place().await;
    for (slug, _) in OVERLAPPING {
        subscriptions::ask_run(&desk.db, slug, "test", desk.now())
            .await
            .unwrap();
    }
    while deliveries::next_at(&desk.db).await.unwrap().is_some() {
        desk.work().await;
        desk.clock.advance(Duration::from_mins(10));
    }
    let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for letter in desk.smtp.taken() {
        let mail = Mail::read(&letter.bytes);
        if ids.insert(mail.one("message-id")) {
            let links = mail.links().into_iter();
            let articles = links.filter(|link| link.starts_with("https://news.example/"));
            read.entry(letter.recipient).or_default().extend(articles);
        }
    }
    assert!(ids.len() > 15, "{} issues", ids.len());
    for (slug, keywords) in OVERLAPPING {
        let mut told = read.remove(&format!("{slug}@readers.example")).unwrap();
        let mut arrived: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT a.url FROM matches m
               JOIN keywords k ON k.id = m.keyword_id
               JOIN articles a ON a.id = m.article_id
              WHERE k.slug = ANY ($1)",
        )
        .bind(
            keywords
                .iter()
                .map(|slug| (*slug).to_owned())
                .collect::<Vec<_>>(),
        )
        .fetch_all(&desk.db)
        .await
        .unwrap();
        told.sort();
        arrived.sort();
        assert_eq!(told, arrived, "{slug}: nothing missing, nothing twice");
    }
}
