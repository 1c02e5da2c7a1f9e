//! What is late, fails, hangs or leaves is nobody else's trouble.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use wirewatch::{
    domain::{
        Role,
        delivery::{Channel, Kind, WebhookForm},
    },
    store::{
        recipients::{self, NewRecipient},
        users,
    },
};

use super::{
    desk::{Desk, Report, daily, headline},
    mime::Mail,
    receiver::Receiver,
    smtp::Mood,
};
use crate::worker::count;

const NOW: &str = "2026-11-24T03:00:00Z";

/// What a second feed or a longer text adds: a match with a number of its own, later than those of other articles.
const MATCHES_DPRK_TOO: &str =
    "INSERT INTO matches (keyword_id, article_id, keyword_version, hits, why, sort_at, matched_at)
     SELECT k.id, a.id, k.version, '[]', k.query, a.sort_at, a.first_seen_at
       FROM keywords k, articles a
      WHERE k.slug = 'dprk' AND a.url LIKE '%/yonhap-1'";

#[tokio::test(flavor = "multi_thread")]
async fn an_article_that_comes_to_match_another_keyword_before_its_issue_stands_in_it_once() {
    let desk = Desk::open(&["iran", "dprk"], NOW).await;
    desk.subscribe("morning", &daily("UTC", &["07:00"], &["iran", "dprk"]))
        .await;
    let first = headline();
    desk.publish(&Report::new("yonhap-1", &first, &["iran"]))
        .await;
    desk.publish(&Report::new("yonhap-2", &headline(), &["iran"]))
        .await;
    sqlx::query(MATCHES_DPRK_TOO)
        .execute(&desk.db)
        .await
        .unwrap();
    desk.placing.place().await;
    desk.work_at("2026-11-24T07:00:00Z").await;
    let taken = desk.smtp.taken();
    assert_eq!(taken.len(), 1);
    let mail = Mail::read(&taken[0].bytes);
    assert_eq!(mail.text.matches(&first).count(), 1, "{}", mail.text);
    assert!(mail.text.contains("yonhap-2"));
    assert_eq!(count(&desk.db, "edition_members").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_cannot_be_composed_holds_up_no_other() {
    let desk = Desk::open(&["iran"], NOW).await;
    let wanted = daily("UTC", &["07:00"], &["iran"]);
    desk.subscribe("broken", &wanted).await;
    desk.subscribe("whole", &wanted).await;
    // Whatever the reason: here the database takes no edition of the first.
    sqlx::query(
        "ALTER TABLE editions ADD CONSTRAINT broken
         CHECK (subscription_id <> (1 + 0) OR subscription_id = -1) NOT VALID",
    )
    .execute(&desk.db)
    .await
    .unwrap();
    desk.publish(&Report::new("yonhap-1", &headline(), &["iran"]))
        .await;
    desk.work_at("2026-11-24T07:00:00Z").await;
    let to = |letter: usize| desk.smtp.taken()[letter].recipient.clone();
    assert_eq!(desk.smtp.taken().len(), 1);
    assert_eq!(to(0), "whole@readers.example");
    sqlx::query("ALTER TABLE editions DROP CONSTRAINT broken")
        .execute(&desk.db)
        .await
        .unwrap();
    desk.work_at("2026-11-24T07:04:00Z").await;
    assert_eq!(desk.smtp.taken().len(), 1, "it is not tried all the time");
    desk.work_at("2026-11-24T07:06:00Z").await;
    assert_eq!(desk.smtp.taken().len(), 2);
    assert_eq!(to(1), "broken@readers.example", "late, and not lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_hangs_does_not_hold_up_webhooks() {
    let desk = Arc::new(Desk::open(&["iran"], NOW).await);
    let mut wanted = daily("UTC", &["07:00"], &["iran"]);
    wanted.kind = Kind::Alert;
    desk.subscribe("alert", &wanted).await;
    for reader in 0..20 {
        let address = format!("reader{reader}@readers.example");
        desk.add_reader("alert", &address).await;
    }
    let receiver = Receiver::start().await;
    add_hook(&desk, "alert", &receiver.url).await;
    desk.smtp.set(|_| Mood::Hang);
    desk.publish(&Report::new("yonhap-1", &headline(), &["iran"]))
        .await;
    desk.workers[0].composer.step().await.unwrap();
    let delivering = tokio::spawn(deliver(Arc::clone(&desk)));
    while receiver.got().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let untried = "deliveries WHERE state = 'waiting' AND attempts = 0";
    assert!(count(&desk.db, untried).await > 0, "letters still wait");
    delivering.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_holds_up_neither_others_nor_what_comes_meanwhile() {
    let desk = Arc::new(Desk::open(&["iran"], NOW).await);
    let mut wanted = daily("UTC", &["07:00"], &["iran"]);
    wanted.kind = Kind::Alert;
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let silent = format!("http://{}/hook", silent.local_addr().unwrap());
    let receiver = Receiver::start().await;
    // More than are under way at a time, all to one address.
    for number in 0..20 {
        let slug = format!("alert{number}");
        desk.subscribe(&slug, &wanted).await;
        add_hook(&desk, &slug, &silent).await;
    }
    desk.publish(&Report::new("yonhap-1", &headline(), &["iran"]))
        .await;
    desk.workers[0].composer.step().await.unwrap();
    let delivering = tokio::spawn(deliver(Arc::clone(&desk)));
    let tried = "deliveries d JOIN recipients r ON r.id = d.recipient_id
                 WHERE r.channel = 'webhook' AND d.attempts > 0";
    while count(&desk.db, tried).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    desk.subscribe("late", &wanted).await;
    add_hook(&desk, "late", &receiver.url).await;
    desk.publish(&Report::new("yonhap-2", &headline(), &["iran"]))
        .await;
    desk.workers[0].composer.step().await.unwrap();
    while receiver.got().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        count(&desk.db, tried).await,
        2,
        "one is under way to an address at a time"
    );
    delivering.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_was_taken_while_the_database_was_away_does_not_go_out_again() {
    let desk = Arc::new(Desk::open(&["iran"], NOW).await);
    let mut wanted = daily("UTC", &["07:00"], &["iran"]);
    wanted.kind = Kind::Alert;
    desk.subscribe("alert", &wanted).await;
    desk.publish(&Report::new("yonhap-1", &headline(), &["iran"]))
        .await;
    desk.workers[0].composer.step().await.unwrap();
    // What becomes of a delivery cannot be written, as while PostgreSQL starts.
    for step in [
        "CREATE FUNCTION is_away() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = 'cannot_connect_now'; END $$",
        "CREATE TRIGGER is_away BEFORE UPDATE OF state ON deliveries FOR EACH ROW EXECUTE FUNCTION is_away()",
    ] {
        sqlx::query(step).execute(&desk.db).await.unwrap();
    }
    let delivering = tokio::spawn(deliver(Arc::clone(&desk)));
    while desk.smtp.taken().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(
        count(&desk.db, "deliveries WHERE state = 'waiting'").await,
        1
    );
    sqlx::query("DROP TRIGGER is_away ON deliveries")
        .execute(&desk.db)
        .await
        .unwrap();
    delivering.await.unwrap();
    assert_eq!(count(&desk.db, "deliveries WHERE state = 'sent'").await, 1);
    deliver(Arc::clone(&desk)).await;
    assert_eq!(desk.smtp.taken().len(), 1);
}

/// Delivers until nothing is left to be tried now.
async fn deliver(desk: Arc<Desk>) {
    let going = CancellationToken::new();
    desk.workers[0].deliverer.step(&going).await.unwrap();
}

async fn add_hook(desk: &Desk, slug: &str, address: &str) {
    let new = NewRecipient {
        channel: Channel::Webhook,
        form: WebhookForm::Json,
        address,
        user: None,
    };
    let added = recipients::add(&desk.db, slug, new, "test", desk.now()).await;
    assert!(added.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_version_cannot_read_holds_up_nothing_else() {
    let desk = Desk::open(&["iran"], NOW).await;
    let mut wanted = daily("UTC", &["07:00"], &["iran"]);
    wanted.kind = Kind::Alert;
    for slug in ["newer", "spoilt", "whole"] {
        desk.subscribe(slug, &wanted).await;
    }
    let newer = "UPDATE subscriptions SET schedule = '{\"by\": \"the moon\"}' WHERE slug = 'newer'";
    sqlx::query(newer).execute(&desk.db).await.unwrap();
    desk.publish(&Report::new("yonhap-1", &headline(), &["iran"]))
        .await;
    let worker = &desk.workers[0];
    worker.composer.step().await.unwrap_err();
    worker.composer.step().await.unwrap();
    let spoilt = "UPDATE editions SET body = '{}' WHERE id = (SELECT min(id) FROM editions)";
    sqlx::query(spoilt).execute(&desk.db).await.unwrap();
    let going = CancellationToken::new();
    worker.deliverer.step(&going).await.unwrap_err();
    worker.deliverer.step(&going).await.unwrap();
    let taken = desk.smtp.taken();
    let reached: Vec<_> = taken.iter().map(|letter| &*letter.recipient).collect();
    assert_eq!(reached, ["whole@readers.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_cannot_be_composed_holds_up_no_other() {
    let desk = Desk::open(&["iran"], NOW).await;
    let wanted = daily("UTC", &["07:00"], &["iran"]);
    for slug in ["newer", "spoilt", "whole"] {
        desk.subscribe(slug, &wanted).await;
    }
    desk.work().await;
    let newer = "UPDATE subscriptions SET filter = '{\"by\": 1}' WHERE slug = 'newer'";
    sqlx::query(newer).execute(&desk.db).await.unwrap();
    // Here the database takes no notice of the second: whatever the reason.
    let spoilt = "ALTER TABLE deliveries ADD CONSTRAINT spoilt CHECK (recipient_id <> 2)";
    sqlx::query(spoilt).execute(&desk.db).await.unwrap();
    sqlx::query("UPDATE recipients SET test_at = now()")
        .execute(&desk.db)
        .await
        .unwrap();
    let worker = &desk.workers[0];
    worker.composer.step().await.unwrap_err();
    worker.composer.step().await.unwrap();
    desk.work().await;
    let taken = desk.smtp.taken();
    let reached: Vec<_> = taken.iter().map(|letter| &*letter.recipient).collect();
    assert_eq!(reached, ["whole@readers.example"]);
    let waiting = "recipients WHERE test_at IS NOT NULL";
    assert_eq!(count(&desk.db, waiting).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_account_is_not_sent_once_it_is_disabled() {
    let desk = Desk::open(&["iran"], NOW).await;
    desk.subscribe("morning", &daily("UTC", &["07:00"], &["iran"]))
        .await;
    let name = "former".parse().unwrap();
    let user = users::add(&desk.db, &name, "", Role::Analyst, None, "test", desk.now())
        .await
        .unwrap()
        .unwrap();
    let new = NewRecipient {
        channel: Channel::Mail,
        form: WebhookForm::Json,
        address: "former@readers.example",
        user: Some(user),
    };
    recipients::add(&desk.db, "morning", new, "test", desk.now())
        .await
        .unwrap();
    desk.smtp.set(|_| Mood::AtRecipient("451 4.2.0 later"));
    desk.publish(&Report::new("yonhap-1", &headline(), &["iran"]))
        .await;
    desk.work_at("2026-11-24T07:00:00Z").await;
    users::set_disabled(&desk.db, user, true, "test", desk.now())
        .await
        .unwrap();
    desk.smtp.set(|_| Mood::Take);
    desk.work_at("2026-11-24T09:00:00Z").await;
    let taken = desk.smtp.taken();
    let reached: Vec<_> = taken.iter().map(|letter| &*letter.recipient).collect();
    assert_eq!(reached, ["morning@readers.example"]);
    let cancelled = "deliveries WHERE state = 'cancelled' AND detail = 'the account was disabled'";
    assert_eq!(count(&desk.db, cancelled).await, 1);
}
