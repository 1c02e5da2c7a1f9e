//! An entry stays the same entry, poll after poll, whatever its publisher does to its names, order and texts.

use std::time::Duration;

use crate::{
    feed_server::{Document, FeedServer},
    worker::TestWorker,
};

const POLLS: usize = 20;

/// A feed's document at each poll, and how many articles there are after the first and after the last.
struct Case {
    path: &'static str,
    document: fn(usize) -> String,
    first: i64,
    last: i64,
}

fn items(items: &[String]) -> String {
    let items: String = items
        .iter()
        .map(|item| format!("<item>{item}</item>"))
        .collect();
    format!("<rss version=\"2.0\"><channel><title>t</title>{items}</channel></rss>")
}

/// Items that have nothing but these elements, three of them.
fn three(elements: fn(usize) -> String) -> String {
    items(&[0, 1, 2].map(elements))
}

fn title(text: &str) -> String {
    format!("<title>Acme {text}</title>")
}

const CASES: &[Case] = &[
    Case {
        path: "/bare",
        document: |_| three(|n| title(&format!("bare {n}")) + "<description>text</description>"),
        first: 3,
        last: 3,
    },
    Case {
        path: "/title",
        document: |_| three(|n| title(&format!("title {n}"))),
        first: 3,
        last: 3,
    },
    Case {
        path: "/text",
        document: |_| three(|n| format!("<description>Acme text {n}</description>")),
        first: 3,
        last: 3,
    },
    Case {
        path: "/empty-guid",
        document: |poll| {
            let guid = if poll % 2 == 0 {
                "<guid/>"
            } else {
                "<guid> </guid>"
            };
            items(&[format!("{guid}{}", title("empty guid"))])
        },
        first: 1,
        last: 1,
    },
    Case {
        path: "/guid-churn",
        document: |poll| {
            items(&[0, 1, 2].map(|n| {
                format!(
                    "<guid>churn-{poll}-{n}</guid><link>https://churn.example/{n}</link>{}",
                    title(&format!("churn {n}"))
                )
            }))
        },
        first: 3,
        last: 3,
    },
    Case {
        // The page moves; from then on its new address alone leads to it.
        path: "/page-moved",
        document: |poll| {
            let (guid, page) = match poll {
                0 => ("old".to_owned(), "before"),
                1 => ("old".to_owned(), "after"),
                _ => (format!("new-{poll}"), "after"),
            };
            items(&[format!(
                "<guid>{guid}</guid><link>https://moved.example/{page}</link>{}",
                title("moved and churned")
            )])
        },
        first: 1,
        last: 1,
    },
    Case {
        path: "/guid-reused",
        document: |poll| {
            let story = poll / 5;
            items(&[format!(
                "<guid>reused</guid><link>https://reused.example/{story}</link>{}",
                title(&format!("number {story} of other things"))
            )])
        },
        first: 1,
        last: 4,
    },
    Case {
        path: "/guid-twice",
        document: |_| {
            items(&["one", "two"].map(|n| {
                format!(
                    "<guid>twice</guid><link>https://twice.example/{n}</link>{}",
                    title(n)
                )
            }))
        },
        first: 2,
        last: 2,
    },
    Case {
        path: "/three-times",
        document: |_| {
            three(|_| {
                "<guid>thrice</guid><link>https://thrice.example/a</link>".to_owned()
                    + &title("again")
            })
        },
        first: 1,
        last: 1,
    },
    Case {
        path: "/fragments",
        document: |_| {
            items(&[1, 2].map(|n| {
                format!(
                    "<guid>https://live.example/page#{n}</guid><link>https://live.example/page</link>{}",
                    title(&format!("live {n}"))
                )
            }))
        },
        first: 2,
        last: 2,
    },
    Case {
        path: "/scheme",
        document: |poll| {
            let scheme = if poll % 2 == 0 { "http" } else { "https" };
            items(&[format!(
                "<link>{scheme}://flip.example/a</link>{}",
                title("flip")
            )])
        },
        first: 1,
        last: 1,
    },
    Case {
        path: "/www",
        document: |poll| {
            let host = if poll % 2 == 0 { "" } else { "www." };
            items(&[format!(
                "<guid>www</guid><link>https://{host}flop.example/a</link>{}",
                title("flop")
            )])
        },
        first: 1,
        last: 1,
    },
    Case {
        path: "/tracking",
        document: |poll| {
            items(&[format!(
                "<link>https://track.example/a?utm_source=rss&amp;utm_content={poll}</link>{}",
                title("track")
            )])
        },
        first: 1,
        last: 1,
    },
    Case {
        path: "/order",
        document: |poll| {
            let item = |n: usize| {
                format!(
                    "<guid>order-{n}</guid><link>https://order.example/{n}</link>{}",
                    title(&format!("order {n}"))
                )
            };
            let order = if poll % 2 == 0 { [0, 1, 2] } else { [2, 1, 0] };
            items(&order.map(item))
        },
        first: 3,
        last: 3,
    },
    Case {
        path: "/edited",
        document: |poll| {
            let text = if poll < 5 {
                "Nothing yet"
            } else {
                "Acme after all"
            };
            items(&[format!(
                "<guid>edited</guid><link>https://edited.example/a</link><title>Report</title><description>{text}</description>"
            )])
        },
        first: 0,
        last: 1,
    },
    Case {
        path: "/gone-and-back",
        document: |poll| {
            let item =
                "<guid>back</guid><link>https://back.example/a</link>".to_owned() + &title("back");
            let other =
                "<guid>stays</guid><link>https://back.example/b</link><title>Weather</title>"
                    .to_owned();
            if (5..10).contains(&poll) {
                items(&[other])
            } else {
                items(&[item, other])
            }
        },
        first: 1,
        last: 1,
    },
    Case {
        path: "/moved-to",
        document: |_| {
            three(|n| {
                format!(
                    "<guid>moved-{n}</guid><link>https://moved.example/{n}</link>{}",
                    title(&format!("moved {n}"))
                )
            })
        },
        first: 3,
        last: 3,
    },
];

async fn articles(worker: &TestWorker, path: &str) -> i64 {
    worker
        .count(&format!(
            "articles JOIN feeds ON feeds.id = feed_id WHERE feeds.url LIKE '%{path}'"
        ))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_polls_find_no_entry_twice_and_none_too_few() {
    let publisher = FeedServer::start().await;
    // The last case is asked at another address, which sends everybody on.
    let address = |path: &str| if path == "/moved-to" { "/moved" } else { path }.to_owned();
    publisher.put("/moved", Document::redirect(301, "/moved-to"));
    let feeds: Vec<String> = CASES
        .iter()
        .map(|case| publisher.url(&address(case.path)))
        .collect();
    let worker = TestWorker::new(&feeds, &[("acme", "acme")]).await;
    for poll in 0..POLLS {
        for case in CASES {
            publisher.put(case.path, Document::feed((case.document)(poll)));
        }
        let summary = worker.pass_a_day_later().await;
        assert_eq!(
            (summary.polled, summary.failed),
            (CASES.len() as u64, 0),
            "poll {poll}"
        );
        if poll == 0 {
            for case in CASES {
                let path = if case.path == "/moved-to" {
                    "/moved%"
                } else {
                    case.path
                };
                assert_eq!(articles(&worker, path).await, case.first, "{}", case.path);
            }
        }
    }
    for case in CASES {
        assert_eq!(
            articles(&worker, case.path).await,
            case.last,
            "{}",
            case.path
        );
    }
    // Each was told once: a match for each, with a number of arrival of its own.
    let all: i64 = CASES.iter().map(|case| case.last).sum();
    assert_eq!(worker.count("matches").await, all);
    assert_eq!(
        worker
            .count("(SELECT DISTINCT arrival FROM matches WHERE arrival IS NOT NULL) AS told")
            .await,
        all
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_the_backlog_and_still_stands_in_its_feed_is_not_new() {
    let publisher = FeedServer::start().await;
    let old = "<guid>old</guid><link>https://old.example/a</link><title>Weather</title>".to_owned();
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("acme", "acme")]).await;
    for poll in 0..40 {
        let new = format!(
            "<guid>{poll}</guid><link>https://old.example/{poll}</link><title>Rain {poll}</title>"
        );
        publisher.put("/feed", Document::feed(items(&[new, old.clone()])));
        worker.pass_a_day_later().await;
        worker.upkeep().await;
    }
    assert_eq!(
        worker.count("backlog WHERE title = 'Weather'").await,
        0,
        "the window is 30 days"
    );
    assert_eq!(worker.count("feeds WHERE entries_seen = 41").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_feed_that_never_repeats_itself_the_ledger_keeps_the_latest() {
    const KEPT: i64 = 200_000;
    let publisher = FeedServer::start().await;
    let item = "<guid>a</guid><link>https://led.example/a</link><title>a</title>";
    publisher.put("/feed", Document::feed(items(&[item.to_owned()])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("acme", "acme")]).await;
    worker.pass().await;
    // One row more in each second of the days before.
    sqlx::query(
        "INSERT INTO ledger (feed_id, identity, title_hash, content_hash, first_seen_at, last_seen_on)
         SELECT feeds.id, decode(lpad(to_hex(number), 32, '0'), 'hex'), 0, 0,
                timestamptz '2026-11-20T00:00:00Z' + number * interval '1 second', '2026-11-23'
           FROM feeds, generate_series(1, $1) AS number",
    )
    .bind(KEPT + 10)
    .execute(&worker.db)
    .await
    .unwrap();
    let half_a_year = Duration::from_hours(24 * 182);
    let trim = async || {
        wirewatch::store::ledger::trim(&worker.db, half_a_year, 0, 1)
            .await
            .unwrap()
    };
    sqlx::query("UPDATE feeds SET entries_seen = $1")
        .bind(KEPT)
        .execute(&worker.db)
        .await
        .unwrap();
    assert_eq!(trim().await, 0, "a feed that had no more is not looked at");
    sqlx::query("UPDATE feeds SET entries_seen = $1")
        .bind(KEPT + 11)
        .execute(&worker.db)
        .await
        .unwrap();
    assert_eq!(trim().await, 11);
    assert_eq!(worker.count("ledger").await, KEPT);
    let oldest = "ledger WHERE first_seen_at <= '2026-11-20T00:00:11Z'";
    assert_eq!(worker.count(oldest).await, 0, "the latest are kept");
    worker.clock.advance(Duration::from_hours(24));
    assert_eq!(worker.pass().await.new_entries, 0, "what stands in it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_forgets_what_its_feed_gave_up_long_ago_and_nothing_that_still_stands_in_it() {
    let publisher = FeedServer::start().await;
    let item = |name: &str| {
        format!("<guid>{name}</guid><link>https://led.example/{name}</link><title>{name}</title>")
    };
    let pinned = item("pinned");
    publisher.put(
        "/moves",
        Document::feed(items(&[item("first"), pinned.clone()])),
    );
    publisher.put("/rests", Document::feed(items(&[item("rests")])));
    let feeds = ["/moves", "/rests"].map(|path| publisher.url(path));
    let worker = TestWorker::new(&feeds, &[("acme", "acme")]).await;
    worker.pass().await;
    for month in 0..8 {
        worker.clock.advance(Duration::from_hours(24 * 31));
        publisher.put(
            "/moves",
            Document::feed(items(&[item(&format!("month-{month}")), pinned.clone()])),
        );
        worker.pass().await;
        // Each feed's share of the ledger comes about once a day.
        for _ in 0..96 {
            worker.clock.advance(Duration::from_mins(15));
            worker.upkeep().await;
        }
    }
    let of =
        |path: &str| format!("ledger JOIN feeds ON feeds.id = feed_id WHERE url LIKE '%{path}'");
    // Half a year is kept: the first and the oldest months are gone, what stands in the document is not.
    assert_eq!(worker.count(&of("/moves")).await, 1 + 6);
    assert_eq!(
        worker.count(&of("/rests")).await,
        1,
        "a feed that rests loses nothing"
    );
    publisher.put("/moves", Document::feed(items(&[pinned])));
    worker.clock.advance(Duration::from_hours(24));
    assert_eq!(worker.pass().await.new_entries, 0);
}
