//! Clocks that jump, in zones that change theirs, around the days that they do.

use std::{collections::BTreeMap, time::Duration};

use sqlx::Row as _;
use wirewatch::{
    domain::Timestamp,
    store::{deliveries, editions, subscriptions::Wanted},
};

use super::{
    desk::{Desk, Report, daily, headline},
    mime::Mail,
    year::{expected, instant},
};
use crate::binary::any_below;

const ZONES: [&str; 6] = [
    "Europe/Kyiv",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Apia",
];

/// Both changes of each zone that has some, a leap day, and the end of a year.
const DAYS: [&str; 7] = [
    "2026-02-14T12:00:00Z",
    "2026-03-07T12:00:00Z",
    "2026-03-28T12:00:00Z",
    "2026-10-24T12:00:00Z",
    "2026-10-31T12:00:00Z",
    "2026-12-30T12:00:00Z",
    "2028-02-28T12:00:00Z",
];

/// The length of each stretch.
const STRETCH: Duration = Duration::from_hours(60);

fn subscriptions() -> Vec<(String, Wanted)> {
    ZONES
        .iter()
        .map(|zone| {
            let slug = zone.to_ascii_lowercase().replace(['/', '_'], "-");
            let times = ["00:00", "02:30", "03:00", "23:59"];
            (slug, daily(zone, &times, &["iran"]))
        })
        .collect()
}

/// Works from one instant to another, with articles in between, while the clock jumps by hours and days, both ways.
async fn live_through(desk: &Desk, end: Timestamp, number: &mut u64) {
    let mut jumps = 8;
    let mut rounds = 0;
    while desk.now() < end {
        rounds += 1;
        assert!(rounds < 1_000, "it makes no way");
        if any_below(4) == 0 {
            *number += 1;
            let (name, title) = (format!("outlet{}-{number}", any_below(3)), headline());
            desk.publish(&Report::new(&name, &title, &["iran"])).await;
        }
        desk.work().await;
        let now = desk.now();
        if jumps > 0 && any_below(4) == 0 {
            jumps -= 1;
            match any_below(4) {
                0 => desk.clock.set_back(Duration::from_hours(24)),
                1 => desk.clock.set_back(Duration::from_hours(1)),
                2 => desk.clock.advance(Duration::from_hours(1)),
                _ => desk.clock.advance(Duration::from_hours(24)),
            }
            continue;
        }
        let next = editions::next_at(&desk.db).await.unwrap().unwrap();
        let next = next.max(now.plus(Duration::from_secs(1)));
        desk.clock.advance(next.since(now));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_loses_no_issue_and_tells_nothing_twice_in_any_zone() {
    let desk = Desk::open(&["iran"], DAYS[0]).await;
    for (slug, wanted) in subscriptions() {
        desk.subscribe(&slug, &wanted).await;
    }
    let mut number = 0;
    let mut stretches = Vec::new();
    for begin in DAYS {
        // What was due between two stretches was missed, or is told now.
        desk.clock.advance(instant(begin).since(desk.now()));
        desk.work().await;
        let begin = desk.now();
        let end = instant(DAYS[0])
            .plus(begin.since(instant(DAYS[0])))
            .plus(STRETCH);
        live_through(&desk, end, &mut number).await;
        stretches.push((begin, end));
    }
    for _ in 0..8 {
        desk.clock.advance(Duration::from_hours(6));
        desk.work().await;
    }
    while deliveries::next_at(&desk.db).await.unwrap().is_some() {
        desk.work().await;
        desk.clock.advance(Duration::from_mins(30));
    }
    for (slug, wanted) in subscriptions() {
        for (begin, end) in &stretches {
            check_stretch(&desk, &slug, &wanted, *begin, *end).await;
        }
    }
    check_mails(&desk).await;
}

/// Each issue of the stretch is there once, sent at most twelve hours late, or known to be missed.
async fn check_stretch(desk: &Desk, slug: &str, wanted: &Wanted, begin: Timestamp, end: Timestamp) {
    let rows = sqlx::query(
        "SELECT local_date::text AS date, slot, state, (extract(epoch FROM due_at) * 1000000)::bigint AS due,
                (extract(epoch FROM composed_at - due_at))::float8 AS late
           FROM editions e JOIN subscriptions s ON s.id = e.subscription_id
          WHERE s.slug = $1 AND due_at > to_timestamp($2::bigint / 1000000.0)
            AND due_at <= to_timestamp($3::bigint / 1000000.0)",
    )
    .bind(slug)
    .bind(begin.as_micros())
    .bind(end.as_micros())
    .fetch_all(&desk.db)
    .await
    .unwrap();
    let mut found = BTreeMap::new();
    for row in &rows {
        let state: String = row.get("state");
        if state != "missed" {
            assert_eq!(state, "released", "{slug}");
            let late: f64 = row.get("late");
            assert!(
                (0.0..12.0 * 3_600.0).contains(&late),
                "{slug}: {late} s late"
            );
        }
        let date = row.get::<String, _>("date").parse().unwrap();
        let slot = u16::try_from(row.get::<i16, _>("slot")).unwrap();
        found.insert((date, slot), Timestamp::from_micros(row.get("due")));
    }
    assert_eq!(rows.len(), found.len(), "{slug}: no issue comes twice");
    assert_eq!(found, expected(wanted, begin, end), "{slug}");
}

/// The mails hold each article once for each reader.
async fn check_mails(desk: &Desk) {
    let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for letter in desk.smtp.taken() {
        let links = Mail::read(&letter.bytes).links().into_iter();
        let articles = links.filter(|link| link.starts_with("https://news.example/"));
        read.entry(letter.recipient).or_default().extend(articles);
    }
    let mut arrived: Vec<String> = sqlx::query_scalar("SELECT url FROM articles")
        .fetch_all(&desk.db)
        .await
        .unwrap();
    arrived.sort();
    assert!(arrived.len() > 20, "{}", arrived.len());
    for (slug, _) in subscriptions() {
        let mut told = read.remove(&format!("{slug}@readers.example")).unwrap();
        told.sort();
        assert_eq!(told, arrived, "{slug}: nothing missing, nothing twice");
    }
}
