//! Faults that other readers are known for, each as a test: what a document may hold, and what makes an entry the same.

use proptest::prelude::*;
use url::Url;

use super::{dates, identify, normalise, page, parse};
use crate::domain::{
    Document, Entry, ErrorCode, FeedId, Identified, Known, ListSelectors, Novelty,
};

fn base() -> Url {
    Url::parse("https://served.example.org/dir/feed.xml").unwrap()
}

fn read(text: &str) -> Document {
    parse::parse(text.as_bytes(), None, &base()).unwrap()
}

fn entries(text: &str) -> Vec<Entry> {
    normalise::entries(&read(text), None)
}

fn rss(items: &str) -> String {
    format!("<rss version='2.0'><channel><title>t</title>{items}</channel></rss>")
}

/// The entries of a document against what the feed knows, with what it knows then.
fn identified(feed: i64, document: &str, known: &[Known]) -> Vec<Identified> {
    let entries = entries(document);
    identify::identify(
        FeedId::new(feed),
        &entries,
        &identify::fingerprints(&entries),
        known,
    )
}

fn novelties(found: &[Identified]) -> Vec<Novelty> {
    found.iter().map(|found| found.novelty).collect()
}

fn ledger(found: &[Identified]) -> Vec<Known> {
    found.iter().map(|found| found.known).collect()
}

#[test]
fn titles_survive_what_publishers_do_to_markup() {
    for (title, read) in [
        ("Tom & Jerry", "Tom & Jerry"),
        ("AT&T", "AT&T"),
        ("caf&eacute;&nbsp;news", "café news"),
        ("a &lt; b", "a < b"),
        ("profit < 5 %", "profit < 5 %"),
        ("nul &#0;l", "nul l"),
        ("bell &#x1F;l", "bell l"),
        ("half &#xD800;l", "half \u{fffd}l"),
        ("raw \u{b}\u{c}vt", "raw vt"),
        ("<![CDATA[Tom & <b>Jerry</b>]]>", "Tom & Jerry"),
        ("<![CDATA[one]]> and <![CDATA[two]]>", "one and two"),
        ("x<![CDATA[]]]]><![CDATA[>]]>y", "x]]>y"),
        ("<b>Bold</b> news", "Bold news"),
        ("&lt;b&gt;Bold&lt;/b&gt; news", "Bold news"),
        ("O&amp;#39;Brien", "O'Brien"),
        ("don\u{92}t", "don’t"),
        ("a<!-- no -- no -->b", "ab"),
        ("a<?php no ?>b", "ab"),
        ("&#1610;&#x0627;", "يا"),
    ] {
        let document = rss(&format!("<item><title>{title}</title></item>"));
        assert_eq!(entries(&document)[0].title, read, "{title}");
    }
}

#[test]
fn documents_are_read_whatever_stands_around_their_entries() {
    let item = "<item><title>One</title><link>/1</link></item>";
    let channel = format!("<channel>{item}</channel>");
    for (name, document) in [
        ("no version", format!("<rss>{channel}</rss>")),
        ("odd version", format!("<rss version='2.0.1'>{channel}</rss>")),
        ("upper case", format!("<RSS>{channel}</RSS>")),
        ("default namespace", format!("<rss xmlns='http://backend.userland.com/rss2'>{channel}</rss>")),
        ("unknown namespace", format!("<rss xmlns='https://nobody.example/x'>{channel}</rss>")),
        ("a warning before", format!("Warning: x in y on line 3\n<?xml version='1.0'?><rss>{channel}</rss>")),
        ("9 KB of spaces", format!("{}<rss>{channel}</rss>", " ".repeat(9_000))),
        ("text after", format!("<rss>{channel}</rss> <!-- 0.3 s --> trailing")),
        ("a document type", format!("<!DOCTYPE rss [<!ENTITY a 'b'>]><rss>{channel}</rss>")),
        ("a style sheet", format!("<?xml-stylesheet href='x.xsl'?><rss>{channel}</rss>")),
        ("RDF", format!("<rdf:RDF>{item}</rdf:RDF>")),
        ("no root", channel.clone()),
        ("many attributes", format!("<rss {}>{channel}</rss>", "a='b' ".repeat(100_000))),
        ("many namespaces", format!("<rss {}>{channel}</rss>", (0..300).fold(String::new(), |all, n| all + &format!("xmlns:n{n}='u{n}' ")))),
        ("bad neighbour", format!("<rss><channel><item><title>cut<item><title>x</wrong></item>{item}</channel></rss>")),
        ("Atom by https", "<feed xmlns='https://www.w3.org/2005/Atom'><entry><title>One</title><link href='/1'/></entry></feed>".to_owned()),
        ("Atom 0.3", "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><entry><title>One</title><link href='/1'/></entry></feed>".to_owned()),
        ("poison type", "<feed><entry><title type='markdown'>One</title><link href='/1'/></entry></feed>".to_owned()),
        ("JSON", "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"id\":7,\"title\":\"One\",\"url\":\"/1\"},null,3]}".to_owned()),
        ("JSON with a mark", "\u{feff}{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{\"title\":\"One\",\"url\":\"/1\"}]}".to_owned()),
    ] {
        let found = entries(&document);
        let one = found.iter().find(|entry| entry.title == "One");
        let url = one.and_then(|entry| entry.url.as_deref());
        assert_eq!(url, Some("https://served.example.org/1"), "{name}: {found:?}");
    }
}

#[test]
fn encodings_nobody_expects_are_read_or_refused() {
    let document = rss("<item><title>제재 санкции</title></item>");
    let utf_32: Vec<u8> = document
        .chars()
        .flat_map(|c| u32::from(c).to_le_bytes())
        .collect();
    let utf_32_be: Vec<u8> = document
        .chars()
        .flat_map(|c| u32::from(c).to_be_bytes())
        .collect();
    for body in [utf_32, utf_32_be] {
        let read = parse::parse(&body, None, &base()).unwrap();
        assert_eq!(read.entries[0].title.as_deref(), Some("제재 санкции"));
    }
    let ebcdic = [0x4c, 0x6f, 0xa7, 0x94, 0x93, 0x40];
    let error = parse::parse(&ebcdic, None, &base()).unwrap_err();
    assert_eq!(error.code, ErrorCode::NotAFeed);
}

#[test]
fn what_grows_without_end_ends() {
    let deep = format!("<rss><channel><item><title>{}x", "<a>".repeat(1_000_000));
    assert!(parse::parse(deep.as_bytes(), None, &base()).is_err());
    let nested = format!(
        "<rss><channel><item><description>{}x{}</description></item></channel></rss>",
        "<div>".repeat(100_000),
        "</div>".repeat(100_000)
    );
    assert_eq!(entries(&nested).len(), 1);
    let tiny = rss(&"<item/>".repeat(1_100_000));
    let document = read(&tiny);
    assert_eq!(document.entries.len(), parse::MAX_ENTRIES);
    assert_eq!(parse::loss(&document), Some(ErrorCode::TooManyEntries));
    let laughs = format!(
        "<!DOCTYPE r [<!ENTITY a '{}'><!ENTITY b '&a;&a;&a;'>]>{}",
        "ha".repeat(100),
        rss(&format!(
            "<item><title>{}</title></item>",
            "&b;&a;".repeat(10_000)
        ))
    );
    assert!(entries(&laughs)[0].title.len() <= 3 * parse::MAX_TITLE_BYTES);
    let json = format!(
        "{{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{}",
        "[".repeat(10_000)
    );
    assert!(parse::parse(json.as_bytes(), None, &base()).is_err());
}

#[test]
fn an_entity_opens_no_file() {
    let document = format!(
        "<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'><!ENTITY % y SYSTEM 'http://127.0.0.1/'>%y;]>{}",
        rss("<item><title>a &x; b</title></item>")
    );
    assert_eq!(entries(&document)[0].title, "a &x; b");
}

#[test]
fn an_entry_is_the_same_however_its_publisher_churns_it() {
    use Novelty::{Changed, New, Unchanged};
    let item = |guid: &str, link: &str, title: &str, text: &str| {
        format!(
            "<item>{guid}<link>{link}</link><title>{title}</title><description>{text}</description></item>"
        )
    };
    let one = item(
        "<guid>1</guid>",
        "https://e.example/1",
        "Iran talks",
        "text",
    );
    for (name, then, now, expected) in [
        ("the same again", one.clone(), one.clone(), Unchanged),
        (
            "no guid",
            item("", "https://e.example/1", "T", "x"),
            item("", "https://e.example/1", "T", "x"),
            Unchanged,
        ),
        (
            "an empty guid",
            item("<guid/>", "https://e.example/1", "T", "x"),
            item("<guid> </guid>", "https://e.example/1", "T", "x"),
            Unchanged,
        ),
        (
            "neither guid nor link",
            "<item><title>T</title><description>x</description></item>".into(),
            "<item><title>T</title><description>x</description></item>".into(),
            Unchanged,
        ),
        (
            "only a text",
            "<item><description>x</description></item>".into(),
            "<item><description>x</description></item>".into(),
            Unchanged,
        ),
        (
            "a new guid, the same link",
            one.clone(),
            item(
                "<guid>2</guid>",
                "https://e.example/1",
                "Iran talks",
                "text",
            ),
            Unchanged,
        ),
        (
            "tracking on the link",
            one.clone(),
            item(
                "<guid>1</guid>",
                "https://e.example/1?utm_source=x&amp;FBCLID=y",
                "Iran talks",
                "text",
            ),
            Unchanged,
        ),
        (
            "an edit without a new date",
            one.clone(),
            item(
                "<guid>1</guid>",
                "https://e.example/1",
                "Iran talks",
                "corrected",
            ),
            Changed,
        ),
        (
            "an edited title",
            one.clone(),
            item(
                "<guid>1</guid>",
                "https://e.example/1",
                "Iran talks off",
                "text",
            ),
            Changed,
        ),
        (
            "a guid used again for another story",
            one.clone(),
            item("<guid>1</guid>", "https://e.example/2", "Weather", "sun"),
            New,
        ),
    ] {
        let first = identified(1, &rss(&then), &[]);
        assert_eq!(novelties(&first), [New], "{name}");
        let second = identified(1, &rss(&now), &ledger(&first));
        assert_eq!(novelties(&second), [expected], "{name}");
    }
}

#[test]
fn one_guid_in_two_outlets_is_two_articles() {
    let document = |link: &str| {
        rss(&format!(
            "<item><guid isPermaLink='false'>100</guid><title>T</title><link>{link}</link></item>"
        ))
    };
    let one = identified(1, &document("https://one.example/a"), &[]);
    let other = identified(2, &document("https://other.example/b"), &[]);
    assert_ne!(one[0].known.identity, other[0].known.identity);
    let bare = rss("<item><guid isPermaLink='false'>100</guid><title>T</title></item>");
    assert_ne!(
        identified(1, &bare, &[])[0].known.identity,
        identified(2, &bare, &[])[0].known.identity,
        "without links"
    );
}

#[test]
fn no_address_leads_to_a_script() {
    for link in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        " \u{1}javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "mailto:a@e.example",
    ] {
        let document = rss(&format!("<item><title>T</title><link>{link}</link></item>"));
        assert_eq!(entries(&document)[0].url, None, "{link}");
        let page = format!("<ul><li><a href=\"{link}\">A title of a release</a></ul>");
        let list = ListSelectors {
            item: "li".to_owned(),
            ..ListSelectors::default()
        };
        let document = page::read(page.as_bytes(), None, &base(), &list).unwrap();
        assert_eq!(document.entries[0].url, None, "{link} on a page");
    }
}

#[test]
fn links_are_resolved_by_whoever_says_against_what() {
    for (link, url) in [
        ("/a", "https://served.example.org/a"),
        ("a b", "https://served.example.org/dir/a%20b"),
        ("//cdn.example.org/a", "https://cdn.example.org/a"),
        ("\n https://e.example/a \n", "https://e.example/a"),
        ("https://user:word@e.example/a", "https://e.example/a"),
    ] {
        let document = rss(&format!("<item><title>T</title><link>{link}</link></item>"));
        assert_eq!(entries(&document)[0].url.as_deref(), Some(url), "{link}");
    }
    let nested = "<feed xml:base='https://e.example/x/'><entry xml:base='y/'><title>T</title><link xml:base='z/' href='a'/></entry></feed>";
    assert_eq!(
        entries(nested)[0].url.as_deref(),
        Some("https://e.example/x/y/z/a")
    );
    let permalink =
        rss("<item><title>T</title><guid isPermaLink='true'>https://e.example/p</guid></item>");
    assert_eq!(
        entries(&permalink)[0].url.as_deref(),
        Some("https://e.example/p")
    );
}

#[test]
fn no_date_makes_an_entry_newer_than_it_was_seen() {
    let seen = dates::parse("2026-11-24T08:00:00Z").unwrap();
    for date in [
        "Tue, 24 Nov 2124 08:00:00 GMT",
        "9999-12-31",
        "0000-00-00",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "yesterday",
        "",
    ] {
        let document = rss(&format!(
            "<item><title>T</title><pubDate>{date}</pubDate></item>"
        ));
        assert_eq!(
            normalise::sort_at(&entries(&document)[0], seen),
            seen,
            "{date}"
        );
    }
}

proptest! {
    /// Whatever stands in an entry, it is the same entry when it is served again.
    #[test]
    fn no_entry_is_new_twice(item in "(<(guid|link|title|description|pubDate)>[a-z&;<> /:.0-9]{0,12}</(guid|link|title|description)>){0,5}") {
        let document = rss(&format!("<item>{item}</item>"));
        let first = identified(1, &document, &[]);
        let second = identified(1, &document, &ledger(&first));
        prop_assert!(second.iter().all(|found| found.novelty == Novelty::Unchanged));
    }
}
