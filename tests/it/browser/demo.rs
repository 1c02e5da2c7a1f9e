//! The demo, from the command to the first new line.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    time::Instant,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use super::{Browser, number};
use crate::{
    binary::{end, wirewatch},
    site::PATIENCE,
};

/// The running demo, which ends with this value if it was not stopped before.
struct Demo(Option<Child>);

impl Demo {
    /// Starts it; returns it with the address of its pages.
    async fn start() -> (Self, String) {
        let mut child = wirewatch(&["demo", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let demo = Self(Some(child));
        let address = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(stderr).lines().map(Result::unwrap);
            let address = lines
                .find_map(|line| {
                    let (_, rest) = line.split_once("wirewatch demo: open ")?;
                    Some(rest.split(' ').next()?.to_owned())
                })
                .expect("the demo says where it is");
            // Keep reading, or the demo would block on a full pipe.
            std::thread::spawn(move || lines.for_each(drop));
            address
        });
        let address = tokio::time::timeout(PATIENCE, address)
            .await
            .expect("the demo begins");
        (demo, address.unwrap())
    }

    async fn stop(mut self) {
        let child = self.0.take().unwrap();
        let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
        kill(process, Signal::SIGTERM).unwrap();
        assert!(end(child).await.success(), "the demo ends in good order");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_fills_its_board_and_goes_on_by_itself() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let begun = Instant::now();
    let (demo, address) = Demo::start().await;
    let started = begun.elapsed();
    browser.goto(&address).await;
    browser.run("window.isTheSamePage = true").await;
    let has_lines = "return document.querySelector('.line .headline mark') !== null";
    browser.until(has_lines, &json!(true)).await;
    eprintln!(
        "the demo was there after {started:?}, its first lines after {:?}",
        begun.elapsed()
    );

    // A report that was written later, and not one of the history that may still come in. Counts tell nothing: they fall
    // when reports turn out to be of one story.
    let soon = number(&browser.run("return Date.now()").await) + 10_000.0;
    let goes_on = format!(
        "for (const button of document.querySelectorAll('.let-in:not([hidden])')) button.click();
         return [...document.querySelectorAll('.line')].some((line) => Number(line.dataset.sort) > {soon} * 1000)"
    );
    browser.until(&goes_on, &json!(true)).await;
    browser
        .until("return window.isTheSamePage", &json!(true))
        .await;
    // One click signs in as any role.
    browser.click(".who a").await;
    browser.click("button[value=editor]").await;
    browser.until_text(".who bdi", "editor").await;
    browser.end().await;
    demo.stop().await;
}
