//! People who change things while everything fails, and ask for what nobody may be asked for.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wirewatch::{
    app::SystemClock,
    domain::Clock as _,
    store::{self, PgPool},
};

use crate::{
    binary::{beat_file, end},
    dice::Dice,
    operations::machine::Machine,
    worker::beat,
};

/// Somebody asks to try these addresses as feeds, and to read them as pages.
pub(super) async fn ask_for(db: &PgPool, addresses: &[&str]) {
    for address in addresses {
        let url = address.parse().unwrap();
        let now = SystemClock.now();
        let asked = store::trials::ask(db, &url, None, "test", now).await;
        assert!(asked.unwrap().is_some());
        let asked = store::wanted_pages::ask(db, address, "test", now).await;
        assert!(asked.unwrap().is_some());
    }
}

/// Somebody at the shell: makes accounts, gives them other roles, and imports beats with changed keywords and more feeds.
/// Some commands are killed, and some fail with what they need.
pub(super) struct People {
    stop: CancellationToken,
    work: JoinHandle<()>,
    /// Commands that did what they were asked for.
    done: Arc<AtomicU64>,
}

impl People {
    pub(super) fn start(machine: Arc<Machine>, seed: u64) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let done = Arc::new(AtomicU64::new(0));
        let doing = Arc::clone(&done);
        let work = tokio::spawn(async move {
            let mut dice = Dice::of(seed ^ 0x5DEE_CE66);
            let folder = tempfile::tempdir().unwrap();
            let mut round = 0;
            while !stopped.is_cancelled() {
                round += 1;
                let changed = change(&machine, folder.path().to_owned(), round, &mut dice).await;
                doing.fetch_add(u64::from(changed), Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(500 + dice.below(2_000))).await;
            }
        });
        Self { stop, work, done }
    }

    /// How many commands did what they were asked for.
    pub(super) fn changes(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.work.await.unwrap();
    }
}

async fn change(machine: &Machine, folder: PathBuf, round: u64, dice: &mut Dice) -> bool {
    let user = format!("user{}", dice.below(1 + round / 3));
    let role = ["viewer", "editor", "analyst"][usize::try_from(dice.below(3)).unwrap()];
    let file;
    let arguments = match dice.below(3) {
        0 => vec!["user", "add", &user, "--role", role],
        1 => vec!["user", "role", &user, role],
        _ => {
            // There is no such host; the publisher's own is left in peace.
            let feed = format!("http://nobody.invalid/{}", round % 4);
            let query = format!("nothing{round}");
            let changed = beat(&[feed], &[("acme", "acme"), ("other", &query)]);
            file = beat_file(&folder, &changed).display().to_string();
            vec!["beat", "import", &file]
        }
    };
    let mut child = machine
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    if dice.below(4) == 0 {
        tokio::time::sleep(Duration::from_millis(dice.below(400))).await;
        // It may have ended before.
        let _ = child.kill();
    }
    end(child).await.success()
}
