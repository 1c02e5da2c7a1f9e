//! A crowd on the live stream: nothing lost, nothing twice, exact resumption, bounded memory, and a lost LISTEN connection.
//!
//! `WIREWATCH_CROWD=200x300 cargo test --release --test it crowd -- --nocapture` is the whole of it: clients x seconds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use tokio::task::JoinSet;
use wirewatch::domain::Role;

use super::live::Listener;
use crate::{
    binary::any_below,
    feed_server::{Document, FeedServer, rss},
    site::Site,
    worker::TestWorker,
};

/// New items a second.
const RATE: usize = 20;

/// Items of one document.
const WINDOW: usize = 100;

/// The most memory that this test may take: the service, the clients and the publisher. What other tests left in the process
/// is not its own.
const MOST_MEMORY: u64 = 400 * 1024 * 1024;

/// Clients and seconds.
fn size() -> (usize, usize) {
    let asked = std::env::var("WIREWATCH_CROWD").unwrap_or_else(|_| "30x3".to_owned());
    let (clients, seconds) = asked
        .split_once('x')
        .expect("WIREWATCH_CROWD is clients x seconds");
    (clients.parse().unwrap(), seconds.parse().unwrap())
}

fn document(last: usize) -> Document {
    let items: Vec<(String, String)> = (last.saturating_sub(WINDOW)..last)
        .map(|item| {
            let (a, b) = (item * 7919, item * 104_729);
            (format!("i{item}"), format!("Iran w{a} x{b} y{item}"))
        })
        .collect();
    let items: Vec<(&str, &str, &str)> = items
        .iter()
        .map(|(guid, title)| (&**guid, &**title, "x"))
        .collect();
    Document::feed(rss(&items))
}

/// Memory of this process that is resident, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

/// When items were published, by their number.
type Published = Arc<std::sync::RwLock<Vec<Instant>>>;

/// What a client had.
struct Had {
    /// Numbers, in their order.
    ids: Vec<i64>,
    /// How many of them came later than two seconds after they were published.
    late: usize,
}

/// Follows the stream until `total` numbers are there, now and then from a new connection.
async fn follow(site: Arc<Site>, token: String, total: i64, sent: Published) -> Had {
    let mut ids: Vec<i64> = Vec::new();
    let mut late = 0;
    while ids.last() != Some(&total) {
        let mut request = site
            .bare_request(Method::GET, "/events?after=0")
            .bearer_auth(&token);
        if let Some(last) = ids.last() {
            request = request.header("last-event-id", *last);
        }
        let mut listener = Listener::of(request).await;
        let events = 50 + any_below(200);
        for _ in 0..events {
            let Some(event) = listener.next().await else {
                break;
            };
            ids.push(event.id);
            let at = sent.read().unwrap()[usize::try_from(event.id).unwrap() - 1];
            late += usize::from(at.elapsed() > Duration::from_secs(2));
            if event.id == total {
                break;
            }
        }
    }
    Had { ids, late }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_loses_nothing_and_memory_stays_bounded() {
    let (clients, seconds) = size();
    let before = resident();
    let total = RATE * seconds;
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(0));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    let site = Arc::new(Site::start(&worker.db, worker.clock.clone()).await);
    let last = i64::try_from(total).unwrap();
    let sent = Published::default();
    let mut crowd = JoinSet::new();
    for _ in 0..clients {
        // Each is somebody else: one visitor has not all seats.
        let token = site.token_of(Role::Viewer).await.unwrap();
        crowd.spawn(follow(Arc::clone(&site), token, last, Arc::clone(&sent)));
    }
    // Some connect and never read; their seats are others' when they are wanted.
    let mut deaf = Vec::new();
    for _ in 0..clients / 10 {
        deaf.push(
            site.request(Method::GET, "/events?after=0")
                .send()
                .await
                .unwrap(),
        );
    }
    let begun = Instant::now();
    let mut most = 0;
    for second in 1..=seconds {
        sent.write().unwrap().extend([Instant::now(); RATE]);
        publisher.put("/feed", document(second * RATE));
        worker.pass_a_day_later().await;
        most = most.max(resident());
        let due = Duration::from_secs(second as u64);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
    }
    let lasted = begun.elapsed();
    let expected: Vec<i64> = (1..=last).collect();
    let mut late = 0;
    while let Some(had) = crowd.join_next().await {
        let had = had.unwrap();
        assert_eq!(had.ids, expected);
        late += had.late;
    }
    let late_share = late * 100 / (clients * total);
    most = most.max(resident()).saturating_sub(before);
    eprintln!(
        "{clients} clients had {total} items, published within {lasted:?}, {:?} after the last one; {late_share} % later than 2 s; {} MB",
        begun.elapsed().saturating_sub(lasted),
        most / 1_048_576
    );
    assert!(most < MOST_MEMORY, "{most} bytes");
    // What else the machine does takes its time from this, too.
    let is_quiet = std::env::var_os("WIREWATCH_TRUE_LIMITS").is_some();
    assert!(!is_quiet || late_share <= 5, "{late_share} %");
    drop(deaf);
    Arc::into_inner(site).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_for_listening_is_made_again_and_nothing_is_lost() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(1));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let mut listener = Listener::open(&site, "/events?after=0", None).await;
    assert_eq!(listener.next().await.unwrap().id, 1);
    let ended = AtomicBool::new(false);
    let storm = async {
        while !ended.load(Ordering::Acquire) {
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND query LIKE 'LISTEN%'",
            )
            .execute(&worker.db)
            .await
            .unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let reading = async {
        for number in 2..=4 {
            publisher.put("/feed", document(usize::try_from(number).unwrap()));
            worker.pass_a_day_later().await;
            assert_eq!(listener.next().await.unwrap().id, number);
        }
        ended.store(true, Ordering::Release);
    };
    tokio::join!(storm, reading);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_visitor_has_not_all_seats() {
    let worker = TestWorker::new(&[], &[("iran", "iran")]).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let mut open = Vec::new();
    let refused = loop {
        let answer = site.request(Method::GET, "/events").send().await.unwrap();
        if answer.status() != 200 {
            break answer.status().as_u16();
        }
        open.push(answer);
        assert!(open.len() <= 100);
    };
    assert_eq!((refused, open.len()), (429, 50));
    // Somebody else has a seat all the same, and so has the first one again who closes a page.
    let other = site
        .bare_request(Method::GET, "/events")
        .send()
        .await
        .unwrap();
    assert_eq!(other.status(), 200);
    open.truncate(40);
    let begun = Instant::now();
    while site
        .request(Method::GET, "/events")
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {
        assert!(begun.elapsed() < crate::site::PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(open);
    site.stop().await;
}
