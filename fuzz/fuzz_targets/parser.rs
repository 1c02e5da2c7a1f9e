//! Any text is read as a query or refused with places inside it; what was read reads back from its canonical form.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewatch::query::{Lexicon, Purpose, parse, read_dialect};

fuzz_target!(|text: &str| {
    let lexicon = Lexicon::default();
    for purpose in [Purpose::SavedKeyword, Purpose::Search] {
        match parse(text, &lexicon, purpose) {
            Ok(query) => {
                let again = parse(&query.canonical(), &lexicon, purpose);
                assert_eq!(again.as_ref(), Ok(&query), "{}", query.canonical());
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                for error in errors {
                    assert!(text.get(error.start..error.end).is_some(), "{error:?}");
                }
            }
        }
    }
    for dialect in ["google", "meltwater", "brandwatch", "factiva", "nexis", "lines"] {
        let dialect = dialect.parse().expect("a dialect");
        if let Ok((query, _)) = read_dialect(text, dialect, &lexicon, Purpose::SavedKeyword) {
            let again = parse(&query.canonical(), &lexicon, Purpose::SavedKeyword);
            assert_eq!(again.as_ref(), Ok(&query), "{}", query.canonical());
        }
    }
});
