//! The private PostgreSQL: recovers after a kill, is shared, keeps its data, and stops with its last user.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use wirewatch::store::private::{
    Durability, PrivateServer, PrivateServerError, PrivateServerOptions,
};

use crate::binary::{end, finish, wirewatch};

/// A folder that the server's account can reach.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn postmaster(&self) -> Option<i32> {
        let file = self.path().join("postgres/data/postmaster.pid");
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().next()?.parse().ok()
    }
}

fn serve(folder: &Folder) -> Child {
    serve_among(folder, &[])
}

/// What PostgreSQL's own programs heed, and none of it is meant for the private server.
const OF_ANOTHER_SERVER: [(&str, &str); 7] = [
    ("PGPORT", "5999"),
    ("PGHOSTADDR", "127.0.0.9"),
    ("PGUSER", "somebody"),
    ("PGDATABASE", "elsewhere"),
    ("PGSSLMODE", "require"),
    ("PGDATA", "/nonexistent"),
    ("PGSERVICE", "nowhere"),
];

/// The service in this environment.
fn serve_among(folder: &Folder, environment: &[(&str, &str)]) -> Child {
    let beat = crate::binary::beat_file(
        folder.path(),
        &crate::worker::beat(&[], &[("iran", "iran")]),
    );
    wirewatch(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        folder.path().to_str().unwrap(),
    ])
    .env("WIREWATCH_BEAT__FILE", beat)
    .env("WIREWATCH_LOG__FILTER", "info")
    .envs(environment.iter().copied())
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap()
}

/// Waits for the line that tells the address of the pages.
async fn address(child: &mut Child) -> String {
    address_and_words(child).await.0
}

/// The same, with everything that was said before.
async fn address_and_words(child: &mut Child) -> (String, String) {
    use std::io::BufRead as _;
    let stderr = child.stderr.take().unwrap();
    tokio::task::spawn_blocking(move || {
        let mut lines = std::io::BufReader::new(stderr).lines();
        let mut words = String::new();
        let found = lines
            .by_ref()
            .map(|line| line.unwrap())
            .inspect(|line| {
                words.push_str(line);
                words.push('\n');
            })
            .find_map(|line| Some(line.split_once("wirewatch is at ")?.1.trim().to_owned()))
            .expect("the service says where it is");
        // Keep reading, or the service would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        (found, words)
    })
    .await
    .unwrap()
}

async fn stop(child: Child) {
    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert!(end(child).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_a_kill_is_shared_keeps_its_data_and_stops_with_its_last_user() {
    let folder = Folder::new();
    let mut first = serve(&folder);
    address(&mut first).await;
    let server = folder.postmaster().expect("a server runs");
    first.kill().unwrap();
    end(first).await;
    assert_eq!(
        folder.postmaster(),
        Some(server),
        "a killed wirewatch leaves the server"
    );

    let mut second = serve(&folder);
    let address_of_second = address(&mut second).await;
    assert_eq!(
        folder.postmaster(),
        Some(server),
        "the next one joins it: never a second server"
    );
    let mut third = serve(&folder);
    address(&mut third).await;
    assert_eq!(folder.postmaster(), Some(server));
    stop(third).await;
    let ready = reqwest::get(format!("{address_of_second}readyz"))
        .await
        .unwrap();
    assert_eq!(ready.status(), 200, "one user left, the other goes on");
    stop(second).await;
    assert_eq!(folder.postmaster(), None, "the last user stops it");

    let exported = finish(wirewatch(&[
        "beat",
        "export",
        "-",
        "--data-dir",
        folder.path().to_str().unwrap(),
    ]))
    .await;
    assert!(
        exported.status.success(),
        "{}",
        String::from_utf8_lossy(&exported.stderr)
    );
    assert!(
        String::from_utf8_lossy(&exported.stdout).contains("slug = \"iran\""),
        "the data is still there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_server_recovers_at_the_next_start() {
    let folder = Folder::new();
    let mut first = serve(&folder);
    address(&mut first).await;
    let server = folder.postmaster().unwrap();
    first.kill().unwrap();
    end(first).await;
    kill(Pid::from_raw(server), Signal::SIGKILL).unwrap();
    while kill(Pid::from_raw(server), None).is_ok() && !is_zombie(server) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut second = serve(&folder);
    let address_of_second = address(&mut second).await;
    assert_ne!(folder.postmaster(), Some(server));
    let ready = reqwest::get(format!("{address_of_second}readyz"))
        .await
        .unwrap();
    assert_eq!(ready.status(), 200);
    stop(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_that_dies_under_the_service_is_started_again() {
    let folder = Folder::new();
    let mut service = serve(&folder);
    let address = address(&mut service).await;
    let server = folder.postmaster().unwrap();
    kill(Pid::from_raw(server), Signal::SIGKILL).unwrap();
    let ready = async || {
        let answer = reqwest::get(format!("{address}readyz")).await.unwrap();
        answer.status() == 200 && folder.postmaster() != Some(server)
    };
    let until = tokio::time::Instant::now() + crate::site::PATIENCE;
    while !ready().await {
        assert!(
            tokio::time::Instant::now() < until,
            "the service comes back by itself"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stop(service).await;
    assert_eq!(
        folder.postmaster(),
        None,
        "the one that was started again ends too"
    );
}

fn is_zombie(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_environment_says_of_another_server_is_not_heeded() {
    let folder = Folder::new();
    let mut environment = OF_ANOTHER_SERVER.to_vec();
    // What Kubernetes gives to whoever runs beside a service of this name.
    environment.extend([
        ("WIREWATCH_SERVICE_HOST", "10.0.0.1"),
        ("WIREWATCH_PORT", "tcp://10.0.0.1:8080"),
    ]);
    let mut service = serve_among(&folder, &environment);
    let (address, words) = address_and_words(&mut service).await;
    assert!(
        words.contains("WIREWATCH_PORT, WIREWATCH_SERVICE_HOST"),
        "{words}"
    );
    let ready = reqwest::get(format!("{address}readyz")).await.unwrap();
    assert_eq!(ready.status(), 200);

    // Commands in another environment find the same server, and so do the programs that they run.
    let backup = folder.path().join("a.dump");
    for (is_among, arguments) in [
        (false, ["db", "url"].as_slice()),
        (true, &["db", "backup", backup.to_str().unwrap()]),
    ] {
        let mut command = wirewatch(arguments);
        command.args(["--data-dir", folder.path().to_str().unwrap()]);
        if is_among {
            command.envs(OF_ANOTHER_SERVER);
        }
        let output = finish(command).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
    stop(service).await;
    assert_eq!(folder.postmaster(), None, "it is stopped as well");
    let mut again = serve(&folder);
    self::address(&mut again).await;
    stop(again).await;
}

/// A folder with programs that say they are of this version, and do nothing.
fn programs_of(version: &str) -> Folder {
    let programs = Folder::new();
    for name in ["postgres", "initdb", "pg_ctl"] {
        let path = programs.path().join(name);
        let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    programs
}

#[test]
fn a_newer_version_beside_the_one_that_wrote_the_data_changes_nothing() {
    let (folder, newer) = (Folder::new(), programs_of("99.1"));
    let mut options = PrivateServerOptions {
        data_dir: folder.path().join("data"),
        search_path: Vec::new(),
        durability: Durability::Kept,
    };
    PrivateServer::start(&options).unwrap().stop().unwrap();
    options.search_path.push(newer.path().to_owned());
    let server = PrivateServer::start(&options).unwrap();
    assert!(server.is_listening());
    server.stop().unwrap();
}

#[test]
fn programs_that_are_too_old_make_no_database() {
    let (folder, programs) = (Folder::new(), programs_of("14.13"));
    let options = PrivateServerOptions {
        data_dir: folder.path().join("data"),
        search_path: vec![programs.path().to_owned()],
        durability: Durability::Kept,
    };
    let refused = PrivateServer::start(&options).unwrap_err();
    assert!(
        matches!(refused, PrivateServerError::OldPrograms { found: 14, .. }),
        "{refused}"
    );
    assert!(!options.data_dir.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_another_account_is_told_with_the_way_to_its_database() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can give a folder away");
        return;
    }
    let folder = Folder::new();
    std::os::unix::fs::chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
    for asked in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["token", "create", "--role", "viewer"],
        &["db", "migrate"],
        &["fetch"],
    ] {
        let refused = on(&folder, asked).await;
        assert_eq!(refused.0, 3, "{asked:?}: {}", refused.1);
        assert!(
            refused.1.contains("sudo -u 'nobody' wirewatch"),
            "{asked:?}: {}",
            refused.1
        );
    }
    assert!(!folder.path().join("postgres").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_find_the_database_of_this_machines_service() {
    let (url, _db) = crate::database::fresh().await;
    let folder = Folder::new();
    let write = |name: &str, text: String| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let file = write(
        "env",
        format!("# of the service\nDATABASE_URL={url}\nWIREWATCH_LOG__FORMAT=json\n"),
    );
    let among = |file: &Path, arguments: &[&str]| {
        let mut command = wirewatch(arguments);
        command.env("WIREWATCH_ENV_FILE", file);
        command
    };
    let found = finish(among(&file, &["db", "url"])).await;
    assert_eq!(String::from_utf8_lossy(&found.stdout).trim(), url);

    // What the command itself is told goes before.
    let mut elsewhere = among(&file, &["db", "url"]);
    elsewhere.env("DATABASE_URL", "postgres://127.0.0.1:1/elsewhere");
    assert!(!finish(elsewhere).await.status.success());
    let empty = folder.path().join("empty");
    let mut elsewhere = among(&file, &["user", "list", "--data-dir"]);
    elsewhere.arg(&empty);
    let refused = finish(elsewhere).await;
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(words.contains("there is no database in"), "{words}");

    let wrong = write("wrong", "DATABASE_URL=x\nexport A=1\n".to_owned());
    for (file, says) in [
        (wrong, "wrong:2: this is no variable"),
        (folder.path().join("absent"), "cannot read the settings in"),
    ] {
        let refused = finish(among(&file, &["db", "url"])).await;
        let words = String::from_utf8_lossy(&refused.stderr);
        assert!(words.contains(says), "{words}");
        assert_eq!(refused.status.code(), Some(3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_path_gets_a_short_socket() {
    let folder = Folder::new();
    let deep = folder.path().join("d".repeat(90)).join("e".repeat(40));
    std::fs::create_dir_all(&deep).unwrap();
    let migrated = finish(wirewatch(&[
        "db",
        "migrate",
        "--data-dir",
        deep.to_str().unwrap(),
    ]))
    .await;
    assert!(
        migrated.status.success(),
        "{}",
        String::from_utf8_lossy(&migrated.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_tokens_are_made_from_the_shell_while_the_service_runs() {
    let folder = Folder::new();
    let mut service = serve(&folder);
    let (address, said) = address_and_words(&mut service).await;
    assert!(said.contains("makes the first one, once"), "{said}");
    assert!(said.contains(&format!("{address}welcome/")), "{said}");

    let run = async |arguments: &[&str], input: &str| {
        let mut command = wirewatch(arguments);
        command
            .args(["--data-dir", folder.path().to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        let output = output.await.unwrap();
        let words =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), words)
    };
    let password = "ferry lantern oblique 7 gravel\n";
    let weak = run(
        &["user", "add", "mara", "--role", "admin", "--password-stdin"],
        "password1234\n",
    )
    .await;
    assert_eq!(weak.0, 3, "{weak:?}");
    assert!(weak.1.contains("would be guessed"), "{weak:?}");
    let added = run(
        &["user", "add", "mara", "--role", "admin", "--password-stdin"],
        password,
    )
    .await;
    assert_eq!(added.0, 0, "{added:?}");
    let again = run(&["user", "add", "Mara"], "").await;
    assert_eq!(again.0, 1, "{again:?}");
    for arguments in [
        &["user", "disable", "mara"][..],
        &["user", "role", "mara", "viewer"],
    ] {
        let refused = run(arguments, "").await;
        assert_eq!(refused.0, 1, "{refused:?}");
        assert!(
            refused.1.contains("last account that may administer"),
            "{refused:?}"
        );
    }
    let linked = run(&["user", "add", "ed", "--role", "editor", "--json"], "").await;
    let linked: serde_json::Value = serde_json::from_str(&linked.1).unwrap();
    assert!(
        linked["link"].as_str().unwrap().contains("/welcome/"),
        "{linked}"
    );
    let listed = run(&["user", "list", "--json"], "").await;
    let listed: serde_json::Value = serde_json::from_str(&listed.1).unwrap();
    assert_eq!(listed["users"][0]["name"], "ed");
    assert_eq!(
        (
            &listed["users"][0]["has_password"],
            &listed["users"][1]["role"]
        ),
        (&false.into(), &"admin".into())
    );

    let made = run(&["token", "create", "--role", "viewer", "--json"], "").await;
    let made: serde_json::Value = serde_json::from_str(&made.1).unwrap();
    let client = reqwest::Client::new();
    let ask = async |method: reqwest::Method, path: &str| {
        let request = client.request(method, format!("{address}{path}"));
        let request = request.bearer_auth(made["token"].as_str().unwrap());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(reqwest::Method::GET, "api/v1/feeds").await, 200);
    assert_eq!(ask(reqwest::Method::POST, "api/v1/feeds/1/poll").await, 403);
    let revoked = run(&["token", "revoke", &made["id"].to_string()], "").await;
    assert_eq!(revoked.0, 0, "{revoked:?}");
    assert_eq!(ask(reqwest::Method::GET, "api/v1/feeds").await, 401);
    assert_eq!(
        reqwest::get(format!("{address}api/v1/feeds"))
            .await
            .unwrap()
            .status(),
        401,
        "loopback is no privilege"
    );
    stop(service).await;
}

/// Runs a command on a data folder; its exit code, and what it said on both ways.
async fn on(folder: &Folder, arguments: &[&str]) -> (i32, String) {
    let mut command = wirewatch(arguments);
    command.args(["--data-dir", folder.path().to_str().unwrap()]);
    let output = finish(command).await;
    let said =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_the_service_runs_is_restored_whole_or_not_at_all() {
    let (folder, other) = (Folder::new(), Folder::new());
    let mut service = serve(&folder);
    address(&mut service).await;
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (backup, cut, beat) = (file("a.dump"), file("cut.dump"), file("beat.toml"));
    std::fs::write(&backup, "an older one").unwrap();
    // One was killed here, another one runs.
    let (stale, running) = (file("a.dump.1.part"), file("a.dump.2.part"));
    std::fs::write(&stale, "half of one").unwrap();
    let running_one = std::fs::File::create(&running).unwrap();
    running_one.lock().unwrap();

    let refused = on(&folder, &["db", "backup", &file("nowhere/a.dump")]).await;
    assert_eq!(refused.0, 3, "{}", refused.1);
    let written = on(&folder, &["db", "backup", &backup]).await;
    assert_eq!(written.0, 0, "{}", written.1);
    let mode = std::fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
    assert!(!Path::new(&stale).exists() && Path::new(&running).exists());
    let mixed = on(&folder, &["db", "restore", &backup]).await;
    assert!(mixed.0 == 3 && mixed.1.contains("not empty"), "{}", mixed.1);
    let exported = on(&folder, &["beat", "export", &beat]).await;
    assert_eq!(exported.0, 0, "{}", exported.1);
    let before = std::fs::read(&beat).unwrap();
    stop(service).await;

    let whole = std::fs::read(&backup).unwrap();
    let opml = file("feeds.opml");
    let outline =
        r#"<opml version="2.0"><body><outline xmlUrl="https://news.example/feed"/></body></opml>"#;
    std::fs::write(&opml, outline).unwrap();
    // In a folder that somebody mistyped there is nothing to save, to show or to add to, and nothing is made.
    for asked in [
        ["db", "backup", &backup],
        ["beat", "export", &beat],
        ["opml", "export", &beat],
        ["user", "list", "--json"],
        ["beat", "import", &beat],
        ["opml", "import", &opml],
        ["fetch", "--once", "--json"],
    ] {
        let refused = on(&other, &asked).await;
        assert!(
            refused.0 == 3 && refused.1.contains("there is no database in"),
            "{asked:?}: {refused:?}"
        );
    }
    let refused = on(&other, &["db", "restore", &beat]).await;
    assert_eq!(refused.0, 3, "{}", refused.1);
    assert!(!other.path().join("postgres").exists());
    assert!(std::fs::read(&backup).unwrap() == whole, "the backup stays");
    std::fs::write(&cut, &whole[..whole.len() - whole.len() / 4]).unwrap();
    let refused = on(&other, &["db", "restore", &cut]).await;
    assert_eq!(refused.0, 3, "{}", refused.1);
    let restored = on(&other, &["db", "restore", &backup]).await;
    assert_eq!(
        restored.0, 0,
        "nothing is left of the one that failed: {}",
        restored.1
    );
    let exported = on(&other, &["beat", "export", &beat]).await;
    assert_eq!(exported.0, 0, "{}", exported.1);
    assert!(
        std::fs::read(&beat).unwrap() == before,
        "another beat came back"
    );
}
