//! `wirewatch digest` in the shell.

use serde_json::Value;
use wirewatch::store::subscriptions;

use super::{
    desk::{Desk, Report, daily},
    mime::Mail,
};
use crate::{
    binary::{finish, wirewatch},
    worker::count,
};

struct Shell {
    desk: Desk,
}

impl Shell {
    async fn open() -> Self {
        let desk = Desk::open(&["iran"], "2026-11-24T03:00:00Z").await;
        let mut wanted = daily("Europe/Berlin", &["07:00"], &["iran"]);
        // No issue comes by itself, whatever the time is.
        wanted.schedule.days.clear();
        desk.subscribe("morning", &wanted).await;
        desk.publish(&Report::new(
            "yonhap-1",
            "Tehran sends engineers",
            &["iran"],
        ))
        .await;
        Self { desk }
    }

    /// The exit code, what was printed, and what was said on standard error.
    async fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = wirewatch(&[&["digest"], arguments].concat());
        command
            .env("DATABASE_URL", &self.desk.url)
            .env("WIREWATCH_WEB__PUBLIC_URL", "https://desk.example")
            .env("WIREWATCH_MAIL__SERVER", "127.0.0.1")
            .env(
                "WIREWATCH_MAIL__PORT",
                self.desk.smtp.address.port().to_string(),
            )
            .env("WIREWATCH_MAIL__SECURITY", "none")
            .env("WIREWATCH_MAIL__FROM", "desk@desk.example");
        let output = finish(command).await;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_are_listed_and_previewed_in_the_shell_and_nothing_is_settled() {
    let shell = Shell::open().await;
    let (code, listed, _) = shell.run(&["list"]).await;
    assert_eq!(code, 0);
    assert!(listed.starts_with("morning\tMorning\t"), "{listed}");
    let (_, listed, _) = shell.run(&["list", "--json"]).await;
    let line: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (&line["slug"], &line["kind"]),
        (&"morning".into(), &"digest".into())
    );
    assert_eq!(line["keywords"], serde_json::json!(["iran"]));
    let (code, text, _) = shell.run(&["preview", "morning"]).await;
    assert_eq!(code, 0);
    for told in [
        "* Tehran sends engineers",
        "https://news.example/yonhap-1",
        "https://desk.example/digests/morning/preview",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let (_, html, _) = shell.run(&["preview", "morning", "--html"]).await;
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("Tehran sends engineers"));
    let (_, json, _) = shell.run(&["preview", "morning", "--json"]).await;
    let edition: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(edition["sections"][0]["slug"], "iran", "{edition}");
    assert_eq!(count(&shell.desk.db, "editions").await, 0);
    for command in ["preview", "send"] {
        let (code, out, said) = shell.run(&[command, "none"]).await;
        assert_eq!((code, out.as_str()), (3, ""));
        assert!(said.contains("there is no digest none"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_is_sent_from_the_shell_once_for_each_article() {
    let shell = Shell::open().await;
    let (code, told, said) = shell.run(&["send", "morning"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(told.contains("Morning: 1 new") && told.contains("1 sent, 0 waiting, 0 failed"));
    let (code, told, _) = shell.run(&["send", "morning", "--json"]).await;
    assert_eq!(code, 0);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(
        told["subject"]
            .as_str()
            .unwrap()
            .starts_with("Morning: nothing new")
    );
    let taken = shell.desk.smtp.taken();
    assert_eq!(taken.len(), 2);
    assert!(
        Mail::read(&taken[0].bytes)
            .text
            .contains("Tehran sends engineers")
    );
    let db = &shell.desk.db;
    subscriptions::set_paused(db, "morning", true, "test", shell.desk.now())
        .await
        .unwrap();
    let (code, _, said) = shell.run(&["send", "morning"]).await;
    assert_eq!(code, 3);
    assert!(said.contains("resume it first"), "{said}");
    assert_eq!(count(db, "editions").await, 2);
}
