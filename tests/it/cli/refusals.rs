//! Commands that do not run, and what they say about it.

use super::{file, run, run_on, told};
use crate::{binary::wirewatch, database};

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_error_is_exit_code_two_and_help_is_none() {
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["doctor", "--bogus"],
        &["query", "check"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--role", "king"],
    ] {
        let refused = run(arguments).await;
        assert_eq!(
            (refused.code, refused.out.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert!(
            refused.err.contains("--help"),
            "{arguments:?}: {}",
            refused.err
        );
    }
    let help = run(&["--help"]).await;
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("Usage: wirewatch"));
    assert_eq!(run(&["--version"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_setting_is_refused_with_the_nearest_one() {
    let mut command = wirewatch(&["beat", "check", "x"]);
    command.env("WIREWATCH_POLL__CONCURENCY", "3");
    let refused = told(command).await;
    assert_eq!(refused.code, 3);
    assert!(
        refused.err.contains("did you mean poll.concurrency?"),
        "{}",
        refused.err
    );

    let folder = tempfile::tempdir().unwrap();
    let settings = file(&folder, "settings.toml", "[fetch]\ntimeouts = \"3s\"\n");
    let refused = run(&["beat", "check", "x", "--config", &settings]).await;
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("settings.toml"), "{}", refused.err);
    assert!(
        refused.err.contains("did you mean fetch.timeout?"),
        "{}",
        refused.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_a_command_says_why_and_what_to_do() {
    let (good, _) = database::fresh().await;
    let mut gone = url::Url::parse(&good).unwrap();
    gone.set_path("nothing_of_this_name");
    for (address, says) in [
        ("nonsense", "no PostgreSQL URL (postgres://user@host/name)"),
        (gone.as_str(), "\"nothing_of_this_name\" does not exist"),
        // The service waits a while for a database that may be starting.
        (
            "postgres://nobody:secret@127.0.0.1:1/x",
            "Connection refused",
        ),
    ] {
        let refused = run_on(address, "".as_ref(), &["db", "migrate"]).await;
        assert_eq!((refused.code, refused.out.as_str()), (3, ""), "{address}");
        assert!(refused.err.contains(says), "{address}: {}", refused.err);
        assert!(
            refused.err.contains("check DATABASE_URL"),
            "{}",
            refused.err
        );
        assert!(!refused.err.contains("secret"), "{}", refused.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_or_a_port_that_is_taken_is_named() {
    for arguments in [
        &["parse", "/nonexistent.xml"][..],
        &["beat", "check", "/nonexistent.xml"],
        &["query", "match", "iran", "/nonexistent.xml"],
    ] {
        let refused = run(arguments).await;
        assert_eq!(refused.code, 3, "{arguments:?}");
        assert!(
            refused.err.contains("cannot read /nonexistent.xml"),
            "{}",
            refused.err
        );
    }
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = run(&["serve", "--listen", &address]).await;
    assert_eq!(refused.code, 3);
    assert!(
        refused.err.contains(&format!("cannot listen on {address}")),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("--listen"), "{}", refused.err);
}
