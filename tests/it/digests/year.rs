//! A year by the clock, with everything that goes wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{
    civil::Date,
    tz::{AmbiguousOffset, TimeZone},
};
use sqlx::Row as _;
use tokio_util::sync::CancellationToken;
use wirewatch::{
    domain::{Timestamp, digest::Weekday},
    store::{deliveries, editions, subscriptions::Wanted},
};

use super::{
    desk::{Desk, Mortal, Report, daily, headline, write},
    mime::Mail,
    smtp::Mood,
};
use crate::{dice::Dice, worker::count};

const BEGIN: &str = "2026-01-01T00:00:00Z";
const END: &str = "2027-01-01T12:00:00Z";

pub(super) fn instant(text: &str) -> Timestamp {
    serde_json::from_value(text.into()).unwrap()
}

/// One step in so many dies on the way.
const ODDS: u64 = 8;

/// Four zones, whose clocks change on different days and by different times: on Sundays, when all but one have an issue;
/// one has no change.
fn subscriptions() -> Vec<(&'static str, Wanted)> {
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    let on = |mut wanted: Wanted, days: &[Weekday]| {
        wanted.schedule.days = days.iter().copied().collect();
        wanted
    };
    let (berlin, york, howe, kathmandu) = (
        daily("Europe/Berlin", &["02:30"], &["iran", "dprk"]),
        daily("America/New_York", &["02:30"], &["iran", "dprk"]),
        daily("Australia/Lord_Howe", &["02:15"], &["dprk"]),
        daily("Asia/Kathmandu", &["00:00"], &["iran"]),
    );
    vec![
        ("berlin", berlin),
        ("york", on(york, &[Mon, Tue, Wed, Thu, Fri, Sun])),
        ("howe", on(howe, &[Tue, Sat, Sun])),
        ("kathmandu", on(kathmandu, &[Mon, Wed, Fri])),
    ]
}

/// The instants of every issue after `begin` up to `end`, worked out apart from the program: by the offsets of the zone on
/// the day.
pub(super) fn expected(
    wanted: &Wanted,
    begin: Timestamp,
    end: Timestamp,
) -> BTreeMap<(Date, u16), Timestamp> {
    let zone = TimeZone::get(&wanted.schedule.zone).unwrap();
    let mut expected = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let day = |instant: Timestamp| TimeZone::UTC.to_datetime(instant.to_jiff()).date();
    let mut date = day(begin.minus(Duration::from_hours(72)));
    while date < day(end.plus(Duration::from_hours(72))) {
        for time in &wanted.schedule.times {
            let civil = date.to_datetime(time.to_civil());
            let due = match zone.to_ambiguous_timestamp(civil).offset() {
                AmbiguousOffset::Gap { .. } => {
                    // The first whole minute that the wall shows again.
                    let mut minute = civil;
                    while matches!(
                        zone.to_ambiguous_timestamp(minute).offset(),
                        AmbiguousOffset::Gap { .. }
                    ) {
                        minute = minute.checked_add(jiff::Span::new().minutes(1)).unwrap();
                    }
                    zone.to_ambiguous_timestamp(minute).compatible().unwrap()
                }
                _ => zone.to_ambiguous_timestamp(civil).earlier().unwrap(),
            };
            let due = Timestamp::from_jiff(due);
            let is_day = wanted.schedule.days.contains(&Weekday::of(date));
            if is_day && due > begin && due <= end && seen.insert(due) {
                expected.insert((date, time.minutes()), due);
            }
        }
        date = date.tomorrow().unwrap();
    }
    expected
}

struct Year {
    desk: Desk,
    dice: Dice,
    is_out: Arc<AtomicBool>,
    /// When the outage ends: mail servers come back within two days.
    out_until: Timestamp,
    written: u64,
    kills: u64,
    rounds: u64,
}

impl Year {
    async fn begin() -> Self {
        let (dice, seed) = Dice::said("YEAR_SEED");
        let desk = Desk::open(&["iran", "dprk"], BEGIN).await;
        for (slug, wanted) in subscriptions() {
            desk.subscribe(slug, &wanted).await;
        }
        // The outlets are there before the year begins, so that no article waits for another one's.
        for outlet in 0..5 {
            let (name, title) = (format!("outlet{outlet}-first"), headline());
            desk.publish(&Report::new(&name, &title, &["iran", "dprk"]))
                .await;
        }
        let is_out = Arc::new(AtomicBool::new(false));
        let outage = Arc::clone(&is_out);
        let mut moods = Dice::of(seed ^ 0x5DEE_CE66);
        desk.smtp.set(move |_| {
            if outage.load(Ordering::SeqCst) {
                return Mood::Down;
            }
            match moods.below(60) {
                0 => Mood::AtRecipient("450 4.2.0 greylisted"),
                1 => Mood::AtData("451 4.3.0 try later"),
                2 => Mood::CutInData(3),
                3 => Mood::TakeAndCut,
                _ => Mood::Take,
            }
        });
        Self {
            desk,
            dice,
            is_out,
            out_until: instant(BEGIN),
            written: 0,
            kills: 0,
            rounds: 0,
        }
    }

    /// A few articles; now and then one becomes visible only after younger ones.
    async fn publish(&mut self) {
        let mut late = None;
        for _ in 0..=self.dice.below(4) {
            self.written += 1;
            let (name, title) = (
                format!("outlet{}-{}", self.dice.below(5), self.written),
                headline(),
            );
            let keywords: &[&str] = match self.dice.below(3) {
                0 => &["iran"],
                1 => &["dprk"],
                _ => &["iran", "dprk"],
            };
            let report = Report::new(&name, &title, keywords);
            let now = self.desk.now();
            if late.is_none() && self.dice.below(4) == 0 {
                let mut transaction = self.desk.db.begin().await.unwrap();
                write(&mut transaction, &report, now).await;
                late = Some(transaction);
            } else {
                let mut connection = self.desk.db.acquire().await.unwrap();
                write(&mut connection, &report, now).await;
            }
        }
        if late.is_some() || self.dice.below(2) == 0 {
            self.desk.placing.place().await;
        }
        if let Some(transaction) = late {
            self.compose(ODDS).await;
            transaction.commit().await.unwrap();
            self.desk.placing.place().await;
        }
    }

    /// The mail server goes away for hours or a day or two, comes back, and stays for some days.
    async fn weather(&mut self) {
        let now = self.desk.now();
        if now < self.out_until {
            return;
        }
        let is_up_for = now.since(self.out_until);
        let goes_out = is_up_for > Duration::from_hours(72)
            && self.dice.below(20) == 0
            && !self.has_old_letters().await;
        self.is_out.store(goes_out, Ordering::SeqCst);
        if goes_out {
            self.out_until = now.plus(Duration::from_secs(self.dice.below(48 * 3_600)));
        }
    }

    /// Whether a letter has waited for a day or longer. After five days of failed attempts it would be given up, which is no
    /// loss of ours: such a letter is tried each time, and meets no second outage.
    async fn has_old_letters(&self) -> bool {
        let before = self.desk.now().minus(Duration::from_hours(24)).as_micros();
        let old = format!(
            "deliveries WHERE state = 'waiting' AND tried_since < to_timestamp({before} / 1000000.0)"
        );
        count(&self.desk.db, &old).await > 0
    }

    /// Both workers at once; one in `odds` dies on the way.
    async fn compose(&mut self, odds: u64) {
        let mut life = || match self.dice.below(odds) {
            0 => self.dice.below(40),
            _ => u64::MAX,
        };
        let [a, b] = &self.desk.workers;
        let (a, b) = tokio::join!(
            Mortal::new(a.composer.step(), life()),
            Mortal::new(b.composer.step(), life()),
        );
        self.kills += u64::from(a.is_none()) + u64::from(b.is_none());
        for done in [a, b].into_iter().flatten() {
            done.unwrap();
        }
    }

    async fn deliver(&mut self, odds: u64) {
        let mut life = || match self.dice.below(odds) {
            0 => self.dice.below(60),
            _ => u64::MAX,
        };
        let going = CancellationToken::new();
        let [a, b] = &self.desk.workers;
        let (a, b) = tokio::join!(
            Mortal::new(a.deliverer.step(&going), life()),
            Mortal::new(b.deliverer.step(&going), life()),
        );
        self.kills += u64::from(a.is_none()) + u64::from(b.is_none());
        for done in [a, b].into_iter().flatten() {
            done.unwrap();
        }
    }

    /// Waits until the server has ended what the dead left open. In life that is over within half a second; here a round of
    /// everybody else may be shorter, and each one moves the clock.
    async fn bury(&self) {
        const OPEN: &str = "pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend'
              AND xact_start IS NOT NULL AND pid <> pg_backend_pid()";
        while count(&self.desk.db, OPEN).await > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// To the next thing that is due, or many hours on.
    async fn advance(&mut self) {
        self.bury().await;
        let now = self.desk.now();
        let some_hours = now.plus(Duration::from_secs(3_600 + self.dice.below(30 * 3_600)));
        let next = editions::next_at(&self.desk.db).await.unwrap();
        let next = next.map_or(some_hours, |next| next.min(some_hours));
        // What was killed is due still: a moment later somebody is back.
        let next = next.max(now.plus(Duration::from_secs(1)));
        self.desk.clock.advance(next.since(now));
    }

    /// Everybody is well, until nothing waits.
    async fn recover(&mut self) {
        self.is_out.store(false, Ordering::SeqCst);
        self.desk.smtp.set(|_| Mood::Take);
        self.desk.placing.place().await;
        for _ in 0..12 {
            self.desk.clock.advance(Duration::from_hours(6));
            self.compose(u64::MAX).await;
            self.deliver(u64::MAX).await;
        }
        while deliveries::next_at(&self.desk.db).await.unwrap().is_some() {
            self.deliver(u64::MAX).await;
            self.desk.clock.advance(Duration::from_mins(30));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_year_of_outages_kills_and_changes_of_the_clock_each_article_is_told_once_and_each_issue_comes_on_time()
 {
    let mut year = Year::begin().await;
    while year.desk.now() < instant(END) {
        year.rounds += 1;
        if year.dice.below(4) == 0 {
            year.publish().await;
        }
        year.compose(ODDS).await;
        year.weather().await;
        if year.dice.below(2) == 0 || year.has_old_letters().await {
            year.deliver(ODDS).await;
        }
        year.advance().await;
    }
    year.recover().await;
    assert!(
        year.kills > 100,
        "{} kills in {} rounds",
        year.kills,
        year.rounds
    );
    let given_up = count(&year.desk.db, "deliveries WHERE state <> 'sent'").await;
    assert_eq!(given_up, 0, "every letter was taken in time");
    check_issues(&year).await;
    check_members(&year).await;
    check_mails(&year).await;
}

/// Every issue of the calendar, once, at its instant; nothing else.
async fn check_issues(year: &Year) {
    for (slug, wanted) in subscriptions() {
        let rows = sqlx::query(
            "SELECT local_date::text AS date, slot, state,
                    (extract(epoch FROM due_at) * 1000000)::bigint AS due,
                    (extract(epoch FROM composed_at - due_at))::float8 AS late
               FROM editions e JOIN subscriptions s ON s.id = e.subscription_id
              WHERE s.slug = $1 AND due_at <= to_timestamp($2::bigint / 1000000.0)",
        )
        .bind(slug)
        .bind(instant(END).as_micros())
        .fetch_all(&year.desk.db)
        .await
        .unwrap();
        let mut found = BTreeMap::new();
        for row in &rows {
            assert_eq!(row.get::<String, _>("state"), "released", "{slug}");
            let late: f64 = row.get("late");
            assert!((0.0..60.0).contains(&late), "{slug}: {late} s late");
            let date: Date = row.get::<String, _>("date").parse().unwrap();
            let slot = u16::try_from(row.get::<i16, _>("slot")).unwrap();
            found.insert((date, slot), Timestamp::from_micros(row.get("due")));
        }
        assert_eq!(rows.len(), found.len(), "{slug}: no issue comes twice");
        assert_eq!(
            found,
            expected(&wanted, instant(BEGIN), instant(END)),
            "{slug}"
        );
    }
}

/// Every article that arrived is a member of exactly one edition of each subscription to its keywords.
async fn check_members(year: &Year) {
    let wrong: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT s.slug, count(DISTINCT m.article_id), count(DISTINCT e.article_id)
           FROM subscriptions s
           JOIN subscription_keywords k ON k.subscription_id = s.id
           JOIN matches m ON m.keyword_id = k.keyword_id
           LEFT JOIN edition_members e ON e.subscription_id = s.id AND e.article_id = m.article_id
                                      AND e.membership = 'shown'
          GROUP BY s.slug",
    )
    .fetch_all(&year.desk.db)
    .await
    .unwrap();
    assert_eq!(wrong.len(), 4);
    for (slug, arrived, told) in wrong {
        assert!(arrived > 200, "{slug}: {arrived}");
        assert_eq!(arrived, told, "{slug}");
    }
}

/// The mails hold each article once for each reader; what came twice is the same mail.
async fn check_mails(year: &Year) {
    let mut by_id: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for taken in year.desk.smtp.taken() {
        let mail = Mail::read(&taken.bytes);
        let id = mail.one("message-id");
        if let Some(first) = by_id.get(&id) {
            assert_eq!(first, &taken.bytes, "a repeat is the same mail");
            continue;
        }
        by_id.insert(id, taken.bytes);
        let links = mail.links().into_iter();
        let articles = links.filter(|link| link.starts_with("https://news.example/"));
        read.entry(taken.recipient).or_default().extend(articles);
    }
    let released: i64 =
        sqlx::query_scalar("SELECT count(*) FROM editions WHERE state = 'released'")
            .fetch_one(&year.desk.db)
            .await
            .unwrap();
    assert_eq!(by_id.len(), usize::try_from(released).unwrap());
    for (slug, _) in subscriptions() {
        let mut told = read.remove(&format!("{slug}@readers.example")).unwrap();
        let mut arrived: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT a.url
               FROM subscriptions s
               JOIN subscription_keywords k ON k.subscription_id = s.id
               JOIN matches m ON m.keyword_id = k.keyword_id
               JOIN articles a ON a.id = m.article_id
              WHERE s.slug = $1",
        )
        .bind(slug)
        .fetch_all(&year.desk.db)
        .await
        .unwrap();
        told.sort();
        arrived.sort();
        assert_eq!(told, arrived, "{slug}: nothing missing, nothing twice");
    }
}
