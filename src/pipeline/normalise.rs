//! Entries as published to entries as read: plain text, canonical addresses, a language, a date to sort by.

use std::{fmt::Write as _, time::Duration};

use url::Url;

use super::{
    plain_address::{PlainAddress, is_evidently_none},
    scripts::Scripts,
};
use crate::{
    domain::{Document, Entry, RawEntry, Timestamp},
    text::html,
};

/// 1990-01-01T00:00:00Z: no feed is older, so an earlier date is a fault.
const EARLIEST_MICROS: i64 = 631_152_000_000_000;

/// An entry older than this at a feed's first read is history.
const NEWS_AGE: Duration = Duration::from_hours(24);

/// Parameters that tell who followed a link, not which page it leads to.
const TRACKING: [&str; 32] = [
    "at_campaign",
    "at_medium",
    "cmp",
    "cmpid",
    "dclid",
    "fbclid",
    "from_rss",
    "ftag",
    "gclid",
    "gclsrc",
    "igshid",
    "li_fat_id",
    "maca",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "msclkid",
    "ncid",
    "ns_campaign",
    "ns_mchannel",
    "ns_source",
    "oly_anon_id",
    "oly_enc_id",
    "rss",
    "smid",
    "soc_src",
    "spm",
    "taid",
    "twclid",
    "wt_mc",
    "xtor",
    "yclid",
];

/// Values of `ref`, `source`, `from` and their like that only say that a link stood in a feed.
const FEED_VALUES: [&str; 6] = ["rss", "rssfeed", "rss_feed", "feed", "feeds", "atom"];

/// The entries of a document, in its order, as read.
///
/// `language` is the one that the desk knows of the feed or its source (BCP 47); what an entry or its document declares
/// goes before it, and a script that contradicts either goes before all.
#[must_use]
pub fn entries(document: &Document, language: Option<&str>) -> Vec<Entry> {
    each(&mut document.clone(), language).collect()
}

/// The same one by one, for a reader who may stop between them. Takes them out of the document.
pub fn each(document: &mut Document, language: Option<&str>) -> impl Iterator<Item = Entry> {
    let of_document = document.language.as_deref();
    document.entries.drain(..).map(move |raw| {
        let declared = [raw.language.as_deref(), of_document, language];
        let declared = declared.into_iter().flatten().find_map(tag);
        entry(raw, declared)
    })
}

/// Takes out what entries say twice: the same words twice would be two hits of one mention.
pub fn tell_once(entries: &mut [Entry]) {
    for entry in entries {
        if entry.summary == entry.content || entry.summary == entry.title {
            entry.summary.clear();
        }
    }
}

fn entry(raw: RawEntry, declared: Option<String>) -> Entry {
    let title = raw.title.as_deref().map(html::title).unwrap_or_default();
    let content = raw.content.as_deref().map(html::plain).unwrap_or_default();
    let summary = raw.summary.as_deref().map(html::plain).unwrap_or_default();
    let language = spoken([&title, &summary, &content], declared);
    Entry {
        guid: raw.id,
        canonical_url: raw.url.as_deref().and_then(canonical_url),
        url: raw.url,
        title,
        summary,
        content,
        published: raw.published,
        updated: raw.updated,
        authors: raw.authors,
        language,
        categories: raw.categories,
    }
}

/// An address as identity: what leads to the same page is the same text. None for what is no web address.
///
/// `http` is `https`; host in lower case without a trailing dot; no default port, user, fragment, tracking parameters or
/// empty query; the other parameters keep their order. A fragment that is a path (`#!/story/1`) stays.
#[must_use]
pub fn canonical_url(address: &str) -> Option<String> {
    let address = address.trim();
    if is_evidently_none(address) {
        return None;
    }
    if let Some(plain) = PlainAddress::of(address) {
        let mut canonical = String::with_capacity(address.len() + 1);
        canonical.push_str("https://");
        canonical.push_str(plain.host);
        if let Some(port) = plain.port {
            canonical.push(':');
            canonical.push_str(port);
        }
        canonical.push_str(plain.path);
        push_query(&mut canonical, plain.query);
        return Some(canonical);
    }
    let url = Url::parse(address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?.trim_end_matches('.');
    let mut canonical = format!("https://{host}");
    // The default port of the scheme served is gone from a parsed URL.
    if let Some(port) = url.port().filter(|&port| port != 443 && port != 80) {
        let _ = write!(canonical, ":{port}");
    }
    canonical.push_str(url.path());
    push_query(&mut canonical, url.query());
    if let Some(fragment) = url
        .fragment()
        .filter(|fragment| fragment.starts_with("!/") || fragment.starts_with('/'))
    {
        canonical.push('#');
        canonical.push_str(fragment);
    }
    Some(canonical)
}

/// Appends the parameters that lead to the page.
fn push_query(address: &mut String, query: Option<&str>) {
    let mut separator = '?';
    for parameter in query
        .unwrap_or_default()
        .split('&')
        .filter(|parameter| !is_tracking(parameter))
    {
        address.push(separator);
        address.push_str(parameter);
        separator = '&';
    }
}

fn is_tracking(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let name = name.to_ascii_lowercase();
    let value = value.to_ascii_lowercase();
    match name.as_str() {
        "" => true,
        "ref" | "source" | "src" | "from" | "via" | "cid" | "ito" | "medium" => {
            FEED_VALUES.contains(&value.as_str())
        }
        _ => name.starts_with("utm_") || TRACKING.contains(&name.as_str()),
    }
}

/// When an entry is to be sorted as: published, else updated, else seen; never after it was seen, nor before 1990.
#[must_use]
pub fn sort_at(entry: &Entry, seen: Timestamp) -> Timestamp {
    match entry.published.or(entry.updated) {
        Some(said) if said.as_micros() < EARLIEST_MICROS => seen,
        Some(said) => said.min(seen),
        None => seen,
    }
}

/// Whether an entry is history rather than news: met at its feed's first read, and older than a day then.
#[must_use]
pub fn is_backfill(is_first_read: bool, sort_at: Timestamp, seen: Timestamp) -> bool {
    is_first_read && seen.since(sort_at) > NEWS_AGE
}

/// A language tag as BCP 47 writes it, as far as feeds get it wrong: `en_GB`, `EN-us`, `fa-IR `. None for other texts.
fn tag(declared: &str) -> Option<String> {
    let mut parts = declared.trim().split(['-', '_']);
    let language = parts.next()?.to_ascii_lowercase();
    if !matches!(language.len(), 2 | 3) || !language.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    let mut tag = language;
    for part in parts {
        if part.is_empty() || part.len() > 8 || !part.bytes().all(|b| b.is_ascii_alphanumeric()) {
            break;
        }
        tag.push('-');
        match part.len() {
            2 => tag.push_str(&part.to_ascii_uppercase()),
            4 => {
                tag.push_str(&part[..1].to_ascii_uppercase());
                tag.push_str(&part[1..].to_ascii_lowercase());
            }
            _ => tag.push_str(&part.to_ascii_lowercase()),
        }
    }
    Some(tag)
}

/// The language declared, unless the script of the text contradicts it: then the likeliest one of that script.
fn spoken(texts: [&str; 3], declared: Option<String>) -> Option<String> {
    /// Enough to tell a script by.
    const SAMPLE_BYTES: usize = 2_048;
    let mut scripts = Scripts::default();
    for text in texts {
        scripts.count(&text[..text.floor_char_boundary(SAMPLE_BYTES)]);
    }
    let possible = scripts.languages();
    let is_possible = |tag: &String| {
        let language = tag.split('-').next().unwrap_or_default();
        possible.is_empty() || possible.contains(&language)
    };
    declared
        .filter(is_possible)
        .or_else(|| possible.first().map(|&language| language.to_owned()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{DocumentKind, PollHints};

    fn document(language: Option<&str>, entries: Vec<RawEntry>) -> Document {
        Document {
            kind: DocumentKind::Rss,
            title: None,
            link: None,
            language: language.map(str::to_owned),
            entries,
            skipped: 0,
            is_partial: false,
            encoding_fault: None,
            hints: PollHints::default(),
        }
    }

    fn titled(title: &str) -> RawEntry {
        RawEntry {
            title: Some(title.to_owned()),
            ..RawEntry::default()
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_jiff(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_page_are_one_identity() {
        for (address, canonical) in [
            ("http://Example.ORG", "https://example.org/"),
            ("https://example.org:443/a", "https://example.org/a"),
            ("http://example.org:80/a", "https://example.org/a"),
            ("http://example.org:8080/a", "https://example.org:8080/a"),
            ("https://example.org./a?", "https://example.org/a"),
            (
                "https://example.org/a?utm_source=x&id=1&UTM_medium=y",
                "https://example.org/a?id=1",
            ),
            (
                "https://example.org/a?b=2&a=1&fbclid=z#top",
                "https://example.org/a?b=2&a=1",
            ),
            ("https://example.org/a?ref=rss", "https://example.org/a"),
            (
                "https://example.org/a?ref=42",
                "https://example.org/a?ref=42",
            ),
            (
                "https://example.org/a?id=1&cmpid=rss&mc_cid=2",
                "https://example.org/a?id=1",
            ),
            ("https://user:word@example.org/a", "https://example.org/a"),
            (
                "https://example.org/#!/story/1",
                "https://example.org/#!/story/1",
            ),
            ("https://example.org/a/", "https://example.org/a/"),
            (
                "https://пример.рф/путь",
                "https://xn--e1afmkfd.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C",
            ),
        ] {
            assert_eq!(
                canonical_url(address).as_deref(),
                Some(canonical),
                "{address}"
            );
        }
        for address in [
            "",
            "/a",
            "mailto:a@example.org",
            "javascript:alert(1)",
            "https://",
        ] {
            assert_eq!(canonical_url(address), None, "{address}");
        }
    }

    #[test]
    fn every_tracking_parameter_is_known_in_any_case() {
        for name in TRACKING {
            assert_eq!(name, name.to_ascii_lowercase(), "the list is compared so");
            for name in [name.to_owned(), name.to_ascii_uppercase()] {
                assert_eq!(
                    canonical_url(&format!("https://example.org/a?{name}=x&id=1")).as_deref(),
                    Some("https://example.org/a?id=1"),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn the_script_corrects_a_wrong_language() {
        for (title, declared, language) in [
            ("Iran talks resume", Some("en-gb"), Some("en-GB")),
            ("Iran talks resume", None, None),
            ("북한, 미사일 발사", Some("en"), Some("ko")),
            ("北朝鮮がミサイルを発射", Some("en-us"), Some("ja")),
            ("中国对伊朗制裁表示反对", None, Some("zh")),
            ("中国对伊朗制裁表示反对", Some("zh_tw"), Some("zh-TW")),
            ("北朝鮮制裁", Some("ja"), Some("ja")),
            ("Санкции против Ирана", Some("en"), Some("ru")),
            ("Санкції проти Ірану", Some("uk"), Some("uk")),
            ("تحریم‌های ایران", Some("en"), Some("fa")),
            ("العقوبات على إيران", None, Some("ar")),
            ("ایران پر پابندیاں", Some("ur"), Some("ur")),
            ("العقوبات", Some("fa"), Some("fa")),
            ("DPRK (조선)", Some("en"), Some("en")),
            ("Sanctions", Some("english"), None),
        ] {
            let read = entries(&document(declared, vec![titled(title)]), None);
            assert_eq!(
                read[0].language.as_deref(),
                language,
                "{title} {declared:?}"
            );
        }
        let entry = RawEntry {
            language: Some("fr".to_owned()),
            ..titled("Sanctions")
        };
        assert_eq!(
            entries(&document(Some("de"), vec![entry]), Some("en"))[0]
                .language
                .as_deref(),
            Some("fr")
        );
        assert_eq!(
            entries(&document(None, vec![titled("Sanctions")]), Some("en"))[0]
                .language
                .as_deref(),
            Some("en")
        );
    }

    #[test]
    fn the_same_text_twice_is_kept_once() {
        let raw = RawEntry {
            summary: Some("<p>Iran &amp; talks</p>".to_owned()),
            content: Some("Iran &amp; <b>talks</b>".to_owned()),
            ..titled("Title")
        };
        let mut read = entries(&document(None, vec![raw]), None);
        tell_once(&mut read);
        assert_eq!(
            (read[0].summary.as_str(), read[0].content.as_str()),
            ("", "Iran & talks")
        );
    }

    #[test]
    fn an_entry_sorts_where_it_belongs() {
        let seen = at("2026-11-23T22:30:00Z");
        let date = |text: &str| Some(at(text));
        for (published, updated, sorted) in [
            (
                date("2026-11-23T20:00:00Z"),
                date("2026-11-23T21:00:00Z"),
                at("2026-11-23T20:00:00Z"),
            ),
            (
                None,
                date("2026-11-23T21:00:00Z"),
                at("2026-11-23T21:00:00Z"),
            ),
            (date("2031-01-01T00:00:00Z"), None, seen),
            (date("1970-01-01T00:00:00Z"), None, seen),
            (None, None, seen),
        ] {
            let entry = Entry {
                published,
                updated,
                ..Entry::default()
            };
            assert_eq!(sort_at(&entry, seen), sorted);
        }
        let old = at("2026-11-22T22:00:00Z");
        assert!(is_backfill(true, old, seen));
        assert!(
            !is_backfill(false, old, seen),
            "late, but news to this feed"
        );
        assert!(!is_backfill(true, at("2026-11-23T00:00:00Z"), seen));
    }

    proptest! {
        #[test]
        fn a_canonical_address_is_its_own(path in "[a-z0-9/?&=#!_%.-]{0,30}") {
            if let Some(once) = canonical_url(&format!("http://example.org/{path}")) {
                prop_assert_eq!(canonical_url(&once), Some(once));
            }
        }
    }
}
