//! Letters as they come out of the wire, and mail servers of every mood.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use wirewatch::{
    domain::{
        StoryId,
        desk::{PassReason, Wish},
    },
    store::{self, deliveries, desk::Changed},
};

use super::{
    desk::{BASE, Desk, Mortal, PATIENCE, Report, SHORT_MAIL_TIMEOUT, daily, headline},
    mime::{Mail, links},
    smtp::{Mood, SmtpServer, Taken},
};
use crate::{
    binary::{end, wirewatch},
    worker::count,
};

const NOW: &str = "2026-11-24T03:00:00Z";
/// 07:00 in Berlin.
const MORNING: &str = "2026-11-24T06:00:00Z";

async fn desk() -> Desk {
    with_a_subscription(Desk::open(&["iran"], NOW).await).await
}

/// One beside a mail server that is slow or hangs.
async fn hurried_desk() -> Desk {
    with_a_subscription(Desk::with(&["iran"], NOW, SHORT_MAIL_TIMEOUT).await).await
}

async fn with_a_subscription(desk: Desk) -> Desk {
    desk.subscribe("morning", &daily("Europe/Berlin", &["07:00"], &["iran"]))
        .await;
    desk
}

/// Delivers as time goes by, until nothing waits.
async fn empty_the_outbox(desk: &Desk) {
    while deliveries::next_at(&desk.db).await.unwrap().is_some() {
        desk.work().await;
        desk.clock.advance(Duration::from_mins(10));
    }
}

/// The letters by Message-ID; what came twice under one is the same to the byte.
fn by_id(taken: &[Taken]) -> BTreeMap<String, Mail> {
    let mut bytes: BTreeMap<String, &[u8]> = BTreeMap::new();
    let mut mails = BTreeMap::new();
    for letter in taken {
        let mail = Mail::read(&letter.bytes);
        let id = mail.one("message-id");
        let first = bytes.entry(id.clone()).or_insert(&letter.bytes);
        assert_eq!(*first, letter.bytes, "a repeat is the same letter");
        mails.insert(id, mail);
    }
    mails
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_any_mood_loses_nothing_and_gets_the_same_letter_again() {
    for (mood, copies) in [
        (Mood::Down, 1),
        (Mood::AtRecipient("450 4.2.0 greylisted, come back"), 1),
        (Mood::AtRecipient("421 4.3.2 shutting down"), 1),
        (Mood::AtData("452 4.3.1 no room"), 1),
        (Mood::AtData("535 5.7.8 who are you"), 1),
        (Mood::CutInData(1), 1),
        (Mood::CutInData(20), 1),
        // It has the letter and could not say so: the same one comes again.
        (Mood::TakeAndCut, 2),
        (Mood::ResetInData(5), 1),
        (Mood::Slow(SHORT_MAIL_TIMEOUT * 2), 1),
    ] {
        let desk = match mood {
            Mood::Slow(_) => hurried_desk().await,
            _ => desk().await,
        };
        let title = "Tehran sends engineers to Pyongyang";
        desk.publish(&Report::new("yonhap-1", title, &["iran"]))
            .await;
        let troubles = Arc::new(AtomicUsize::new(0));
        let (counted, moody) = (Arc::clone(&troubles), mood.clone());
        desk.smtp.set(move |recipient| {
            // A greeting is answered in a mood that shows there.
            let shows = recipient.is_empty() == matches!(moody, Mood::Down | Mood::Slow(_));
            if shows && counted.fetch_add(1, Ordering::SeqCst) == 0 {
                moody.clone()
            } else {
                Mood::Take
            }
        });
        desk.work_at(MORNING).await;
        assert_eq!(
            count(
                &desk.db,
                "deliveries WHERE state = 'waiting' AND detail <> ''"
            )
            .await,
            1,
            "{mood:?}: it waits, and says why"
        );
        empty_the_outbox(&desk).await;
        let taken = desk.smtp.taken();
        assert_eq!(taken.len(), copies, "{mood:?}");
        assert!(taken.last().unwrap().was_told, "{mood:?}");
        let mails = by_id(&taken);
        assert_eq!(mails.len(), 1, "{mood:?}");
        assert!(mails.values().all(|mail| mail.text.contains(title)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_any_more_is_hung_up_on_and_the_letter_goes_later() {
    for at_greeting in [true, false] {
        let desk = hurried_desk().await;
        desk.publish(&Report::new("yonhap-1", "First", &["iran"]))
            .await;
        let hung = Arc::new(AtomicUsize::new(0));
        desk.smtp.set(move |recipient| {
            let is_here = recipient.is_empty() == at_greeting;
            if is_here && hung.fetch_add(1, Ordering::SeqCst) == 0 {
                Mood::Hang
            } else {
                Mood::Take
            }
        });
        desk.work_at(MORNING).await;
        wait_until("the session ends", async || desk.smtp.given_up() == 1).await;
        assert_eq!(desk.smtp.taken().len(), 0);
        empty_the_outbox(&desk).await;
        assert_eq!(desk.smtp.taken().len(), 1);
        assert_eq!(count(&desk.db, "editions").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greylisting_server_is_asked_again_with_growing_waits_until_it_takes_the_letter() {
    let desk = desk().await;
    desk.publish(&Report::new("yonhap-1", "First", &["iran"]))
        .await;
    let asked = Arc::new(AtomicUsize::new(0));
    desk.smtp.set(move |recipient| {
        if !recipient.is_empty() && asked.fetch_add(1, Ordering::SeqCst) < 3 {
            Mood::AtRecipient("450 4.2.0 greylisted")
        } else {
            Mood::Take
        }
    });
    desk.work_at(MORNING).await;
    let mut waits = Vec::new();
    while let Some(next) = deliveries::next_at(&desk.db).await.unwrap() {
        let wait = next.since(desk.now());
        waits.push(wait.as_secs() / 60);
        desk.clock.advance(wait);
        desk.work().await;
    }
    assert_eq!(waits, [1, 2, 5], "minutes");
    let taken = desk.smtp.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(by_id(&taken).len(), 1);
    assert_eq!(count(&desk.db, "delivery_attempts").await, 4, "in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_that_is_refused_for_good_gets_nothing_more_and_the_others_do() {
    let desk = desk().await;
    desk.add_reader("morning", "gone@readers.example").await;
    desk.add_reader("morning", "third@readers.example").await;
    desk.publish(&Report::new("yonhap-1", "First", &["iran"]))
        .await;
    desk.smtp.set(|recipient| {
        if recipient.starts_with("gone@") {
            Mood::AtRecipient("550 5.1.1 no such user")
        } else {
            Mood::Take
        }
    });
    desk.work_at(MORNING).await;
    desk.publish(&Report::new("yonhap-2", "Second", &["iran"]))
        .await;
    desk.work_at("2026-11-25T06:00:00Z").await;
    let mut reached: Vec<_> = desk
        .smtp
        .taken()
        .into_iter()
        .map(|letter| letter.recipient)
        .collect();
    reached.sort();
    assert_eq!(
        reached,
        [
            "morning@readers.example",
            "morning@readers.example",
            "third@readers.example",
            "third@readers.example"
        ]
    );
    let refused =
        "recipients WHERE suppressed_at IS NOT NULL AND suppressed_why LIKE '%no such user%'";
    assert_eq!(count(&desk.db, refused).await, 1);
    assert_eq!(
        count(&desk.db, "deliveries WHERE state = 'refused'").await,
        1
    );
    let asked = desk.smtp.commands().into_iter();
    assert_eq!(asked.filter(|line| line.contains("gone@")).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_refused_is_kept_for_an_admin_and_blocks_nothing() {
    let desk = desk().await;
    desk.add_reader("morning", "picky@readers.example").await;
    desk.publish(&Report::new("yonhap-1", "First", &["iran"]))
        .await;
    desk.smtp.set(|recipient| {
        if recipient.starts_with("picky@") {
            Mood::AtData("554 5.7.1 looks like spam")
        } else {
            Mood::Take
        }
    });
    desk.work_at(MORNING).await;
    empty_the_outbox(&desk).await;
    assert_eq!(count(&desk.db, "deliveries WHERE state = 'dead'").await, 1);
    assert_eq!(desk.smtp.taken().len(), 1);
    assert_eq!(
        count(&desk.db, "recipients WHERE suppressed_at IS NULL").await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_anywhere_while_it_sends_leaves_at_most_one_more_copy_of_the_same_letter()
 {
    let desk = desk().await;
    desk.work_at(MORNING).await;
    let mut deaths = 0;
    for day in 0_u64..60 {
        let name = format!("yonhap-{day}");
        desk.publish(&Report::new(&name, &name, &["iran"])).await;
        desk.clock.advance(Duration::from_hours(24));
        for worker in &desk.workers {
            worker.composer.step().await.unwrap();
        }
        let going = CancellationToken::new();
        let life = Mortal::new(desk.workers[0].deliverer.step(&going), 2 * day);
        deaths += usize::from(life.await.is_none());
        // The lease of the dead ends, and the other worker takes over: once the database has let go of what the dead held.
        while deliveries::next_at(&desk.db).await.unwrap().is_some() {
            desk.clock.advance(Duration::from_mins(6));
            desk.workers[1].deliverer.step(&going).await.unwrap();
        }
    }
    assert!(deaths > 5, "{deaths}");
    let taken = desk.smtp.taken();
    let mut copies: BTreeMap<String, i64> = BTreeMap::new();
    for letter in &taken {
        *copies
            .entry(Mail::read(&letter.bytes).one("message-id"))
            .or_default() += 1;
    }
    // With that of the first morning.
    assert_eq!(by_id(&taken).len(), 61);
    // An answer that a busy machine got too late is one more attempt, and in the log.
    let late: Vec<(String, i64)> = sqlx::query_as(
        "SELECT '<' || message_id || '>', (SELECT count(*) FROM delivery_attempts a
                                            WHERE a.delivery_id = d.id AND a.outcome = 'later')
           FROM deliveries d",
    )
    .fetch_all(&desk.db)
    .await
    .unwrap();
    for (id, late) in late {
        assert!((1..=2 + late).contains(&copies[&id]), "{id}: {copies:?}");
    }
    assert_eq!(count(&desk.db, "deliveries WHERE state = 'sent'").await, 61);
    assert_eq!(count(&desk.db, "deliveries WHERE state <> 'sent'").await, 0);
}

/// A process that ends with the test, however that ends.
struct Service(Option<std::process::Child>);

impl Service {
    async fn kill(mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            end(child).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
        }
    }
}

/// The service that composes and sends.
fn service(url: &str, smtp: &SmtpServer) -> Service {
    let child = wirewatch(&["serve", "--role", "digest"])
        .env("DATABASE_URL", url)
        .env("WIREWATCH_MAIL__SERVER", "127.0.0.1")
        .env("WIREWATCH_MAIL__PORT", smtp.address.port().to_string())
        .env("WIREWATCH_MAIL__SECURITY", "none")
        .env("WIREWATCH_MAIL__FROM", "desk@desk.example")
        .env("WIREWATCH_MAIL__TIMEOUT", "5s")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Service(Some(child))
}

async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_the_server_takes_its_letter_sends_the_same_one_when_it_is_back() {
    let desk = Desk::open(&["iran"], NOW).await;
    let mut wanted = daily("Europe/Berlin", &["07:00"], &["iran"]);
    wanted.schedule.days.clear();
    desk.subscribe("morning", &wanted).await;
    desk.publish(&Report::new("yonhap-1", "First", &["iran"]))
        .await;
    let asked = store::subscriptions::ask_run(&desk.db, "morning", "test", desk.now());
    asked.await.unwrap();
    // The letter is taken, and the server's yes never comes.
    desk.smtp.set(|recipient| {
        if recipient.is_empty() {
            Mood::Take
        } else {
            Mood::Slow(Duration::from_secs(4))
        }
    });
    let first = service(&desk.url, &desk.smtp);
    wait_until("the letter is on its way", async || {
        desk.smtp.commands().iter().any(|line| line == "DATA")
    })
    .await;
    first.kill().await;
    desk.smtp.set(|_| Mood::Take);
    let second = service(&desk.url, &desk.smtp);
    wait_until("the letter is sent", async || {
        count(&desk.db, "deliveries WHERE state = 'sent'").await == 1
    })
    .await;
    second.kill().await;
    let taken = desk.smtp.taken();
    assert!((1..=2).contains(&taken.len()), "{}", taken.len());
    assert_eq!(by_id(&taken).len(), 1);
    assert_eq!(count(&desk.db, "editions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_are_those_of_a_list_that_can_be_left_and_no_others() {
    let desk = desk().await;
    desk.publish(&Report::new("yonhap-1", "First", &["iran"]))
        .await;
    desk.work_at(MORNING).await;
    desk.publish(&Report::new("yonhap-2", "Second", &["iran"]))
        .await;
    desk.work_at("2026-11-25T06:00:00Z").await;
    let mails = desk.mails();
    let [first, second] = mails.as_slice() else {
        panic!("two letters")
    };
    let always = [
        "auto-submitted",
        "content-type",
        "date",
        "from",
        "list-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "message-id",
        "mime-version",
        "subject",
        "to",
    ];
    assert_eq!(first.names(), always);
    let with: BTreeSet<_> = always
        .into_iter()
        .chain(["in-reply-to", "references"])
        .collect();
    assert_eq!(second.names(), with.into_iter().collect::<Vec<_>>());
    assert_eq!(second.one("references"), first.one("message-id"));
    assert_eq!(second.one("in-reply-to"), first.one("message-id"));
    for (name, expected) in [
        ("auto-submitted", "auto-generated"),
        ("date", "Tue, 24 Nov 2026 06:00:00 +0000"),
        ("list-id", "<morning.desk.example>"),
        ("list-unsubscribe-post", "List-Unsubscribe=One-Click"),
        ("mime-version", "1.0"),
        ("to", "morning@readers.example"),
    ] {
        assert_eq!(first.one(name), expected, "{name}");
    }
    let from = first.words("from");
    assert!(
        from.contains("伊朗") && from.ends_with("<desk@desk.example>"),
        "{from}"
    );
    assert!(first.one("message-id").ends_with("@desk.example>"));
    assert_eq!(first.words("subject"), "Morning: 1 new — Tue 24 Nov");
    let leave = first.one("list-unsubscribe");
    assert!(
        leave.starts_with(&format!("<{BASE}/unsubscribe/")),
        "{leave}"
    );
    assert_eq!(
        leave,
        second.one("list-unsubscribe"),
        "one link for one recipient"
    );
    // Both parts lead to the same places, and the mail loads nothing.
    let (text, html): (BTreeSet<_>, BTreeSet<_>) = (
        first.links().into_iter().collect(),
        links(&first.html).into_iter().collect(),
    );
    assert!(text.is_subset(&html), "{text:?} {html:?}");
    assert!(text.contains("https://news.example/yonhap-1"));
    for loads in ["<img", "<link", "<script", "url(", "@import", "src="] {
        assert!(!first.html.contains(loads), "{loads}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_tells_what_the_desk_made_of_each_story() {
    let desk = desk().await;
    for name in ["yonhap-1", "reuters-2", "kcna-3"] {
        desk.publish(&Report::new(name, &headline(), &["iran"]))
            .await;
    }
    let stories: Vec<i64> =
        sqlx::query_scalar("SELECT story_id FROM story_members ORDER BY article_id")
            .fetch_all(&desk.db)
            .await
            .unwrap();
    let piece = "https://ours.example/piece".to_owned();
    let wishes = [
        ("mara", Wish::Claim),
        ("ed", Wish::Use(Some(piece.clone()))),
        ("ed", Wish::Pass(PassReason::Old)),
    ];
    for (story, (who, wish)) in stories.iter().zip(&wishes) {
        let story = [StoryId::new(*story)];
        let held = Duration::from_hours(12);
        let changed =
            store::desk::change(&desk.db, &story, wish, None, who, held, desk.now()).await;
        assert!(matches!(changed.unwrap()[0].1, Changed::Done(_)));
    }
    let first = StoryId::new(stories[0]);
    for text in ["Call the ministry\r\nBcc: x@x.example", "Done"] {
        let noted = store::desk::note(&desk.db, first, text, &[], "mara", desk.now()).await;
        assert!(noted.unwrap().is_some());
    }
    desk.work_at(MORNING).await;
    let mail = Mail::read(&desk.smtp.taken()[0].bytes);
    for words in [
        "claimed by mara",
        "Note by mara: Call the ministry Bcc: x@x.example\n",
        "Note by mara: Done\n",
        "used by ed",
        "Our piece: https://ours.example/piece\n",
        "passed by ed: old",
    ] {
        assert!(mail.text.contains(words), "{words}\n{}", mail.text);
    }
    assert!(mail.html.contains(&format!("href=\"{piece}\"")));
    let body: String = sqlx::query_scalar("SELECT body::text FROM editions")
        .fetch_one(&desk.db)
        .await
        .unwrap();
    assert!(
        body.contains("claimed by mara"),
        "the archive keeps it as it was"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_headlines_of_seven_languages_arrive_as_they_are() {
    let desk = Desk::open(&["iran"], NOW).await;
    let headlines = [
        ("en", "“Front company” in Dubai – sanctioned"),
        ("fa", "ایران و کره‌شمالی: ۱۴ مهندس در پیونگ‌یانگ"),
        ("ko", "북한 대표단, 이란 방문"),
        ("zh", "朝鲜代表团访问德黑兰"),
        ("ja", "北朝鮮の代表団がイランを訪問"),
        ("ar", "وفد كوري شمالي يزور طهران"),
        ("ru", "Делегация КНДР прибыла в Тегеран"),
    ];
    let mut wanted = daily("Europe/Berlin", &["07:00"], &["iran"]);
    wanted.name = headlines.map(|(_, title)| title).join(" / ");
    desk.subscribe("morning", &wanted).await;
    for (number, (language, title)) in headlines.iter().enumerate() {
        let name = format!("outlet{number}-1");
        let report = Report {
            language,
            ..Report::new(&name, title, &["iran"])
        };
        desk.publish(&report).await;
    }
    desk.work_at(MORNING).await;
    let taken = desk.smtp.taken();
    let mail = Mail::read(&taken[0].bytes);
    let subject = mail.words("subject");
    assert!(subject.starts_with(&wanted.name), "{subject}");
    for (language, title) in headlines {
        assert!(mail.text.contains(title), "{title}\n{}", mail.text);
        assert!(mail.html.contains(title), "{title}");
        assert!(mail.html.contains(&format!("lang=\"{language}\"")));
    }
    assert_eq!(
        mail.html.matches("dir=\"rtl\"").count(),
        2,
        "Persian and Arabic"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_titles_and_names_change_no_header_and_hold_up_no_issue() {
    let desk = Desk::open(&["iran"], NOW).await;
    let mut wanted = daily("Europe/Berlin", &["07:00"], &["iran"]);
    wanted.name = "Morning\r\nBcc: a@x.example\r\n\r\nbody \u{202E}=?utf-8?q?x?=".to_owned();
    desk.subscribe("morning", &wanted).await;
    let long = "x".repeat(60_000);
    let hostile = [
        "\r\nBcc: b@x.example",
        "Tehran\n.\r\nMAIL FROM:<evil@x.example>",
        "\u{202E}tfel ot thgir\u{2066}\u{200F}",
        "<script>alert(1)</script><img src=x onerror=alert(1)><!--",
        "=?utf-8?q?=0D=0ABcc:_c@x.example?=",
        ".",
        "..",
        "   ",
        "👨‍👩‍👧‍👦 emoji \u{1F3F4}\u{E0067}\u{E0062}",
        &long,
    ];
    for (number, title) in hostile.iter().enumerate() {
        let (name, title) = (format!("outlet{number}-1"), title.replace('\0', ""));
        let report = Report {
            summary: &title,
            ..Report::new(&name, &title, &["iran"])
        };
        desk.publish(&report).await;
    }
    desk.publish(&Report::new("plain-1", "A plain one", &["iran"]))
        .await;
    for statement in [
        "UPDATE sources SET name = E'Outlet\\r\\nBcc: c@x.example \u{202E}<b>' || slug",
        "UPDATE keywords SET name = E'Iran\\n.\\r\\nMAIL FROM:<d@x.example>\u{2066}<i>'",
    ] {
        sqlx::query(statement).execute(&desk.db).await.unwrap();
    }
    desk.work_at(MORNING).await;
    let taken = desk.smtp.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].recipient, "morning@readers.example");
    let mail = Mail::read(&taken[0].bytes);
    assert_eq!(mail.names().len(), 11, "{:?}", mail.names());
    assert!(
        mail.words("subject")
            .starts_with("Morning Bcc: a@x.example body =?utf-8?q?x?=: 11 new")
    );
    for tag in ["<script", "<img", "<i>", "<b>alert", "<b>outlet"] {
        assert!(!mail.html.contains(tag), "{tag}");
    }
    assert!(
        mail.text.contains("Iran . MAIL FROM:<d@x.example><i> (11)"),
        "{}",
        mail.text
    );
    assert!(
        mail.text.contains("Outlet Bcc: c@x.example <b>"),
        "{}",
        mail.text
    );
    for letter in ['\u{202E}', '\u{2066}', '\u{200F}'] {
        assert!(!mail.text.contains(letter) && !mail.html.contains(letter));
    }
    assert!(mail.text.contains("A plain one"));
    assert!(mail.html.len() < 100_000);
    let told: BTreeSet<_> = mail
        .links()
        .into_iter()
        .filter(|link| link.starts_with("https://news.example/"))
        .collect();
    assert_eq!(told.len(), 11, "every article is in it: {told:?}");
    let spoken = desk.smtp.commands();
    assert!(
        spoken.iter().all(|line| !line.contains("x.example")),
        "{spoken:?}"
    );
}
