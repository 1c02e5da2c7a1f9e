//! The live stream: nothing lost, nothing twice, and an end when the process ends.

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;
use wirewatch::{domain::Role, web::WebOptions};

use crate::{
    binary, database,
    feed_server::{Document, FeedServer, rss},
    site::{PATIENCE, Site, ask},
    worker::{TestClock, TestWorker, beat},
};

/// A client of the stream.
pub(super) struct Listener {
    response: reqwest::Response,
    unread: String,
}

/// An event with its number.
pub(super) struct Event {
    pub(super) id: i64,
    lines: Vec<Value>,
}

impl Listener {
    pub(super) async fn open(site: &Site, path: &str, last_event_id: Option<i64>) -> Self {
        let mut request = site.request(Method::GET, path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            unread: String::new(),
        }
    }

    /// The next statement about the collection, as markup.
    async fn coverage(&mut self) -> String {
        let told = self.next_of("coverage").await;
        told["html"].as_str().unwrap().to_owned()
    }

    /// The same, as somebody who signed in.
    pub(super) async fn open_as(site: &Site, path: &str, cookie: &str) -> Self {
        let request = site.bare_request(Method::GET, path);
        Self::of(request.header("cookie", cookie)).await
    }

    /// The stream that a request opens.
    pub(super) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            unread: String::new(),
        }
    }

    /// What the next event of a kind says; others are passed over.
    pub(super) async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let (told, said) = self.next_of_any().await;
            if told == kind {
                return said;
            }
        }
    }

    /// The next event of any kind, and what it says.
    async fn next_of_any(&mut self) -> (String, Value) {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::trim)
                };
                let found = field("event:").map(|kind| {
                    let said = serde_json::from_str(field("data:").unwrap()).unwrap();
                    (kind.to_owned(), said)
                });
                self.unread = rest.into();
                if let Some(found) = found {
                    return found;
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("the stream goes on")
                .unwrap()
                .expect("the stream has not ended");
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event; none where the stream ends or breaks.
    async fn next_until_broken(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let event = event(block);
                self.unread = rest.into();
                if event.is_some() {
                    return event;
                }
            }
            let chunk = self.response.chunk().await.ok()??;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event; none at the end of the stream. Comments and settings are passed over.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let event = event(block);
                self.unread = rest.into();
                if event.is_some() {
                    return event;
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("the stream goes on")
                .unwrap()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

fn event(block: &str) -> Option<Event> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let data: Value = serde_json::from_str(field("data:")?).unwrap();
    if field("event:") == Some("coverage") {
        assert_eq!(field("id:"), None, "it is no place to go on from");
        return None;
    }
    assert_eq!(field("event:"), Some("arrival"));
    Some(Event {
        id: field("id:").unwrap().parse().unwrap(),
        lines: data["lines"].as_array().unwrap().clone(),
    })
}

fn document(items: usize) -> Document {
    let items: Vec<(String, String)> = (0..items)
        .map(|item| (item.to_string(), format!("Iran report {item}")))
        .collect();
    let items: Vec<(&str, &str, &str)> = items
        .iter()
        .map(|(guid, title)| (&**guid, &**title, "x"))
        .collect();
    Document::feed(rss(&items))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reconnects_while_articles_arrive_sees_each_line_once() {
    const PASSES: usize = 15;
    const PER_PASS: usize = 4;
    const TOTAL: usize = PASSES * PER_PASS;
    let publisher = FeedServer::start().await;
    let keywords = [("iran", "iran"), ("reports", "report")];
    let worker = TestWorker::new(&[publisher.url("/feed")], &keywords).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let writing = async {
        for pass in 1..=PASSES {
            publisher.put("/feed", document(pass * PER_PASS));
            worker.pass_a_day_later().await;
        }
    };
    let listening = async {
        let (mut ids, mut lines) = (Vec::new(), Vec::new());
        while ids.len() < TOTAL {
            // Each connection is dropped after a few events, with whatever is on its way.
            let mut listener = Listener::open(&site, "/events?after=0", ids.last().copied()).await;
            for _ in 0..7.min(TOTAL - ids.len()) {
                let event = listener.next().await.unwrap();
                ids.push(event.id);
                lines.extend(event.lines);
            }
        }
        (ids, lines)
    };
    let ((), (ids, lines)) = tokio::join!(writing, listening);
    let expected: Vec<i64> = (1..=i64::try_from(TOTAL).unwrap()).collect();
    assert_eq!(ids, expected, "numbers without a gap or a repeat");
    let mut seen: Vec<(String, i64)> = lines
        .iter()
        .map(|line| {
            let keyword = line["keyword"].as_str().unwrap().to_owned();
            (keyword, line["article"].as_i64().unwrap())
        })
        .collect();
    seen.sort();
    seen.dedup();
    assert_eq!((lines.len(), seen.len()), (TOTAL * 2, TOTAL * 2));
    // Of a story the last report is what is new of it.
    let html = lines.last().unwrap()["html"].as_str().unwrap();
    assert!(
        html.starts_with("<li class=\"line new\"") && html.contains("<mark>"),
        "{html}"
    );
}

/// Hears a stream out to a number of arrival and what the desk did until then, as the script of a page does: what is told
/// of a story changes the lines that are there. Per line its story and the words of the desk.
async fn lines_of_a_page(site: &Site, path: &str, cookie: &str, last: usize) -> Vec<(i64, String)> {
    let mut listener = Listener::open_as(site, path, cookie).await;
    let desk_of = |html: &str| {
        let words = html.split("<p class=\"desk\"").nth(1).unwrap();
        words.split("</p>").next().unwrap().to_owned()
    };
    let mut lines: Vec<(i64, String)> = Vec::new();
    let mut is_desk_told = false;
    while lines.len() < last || !is_desk_told {
        let (kind, data) = listener.next_of_any().await;
        match kind.as_str() {
            "arrival" => {
                for line in data["lines"].as_array().unwrap() {
                    let html = line["html"].as_str().unwrap();
                    lines.push((line["story"].as_i64().unwrap(), desk_of(html)));
                }
            }
            "desk" => {
                is_desk_told = true;
                for told in data["stories"].as_array().unwrap() {
                    let ids = told["ids"].as_array().unwrap();
                    let words = desk_of(told["html"].as_str().unwrap());
                    for line in &mut lines {
                        if ids.contains(&line.0.into()) {
                            line.1.clone_from(&words);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_away_long_hears_what_the_desk_decided_of_the_lines_it_missed() {
    const MISSED: usize = 70;
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(0));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let ed = site.account("ed", Role::Editor).await;
    let ed = site.session_of(ed).await;
    // Whoever is there hears all as it comes, and the lines are kept as they were then.
    let mut there = Listener::open_as(&site, "/events?after=0&desk=0", &ed).await;
    publisher.put("/feed", document(MISSED));
    worker.pass_a_day_later().await;
    let mut last = 0;
    let mut stories = Vec::new();
    while last < i64::try_from(MISSED).unwrap() {
        let event = there.next().await.unwrap();
        last = event.id;
        stories.extend(event.lines.iter().map(|line| line["story"].to_string()));
    }
    let story = stories.last().unwrap();
    let claim = site
        .form("/desk", &[("story", story), ("do", "claim")])
        .header("cookie", &ed);
    assert_eq!(ask(claim).await.status, 303);
    // Whatever the page knew of the desk: what it is told in the end is what stands.
    for path in ["/events?after=0&desk=0", "/events?after=0&desk=1"] {
        let lines = lines_of_a_page(&site, path, &ed, MISSED).await;
        let claimed: Vec<bool> = lines
            .iter()
            .filter(|(of, _)| of.to_string() == *story)
            .map(|(_, words)| words.contains("claimed"))
            .collect();
        assert!(
            !claimed.is_empty() && claimed.iter().all(|is| *is),
            "{path}: {claimed:?}"
        );
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_number_hears_what_comes_from_now_on() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(3));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let mut listener = Listener::open(&site, "/events", None).await;
    publisher.put("/feed", document(4));
    worker.pass_a_day_later().await;
    assert_eq!(listener.next().await.unwrap().id, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_hears_what_the_collection_lacks_when_that_changes() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(1));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let mut listener = Listener::open(&site, "/events", None).await;
    assert!(listener.coverage().await.contains("first reading"));
    worker.pass().await;
    let mut told = listener.coverage().await;
    while !told.contains("complete to") {
        told = listener.coverage().await;
    }
    assert!(told.starts_with("<p class=\"statement\""), "{told}");
    publisher.put("/feed", Document::feed("").with_status(500));
    for _ in 0..2 {
        worker.pass_a_day_later().await;
    }
    let mut told = listener.coverage().await;
    while !told.contains("except") {
        told = listener.coverage().await;
    }
    assert!(told.contains("<bdi>Test Wire</bdi>"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_none_or_no_more_harms_nobody() {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(3));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let long = "9".repeat(4_000);
    let mut listeners = Vec::new();
    for (id, first) in [
        // What is no number counts as absent; one of another database is the present.
        ("x", 4),
        ("-", 4),
        ("1e3", 4),
        (&*long, 4),
        ("9223372036854775807", 4),
        ("1; DROP TABLE articles", 4),
        // What is before the first is the first, and what is old goes on where it was.
        ("-9223372036854775808", 1),
        ("0", 1),
        ("2", 3),
    ] {
        let request = site
            .request(Method::GET, "/events")
            .header("last-event-id", id);
        listeners.push((id, first, Listener::of(request).await));
    }
    publisher.put("/feed", document(4));
    worker.pass_a_day_later().await;
    for (id, first, listener) in &mut listeners {
        for expected in *first..=4 {
            assert_eq!(listener.next().await.unwrap().id, expected, "{id}");
        }
    }
}

/// Follows a stream of a service that comes and goes until a number is there. The numbers, in their order.
async fn follow(site: &Site, url: &str, token: &str, last: i64) -> Vec<i64> {
    let begun = Instant::now();
    let mut ids: Vec<i64> = Vec::new();
    while ids.last() != Some(&last) {
        assert!(begun.elapsed() < 3 * PATIENCE, "only {ids:?}");
        let mut request = site.elsewhere(url).bearer_auth(token);
        if let Some(id) = ids.last() {
            request = request.header("last-event-id", *id);
        }
        let Ok(response) = request.send().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let mut listener = Listener {
            response,
            unread: String::new(),
        };
        while let Some(event) = listener.next_until_broken().await {
            ids.push(event.id);
            if event.id == last {
                break;
            }
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_twice_loses_no_client_anything() {
    const ROUNDS: usize = 3;
    const PER_ROUND: usize = 12;
    const CLIENTS: usize = 4;
    const LAST: i64 = 36;
    let publisher = FeedServer::start().await;
    publisher.put("/feed", document(0));
    let (database, db) = database::fresh().await;
    let beat = beat(&[publisher.url("/feed")], &[("iran", "iran")]);
    let worker = TestWorker::on(db, &beat, TestClock::at("2026-11-23T10:00:00Z")).await;
    let site = Arc::new(Site::start(&worker.db, worker.clock.clone()).await);
    let token = site.token_of(Role::Viewer).await.unwrap();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let listen = format!("127.0.0.1:{port}");
    let serve = || {
        let mut command = binary::wirewatch(&["serve", "--role", "web", "--listen", &listen]);
        command
            .env("DATABASE_URL", &database)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let url = format!("http://{listen}/events?after=0");
    let following = (0..CLIENTS).map(|_| {
        let (site, url, token) = (Arc::clone(&site), url.clone(), token.clone());
        tokio::spawn(async move { follow(&site, &url, &token, LAST).await })
    });
    let following: Vec<_> = following.collect();
    let mut child = serve();
    for round in 1..=ROUNDS {
        for item in 1..=PER_ROUND {
            publisher.put("/feed", document((round - 1) * PER_ROUND + item));
            worker.pass_a_day_later().await;
        }
        if round < ROUNDS {
            child.kill().unwrap();
            binary::end(child).await;
            child = serve();
        }
    }
    let expected: Vec<i64> = (1..=LAST).collect();
    for client in following {
        assert_eq!(client.await.unwrap(), expected);
    }
    child.kill().unwrap();
    binary::end(child).await;
    Arc::into_inner(site).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_the_process_is_to_end() {
    let worker = TestWorker::new(&[], &[("iran", "iran")]).await;
    let site = Site::start(&worker.db, worker.clock.clone()).await;
    let mut listener = Listener::open(&site, "/events", None).await;
    site.begin_to_stop();
    let ended = listener.next().await;
    assert!(ended.is_none(), "the stream ends, and says nothing more");
    site.stop().await;
}
