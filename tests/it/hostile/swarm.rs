//! Two hundred servers that never let go, beside two hundred good ones.

use std::{collections::HashMap, time::Duration};

use super::{Step, answer, code_of_bombs, is_true, memory::pass, raw, server::HostileServer};

/// Cases of a server that holds on or floods, by path.
async fn scripts() -> HashMap<String, Vec<Step>> {
    let pause = Duration::from_millis(100);
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x1_0000], b"\r\n"].concat();
    let open = b"HTTP/1.1 200 OK\r\n\r\n";
    let mut scripts: HashMap<String, Vec<Step>> = [
        ("/hangs", vec![Step::Hang]),
        (
            "/headers-drip",
            vec![
                raw(b"HTTP/1.1 200 OK\r\nX: "),
                Step::Repeat(b"x".to_vec(), pause),
            ],
        ),
        (
            "/body-drips",
            vec![raw(open), Step::Repeat(b"<".to_vec(), pause)],
        ),
        (
            "/endless",
            vec![
                raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                Step::Repeat(chunk, Duration::ZERO),
            ],
        ),
        (
            "/hints",
            vec![Step::Repeat(
                b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(),
                pause,
            )],
        ),
        (
            "/loops",
            vec![answer("302 Found", "Location: /loops\r\n", b"")],
        ),
        ("/resets", vec![Step::Reset]),
    ]
    .into_iter()
    .map(|(path, steps)| (path.to_owned(), steps))
    .collect();
    for (path, steps) in code_of_bombs().await {
        scripts.insert(path.to_owned(), steps);
    }
    scripts
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_servers_that_hold_on_delay_two_hundred_good_ones_by_moments() {
    let scripts = scripts().await;
    let mut paths: Vec<String> = scripts.keys().cloned().collect();
    paths.sort();
    paths.push("/hangs".to_owned());
    let server = HostileServer::start(scripts).await;
    let mut feeds: Vec<String> = (0..190)
        .map(|n| format!("{}?{n}", server.url(&paths[n % paths.len()])))
        .collect();
    feeds.extend((0..10).map(|n| format!("{}?{n}", server.https("/stalls"))));
    let alone = pass(Vec::new(), 200).await;
    let beside = pass(feeds, 200).await;
    // The 99th of a hundred.
    let p99 = |took: &[Duration]| took[took.len() * 99 / 100 - 1];
    let (lag, base) = (p99(&beside.good_feeds_took), p99(&alone.good_feeds_took));
    eprintln!(
        "good feeds: 99 of 100 asked within {lag:?} (alone {base:?}); peak {} MB, {} files",
        beside.peak_mb, beside.files[0]
    );
    assert_eq!(beside.recorded, 400, "each has an outcome and a next check");
    assert!(beside.peak_mb < 300, "{} MB", beside.peak_mb);
    assert!(
        beside.files[0] < 600 && beside.files[1] < 60,
        "files, at most and at the end: {:?}",
        beside.files
    );
    // Each is asked once, and what was broken in its coding once more without.
    assert!(server.most_asked() <= 2, "{}", server.most_asked());
    let patience = std::time::Instant::now();
    while server.open() > 0 && patience.elapsed() < crate::site::PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.open(), 0, "no connection is left standing");
    if is_true() {
        assert!(
            lag <= base + Duration::from_secs(2),
            "{lag:?} after {base:?}"
        );
    }
}
