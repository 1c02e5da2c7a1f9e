//! `parse`, `opml` and `doctor`.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::{Value, json};

use super::{file, run, run_on, run_with_input};
use crate::{binary::beat_file, database, worker};

const RSS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Harbour &amp; Coast</title><link>/home</link><language>en-GB</language>
<item><guid isPermaLink="false"> h-1 </guid><link>/one?b=2&amp;a=1</link><title>&lt;b&gt;One&lt;/b&gt; ship</title>
<pubDate>Mon, 23 Nov 2026 12:00:00 +0900</pubDate><dc:creator>A. Writer</dc:creator><category>Ports</category>
<description>&lt;p&gt;Short &amp;amp; plain&lt;/p&gt;</description><content:encoded><![CDATA[<p>First.</p><p>Second.</p>]]></content:encoded></item>
<item><title>Two</title></item>
</channel></rss>"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_printed_as_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let feed = file(&folder, "feed.xml", RSS);
    let arguments = [
        "parse",
        &feed,
        "--base",
        "https://news.example/rss",
        "--json",
    ];
    let told = run(&arguments).await;
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    let expected = json!({
        "kind": "rss",
        "title": "Harbour & Coast",
        "link": "https://news.example/home",
        "language": "en-GB",
        "entries": [
            {
                "id": "h-1",
                "url": "https://news.example/one?b=2&a=1",
                "title": "One ship",
                "published": "2026-11-23T03:00:00Z",
                "updated": null,
                "authors": ["A. Writer"],
                "summary": "Short & plain",
                "content": "First.\nSecond.",
                "language": "en-GB",
                "categories": ["Ports"],
            },
            {
                "id": null,
                "url": null,
                "title": "Two",
                "published": null,
                "updated": null,
                "authors": [],
                "summary": "",
                "content": "",
                "language": "en-GB",
                "categories": [],
            },
        ],
    });
    assert_eq!(told.json(), expected);
    let piped = run_with_input(
        &["parse", "-", "--base", "https://news.example/rss", "--json"],
        &feed,
    )
    .await;
    assert_eq!(piped.json(), expected);
    let told = run(&["parse", &feed]).await;
    assert!(
        told.out
            .starts_with("Harbour & Coast\n2 entries, 0 skipped\n\nOne ship\n"),
        "{}",
        told.out
    );

    let page = file(
        &folder,
        "page.html",
        "<!doctype html><html><body>Hello</body></html>",
    );
    let told = run(&["parse", &page, "--json"]).await;
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(told.err.contains("page.html: not_a_feed: "), "{}", told.err);

    let large = file(&folder, "large.xml", &" ".repeat((8 << 20) + 1));
    let told = run(&["parse", &large]).await;
    assert_eq!(told.code, 1);
    assert!(
        told.err
            .contains("large.xml: too_large: more than 8388608 bytes"),
        "{}",
        told.err
    );
}

/// A database of its own, and the beat that it is filled with.
async fn empty() -> (String, PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let beat = beat_file(folder.path(), &worker::beat(&[], &[("iran", "iran")]));
    (database::empty_url().await, beat, folder)
}

fn thousand() -> String {
    let mut opml =
        "<?xml version=\"1.0\"?>\n<opml version=\"2.0\"><head><title>All</title></head><body>\n"
            .to_owned();
    for folder in 0..10 {
        writeln!(
            opml,
            "<outline text=\"Desk {folder} / &lt;Asia&gt;\"><outline text=\"Wires\">"
        )
        .unwrap();
        for feed in 0..100 {
            writeln!(
                opml,
                "<outline type=\"rss\" text=\"Feed {folder}-{feed} &amp; more\" xmlUrl=\"https://site{folder}.example/{feed}/rss\" htmlUrl=\"https://www.site{folder}.example/\"/>"
            )
            .unwrap();
        }
        opml.push_str("</outline></outline>\n");
    }
    opml.push_str("</body></opml>\n");
    opml
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_feeds_come_in_once_and_go_out_as_they_came() {
    let (url, beat, folder) = empty().await;
    let list = file(&folder, "all.opml", &thousand());
    let first = run_on(&url, &beat, &["opml", "import", &list, "--json"]).await;
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(first.json()["added"], json!({"feed": 1000, "source": 10}));
    let again = run_on(&url, &beat, &["opml", "import", &list, "--json"]).await;
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(
        (&again.json()["added"], &again.json()["changed"]),
        (&json!({}), &json!({}))
    );
    assert_eq!(again.json()["kept"]["feed"], 1000);

    let out = folder.path().join("out.opml");
    let out = out.to_str().unwrap();
    assert_eq!(run_on(&url, &beat, &["opml", "export", out]).await.code, 0);
    let exported = std::fs::read_to_string(out).unwrap();
    assert_eq!(exported.matches("xmlUrl=").count(), 1000);
    assert!(
        exported.contains("Desk 3 / &lt;Asia&gt;"),
        "folders keep their names"
    );

    let (other, beat, _other_folder) = empty().await;
    let there = run_on(&other, &beat, &["opml", "import", out, "--json"]).await;
    assert_eq!(
        there.json()["added"],
        first.json()["added"],
        "{}",
        there.err
    );
    let back = run_on(&other, &beat, &["opml", "export", "-"]).await;
    assert_eq!(back.out, exported, "what went out comes in the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_outlines_are_reported_and_cost_nothing_else() {
    let (url, beat, folder) = empty().await;
    let opml = r#"<opml version="2.0"><body>
<outline text="Good" xmlUrl="https://good.example/rss"/>
<outline text="No address" type="rss"/>
<outline text="Old" xmlUrl="ftp://old.example/rss"/>
<outline text="Good again" xmlUrl="https://good.example/rss"/>
</body></opml>"#;
    let list = file(&folder, "bad.opml", opml);
    let told = run_on(&url, &beat, &["opml", "import", &list]).await;
    assert_eq!(told.code, 1, "{told:?}");
    assert!(
        told.out.contains("added: 1 feed, 1 source\n"),
        "{}",
        told.out
    );
    for problem in [
        "bad.opml:3: No address: a feed without xmlUrl\n",
        "bad.opml:4: ftp://old.example/rss: the scheme \"ftp\" cannot be polled",
        "bad.opml:5: https://good.example/rss: listed before\n",
    ] {
        assert!(told.err.contains(problem), "{problem}: {}", told.err);
    }
    let page = file(&folder, "page.html", "<html></html>");
    let told = run_on(&url, &beat, &["opml", "import", &page]).await;
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(told.err.contains("this is no OPML list"), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_what_is_well_and_what_to_do() {
    let (url, beat, _folder) = empty().await;
    let ill = run_on(&url, &beat, &["doctor", "--no-feeds"]).await;
    assert_eq!(ill.code, 1, "{ill:?}");
    assert!(ill.out.contains("trouble  schema: "), "{}", ill.out);
    assert!(ill.out.contains("run wirewatch db migrate"), "{}", ill.out);

    assert_eq!(run_on(&url, &beat, &["db", "migrate"]).await.code, 0);
    let well = run_on(&url, &beat, &["doctor", "--no-feeds", "--json"]).await;
    let findings = well.json();
    let states: Vec<(&str, &str)> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|finding: &Value| {
            (
                finding["what"].as_str().unwrap(),
                finding["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        states[..4],
        [
            ("database", "ok"),
            ("clock", "ok"),
            ("schema", "ok"),
            ("accounts", "advice"),
        ],
        "{findings}"
    );
    assert_eq!(states[4].0, "disk");
    assert_eq!(states[5], ("pages", "ok"));
    assert_eq!(well.code, i32::from(states[4].1 == "trouble"));
}
