//! Any text as a date.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewatch::pipeline::dates;

fuzz_target!(|text: &str| {
    if let Some(instant) = dates::parse(text) {
        // What is read is written in a form that is read the same.
        assert_eq!(
            dates::parse(&instant.to_string()),
            Some(instant),
            "{text:?}"
        );
    }
});
