//! Any page under any selector: as a list, for suggestions, and for the feeds that it offers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use url::Url;
use wirewatch::{
    domain::ListSelectors,
    pipeline::{discover, normalise, page, parse, trial},
};

fuzz_target!(|data: (&str, &[u8])| {
    let (item, body) = data;
    let base = Url::parse("https://feeds.example.org/news/").expect("a constant");
    let selectors = ListSelectors {
        item: if item.is_empty() { "li, div" } else { item }.to_owned(),
        title: Some("h3, a".to_owned()),
        date: Some("span@data-date".to_owned()),
        ..ListSelectors::default()
    };
    if let Ok(document) = page::read(body, None, &base, &selectors) {
        assert!(document.entries.len() <= parse::MAX_ENTRIES);
        let _ = normalise::entries(&document, None);
    }
    if let Some(suggested) = page::suggest(body, None) {
        let _ = page::read(body, None, &base, &suggested);
    }
    let _ = discover::offers(body, None, &base);
    let trial = trial::judge(body, None, &base, None);
    assert!(trial.preview.is_some() || trial.problem.is_some());
});
