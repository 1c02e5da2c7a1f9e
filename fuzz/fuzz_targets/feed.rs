//! Any body as any content type: decoded, parsed, normalised and identified, within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use url::Url;
use wirewatch::{
    domain::FeedId,
    pipeline::{identify, normalise, parse, shape},
};

const CONTENT_TYPES: [Option<&str>; 4] = [
    None,
    Some("text/xml; charset=windows-1251"),
    Some("application/json"),
    Some("text/html; charset=\"euc-kr\""),
];

fuzz_target!(|data: &[u8]| {
    let (content_type, body) = match data.split_first() {
        Some((first, body)) => (
            CONTENT_TYPES[usize::from(*first) % CONTENT_TYPES.len()],
            body,
        ),
        None => (None, data),
    };
    let base = Url::parse("https://feeds.example.org/dir/feed").expect("a constant");
    match parse::parse(body, content_type, &base) {
        Ok(document) => {
            assert!(document.entries.len() <= parse::MAX_ENTRIES);
            let mut entries = normalise::entries(&document, None);
            let _ = shape::to_json(&document, &entries);
            normalise::tell_once(&mut entries);
            let feed = FeedId::new(1);
            let prints = identify::fingerprints(&entries);
            let identified = identify::identify(feed, &entries, &prints, &[]);
            assert_eq!(identified.len(), entries.len());
            for entry in &entries {
                assert!(entry.title.len() <= 3 * parse::MAX_TITLE_BYTES);
                for text in [&entry.title, &entry.summary, &entry.content] {
                    assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
                }
            }
            // The same document twice holds nothing new.
            let known: Vec<_> = identified.iter().map(|found| found.known).collect();
            for again in identify::identify(feed, &entries, &prints, &known) {
                assert!(again.novelty != wirewatch::domain::Novelty::New);
            }
        }
        Err(error) => assert_ne!(error.detail, "the reader gave up"),
    }
});
