//! Who reads the page that is being made, for what stands on every page: the name at its top, times in the reader's zone,
//! the language of the interface.
//!
//! It is set around a request by the one place that knows it, and asked where a page is written down. What a page shows
//! of the data never depends on it: that is passed as arguments.

use std::sync::LazyLock;

use jiff::tz::TimeZone;

use super::{
    texts::{self, Texts},
    visitor::Visitor,
};
use crate::domain::ClockFormat;

tokio::task_local! {
    static READER: Reader;
}

/// Who reads, and how.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    /// Who.
    pub(crate) visitor: Visitor,
    /// The zone of times; none: told in UTC, and by the script in that of the browser.
    pub(crate) zone: Option<TimeZone>,
    /// How the time of day is told.
    pub(crate) clock_format: ClockFormat,
    /// The texts of the interface.
    pub(crate) texts: &'static Texts,
}

impl Default for Reader {
    fn default() -> Self {
        Self::of(&Visitor::Nobody)
    }
}

impl Reader {
    /// As this visitor wants to read.
    pub(crate) fn of(visitor: &Visitor) -> Self {
        let member = visitor.member();
        Self {
            visitor: visitor.clone(),
            zone: member.and_then(|member| zone(&member.time_zone)),
            clock_format: member.map_or_else(ClockFormat::default, |member| member.clock_format),
            texts: texts::of(member.map_or("", |member| &member.language)),
        }
    }
}

/// A zone by its name; none for the empty name and for one that does not exist.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    if name.is_empty() {
        return None;
    }
    TimeZone::get(name).ok()
}

/// The names of all zones.
pub(crate) fn zone_names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut names: Vec<String> = jiff::tz::db()
            .available()
            .map(|name| name.as_str().to_owned())
            .filter(|name| name.contains('/') && !name.starts_with("Etc/") || name == "UTC")
            .collect();
        names.sort();
        names
    });
    &NAMES
}

/// Who reads; nobody outside of a request.
pub(crate) fn current() -> Reader {
    READER.try_with(Clone::clone).unwrap_or_default()
}

/// Runs `future` with this reader.
pub(crate) async fn scope<F: Future>(reader: Reader, future: F) -> F::Output {
    READER.scope(reader, future).await
}

/// Runs `work` with this reader.
pub(crate) fn within<T>(reader: Reader, work: impl FnOnce() -> T) -> T {
    READER.sync_scope(reader, work)
}
