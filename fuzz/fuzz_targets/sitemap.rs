//! Any text inside of a sitemap of news.
#![no_main]

use libfuzzer_sys::fuzz_target;
use url::Url;
use wirewatch::pipeline::{normalise, parse};

fuzz_target!(|text: &str| {
    let base = Url::parse("https://feeds.example.org/sitemap.xml").expect("a constant");
    let sitemap = format!(
        "<urlset xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'><url><loc>https://e.example/1</loc>\
         <news:news>{text}<news:title>A title</news:title></news:news></url></urlset>"
    );
    for body in [text, sitemap.as_str()] {
        match parse::parse(body.as_bytes(), None, &base) {
            Ok(document) => {
                let _ = normalise::entries(&document, None);
            }
            Err(error) => assert_ne!(error.detail, "the reader gave up"),
        }
    }
});
