//! Accounts, from the link that makes the first one to the last admin who cannot go.

use std::time::Duration;

use reqwest::Method;
use wirewatch::{
    auth::Token,
    domain::{Clock as _, Role},
    store::{
        invitations::{self, Maker, Purpose},
        sessions::{self, NewSession},
        users::{self, UserChange},
    },
    web::{WebOptions, links},
};

use super::between;
use crate::{
    database,
    site::{Answer, PASSWORD, Site, ask, random},
    worker::{TestClock, count},
};

async fn closed_site() -> (Site, wirewatch::store::PgPool, std::sync::Arc<TestClock>) {
    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let site = Site::with(&db, clock.clone(), WebOptions::default()).await;
    (site, db, clock)
}

/// The cookie that an answer set, as a browser sends it back.
pub(super) fn cookie_of(answer: &Answer) -> String {
    answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

async fn get_as(site: &Site, path: &str, cookie: &str) -> Answer {
    ask(site
        .bare_request(Method::GET, path)
        .header("cookie", cookie))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_link_makes_one_admin_and_no_second() {
    let (site, db, clock) = closed_site().await;
    let mut paths = Vec::new();
    for _ in 0..2 {
        let token = Token::new(random());
        let link = links::first_admin_link(&db, "http://x", &token, clock.now()).await;
        let link = link.unwrap().expect("nobody administers yet");
        paths.push(link.strip_prefix("http://x").unwrap().to_owned());
    }
    let fields = |name| {
        [
            ("name", name),
            ("full_name", "Mara"),
            ("password", PASSWORD),
        ]
    };
    // Programs that preview a link, and a wrong try, use nothing up.
    for _ in 0..2 {
        let answer = ask(site.bare_request(Method::GET, &paths[0])).await;
        assert_eq!(answer.status, 200);
        assert!(
            answer.body.contains("makes the first account"),
            "{}",
            answer.body
        );
    }
    let weak = [
        ("name", "mara"),
        ("full_name", ""),
        ("password", "password1234"),
    ];
    let answer = ask(site.form(&paths[0], &weak)).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("would be guessed"), "{}", answer.body);

    let fields = (fields("mara"), fields("other"));
    let (one, other) = tokio::join!(
        ask(site.form(&paths[0], &fields.0)),
        ask(site.form(&paths[1], &fields.1))
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410], "two links at once make one admin");
    assert_eq!(count(&db, "users WHERE role = 'admin'").await, 1);
    let cookie = cookie_of(if one.status == 303 { &one } else { &other });
    assert_eq!(get_as(&site, "/admin/users", &cookie).await.status, 200);
    for path in &paths {
        assert_eq!(ask(site.bare_request(Method::GET, path)).await.status, 410);
    }
    let token = Token::new(random());
    let again = links::first_admin_link(&db, "http://x", &token, clock.now());
    assert_eq!(again.await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_makes_an_account_once_and_ends_in_a_week() {
    let (site, db, clock) = closed_site().await;
    let admin = site.account("admin", Role::Admin).await;
    let cookie = site.session_of(admin).await;
    let invite = site.form("/admin/users/invite", &[("role", "editor")]);
    let answer = ask(invite.header("cookie", &cookie)).await;
    let link = between(&answer.body, "<code>", "</code>")[0].to_owned();
    let path = link
        .strip_prefix(site.url("").trim_end_matches('/'))
        .unwrap();

    let taken = [("name", "admin"), ("full_name", ""), ("password", PASSWORD)];
    let answer = ask(site.form(path, &taken)).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("This name is taken"),
        "{}",
        answer.body
    );
    // What the form does not ask for is refused, not taken.
    let more = [("name", "ed"), ("password", PASSWORD), ("role", "admin")];
    assert_eq!(ask(site.form(path, &more)).await.status, 400);
    let mine = [
        ("name", " Ed "),
        ("full_name", "Ed"),
        ("password", PASSWORD),
    ];
    assert_eq!(ask(site.form(path, &mine)).await.status, 303);
    assert_eq!(ask(site.form(path, &mine)).await.status, 410);
    assert_eq!(
        count(&db, "users WHERE name = 'ed' AND role = 'editor'").await,
        1
    );

    let invite = site.form("/admin/users/invite", &[("role", "viewer")]);
    let answer = ask(invite.header("cookie", &cookie)).await;
    let link = between(&answer.body, "<code>", "</code>")[0].to_owned();
    clock.advance(links::INVITED_FOR);
    let path = link
        .strip_prefix(site.url("").trim_end_matches('/'))
        .unwrap();
    assert_eq!(ask(site.bare_request(Method::GET, path)).await.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_signs_in_where_they_wanted_to_and_out_again() {
    let (site, _db, _) = closed_site().await;
    site.account("ed", Role::Editor).await;
    let answer = ask(site.bare_request(Method::GET, "/feeds?x=1")).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/login?next=%2Ffeeds%3Fx%3D1")
    );
    let page = ask(site.bare_request(Method::GET, answer.header("location"))).await;
    assert!(page.body.contains("value=\"/feeds?x=1\""), "{}", page.body);
    let form = [
        ("name", "ED"),
        ("password", PASSWORD),
        ("next", "/feeds?x=1"),
    ];
    let answer = ask(site.form("/login", &form)).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/feeds?x=1")
    );
    let cookie = cookie_of(&answer);
    let page = get_as(&site, "/feeds", &cookie).await;
    assert!(page.body.contains("<bdi>ed</bdi>") && page.body.contains("Sign out"));

    let answer = ask(site.form("/logout", &[]).header("cookie", &cookie)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/login"));
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(get_as(&site, "/feeds", &cookie).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_chooses_zone_and_clock_and_sees_their_browsers_and_keys() {
    let (site, db, _) = closed_site().await;
    let user = site.account("ed", Role::Editor).await;
    let (cookie, other) = (site.session_of(user).await, site.session_of(user).await);
    let preferences = |zone| {
        [
            ("full_name", "Ed <b>"),
            ("time_zone", zone),
            ("clock_format", "12h"),
        ]
    };
    let wrong = site.form("/account/preferences", &preferences("Asia/Nowhere"));
    let answer = ask(wrong.header("cookie", &cookie)).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("no time zone of that name"));
    let right = site.form("/account/preferences", &preferences("asia/seoul"));
    assert_eq!(ask(right.header("cookie", &cookie)).await.status, 303);
    let page = get_as(&site, "/account", &cookie).await.body;
    assert!(
        page.contains("data-zone=\"Asia/Seoul\" data-clock=\"12h\""),
        "{page}"
    );
    assert!(page.contains("PM KST"), "{page}");
    assert!(page.contains("Ed &#60;b&#62;"), "{page}");

    let form = site.form(
        "/account/tokens",
        &[
            ("name", "grafana"),
            ("role", "viewer"),
            ("days", "7"),
            ("current", PASSWORD),
        ],
    );
    let answer = ask(form.header("cookie", &cookie)).await;
    let token = between(&answer.body, "<code>", "</code>")[0].to_owned();
    let with_token = |token: &str| {
        site.bare_request(Method::GET, "/api/v1/feeds")
            .bearer_auth(token.to_owned())
    };
    assert_eq!(ask(with_token(&token)).await.status, 200);
    assert!(
        !get_as(&site, "/account", &cookie)
            .await
            .body
            .contains(&token),
        "it is shown once"
    );
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM api_tokens")
        .fetch_all(&db)
        .await
        .unwrap();
    assert!(hashes.iter().all(|hash| hash.len() == 32));
    for (name, value) in [
        ("role", "admin"),
        ("days", "0"),
        ("days", "9999"),
        ("name", " "),
        ("current", "not the password"),
        ("current", ""),
    ] {
        let mut fields = vec![
            ("name", "x"),
            ("role", "viewer"),
            ("days", "7"),
            ("current", PASSWORD),
        ];
        fields.retain(|(field, _)| *field != name);
        fields.push((name, value));
        let form = site.form("/account/tokens", &fields);
        assert_eq!(
            ask(form.header("cookie", &cookie)).await.status,
            422,
            "{name}={value}"
        );
    }
    let form = site.form("/account/tokens/1/revoke", &[]);
    assert_eq!(ask(form.header("cookie", &cookie)).await.status, 303);
    let answer = ask(with_token(&token)).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );

    let form = site.form("/account/sessions/others/end", &[]);
    assert_eq!(ask(form.header("cookie", &cookie)).await.status, 303);
    assert_eq!(get_as(&site, "/account", &other).await.status, 303);
    assert_eq!(get_as(&site, "/account", &cookie).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_what_belongs_to_somebody_else() {
    let (site, db, _) = closed_site().await;
    let (one, other) = (
        site.account("one", Role::Admin).await,
        site.account("other", Role::Viewer).await,
    );
    let (theirs, mine) = (site.session_of(one).await, site.session_of(other).await);
    let form = site.form(
        "/account/tokens",
        &[
            ("name", "x"),
            ("role", "admin"),
            ("days", "7"),
            ("current", PASSWORD),
        ],
    );
    assert_eq!(ask(form.header("cookie", &theirs)).await.status, 200);
    for path in ["/account/sessions/1/end", "/account/tokens/1/revoke"] {
        let answer = ask(site.form(path, &[]).header("cookie", &mine)).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(count(&db, "sessions").await, 2);
    assert_eq!(count(&db, "api_tokens").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_no_more_than_its_owner_may_now() {
    let (site, db, clock) = closed_site().await;
    site.account("chief", Role::Admin).await;
    let user = site.account("ed", Role::Admin).await;
    let cookie = site.session_of(user).await;
    let form = site.form(
        "/account/tokens",
        &[
            ("name", "x"),
            ("role", "admin"),
            ("days", "7"),
            ("current", PASSWORD),
        ],
    );
    let answer = ask(form.header("cookie", &cookie)).await;
    let token = between(&answer.body, "<code>", "</code>")[0].to_owned();
    let status = async || {
        let request = site.bare_request(Method::GET, "/admin/users");
        ask(request.bearer_auth(token.clone())).await.status
    };
    assert_eq!(status().await, 200);
    let now = clock.now();
    users::set_role(&db, user, Role::Editor, "test", now)
        .await
        .unwrap();
    assert_eq!(status().await, 403);
    users::set_disabled(&db, user, true, "test", now)
        .await
        .unwrap();
    assert_eq!(status().await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_links_of_an_admin_end_with_their_rights() {
    let (site, db, clock) = closed_site().await;
    site.account("chief", Role::Admin).await;
    for is_disabled in [false, true] {
        let name = format!("former{is_disabled}").to_lowercase();
        let admin = site.account(&name, Role::Admin).await;
        let cookie = site.session_of(admin).await;
        let invite = site.form("/admin/users/invite", &[("role", "admin")]);
        let answer = ask(invite.header("cookie", &cookie)).await;
        let link = between(&answer.body, "<code>", "</code>")[0].to_owned();
        let path = link
            .strip_prefix(site.url("").trim_end_matches('/'))
            .unwrap();
        assert_eq!(ask(site.bare_request(Method::GET, path)).await.status, 200);
        let now = clock.now();
        if is_disabled {
            users::set_disabled(&db, admin, true, "test", now).await
        } else {
            users::set_role(&db, admin, Role::Analyst, "test", now).await
        }
        .unwrap();
        assert_eq!(ask(site.bare_request(Method::GET, path)).await.status, 410);
        let mine = [("name", "back"), ("full_name", ""), ("password", PASSWORD)];
        assert_eq!(ask(site.form(path, &mine)).await.status, 410);
    }
    assert_eq!(count(&db, "invitations").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_keys_and_sign_ins_that_knew_the_old_one() {
    let (site, db, clock) = closed_site().await;
    let user = site.account("ed", Role::Editor).await;
    let cookie = site.session_of(user).await;
    let fields = [
        ("name", "x"),
        ("role", "viewer"),
        ("days", "7"),
        ("current", PASSWORD),
    ];
    let form = site.form("/account/tokens", &fields);
    assert_eq!(ask(form.header("cookie", &cookie)).await.status, 200);
    let old = users::credentials(&db, "ed").await.unwrap().unwrap();
    users::set_password(&db, user, "another hash", "test", clock.now())
        .await
        .unwrap();
    assert_eq!(count(&db, "api_tokens").await, 0);
    let begun = async |password_hash: Option<&str>| {
        let token = Token::new(random());
        let hash = token.hash();
        let session = NewSession {
            token_hash: hash.as_bytes(),
            password_hash,
            replaces: None,
            user_agent: "test",
            address: "127.0.0.1",
            lifetime: Duration::from_hours(1),
        };
        sessions::begin(&db, user, session, clock.now())
            .await
            .unwrap()
    };
    assert!(!begun(old.password_hash.as_deref()).await);
    assert!(begun(Some("another hash")).await);
    assert_eq!(count(&db, "sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_are_bad_input_and_no_fault_of_ours() {
    let (site, db, clock) = closed_site().await;
    assert_eq!(site.sign_in("a\0", PASSWORD).await.status, 401);
    let token = Token::new(random());
    let link = links::first_admin_link(&db, "", &token, clock.now()).await;
    let path = link.unwrap().unwrap();
    let fields = [
        ("name", "mara"),
        ("full_name", " Ma\0ra\n"),
        ("password", PASSWORD),
    ];
    let answer = ask(site.form(&path, &fields)).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(count(&db, "users WHERE full_name = 'Mara'").await, 1);
    let answer = get_as(&site, "/keywords/%00", &cookie_of(&answer)).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays_whoever_tries() {
    let (site, db, clock) = closed_site().await;
    let admin = site.account("chief", Role::Admin).await;
    let cookie = site.session_of(admin).await;
    for (path, fields) in [("role", &[("role", "viewer")][..]), ("disable", &[][..])] {
        let form = site.form(&format!("/admin/users/{admin}/{path}"), fields);
        let answer = ask(form.header("cookie", &cookie)).await;
        assert_eq!(answer.status, 409, "{path}");
    }
    // An account that cannot sign in does not administer.
    let now = clock.now();
    let invited = users::add(
        &db,
        &"later".parse().unwrap(),
        "",
        Role::Admin,
        None,
        "test",
        now,
    )
    .await;
    invited.unwrap().unwrap();
    let change = users::set_role(&db, admin, Role::Viewer, "shell", now)
        .await
        .unwrap();
    assert_eq!(change, UserChange::LastAdmin);
    let change = users::set_disabled(&db, admin, true, "shell", now)
        .await
        .unwrap();
    assert_eq!(change, UserChange::LastAdmin);
    assert_eq!(get_as(&site, "/admin/users", &cookie).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_take_each_others_rights_at_once_one_stays() {
    let (site, db, clock) = closed_site().await;
    let mut pair = [
        site.account("one", Role::Admin).await,
        site.account("two", Role::Admin).await,
    ];
    let now = clock.now();
    for round in 0..20 {
        let change = |id, by: &'static str| {
            let db = db.clone();
            async move {
                if round % 2 == 0 {
                    users::set_role(&db, id, Role::Viewer, by, now)
                        .await
                        .unwrap()
                } else {
                    users::set_disabled(&db, id, true, by, now).await.unwrap()
                }
            }
        };
        let (one, two) = tokio::join!(change(pair[0], "two"), change(pair[1], "one"));
        assert_ne!(one, two, "one is done, the other was the last");
        let admins = "users WHERE role = 'admin' AND disabled_at IS NULL";
        assert_eq!(count(&db, admins).await, 1);
        for id in pair {
            users::set_role(&db, id, Role::Admin, "test", now)
                .await
                .unwrap();
            users::set_disabled(&db, id, false, "test", now)
                .await
                .unwrap();
        }
        pair.reverse();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_to_an_account_is_in_the_audit_and_no_secret_is() {
    let (site, db, clock) = closed_site().await;
    let admin = site.account("chief", Role::Admin).await;
    site.session_of(admin).await;
    let cookie = site.session_of(admin).await;
    let user = site.account("ed", Role::Viewer).await;
    for (path, fields) in [
        (
            format!("/admin/users/{user}/role"),
            &[("role", "analyst")][..],
        ),
        (format!("/admin/users/{user}/disable"), &[]),
        (format!("/admin/users/{user}/enable"), &[]),
        (format!("/admin/users/{user}/link"), &[]),
        ("/admin/users/invite".to_owned(), &[("role", "viewer")]),
        (
            "/account/tokens".to_owned(),
            &[
                ("name", "x"),
                ("role", "viewer"),
                ("days", "1"),
                ("current", PASSWORD),
            ],
        ),
        ("/account/tokens/1/revoke".to_owned(), &[]),
        (
            "/account/preferences".to_owned(),
            &[
                ("full_name", "The Chief"),
                ("time_zone", "Asia/Seoul"),
                ("clock_format", "12h"),
            ],
        ),
        ("/account/sessions/others/end".to_owned(), &[]),
        ("/logout".to_owned(), &[]),
    ] {
        let answer = ask(site.form(&path, fields).header("cookie", &cookie)).await;
        assert!(answer.status < 400, "{path}: {}", answer.status);
    }
    let token = Token::new(random());
    let hash = token.hash();
    invitations::add(
        &db,
        hash.as_bytes(),
        &Purpose::Password(user),
        links::PASSWORD_LINK_FOR,
        Maker {
            actor: "chief",
            user: Some(admin),
        },
        clock.now(),
    )
    .await
    .unwrap();
    let path = format!("/welcome/{}", token.reveal());
    let answer = ask(site.form(&path, &[("password", "another ferry oblique gravel")])).await;
    assert_eq!(answer.status, 303);
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT actor, action, subject_kind FROM audit WHERE actor <> 'test' ORDER BY id",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|(actor, action, kind)| format!("{actor} {action} {kind}"))
        .collect();
    assert_eq!(
        told,
        [
            "chief begin session",
            "chief begin session",
            "chief change user",
            "chief disable user",
            "chief enable user",
            "chief add invitation",
            "chief add invitation",
            "chief add token",
            "chief remove token",
            "chief change user",
            "chief end session",
            "chief end session",
            "chief add invitation",
            "ed password user",
            "user 2 use invitation",
            "ed begin session",
        ]
    );
    let all: Vec<String> = sqlx::query_scalar("SELECT concat(subject, before, after) FROM audit")
        .fetch_all(&db)
        .await
        .unwrap();
    assert!(
        all.iter()
            .all(|text| !text.contains("argon2") && !text.contains(token.reveal()))
    );
}
