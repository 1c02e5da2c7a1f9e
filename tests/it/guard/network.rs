//! The policy as it is set when nothing is set: a network of its own, where public addresses are ours to listen on and no
//! network is allowed by name. It takes the rights of root, `unshare` and `ip`; without them the test says that it was
//! skipped.

use std::{
    net::IpAddr,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use wirewatch::{
    domain::ErrorCode,
    fetch::{FetchOptions, Fetcher, Lookup},
};

use super::{Canaries, code};
use crate::{
    feed_server::{Document, FeedServer, rss},
    worker::settings,
};

/// A public address that belongs to nobody here.
const PUBLIC: &str = "93.184.216.34";
const INWARD: &[&str] = &["169.254.169.254", "10.9.8.7", "100.64.0.1", "127.0.0.1"];

/// Names of an attacker: the first answer for `evil.test` is public, all others lead inward.
#[derive(Default)]
struct Names(AtomicUsize);

impl Lookup for Names {
    fn addresses(
        &self,
        host: String,
    ) -> futures_util::future::BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let answers: Vec<&str> = match host.as_str() {
            "good.test" => vec![PUBLIC],
            "evil.test" if self.0.fetch_add(1, Ordering::SeqCst) == 0 => vec![PUBLIC],
            "mixed.test" => vec![PUBLIC, INWARD[0]],
            "v6.test" => vec!["64:ff9b::a9fe:a9fe"],
            "cname.test" => vec!["127.0.0.1", "::1"],
            _ => INWARD.to_vec(),
        };
        let answers = answers
            .iter()
            .map(|answer| answer.parse().unwrap())
            .collect();
        Box::pin(async move { Ok(answers) })
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn without_a_setting_only_public_addresses_are_asked_and_names_change_nothing() {
    if !run("unshare", &["-n", "ip", "link", "set", "lo", "up"]) {
        eprintln!("skipped: a network of its own takes root, unshare and ip");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let test = "guard::network::inside_of_a_network_of_its_own";
    let program = program.to_str().unwrap();
    let status = Command::new("unshare")
        .args(["-n", program, "--ignored", "--exact", test])
        .status()
        .unwrap();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside of the test above"]
async fn inside_of_a_network_of_its_own() {
    assert!(run("ip", &["link", "set", "lo", "up"]));
    for address in [PUBLIC].iter().chain(&INWARD[..3]) {
        assert!(run(
            "ip",
            &["addr", "add", &format!("{address}/32"), "dev", "lo"]
        ));
    }
    let publisher = FeedServer::start_on(PUBLIC).await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let port = publisher.url("").rsplit(':').next().unwrap().to_owned();
    let canaries = Canaries::start_on(INWARD).await;
    let options = FetchOptions {
        allow_networks: serde_json::from_str("[]").unwrap(),
        ..settings().fetch
    };
    let fetcher = Fetcher::with_lookup(&options, Arc::new(Names::default())).unwrap();
    for url in [
        publisher.url("/feed"),
        format!("http://good.test:{port}/feed"),
        format!("http://evil.test:{port}/feed"),
    ] {
        assert_eq!(code(&fetcher, &url).await, None, "{url}");
    }
    let reached = publisher.asked().len();
    assert_eq!(
        reached, 3,
        "the public server is reached, by address and by name"
    );
    let names = [
        "evil.test",
        "mixed.test",
        "v6.test",
        "cname.test",
        "other.test",
    ];
    for _ in 0..20 {
        for name in names {
            for port in [canaries.port.to_string(), port.clone()] {
                let url = format!("http://{name}:{port}/feed");
                let found = code(&fetcher, &url).await;
                // A connection that is kept to an address which was judged may be used again.
                let is_kept = name == "evil.test" && found.is_none();
                assert!(
                    is_kept || found == Some(ErrorCode::BlockedAddress),
                    "{url}: {found:?}"
                );
            }
        }
    }
    for (index, target) in names.iter().chain(INWARD).enumerate() {
        let path = format!("/away/{index}");
        publisher.put(
            &path,
            Document::redirect(302, &format!("http://{target}:{}/", canaries.port)),
        );
        let found = code(&fetcher, &publisher.url(&path)).await;
        assert_eq!(found, Some(ErrorCode::RedirectBlocked), "{target}");
    }
    assert_eq!(canaries.reached.load(Ordering::SeqCst), 0);
}
