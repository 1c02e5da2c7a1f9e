//! Any text as a date.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewatch::pipeline::dates;

fuzz_target!(|text: &str| {
    /// 1600: earlier years are taken for those of other calendars.
    const OURS: i64 = -11_676_096_000_000_000;
    if let Some(instant) = dates::parse(text).filter(|at| at.as_micros() > OURS) {
        // What is read is written in a form that is read the same.
        assert_eq!(
            dates::parse(&instant.to_string()),
            Some(instant),
            "{text:?}"
        );
    }
});
