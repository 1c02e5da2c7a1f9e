//! The pages of digests: leaving by a link, reviewing, the outbox, alerts and webhooks.

use std::time::Duration;

use wirewatch::{
    digest::webhook,
    domain::{
        Role,
        delivery::{Channel, Kind, WebhookForm, hexadecimal},
    },
    store::recipients::{self, NewRecipient},
    web::WebOptions,
};

use super::{
    desk::{Desk, Report, daily, headline},
    mime::Mail,
    receiver::Receiver,
    smtp::Mood,
};
use crate::{
    site::{Site, ask, random},
    web::between,
    web::sealed,
    worker::count,
};

const NOW: &str = "2026-11-24T03:00:00Z";
const MORNING: &str = "2026-11-24T06:00:00Z";

async fn told() -> Desk {
    let desk = Desk::open(&["iran"], NOW).await;
    desk.subscribe("morning", &daily("Europe/Berlin", &["07:00"], &["iran"]))
        .await;
    desk.add_reader("morning", "second@readers.example").await;
    desk.publish(&Report::new(
        "yonhap-1",
        "Tehran sends engineers",
        &["iran"],
    ))
    .await;
    desk.work_at(MORNING).await;
    desk
}

async fn site(desk: &Desk) -> Site {
    Site::with(&desk.db, desk.clock.clone(), WebOptions::default()).await
}

/// The path of the link that ends the part of the recipient of a letter.
fn link(desk: &Desk, recipient: &str) -> String {
    let taken = desk.smtp.taken();
    let letter = taken
        .iter()
        .find(|letter| letter.recipient == recipient)
        .unwrap();
    let header = Mail::read(&letter.bytes).one("list-unsubscribe");
    header
        .trim_matches(['<', '>'])
        .strip_prefix("https://desk.example")
        .unwrap()
        .to_owned()
}

const LEFT: &str = "recipients WHERE unsubscribed_at IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn the_post_alone_unsubscribes_and_that_recipient_alone() {
    let desk = told().await;
    let site = site(&desk).await;
    let path = link(&desk, "morning@readers.example");
    for method in ["GET", "HEAD"] {
        let answer = ask(site.bare_request(method.parse().unwrap(), &path)).await;
        assert_eq!(answer.status, 200, "{method}");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(count(&desk.db, LEFT).await, 0, "{method} changes nothing");
    }
    // As a mail provider posts it: no cookie, no origin, no redirect wanted; twice.
    for _ in 0..2 {
        let request = site
            .bare_request("POST".parse().unwrap(), &path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("List-Unsubscribe=One-Click");
        let answer = ask(request).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let audited =
        "audit WHERE action = 'unsubscribe' AND subject_kind = 'recipient' AND actor LIKE 'link %'";
    assert_eq!(
        (count(&desk.db, LEFT).await, count(&desk.db, audited).await),
        (1, 1)
    );
    desk.publish(&Report::new("yonhap-2", "Second", &["iran"]))
        .await;
    desk.work_at("2026-11-25T06:00:00Z").await;
    let reached: Vec<_> = desk
        .smtp
        .taken()
        .into_iter()
        .map(|letter| letter.recipient)
        .collect();
    assert_eq!(reached[2..], ["second@readers.example"]);
    // Back again, by the same link.
    let answer = ask(site.bare_request("POST".parse().unwrap(), &format!("{path}/return"))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(count(&desk.db, LEFT).await, 0);
    // A link of last year still works.
    desk.clock.advance(Duration::from_hours(366 * 24));
    let answer = ask(site.bare_request("POST".parse().unwrap(), &path)).await;
    assert_eq!((answer.status, count(&desk.db, LEFT).await), (200, 1));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_link_is_no_link() {
    let desk = told().await;
    let site = site(&desk).await;
    let path = link(&desk, "morning@readers.example");
    let other = path.replace('0', "1");
    let cut = &path[..path.len() - 1];
    let mut forged = vec![
        other,
        cut.to_owned(),
        format!("{path}0"),
        "/unsubscribe/".to_owned() + &"0".repeat(64),
    ];
    forged.extend((0..9).map(|_| format!("/unsubscribe/{}", hexadecimal(&random()))));
    for forged in forged.iter().filter(|forged| **forged != path) {
        for method in ["GET", "POST"] {
            let answer = ask(site.bare_request(method.parse().unwrap(), forged)).await;
            assert_eq!(answer.status, 404, "{method} {forged}");
        }
    }
    // Who goes on is slowed; a link that is one works for everybody all the same.
    let mut slowed = 0;
    for _ in 0..10_000 {
        let forged = format!("/unsubscribe/{}", hexadecimal(&random()));
        let answer = ask(site.bare_request("POST".parse().unwrap(), &forged)).await;
        assert!(matches!(answer.status, 404 | 429), "{}", answer.status);
        if answer.status == 429 {
            slowed += 1;
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        }
    }
    assert!(slowed > 9_800, "{slowed}");
    assert_eq!(count(&desk.db, LEFT).await, 0);
    let answer = ask(site.bare_request("POST".parse().unwrap(), &path)).await;
    assert_eq!((answer.status, count(&desk.db, LEFT).await), (200, 1));
    site.stop().await;
}

/// The fields of the form of a digest.
fn fields(name: &'static str, times: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("name", name),
        ("kind", "digest"),
        ("zone", "Asia/Seoul"),
        ("times", times),
        ("quiet", ""),
        ("threshold", "1"),
        ("quiet_from", ""),
        ("quiet_to", ""),
        ("cap", "6"),
        ("languages", ""),
        ("min_independent", "0"),
        ("limit", "40"),
        ("review", "0"),
        ("day", "mon"),
        ("day", "tue"),
        ("keyword", "iran"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_made_changed_paused_and_removed_with_its_audit() {
    let desk = Desk::open(&["iran"], NOW).await;
    let site = site(&desk).await;
    let analyst = site.account("analyst", Role::Analyst).await;
    let cookie = site.session_of(analyst).await;
    let send = async |path: &str, fields: &[(&str, &str)]| {
        ask(site.form(path, fields).header("cookie", &cookie)).await
    };
    let with_slug = |slug: &'static str, times| {
        let mut fields = fields("Morning <b>", times);
        fields.push(("slug", slug));
        fields
    };
    let wrong = send("/digests", &with_slug("seoul", "25:00")).await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.body.contains("Morning &#60;b&#62;") && wrong.body.contains("25:00"),
        "what was typed stays"
    );
    assert_eq!(
        send("/digests", &with_slug("seoul", "07:00")).await.status,
        303
    );
    assert_eq!(
        send("/digests", &with_slug("seoul", "07:00")).await.status,
        422,
        "the short name is taken"
    );
    let form = site.bare_request("GET".parse().unwrap(), "/digests/seoul/edit");
    let form = ask(form.header("cookie", &cookie)).await.body;
    let evening = fields("Evening", "19:00");
    let changed = send("/digests/seoul", &sealed(&form, &evening)).await;
    assert_eq!(changed.status, 303);
    let long = format!("{}@x.example", "x".repeat(300));
    for wrong in [
        "a@x>,<b@x",
        "\"a b\"@x.example",
        "a\r\nBcc: b@x.example",
        "ü@x.example",
        "a@x.example\0",
        &long,
        "",
    ] {
        let fields = [("way", "mail"), ("address", wrong)];
        let answer = send("/digests/seoul/recipients", &fields).await;
        assert_eq!(answer.status, 422, "{wrong}");
        assert!(answer.body.contains("role=\"alert\""), "{wrong}");
    }
    assert_eq!(count(&desk.db, "recipients").await, 0, "all or none");
    let added = [
        ("way", "mail"),
        ("address", "one@readers.example, two@Bücher.example"),
    ];
    assert_eq!(send("/digests/seoul/recipients", &added).await.status, 303);
    let kept = "recipients WHERE address IN ('one@readers.example', 'two@xn--bcher-kva.example')";
    assert_eq!(count(&desk.db, kept).await, 2);
    let page = ask(site
        .bare_request("GET".parse().unwrap(), "/digests/seoul")
        .header("cookie", &cookie))
    .await;
    for told in [
        "Evening",
        "Mon, Tue at 19:00 (Asia/Seoul)",
        "one@readers.example",
    ] {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    // Who only reads sees no addresses.
    let viewer = site.account("viewer", Role::Viewer).await;
    let viewer = site.session_of(viewer).await;
    let page = ask(site
        .bare_request("GET".parse().unwrap(), "/digests/seoul")
        .header("cookie", &viewer))
    .await;
    assert!(page.status == 200 && !page.body.contains("readers.example"));
    for (action, fields) in [
        ("pause", &[][..]),
        ("resume", &[]),
        ("run", &[]),
        ("remove", &[("slug", "seoul")]),
    ] {
        let answer = send(&format!("/digests/seoul/{action}"), fields).await;
        assert_eq!(answer.status, 303, "{action}: {}", answer.body);
    }
    assert_eq!(count(&desk.db, "subscriptions").await, 0);
    for action in ["add", "change", "pause", "resume", "run", "remove"] {
        let audited = format!(
            "audit WHERE subject_kind = 'digest' AND action = '{action}' AND actor = 'analyst'"
        );
        assert_eq!(count(&desk.db, &audited).await, 1, "{action}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_a_digest_takes_back_nothing_that_others_saved_meanwhile() {
    let desk = Desk::open(&["iran"], NOW).await;
    desk.subscribe("seoul", &daily("UTC", &["07:00"], &["iran"]))
        .await;
    let site = site(&desk).await;
    let analyst = site.account("analyst", Role::Analyst).await;
    let cookie = site.session_of(analyst).await;
    let send = async |path: &str, fields: &[(&str, &str)]| {
        ask(site.form(path, fields).header("cookie", &cookie)).await
    };
    let form = async || {
        let request = site.bare_request("GET".parse().unwrap(), "/digests/seoul/edit");
        ask(request.header("cookie", &cookie)).await.body
    };
    let (first, second) = (form().await, form().await);
    let evening = fields("Evening", "19:00");
    let changed = send("/digests/seoul", &sealed(&first, &evening)).await;
    assert_eq!(changed.status, 303);
    // Who opened the form before then is told, and takes nothing back.
    let noon = fields("Noon", "12:00");
    let refused = send("/digests/seoul", &sealed(&second, &noon)).await;
    assert_eq!(refused.status, 409);
    for told in ["value=\"Noon\"", ">Evening<", ">19:00<"] {
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
    }
    assert_eq!(
        count(&desk.db, "subscriptions WHERE name = 'Evening'").await,
        1
    );
    let twice = send("/digests/seoul", &sealed(&first, &evening)).await;
    assert_eq!(twice.status, 303, "it is the same");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_waits_for_its_review_and_goes_by_itself_unless_held() {
    let desk = Desk::open(&["iran"], NOW).await;
    let mut wanted = daily("Europe/Berlin", &["07:00"], &["iran"]);
    wanted.review_minutes = 30;
    desk.subscribe("morning", &wanted).await;
    let site = site(&desk).await;
    let editor = site.account("editor", Role::Editor).await;
    let cookie = site.session_of(editor).await;
    let send = async |key: &str, fields: &[(&str, &str)]| {
        let path = format!("/digests/morning/{key}/review");
        ask(site.form(&path, fields).header("cookie", &cookie)).await
    };
    for name in ["yonhap-1", "reuters-2", "kcna-3"] {
        desk.publish(&Report::new(name, &headline(), &["iran"]))
            .await;
    }
    desk.work_at("2026-11-24T05:29:00Z").await;
    assert_eq!(count(&desk.db, "editions").await, 0);
    desk.work_at("2026-11-24T05:30:00Z").await;
    assert_eq!(count(&desk.db, "editions WHERE state = 'review'").await, 1);
    assert_eq!(count(&desk.db, "deliveries").await, 0);
    let story: i64 =
        sqlx::query_scalar("SELECT story_id FROM edition_members ORDER BY article_id LIMIT 1")
            .fetch_one(&desk.db)
            .await
            .unwrap();
    let story = story.to_string();
    let (strike, place) = (story.as_str(), format!("place.{story}"));
    let fields = [
        ("version", "0"),
        ("note", "Mind the embargo"),
        ("strike", strike),
        (place.as_str(), "1"),
        ("do", "save"),
    ];
    assert_eq!(send("2026-11-24-0700", &fields).await.status, 303);
    assert_eq!(
        send("2026-11-24-0700", &fields).await.status,
        409,
        "another version now"
    );
    desk.work_at("2026-11-24T05:59:00Z").await;
    assert_eq!(desk.smtp.taken().len(), 0, "it goes out when it is due");
    desk.work_at(MORNING).await;
    let mail = Mail::read(&desk.smtp.taken()[0].bytes);
    assert_eq!(mail.words("subject"), "Morning: 2 new — Tue 24 Nov");
    assert!(
        mail.text.contains("Editor: Mind the embargo")
            && !mail.text.contains("news.example/yonhap-1")
    );
    assert_eq!(
        count(&desk.db, "edition_members WHERE membership = 'struck'").await,
        1
    );
    assert_eq!(
        send("2026-11-24-0700", &[("version", "1"), ("do", "hold")])
            .await
            .status,
        409,
        "too late"
    );

    // The next day's is held, and released by hand.
    desk.publish(&Report::new("yonhap-4", &headline(), &["iran"]))
        .await;
    desk.work_at("2026-11-25T05:30:00Z").await;
    assert_eq!(
        send("2026-11-25-0700", &[("version", "0"), ("do", "hold")])
            .await
            .status,
        303
    );
    desk.work_at("2026-11-25T08:00:00Z").await;
    assert_eq!(desk.smtp.taken().len(), 1, "held");
    // Enter in the note presses the first button: what is held stays held.
    let page = ask(site
        .bare_request("GET".parse().unwrap(), "/digests/morning/2026-11-25-0700")
        .header("cookie", &cookie))
    .await;
    let form = page.body.split("/review\">").nth(1).unwrap();
    let first = form.split("name=\"do\" value=\"").nth(1).unwrap();
    assert!(first.starts_with("hold\""), "{first:.200}");
    assert_eq!(
        send("2026-11-25-0700", &[("version", "1"), ("do", "release")])
            .await
            .status,
        303
    );
    desk.work().await;
    assert_eq!(desk.smtp.taken().len(), 2);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_editor_strikes_makes_room_for_what_was_beyond_the_length() {
    let desk = Desk::open(&["iran"], NOW).await;
    let mut wanted = daily("Europe/Berlin", &["07:00"], &["iran"]);
    (wanted.review_minutes, wanted.story_limit) = (30, 2);
    desk.subscribe("morning", &wanted).await;
    let site = site(&desk).await;
    let editor = site.account("editor", Role::Editor).await;
    let cookie = site.session_of(editor).await;
    for name in ["yonhap-1", "reuters-2", "kcna-3"] {
        desk.publish(&Report::new(name, &headline(), &["iran"]))
            .await;
    }
    desk.work_at("2026-11-24T05:30:00Z").await;
    let stories = async |membership: &str| -> Vec<i64> {
        sqlx::query_scalar(
            "SELECT story_id FROM edition_members WHERE membership = $1 ORDER BY story_id",
        )
        .bind(membership)
        .fetch_all(&desk.db)
        .await
        .unwrap()
    };
    let (shown, beyond) = (stories("shown").await, stories("left_out").await);
    assert_eq!((shown.len(), beyond.len()), (2, 1));
    let review = async |version: &str, named: &[(&str, &str)]| {
        let mut fields = vec![("version", version), ("do", "save")];
        fields.extend(named);
        let path = "/digests/morning/2026-11-24-0700/review";
        let answer = ask(site.form(path, &fields).header("cookie", &cookie)).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    };
    // Moved to the front it is shown, and the last one is not.
    review("0", &[(&format!("place.{}", beyond[0]), "1")]).await;
    let moved = stories("shown").await;
    assert!(moved.contains(&beyond[0]) && moved.len() == 2);
    assert_eq!(stories("left_out").await.len(), 1);
    let struck = beyond[0].to_string();
    review("1", &[("strike", &struck)]).await;
    assert_eq!(stories("struck").await, beyond);
    assert_eq!(stories("shown").await, shown);
    assert_eq!(stories("left_out").await, [0; 0]);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_sees_what_was_given_up_and_sends_it_again() {
    let desk = Desk::open(&["iran"], NOW).await;
    desk.subscribe("morning", &daily("Europe/Berlin", &["07:00"], &["iran"]))
        .await;
    desk.publish(&Report::new("yonhap-1", "First", &["iran"]))
        .await;
    desk.smtp.set(|recipient| {
        if recipient.is_empty() {
            Mood::Take
        } else {
            Mood::AtData("554 5.7.1 <b>spam</b>")
        }
    });
    desk.work_at(MORNING).await;
    let site = site(&desk).await;
    let admin = site.account("admin", Role::Admin).await;
    let cookie = site.session_of(admin).await;
    let page = ask(site
        .bare_request("GET".parse().unwrap(), "/admin/outbox")
        .header("cookie", &cookie))
    .await;
    assert!(
        page.body.contains("Morning: 1 new") && page.body.contains("dead"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<b>spam"));
    desk.smtp.set(|_| Mood::Take);
    let answer = ask(site
        .form("/admin/outbox/1/resend", &[])
        .header("cookie", &cookie))
    .await;
    assert_eq!(answer.status, 303);
    desk.work().await;
    assert_eq!(desk.smtp.taken().len(), 1);
    let answer = ask(site
        .form("/admin/outbox/1/resend", &[])
        .header("cookie", &cookie))
    .await;
    assert_eq!(answer.status, 409, "it was sent");
    let page = ask(site
        .bare_request("GET".parse().unwrap(), "/admin/outbox/1")
        .header("cookie", &cookie))
    .await;
    assert!(page.body.contains("spam") && page.body.contains("sent"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_of_many_editions_goes_on_where_an_answer_ended() {
    let desk = told().await;
    sqlx::raw_sql(
        "INSERT INTO editions
         SELECT (jsonb_populate_record(e, jsonb_build_object('id', 1000 - n, 'local_date', e.local_date - n,
                                                             'due_at', e.due_at - n * interval '1 day'))).*
           FROM editions e CROSS JOIN generate_series(1, 35) AS n",
    )
    .execute(&desk.db)
    .await
    .unwrap();
    let site = Site::start(&desk.db, desk.clock.clone()).await;
    let mut address = "/digests/morning/table.csv".to_owned();
    let mut rows = Vec::new();
    for is_last in [false, true] {
        let part = site.get(&address).await;
        assert_eq!(part.status, 200, "{}", part.body);
        assert!(part.header("content-disposition").contains("-part.csv"));
        rows.push(part.body.lines().count() - 1);
        let next = between(part.header("link"), "<", ">");
        assert_eq!(next.is_empty(), is_last, "{next:?}");
        if let Some(next) = next.first() {
            address = next[next.find("/digests/").unwrap()..].to_owned();
        }
    }
    assert_eq!(rows, [30, 6], "every edition once");
    let atom = site.get("/digests/morning/feed.atom").await;
    assert!(
        atom.header("link")
            .contains("/digests/morning/feed.atom?before="),
        "{:?}",
        atom.headers
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_the_preview_and_the_feeds_tell_what_the_mail_told() {
    let desk = told().await;
    let site = Site::start(&desk.db, desk.clock.clone()).await;
    desk.publish(&Report::new("yonhap-9", "Not told yet", &["iran"]))
        .await;
    for path in [
        "/digests/morning/2026-11-24-0700",
        "/digests/morning/feed.atom",
        "/digests/morning/feed.json",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer.body.contains("https://news.example/yonhap-1"),
            "{path}: {}",
            answer.body
        );
        assert!(!answer.body.contains("Not told yet"), "{path}");
    }
    let atom = site.get("/digests/morning/feed.atom").await;
    assert_eq!(
        atom.headers["content-type"],
        "application/atom+xml; charset=utf-8"
    );
    // Before its first issue a digest's feed is the same at each request, too.
    sqlx::raw_sql(
        "INSERT INTO subscriptions SELECT (jsonb_populate_record(s, '{\"id\": 77, \"slug\": \"young\"}')).*
           FROM subscriptions s WHERE slug = 'morning'",
    )
    .execute(&desk.db)
    .await
    .unwrap();
    let young = site.get("/digests/young/feed.atom").await;
    desk.clock.advance(Duration::from_secs(1));
    let later = site.get("/digests/young/feed.atom").await;
    assert_eq!((young.status, &young.body), (200, &later.body));
    for file in ["feed.atom", "feed.json", "table.csv"] {
        let whole = site.get(&format!("/digests/morning/{file}")).await;
        assert_eq!(whole.header("link"), "", "{file}: one edition is all");
    }
    let preview = site.get("/digests/morning/preview").await;
    assert!(preview.body.contains("Not told yet") && !preview.body.contains("yonhap-1"));
    assert_eq!(
        count(&desk.db, "edition_members").await,
        1,
        "a look settles nothing"
    );
    for (path, status) in [
        ("/digests/morning/2026-11-24-0800", 404),
        ("/digests/morning/nonsense", 404),
        ("/digests/none/preview", 404),
        ("/digests", 200),
        ("/digests/morning", 200),
        ("/digests/morning/edit", 200),
        ("/digests/new", 200),
    ] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
    // A test goes to one recipient, and settles nothing either.
    let answer = site.post("/digests/morning/recipients/1/test").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    desk.work().await;
    let taken = desk.smtp.taken();
    assert_eq!(taken.len(), 3);
    let test = Mail::read(&taken[2].bytes);
    assert_eq!(test.words("subject"), "[Test] Morning: 1 new — Tue 24 Nov");
    assert!(test.text.contains("Not told yet"));
    assert_eq!(count(&desk.db, "edition_members").await, 1);
    // An issue at once, through the API.
    let answer = site.post("/api/v1/digests/1/run").await;
    assert_eq!(answer.status, 202);
    desk.work().await;
    let answer = site.get("/api/v1/digests/1").await;
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["editions"][0]["issue"], "2026-11-24-0700-1", "{body}");
    assert_eq!(body["editions"][0]["sent"], 2);
    site.stop().await;
}

async fn add_webhook(desk: &Desk, slug: &str, form: WebhookForm, url: &str) {
    let new = NewRecipient {
        channel: Channel::Webhook,
        form,
        address: url,
        user: None,
    };
    let added = recipients::add(&desk.db, slug, new, "test", desk.now()).await;
    assert!(added.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_tried_again_as_it_is_and_kept_off_forbidden_addresses() {
    let desk = Desk::open(&["iran"], NOW).await;
    let mut wanted = daily("Europe/Berlin", &["07:00"], &["iran"]);
    wanted.kind = Kind::Alert;
    desk.subscribe("alert", &wanted).await;
    let receiver = Receiver::start().await;
    add_webhook(&desk, "alert", WebhookForm::Json, &receiver.url).await;
    add_webhook(
        &desk,
        "alert",
        WebhookForm::Json,
        "http://169.254.169.254/latest/meta-data",
    )
    .await;
    let mut refusals = vec![503, 500];
    receiver.answer(move || refusals.pop().unwrap_or(200));
    desk.publish(&Report::new(
        "yonhap-1",
        "Tehran sends engineers",
        &["iran"],
    ))
    .await;
    desk.work().await;
    for _ in 0..4 {
        desk.clock.advance(Duration::from_mins(2));
        desk.work().await;
    }
    let got = receiver.got();
    assert_eq!(got.len(), 3, "twice refused, then taken");
    let secret: Vec<u8> = sqlx::query_scalar("SELECT secret FROM recipients WHERE address = $1")
        .bind(&receiver.url)
        .fetch_one(&desk.db)
        .await
        .unwrap();
    for (headers, body) in &got {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(body, &got[0].1, "the same body each time");
        assert_eq!(headers["webhook-id"], got[0].0["webhook-id"]);
        let timestamp = header("webhook-timestamp").parse().unwrap();
        let expected = webhook::signature(&secret, &header("webhook-id"), timestamp, body);
        assert_eq!(header("webhook-signature"), expected);
        assert!(body.contains("https://news.example/yonhap-1"));
    }
    let blocked = "deliveries d JOIN recipients r ON r.id = d.recipient_id
                    WHERE r.address LIKE '%169.254%' AND d.state = 'dead' AND d.detail LIKE '%may not be asked%'";
    assert_eq!(count(&desk.db, blocked).await, 1);
    let log = "delivery_attempts a JOIN deliveries d ON d.id = a.delivery_id
                JOIN recipients r ON r.id = d.recipient_id WHERE r.address LIKE '%/hook'";
    assert_eq!(count(&desk.db, log).await, 3, "every attempt is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_speaks_at_once_is_quiet_at_night_and_turns_a_flood_into_a_summary() {
    let desk = Desk::open(&["iran"], "2026-11-24T12:00:00Z").await;
    let mut wanted = daily("UTC", &["07:00"], &["iran"]);
    wanted.kind = Kind::Alert;
    wanted.pace.cap = 2;
    wanted.pace.quiet = Some(("23:00".parse().unwrap(), "07:00".parse().unwrap()));
    desk.subscribe("alert", &wanted).await;
    let mut number = 0;
    let mut publish = async || {
        number += 1;
        let name = format!("outlet{number}-{number}");
        desk.publish(&Report::new(&name, &headline(), &["iran"]))
            .await;
        desk.work().await;
    };
    for expected in [1, 2, 2, 2] {
        publish().await;
        assert_eq!(desk.smtp.taken().len(), expected);
        desk.clock.advance(Duration::from_secs(61));
    }
    desk.work_at("2026-11-24T13:05:00Z").await;
    let taken = desk.smtp.taken();
    assert_eq!(
        taken.len(),
        3,
        "the hour is over: the two that waited in one"
    );
    assert!(
        Mail::read(&taken[2].bytes)
            .words("subject")
            .starts_with("Morning: 2 new")
    );
    desk.work_at("2026-11-24T23:30:00Z").await;
    publish().await;
    publish().await;
    assert_eq!(desk.smtp.taken().len(), 3, "quiet");
    desk.work_at("2026-11-25T07:00:00Z").await;
    let taken = desk.smtp.taken();
    assert_eq!(taken.len(), 4, "one summary in the morning");
    assert!(
        Mail::read(&taken[3].bytes)
            .words("subject")
            .starts_with("Morning: 2 new")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_feed_trouble_tells_how_feeds_stand_and_settles_nothing() {
    let desk = Desk::open(&["iran"], NOW).await;
    let mut wanted = daily("UTC", &["07:00"], &[]);
    wanted.kind = Kind::Trouble;
    desk.subscribe("feeds", &wanted).await;
    let site = Site::start(&desk.db, desk.clock.clone()).await;
    let page = site.get("/digests/feeds").await;
    assert!(page.body.contains("/digests/feeds/recipients/1/test"));
    let answer = site.post("/digests/feeds/recipients/1/test").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    desk.work().await;
    insert_incident(&desk).await;
    site.post("/digests/feeds/recipients/1/test").await;
    desk.work().await;
    let mails = desk.mails();
    let subjects: Vec<_> = mails.iter().map(|mail| mail.words("subject")).collect();
    assert_eq!(
        subjects,
        [
            "[Test] Feeds: none in trouble",
            "[Test] Feeds: 1 in trouble"
        ]
    );
    assert!(mails[1].text.contains("Tasnim"), "{}", mails[1].text);
    assert_eq!(count(&desk.db, "told_incidents").await, 0);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_refused_is_shown_with_the_reason_and_taken_back_by_hand() {
    let desk = told().await;
    desk.smtp.set(|recipient| match recipient {
        "second@readers.example" => Mood::AtRecipient("550 5.1.1 <b>no such user</b>"),
        _ => Mood::Take,
    });
    desk.publish(&Report::new("yonhap-2", "Second", &["iran"]))
        .await;
    desk.work_at("2026-11-25T06:00:00Z").await;
    let site = Site::start(&desk.db, desk.clock.clone()).await;
    let page = site.get("/digests/morning").await;
    assert!(
        page.body.contains("no such user") && !page.body.contains("<b>no such"),
        "{}",
        page.body
    );
    let told = site.get("/api/v1/digests/1").await.json();
    assert_eq!(told["recipients"][1]["is_suppressed"], true, "{told}");
    desk.smtp.set(|_| Mood::Take);
    let answer = site.post("/digests/morning/recipients/2/return").await;
    assert_eq!(answer.status, 303);
    let taken_back = "audit WHERE action = 'resubscribe' AND subject_kind = 'recipient'";
    assert_eq!(count(&desk.db, taken_back).await, 1);
    let page = site.get("/digests/morning").await;
    assert!(!page.body.contains("no such user"), "{}", page.body);
    desk.publish(&Report::new("yonhap-3", "Third", &["iran"]))
        .await;
    desk.work_at("2026-11-26T06:00:00Z").await;
    let last = desk.smtp.taken();
    let reached = last
        .iter()
        .filter(|letter| letter.recipient.starts_with("second@"));
    assert_eq!(reached.count(), 2, "the first day and the third");
    site.stop().await;
}

/// A feed that has not answered since five to three.
async fn insert_incident(desk: &Desk) {
    sqlx::query(
        "WITH source AS (INSERT INTO sources (slug, name, domain, tier, created_at)
                         VALUES ('tasnim', 'Tasnim', 'x.example', 'state', now()) RETURNING id),
              feed AS (INSERT INTO feeds (source_id, url, host, created_at, next_poll_at)
                       SELECT id, 'https://x.example/feed', 'x.example', now(), now() FROM source RETURNING id)
         INSERT INTO incidents (feed_id, topic, kind, detail, opened_at, found_at)
         SELECT id, 'outage', 'unreachable', 'no answer', '2026-11-24T02:55:00Z', '2026-11-24T02:55:00Z' FROM feed",
    )
    .execute(&desk.db)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_trouble_is_told_once_and_its_end_too() {
    let desk = Desk::open(&["iran"], NOW).await;
    let mut wanted = daily("UTC", &["07:00"], &[]);
    wanted.kind = Kind::Trouble;
    wanted.name = "Feeds".to_owned();
    desk.subscribe("feeds", &wanted).await;
    insert_incident(&desk).await;
    desk.work().await;
    assert_eq!(desk.smtp.taken().len(), 0, "it may be over in a moment");
    desk.work_at("2026-11-24T03:06:00Z").await;
    desk.work_at("2026-11-24T03:16:00Z").await;
    let taken = desk.smtp.taken();
    assert_eq!(taken.len(), 1);
    let mail = Mail::read(&taken[0].bytes);
    assert_eq!(mail.words("subject"), "Feeds: 1 in trouble");
    assert!(
        mail.text.contains("Tasnim") && mail.text.contains("https://desk.example/feeds/1"),
        "{}",
        mail.text
    );
    sqlx::query("UPDATE incidents SET closed_at = '2026-11-24T04:00:00Z'")
        .execute(&desk.db)
        .await
        .unwrap();
    desk.work_at("2026-11-24T04:10:00Z").await;
    desk.work_at("2026-11-24T04:20:00Z").await;
    let taken = desk.smtp.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(
        Mail::read(&taken[1].bytes).words("subject"),
        "Feeds: 1 read again"
    );
}
