//! One text in every encoding, declared in every way, coded in every way: what is stored is what was written.

use axum::http::header;
use tokio::io::AsyncWriteExt as _;

use crate::{
    feed_server::{Document, FeedServer},
    worker::TestWorker,
};

const UKRAINIAN: &str = "acme: Україна під санкціями, гілля";
const POLISH: &str = "acme: zażółć gęślą jaźń";
const GREEK: &str = "acmé: κυρώσεις — 制裁 🛰";
const LATIN: &str = "acmé: «déjà vu» à Genève";
const JAPANESE: &str = "acme: 制裁リストを更新";
const CHINESE: &str = "acme: 对伊朗的制裁";
const KOREAN: &str = "acme: 대북 제재 강화";

fn document(title: &str, declared: Option<&str>) -> String {
    let declared = declared.map_or(String::new(), |name| format!(" encoding=\"{name}\""));
    format!(
        "<?xml version=\"1.0\"{declared}?><rss version=\"2.0\"><channel><title>t</title>\
         <item><title>{title}</title><description>{title}</description></item></channel></rss>"
    )
}

fn encoded(text: &str, name: &str) -> Vec<u8> {
    match name {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        name => {
            let encoding = encoding_rs::Encoding::for_label(name.as_bytes()).unwrap();
            let (bytes, _, had_faults) = encoding.encode(text);
            assert!(!had_faults, "{name} has no letters for {text}");
            bytes.into_owned()
        }
    }
}

fn mark(name: &str) -> &'static [u8] {
    match name {
        "utf-8" => b"\xef\xbb\xbf",
        "utf-16le" => b"\xff\xfe",
        "utf-16be" => b"\xfe\xff",
        _ => b"",
    }
}

/// The ways in which a document says its encoding.
#[derive(Debug, Clone, Copy)]
struct Said {
    mark: Option<&'static str>,
    header: Option<&'static str>,
    prolog: Option<&'static str>,
}

impl Said {
    /// The mark, then the header, then the prolog (RFC 7303).
    fn wins(self) -> &'static str {
        self.mark.or(self.header).or(self.prolog).unwrap_or("utf-8")
    }
}

fn served(title: &str, said: Said, encoding: &str) -> Document {
    let body = encoded(&document(title, said.prolog), encoding);
    let body = [mark(said.mark.unwrap_or_default()), &body].concat();
    let content_type = said
        .header
        .map_or("application/rss+xml".to_owned(), |name| {
            format!("application/rss+xml; charset={name}")
        });
    Document::feed(body).with_header(header::CONTENT_TYPE, &content_type)
}

async fn gzipped(document: Document) -> Document {
    let mut encoder = async_compression::tokio::write::GzipEncoder::new(Vec::new());
    encoder.write_all(&document.body).await.unwrap();
    encoder.shutdown().await.unwrap();
    Document {
        body: encoder.into_inner(),
        ..document
    }
    .with_header(header::CONTENT_ENCODING, "gzip")
}

/// Each text in each encoding that has its letters, and how the encoding is told.
fn agreeing() -> Vec<(&'static str, Said, &'static str)> {
    let mut cases = Vec::new();
    for (encoding, title) in [
        ("utf-8", GREEK),
        ("utf-16le", GREEK),
        ("utf-16be", GREEK),
        ("windows-1251", UKRAINIAN),
        ("koi8-u", UKRAINIAN),
        ("windows-1250", POLISH),
        ("iso-8859-2", POLISH),
        ("windows-1252", LATIN),
        ("iso-8859-5", "acme: санкции против Ирана"),
        ("windows-1253", "acme: κυρώσεις"),
        ("shift_jis", JAPANESE),
        ("euc-jp", JAPANESE),
        ("gb18030", CHINESE),
        ("gbk", CHINESE),
        ("big5", "acme: 對伊朗的制裁"),
        ("euc-kr", KOREAN),
    ] {
        let none = Said {
            mark: None,
            header: None,
            prolog: None,
        };
        if !mark(encoding).is_empty() {
            cases.push((
                title,
                Said {
                    mark: Some(encoding),
                    ..none
                },
                encoding,
            ));
        }
        cases.push((
            title,
            Said {
                header: Some(encoding),
                ..none
            },
            encoding,
        ));
        if !encoding.starts_with("utf-16") {
            cases.push((
                title,
                Said {
                    prolog: Some(encoding),
                    ..none
                },
                encoding,
            ));
        }
        let all = Said {
            mark: None,
            header: Some(encoding),
            prolog: Some(encoding),
        };
        cases.push((title, all, encoding));
    }
    cases
}

/// Three marks, three headers, three prologs; the bytes are what the strongest says.
fn conflicting() -> Vec<(&'static str, Said, &'static str)> {
    let mut cases = Vec::new();
    for mark in [None, Some("utf-8"), Some("utf-16le")] {
        for header in [None, Some("utf-8"), Some("windows-1251")] {
            for prolog in [None, Some("utf-8"), Some("windows-1251")] {
                let said = Said {
                    mark,
                    header,
                    prolog,
                };
                cases.push((UKRAINIAN, said, said.wins()));
            }
        }
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_stored_as_written_however_it_is_encoded_declared_and_coded() {
    let publisher = FeedServer::start().await;
    let cases: Vec<_> = agreeing().into_iter().chain(conflicting()).collect();
    assert!(cases.len() >= 27 + 13 * 3);
    let mut feeds = Vec::new();
    for (index, (title, said, encoding)) in cases.iter().enumerate() {
        let document = served(title, *said, encoding);
        publisher.put(&format!("/{index}/plain"), document.clone());
        publisher.put(&format!("/{index}/gzip"), gzipped(document).await);
        feeds.extend(["plain", "gzip"].map(|way| publisher.url(&format!("/{index}/{way}"))));
    }
    let worker = TestWorker::new(&feeds, &[("acme", "acme")]).await;
    while worker.pass().await.polled > 0 {}
    let stored: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT feeds.url, articles.title, articles.summary || articles.content FROM articles JOIN feeds ON feeds.id = feed_id",
    )
    .fetch_all(&worker.db)
    .await
    .unwrap();
    let mut wrong = Vec::new();
    for (index, (title, said, encoding)) in cases.iter().enumerate() {
        for way in ["plain", "gzip"] {
            let end = format!("/{index}/{way}");
            let found: Vec<&str> = stored
                .iter()
                .filter(|(url, ..)| url.ends_with(&end))
                .map(|(_, title, _)| title.as_str())
                .collect();
            if found != [*title] {
                wrong.push(format!("{encoding} {said:?} {way}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_no_database_holds_cost_no_entry() {
    let publisher = FeedServer::start().await;
    let rss = |title: &[u8]| {
        let (before, after) = (
            &b"<rss version='2.0'><channel><item><title>"[..],
            &b"</title></item></channel></rss>"[..],
        );
        Document::feed([before, title, after].concat())
    };
    let json = |title: &str| {
        Document::feed(format!(
            "{{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{{\"id\":\"1\",\"title\":\"{title}\"}}]}}"
        ))
    };
    let documents = [
        rss(b"acme nul \x00 x"),
        rss(b"acme c0 \x01\x02\x1b[0m x"),
        rss(b"acme c1 \xc2\x85\xc2\x9b x"),
        rss(b"acme overlong \xc0\x80\xe0\x80\xaf x"),
        rss(b"acme surrogate \xed\xa0\x80 x"),
        rss(b"acme nonchar \xef\xbf\xbe\xef\xbf\xbf x"),
        rss(b"acme beyond \xf5\x80\x80\x80 x"),
        json("acme half \\ud800 x"),
        json("acme nul \\u0000 x"),
        json("acme pair \\ud83d\\ude00 x"),
    ];
    let mut feeds = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        publisher.put(&format!("/{index}"), document);
        feeds.push(publisher.url(&format!("/{index}")));
    }
    let worker = TestWorker::new(&feeds, &[("acme", "acme")]).await;
    let summary = worker.pass().await;
    assert_eq!(
        (summary.polled, summary.failed, summary.new_articles),
        (10, 0, 10)
    );
    assert_eq!(
        worker.count("articles WHERE title LIKE 'acme % x'").await,
        10
    );
    assert_eq!(worker.count("matches WHERE closed_at IS NULL").await, 10);
}
