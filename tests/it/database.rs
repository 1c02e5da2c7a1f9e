//! A real PostgreSQL for each test: one throw-away server for the whole run, one fresh database for each test, which goes
//! when its test is over: three hundred of them together fill a small disk.
//!
//! `DATABASE_URL` names another server to use (its account needs CREATEDB). Otherwise wirewatch's own private server is
//! started under the temporary folder. A small shell waits for the end of this process, however it ends, and stops it.

use std::{
    cell::RefCell,
    env, mem,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{Connection, PgConnection};
use wirewatch::{
    config,
    store::{
        self, PgPool,
        private::{Durability, PrivateServer, PrivateServerOptions},
    },
};

/// The server of this run.
struct Server {
    /// Address of a database by name.
    url: Box<dyn Fn(&str) -> String + Send + Sync>,
    /// Keeps the server from being stopped by another run, and its shell waiting.
    _in_use: Option<(PrivateServer, Child)>,
}

static SERVER: LazyLock<Server> = LazyLock::new(start);

fn start() -> Server {
    if let Ok(given) = env::var("DATABASE_URL") {
        return Server {
            url: Box::new(move |name| with_name(&given, name)),
            _in_use: None,
        };
    }
    let options = PrivateServerOptions {
        data_dir: config::temporary_dir("tests"),
        search_path: config::search_path(),
        durability: Durability::ThrownAway,
    };
    let server = PrivateServer::start(&options).expect("tests need PostgreSQL's server programs");
    let shell = stop_after_us(&options.data_dir, &server);
    let urls = server.url("NAME");
    Server {
        url: Box::new(move |name| urls.replace("NAME", name)),
        _in_use: Some((server, shell)),
    }
}

fn with_name(url: &str, name: &str) -> String {
    let mut url: url::Url = url.parse().expect("DATABASE_URL is a URL");
    url.set_path(name);
    url.into()
}

/// Rust's test runner has no last word, so a shell that holds our end of a pipe has it.
fn stop_after_us(data_dir: &Path, server: &PrivateServer) -> Child {
    let script = r#"
        trap '' INT TERM
        cat >/dev/null
        exec 9>"$1/start.lock" 8>"$1/users.lock"
        flock 9
        flock -n 8 || exit 0
        if [ "$(id -u)" = 0 ]; then as="runuser -u postgres --"; else as=""; fi
        cd / && $as "$2/pg_ctl" stop -s -m immediate -w -D "$1/postgres/data"
        rm -rf "$1/postgres"
    "#;
    Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(data_dir)
        .arg(server.programs())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell starts")
}

/// The databases that the tests of one thread have made. The test runner gives each test a thread of its own.
struct Made(Vec<String>);

impl Drop for Made {
    fn drop(&mut self) {
        OVER.lock()
            .expect("no test panics in here")
            .append(&mut self.0);
    }
}

thread_local! {
    static MADE: RefCell<Made> = const { RefCell::new(Made(Vec::new())) };
}

/// Databases whose test is over; the next test that wants one drops them.
static OVER: Mutex<Vec<String>> = Mutex::new(Vec::new());

async fn drop_what_is_over() {
    let over = mem::take(&mut *OVER.lock().expect("no test panics in here"));
    for name in over {
        drop_database(&name).await;
    }
}

/// Drops a database, whoever uses it.
pub(crate) async fn drop_database(name: &str) {
    let mut server = PgConnection::connect(&(SERVER.url)("postgres"))
        .await
        .expect("the server lets a test in");
    let mut drop = sqlx::QueryBuilder::new("DROP DATABASE IF EXISTS ");
    drop.push(name).push(" WITH (FORCE)");
    drop.build()
        .execute(&mut server)
        .await
        .expect("the server drops a database");
}

/// The address of a fresh database without a schema.
pub(crate) async fn empty_url() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    drop_what_is_over().await;
    let name = format!(
        "t{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    store::create_database(&(SERVER.url)("postgres"), &name)
        .await
        .expect("the server makes a database");
    MADE.with_borrow_mut(|made| made.0.push(name.clone()));
    (SERVER.url)(&name)
}

/// A fresh database with the schema: its address and a pool.
pub(crate) async fn fresh() -> (String, PgPool) {
    let url = empty_url().await;
    let db = store::connect(&url, 8).await.expect("a connection");
    store::migrate(&db).await.expect("the schema");
    (url, db)
}
