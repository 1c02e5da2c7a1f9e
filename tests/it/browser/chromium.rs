//! A Chromium of a test's own: started, driven, and ended whatever happens.

use std::{
    env,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::http::Method;
use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource as _, KeyAction, KeyActions},
    error::{CmdError, NewSessionError},
    wd::WebDriverCompatibleCommand,
};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use url::{ParseError, Url};

use crate::site::PATIENCE;

/// One browser at a time: two on a small machine are slower than one after the other.
static TURN: Mutex<()> = Mutex::const_new(());

/// Until a browser is there, on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(25);

/// What keeps Chromium quiet, and alive as root.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// A browser with a profile of its own.
pub(super) struct Browser {
    client: Client,
    _driver: Driver,
    _profile: tempfile::TempDir,
    /// None for a second browser of one test.
    _turn: Option<MutexGuard<'static, ()>>,
}

/// The driver with everything it starts: a process group that ends with this value.
struct Driver(Child);

impl Driver {
    /// Starts one; returns it with its port.
    fn start(chromedriver: &Path) -> (Self, u16) {
        let port = free_port();
        let driver = Command::new(chromedriver)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        (Self(driver), port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        // It may have ended by itself.
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// A command beyond the standard of web drivers.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = wirewatch::config::search_path();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
fn is_required() -> bool {
    env::var_os("BROWSER_TESTS").is_some_and(|value| value == "required")
}

impl Browser {
    /// Starts one; none, with words about it, where there is none to start.
    #[expect(clippy::print_stderr, reason = "the tester is to know")]
    pub(super) async fn start() -> Option<Self> {
        let programs = program(&["chromium", "chromium-browser", "google-chrome"])
            .zip(program(&["chromedriver"]));
        let Some((chromium, chromedriver)) = programs else {
            assert!(!is_required(), "Chromium and chromedriver are required");
            eprintln!("skipped: this test needs Chromium and chromedriver");
            return None;
        };
        let turn = TURN.lock().await;
        Some(Self::of(&chromium, &chromedriver, Some(turn)).await)
    }

    /// A second browser of the same test: another person.
    pub(super) async fn beside(&self) -> Self {
        let programs = program(&["chromium", "chromium-browser", "google-chrome"])
            .zip(program(&["chromedriver"]));
        let (chromium, chromedriver) = programs.unwrap();
        Self::of(&chromium, &chromedriver, None).await
    }

    async fn of(
        chromium: &Path,
        chromedriver: &Path,
        turn: Option<MutexGuard<'static, ()>>,
    ) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let (driver, client) = open_session(chromedriver, &capabilities).await;
        let browser = Self {
            client,
            _driver: driver,
            _profile: profile,
            _turn: turn,
        };
        browser.widen(1280).await;
        browser
    }

    /// Opens an address.
    pub(super) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Runs a script in the page.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Runs a script in the page that says itself when it is done: by a call of its last argument.
    pub(super) async fn run_until_done(&self, script: &str) -> Value {
        self.client.execute_async(script, Vec::new()).await.unwrap()
    }

    /// Asks a script until it gives the value. While a page changes there may be none to ask.
    pub(super) async fn until(&self, script: &str, expected: &Value) {
        let mut last: Result<Value, CmdError> = Ok(Value::Null);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            last = self.client.execute(script, Vec::new()).await;
            if last.as_ref().is_ok_and(|value| value == expected) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{script} gave {last:?}, not {expected}");
    }

    /// Presses a key wherever the focus is.
    pub(super) async fn press(&self, key: &str) {
        let value = key.chars().next().unwrap();
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Presses keys one after the other wherever the focus is.
    pub(super) async fn type_keys(&self, keys: &str) {
        let actions =
            keys.chars()
                .fold(KeyActions::new("keyboard".to_owned()), |actions, value| {
                    actions
                        .then(KeyAction::Down { value })
                        .then(KeyAction::Up { value })
                });
        self.client.perform_actions(actions).await.unwrap();
    }

    /// Presses a key while another one is held.
    pub(super) async fn press_with(&self, held: char, value: char) {
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: held })
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value })
            .then(KeyAction::Up { value: held });
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Clicks the first element that a CSS selector names.
    pub(super) async fn click(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.click().await.unwrap();
    }

    /// Types into a field, as fingers do.
    pub(super) async fn type_into(&self, selector: &str, text: &str) {
        let field = self.client.find(Locator::Css(selector)).await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Signs in on the page that asks for it.
    pub(super) async fn sign_in(&self, name: &str, password: &str) {
        self.type_into("#name", name).await;
        self.type_into("#password", password).await;
        self.click(".fields button").await;
    }

    /// The text of the first element that a CSS selector names, as shown.
    pub(super) async fn text(&self, selector: &str) -> Result<String, CmdError> {
        self.client.find(Locator::Css(selector)).await?.text().await
    }

    /// Reads an element until it says `expected`. This needs no scripts; while a page changes there may be no element.
    pub(super) async fn until_text(&self, selector: &str, expected: &str) {
        let mut last = self.text(selector).await;
        let begun = Instant::now();
        while !last.as_ref().is_ok_and(|text| text.contains(expected)) {
            assert!(
                begun.elapsed() < PATIENCE,
                "{selector} says {last:?}, not {expected}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
            last = self.text(selector).await;
        }
    }

    /// Keeps a picture of the page in the folder that `WIREWATCH_SHOTS` names, if it names one.
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
    pub(super) async fn shot(&self, name: &str) {
        if let Some(folder) = env::var_os("WIREWATCH_SHOTS") {
            let picture = self.client.screenshot().await.unwrap();
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }

    /// Makes the window this many pixels wide.
    pub(super) async fn widen(&self, width: u32) {
        let screen =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", screen)
            .await;
    }

    /// Lets the reader prefer `dark` or `light`.
    pub(super) async fn prefer(&self, scheme: &str) {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Pages opened from now on run no scripts of their own.
    pub(super) async fn switch_scripts_off(&self) {
        let off = json!({"value": true});
        self.devtools("Emulation.setScriptExecutionDisabled", off)
            .await;
    }

    /// Pages opened from now on run this before their own scripts.
    pub(super) async fn run_first(&self, script: &str) {
        let source = json!({"source": script});
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source)
            .await;
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.extension(
            "goog/cdp/execute",
            json!({"cmd": command, "params": parameters}),
        )
        .await
    }

    async fn extension(&self, path: &'static str, body: Value) -> Value {
        self.client
            .issue_cmd(Extension { path, body })
            .await
            .unwrap()
    }

    /// Ends the browser; fails if the console of any page said that something is wrong.
    pub(super) async fn end(self) {
        self.end_after(&[]).await;
    }

    /// The same, where the console may tell of these statuses.
    pub(super) async fn end_after(self, statuses: &[&str]) {
        let log = self.extension("se/log", json!({"type": "browser"})).await;
        let is_expected = |entry: &Value| {
            let message = entry["message"].as_str().unwrap_or_default();
            statuses
                .iter()
                .any(|status| message.contains(&format!("status of {status}")))
        };
        let complaints: Vec<&Value> = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .filter(|entry| !is_expected(entry))
            .collect();
        assert!(complaints.is_empty(), "the console says {complaints:?}");
        self.client.clone().close().await.unwrap();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Starts a driver and a session. On a busy machine Chromium now and then does not come up: it gets a second start.
async fn open_session(chromedriver: &Path, capabilities: &Value) -> (Driver, Client) {
    let mut last = None;
    for _ in 0..3 {
        let (driver, port) = Driver::start(chromedriver);
        match tokio::time::timeout(START_WITHIN, connect(port, capabilities)).await {
            Ok(Ok(client)) => return (driver, client),
            Ok(Err(error)) => last = Some(error),
            Err(_) => {}
        }
    }
    panic!("Chromium does not start: {last:?}");
}

/// Opens a session as soon as the driver answers.
async fn connect(port: u16, capabilities: &Value) -> Result<Client, NewSessionError> {
    loop {
        let opened = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        match opened {
            Err(NewSessionError::FailedC(_)) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            opened => return opened,
        }
    }
}
