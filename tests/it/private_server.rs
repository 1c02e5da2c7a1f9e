//! The private PostgreSQL: recovers after a kill, is shared, keeps its data, and stops with its last user.

use std::{
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
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
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap()
}

/// Waits for the line that tells the address of the pages.
async fn address(child: &mut Child) -> String {
    use std::io::BufRead as _;
    let stderr = child.stderr.take().unwrap();
    tokio::task::spawn_blocking(move || {
        let mut lines = std::io::BufReader::new(stderr).lines();
        let found = lines
            .by_ref()
            .map(|line| line.unwrap())
            .find_map(|line| Some(line.split_once("wirewatch is at ")?.1.trim().to_owned()))
            .expect("the service says where it is");
        // Keep reading, or the service would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        found
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

fn is_zombie(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
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
