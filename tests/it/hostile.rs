//! What servers do to a reader, by accident and on purpose: each costs one recorded failure, and the others nothing.

mod bombs;
mod memory;
mod server;
mod swarm;

use std::{collections::HashMap, time::Duration};

use async_compression::{
    Level,
    tokio::write::{BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder},
};
use sqlx::Row as _;
use tokio::io::AsyncWriteExt as _;
use wirewatch::config::Settings;

use self::server::{HostileServer, Step};
use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    worker::{TestClock, TestWorker, beat},
};

const MIB: usize = 1 << 20;

/// A case: its path, what the server does, and the code under which it is recorded; none for a success.
type Case = (&'static str, Vec<Step>, Option<&'static str>);

fn one() -> Vec<u8> {
    rss(&[("a", "Iran talks resume", "Envoys met.")]).into_bytes()
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Step {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        body.len()
    );
    Step::Send([head.as_bytes(), body].concat())
}

fn coded(coding: &str, body: &[u8]) -> Vec<Step> {
    vec![answer(
        "200 OK",
        &format!("Content-Encoding: {coding}\r\n"),
        body,
    )]
}

fn raw(bytes: &[u8]) -> Step {
    Step::Send(bytes.to_vec())
}

macro_rules! code {
    ($encoder:ident, $body:expr) => {{
        let mut encoder = $encoder::with_quality(Vec::new(), Level::Fastest);
        encoder.write_all($body).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    }};
}

fn slow_cases() -> Vec<Case> {
    let open = b"HTTP/1.1 200 OK\r\n\r\n";
    let pause = Duration::from_millis(100);
    vec![
        ("/silent", vec![Step::Hang], Some("timeout")),
        (
            "/header-drip",
            vec![
                raw(b"HTTP/1.1 200 OK\r\nX-Drip: "),
                Step::Repeat(b"x".to_vec(), pause),
            ],
            Some("timeout"),
        ),
        (
            "/early-hints",
            vec![Step::Repeat(
                b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(),
                pause,
            )],
            Some("timeout"),
        ),
        (
            "/body-drip",
            vec![raw(open), Step::Repeat(b"<".to_vec(), pause)],
            Some("timeout"),
        ),
        (
            "/body-hangs",
            vec![raw(open), raw(b"<rss>"), Step::Hang],
            Some("timeout"),
        ),
    ]
}

async fn large_cases() -> Vec<Case> {
    let zeros = vec![b' '; 64 * MIB];
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x1_0000], b"\r\n"].concat();
    vec![
        (
            "/endless",
            vec![
                raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                Step::Repeat(chunk, Duration::ZERO),
            ],
            Some("too_large"),
        ),
        (
            "/announced",
            vec![
                raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
                Step::Hang,
            ],
            Some("too_large"),
        ),
        (
            "/bomb-gzip",
            coded("gzip", &code!(GzipEncoder, &zeros)),
            Some("too_large"),
        ),
        (
            "/bomb-br",
            coded("br", &code!(BrotliEncoder, &zeros)),
            Some("too_large"),
        ),
        (
            "/bomb-zstd",
            coded("zstd", &code!(ZstdEncoder, &zeros)),
            Some("too_large"),
        ),
        (
            "/bomb-deflate",
            coded("deflate", &code!(ZlibEncoder, &zeros)),
            Some("too_large"),
        ),
    ]
}

/// Bodies that grow beyond the limit when they are decoded.
async fn code_of_bombs() -> Vec<(&'static str, Vec<Step>)> {
    let cases = large_cases().await;
    let bombs = cases
        .into_iter()
        .filter(|(path, ..)| path.starts_with("/bomb"));
    bombs.map(|(path, steps, _)| (path, steps)).collect()
}

async fn coding_cases() -> Vec<Case> {
    let one = one();
    let (head, tail) = one.split_at(one.len() / 2);
    let whole = code!(GzipEncoder, &one);
    let members = [code!(GzipEncoder, head), code!(GzipEncoder, tail)].concat();
    let frames = [code!(ZstdEncoder, head), code!(ZstdEncoder, tail)].concat();
    let nested = code!(GzipEncoder, &whole);
    vec![
        ("/plain-as-gzip", coded("gzip", &one), Some("decompress")),
        (
            "/gzip-twice",
            coded("gzip, gzip", &nested),
            Some("decompress"),
        ),
        ("/unknown-coding", coded("lzma", &one), Some("decompress")),
        (
            "/gzip-cut",
            coded("gzip", &whole[..whole.len() - 20]),
            Some("truncated"),
        ),
        ("/gzip", coded("gzip", &whole), None),
        ("/x-gzip", coded("x-gzip", &whole), None),
        ("/members", coded("GZIP", &members), None),
        (
            "/garbage-after",
            coded("gzip", &[whole.clone(), b"garbage".to_vec()].concat()),
            None,
        ),
        ("/br", coded("br", &code!(BrotliEncoder, &one)), None),
        ("/zstd", coded("zstd", &code!(ZstdEncoder, &one)), None),
        ("/frames", coded("zstd", &frames), None),
        ("/zlib", coded("deflate", &code!(ZlibEncoder, &one)), None),
        (
            "/raw-deflate",
            coded("deflate", &code!(DeflateEncoder, &one)),
            None,
        ),
    ]
}

fn broken_cases() -> Vec<Case> {
    let one = one();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let many: String = (0..150).map(|n| format!("X-{n}: x\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "x".repeat(MIB));
    vec![
        (
            "/short",
            vec![
                raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
                raw(&one),
            ],
            Some("truncated"),
        ),
        (
            "/reset",
            vec![
                raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
                raw(&one),
                Step::Reset,
            ],
            Some("truncated"),
        ),
        (
            "/chunk-cut",
            vec![raw(chunked), raw(b"ff\r\n<rss>")],
            Some("truncated"),
        ),
        (
            "/chunk-size",
            vec![raw(chunked), raw(b"zz\r\n<rss>\r\n0\r\n\r\n")],
            Some("truncated"),
        ),
        (
            "/two-lengths",
            vec![raw(
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n<rss/>",
            )],
            Some("http"),
        ),
        (
            "/no-http",
            vec![raw(b"<rss version='2.0'/>\n")],
            Some("http"),
        ),
        (
            "/many-headers",
            vec![answer("200 OK", &many, &one)],
            Some("http"),
        ),
        (
            "/long-header",
            vec![answer("200 OK", &long, &one)],
            Some("http"),
        ),
        ("/nothing", vec![Step::Reset], Some("http")),
    ]
}

fn status_cases() -> Vec<Case> {
    let to = |location: &str| {
        vec![answer(
            "302 Found",
            &format!("Location: {location}\r\n"),
            b"",
        )]
    };
    let one = one();
    let of = |status: &str, headers: &str| vec![answer(status, headers, b"no")];
    vec![
        ("/999", of("999 Strange", ""), Some("http_status")),
        (
            "/204",
            vec![raw(b"HTTP/1.1 204 No Content\r\n\r\n")],
            Some("empty"),
        ),
        (
            "/205",
            vec![answer("205 Reset Content", "", b"")],
            Some("empty"),
        ),
        ("/empty", vec![answer("200 OK", "", b"")], Some("empty")),
        (
            "/206",
            vec![answer("206 Partial Content", "", &one)],
            Some("http_status"),
        ),
        (
            "/304",
            vec![raw(b"HTTP/1.1 304 Not Modified\r\n\r\n")],
            Some("http_status"),
        ),
        ("/401", of("401 Unauthorized", ""), Some("http_status")),
        ("/404", of("404 Not Found", ""), Some("http_status")),
        ("/410", of("410 Gone", ""), Some("http_status")),
        (
            "/429",
            of("429 Too Many Requests", "Retry-After: 7200\r\n"),
            Some("rate_limited"),
        ),
        (
            "/503",
            of("503 Service Unavailable", "Retry-After: 7200\r\n"),
            Some("rate_limited"),
        ),
        (
            "/503-plain",
            of("503 Service Unavailable", ""),
            Some("http_status"),
        ),
        (
            "/302-nowhere",
            vec![answer("302 Found", "", b"")],
            Some("redirect_blocked"),
        ),
        (
            "/302-file",
            to("file:///etc/passwd"),
            Some("redirect_blocked"),
        ),
        (
            "/302-gopher",
            to("gopher://127.0.0.1/"),
            Some("redirect_blocked"),
        ),
        (
            "/302-private",
            to("http://10.0.0.1/"),
            Some("redirect_blocked"),
        ),
        ("/302-loop", to("/302-loop"), Some("redirect_loop")),
    ]
}

fn document_cases() -> Vec<Case> {
    let page = |body: &str| {
        vec![answer(
            "200 OK",
            "Content-Type: text/html\r\n",
            body.as_bytes(),
        )]
    };
    let items = "<item><guid>g</guid><title>t</title></item>".repeat(10_000);
    let deep = format!("<rss><channel>{}", "<a>".repeat(300_000));
    let laughs = "<!DOCTYPE r [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]>";
    vec![
        (
            "/login",
            page("<!doctype html><title>Log in</title><form></form>"),
            Some("not_a_feed"),
        ),
        (
            "/cut-markup",
            page(
                "<rss><channel><item><title>Iran</title><link>http://e.example/1</link></item><item><ti",
            ),
            Some("parse_partial"),
        ),
        (
            "/many-items",
            page(&format!(
                "<rss version='2.0'><channel>{items}</channel></rss>"
            )),
            Some("too_many_entries"),
        ),
        ("/deep", page(&deep), Some("?")),
        (
            "/laughs",
            page(&format!(
                "{laughs}<rss version='2.0'><channel><item><title>&b;</title></item></channel></rss>"
            )),
            Some("?"),
        ),
        ("/zero-bytes", page(&"\0".repeat(7 * MIB)), Some("?")),
        (
            "/title",
            page(&format!(
                "<rss version='2.0'><channel><item><title>{}</title></item></channel></rss>",
                "x".repeat(7 * MIB)
            )),
            Some("?"),
        ),
    ]
}

async fn all_cases() -> Vec<Case> {
    let mut cases = slow_cases();
    cases.extend(large_cases().await);
    cases.extend(coding_cases().await);
    cases.extend(broken_cases());
    cases.extend(status_cases());
    cases.extend(document_cases());
    cases
}

/// Whether the limits are the true ones, which takes long, and the machine has nothing else to do.
fn is_true() -> bool {
    std::env::var_os("WIREWATCH_TRUE_LIMITS").is_some()
}

/// The limits: true ones with `WIREWATCH_TRUE_LIMITS`, else the same with shorter times.
fn limits() -> Settings {
    let times = if is_true() {
        ""
    } else {
        "header_timeout = \"10s\"\nidle_timeout = \"10s\"\ntimeout = \"20s\""
    };
    let file =
        format!("[fetch]\nallow_networks = [\"127.0.0.0/8\"]\n{times}\n[poll]\nper_host = 1000\n");
    Settings::from_layers(Some(("test", &file)), std::collections::BTreeMap::new()).unwrap()
}

/// A server that plays all cases, and the addresses: first more silent ones than there are places.
async fn hostile_feeds() -> (Vec<Case>, Vec<String>, HostileServer) {
    let cases = all_cases().await;
    let scripts: HashMap<String, Vec<Step>> = cases
        .iter()
        .map(|(path, steps, _)| ((*path).to_owned(), steps.clone()))
        .collect();
    let server = HostileServer::start(scripts).await;
    let mut feeds: Vec<String> = (0..60)
        .map(|n| format!("{}?{n}", server.url("/silent")))
        .collect();
    feeds.extend(cases.iter().map(|(path, ..)| server.url(path)));
    feeds.push(server.https("/stalls"));
    (cases, feeds, server)
}

fn good_feeds(publisher: &FeedServer, count: usize) -> Vec<String> {
    let paths = (0..count).map(|n| format!("/good/{n}"));
    paths
        .map(|path| {
            publisher.put(&path, Document::feed(one()));
            publisher.url(&path)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_answer_is_recorded_and_good_feeds_do_not_wait() {
    let (cases, mut feeds, _server) = hostile_feeds().await;
    let publisher = FeedServer::start().await;
    feeds.extend(good_feeds(&publisher, 20));
    let (_, db) = database::fresh().await;
    let clock = TestClock::at("2026-11-23T10:00:00Z");
    let beat = beat(&feeds, &[("iran", "iran")]);
    let settings = limits();
    let worker = TestWorker::with(db, &beat, clock, &settings).await;
    let begun = std::time::Instant::now();
    let all_good_asked = async {
        while publisher.asked().len() < 20 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(begun.elapsed())
    };
    let mut delay = None;
    let pass = worker.pass();
    tokio::pin!(pass, all_good_asked);
    let summary = loop {
        tokio::select! {
            summary = &mut pass => break summary,
            elapsed = &mut all_good_asked, if delay.is_none() => delay = elapsed,
        }
    };
    assert_eq!(summary.polled, feeds.len() as u64);
    // Had the silent servers kept their places, the good feeds, which come last, would have waited for two rounds of them.
    let rounds = settings.fetch.header_timeout * 2;
    assert!(
        delay.is_some_and(|delay| delay < rounds),
        "good feeds waited {delay:?}"
    );
    let rows = sqlx::query(
        "SELECT url, last_error_code, next_poll_at > last_attempt_at AS later, etag, last_modified FROM feeds",
    )
    .fetch_all(&worker.db)
    .await
    .unwrap();
    let mut wrong = Vec::new();
    for (path, _, expected) in &cases {
        let row = rows
            .iter()
            .find(|row| row.get::<String, _>("url").ends_with(path))
            .unwrap();
        assert_eq!(row.get::<Option<bool>, _>("later"), Some(true), "{path}");
        let code = row.get::<Option<String>, _>("last_error_code");
        if *expected != Some("?") && code.as_deref() != *expected {
            wrong.push(format!("{path}: {code:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(
        worker
            .count("feeds WHERE url LIKE 'https:%' AND last_error_code = 'timeout'")
            .await,
        1
    );
    assert_eq!(
        worker
            .count("feeds WHERE last_error_code IS NULL AND url LIKE '%/good/%'")
            .await,
        20
    );
    assert_eq!(worker.count("feeds WHERE lease_until IS NOT NULL").await, 0);
    assert_eq!(worker.pass().await.polled, 0, "none is due again at once");
}
