//! What stands around every page: its title, where the reader is, and what the collection lacks.

use super::moments::{Moment, counted, grouped, weekday};
use crate::{
    auth::Capability,
    domain::Timestamp,
    store::feed_health::{Collection, TroubledSource},
    web::{
        assets,
        reading::{self, Reader},
        texts::Texts,
        visitor::Visitor,
    },
};

/// Sources named in the statement before the rest is counted.
const NAMED: usize = 2;

/// Around a page.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Of the window.
    pub(crate) title: String,
    /// The place in the navigation.
    pub(crate) place: Place,
    /// What the collection lacks; none where the database was not asked.
    pub(crate) statement: Option<Statement>,
    /// Address of the style.
    pub(crate) style: String,
    /// Address of the script.
    pub(crate) script: String,
    /// Address of the icon.
    pub(crate) icon: String,
    /// The name of who signed in.
    pub(crate) who: Option<String>,
    /// Whether a way to sign in is shown.
    pub(crate) offers_sign_in: bool,
    /// Whether the reader may change the desk's state of things.
    pub(crate) may_work: bool,
    /// Whether the reader may say who may do what.
    pub(crate) may_administer: bool,
    /// IANA name of the reader's zone; empty: that of the browser.
    pub(crate) zone: String,
    /// `24h` or `12h`.
    pub(crate) clock: &'static str,
    /// What the interface says.
    pub(crate) texts: &'static Texts,
}

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The board, its keywords and articles.
    Board,
    /// The feeds.
    Feeds,
    /// Nowhere.
    None,
}

impl Place {
    /// Whether it is the board.
    pub(crate) fn is_board(self) -> bool {
        self == Self::Board
    }

    /// Whether it is the feeds.
    pub(crate) fn is_feeds(self) -> bool {
        self == Self::Feeds
    }
}

impl Frame {
    /// Around a page at `place`.
    pub(crate) fn new(title: &str, place: Place, collection: &Collection, now: Timestamp) -> Self {
        Self {
            place,
            statement: Some(Statement::new(collection, now)),
            ..Self::bare(title)
        }
    }

    /// Around a page that says nothing of the collection.
    pub(crate) fn bare(title: &str) -> Self {
        let Reader {
            visitor,
            zone,
            clock_format,
            texts,
        } = reading::current();
        let title = if title.is_empty() {
            "wirewatch".to_owned()
        } else {
            format!("{title} · wirewatch")
        };
        Self {
            title,
            place: Place::None,
            statement: None,
            style: assets::STYLE.path(),
            script: assets::SCRIPT.path(),
            icon: assets::ICON.path(),
            who: visitor.member().map(|member| member.name.clone()),
            offers_sign_in: visitor == Visitor::Reader,
            may_work: visitor.may(Capability::WorkDesk),
            may_administer: visitor.may(Capability::Administer),
            zone: zone
                .and_then(|zone| zone.iana_name().map(str::to_owned))
                .unwrap_or_default(),
            clock: clock_format.as_str(),
            texts,
        }
    }
}

/// What can be said honestly about the collection: up to when nothing is missing, and from whom something is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Before the time: "complete to".
    pub(crate) lead: String,
    /// The time.
    pub(crate) complete_to: Option<Moment>,
    /// Who is not read whole.
    pub(crate) exceptions: Vec<Exception>,
    /// How many more are not: "4 more".
    pub(crate) more: Option<String>,
    /// What is still to be read.
    pub(crate) waiting: Option<String>,
}

/// A source that is not read whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    /// Its name.
    pub(crate) name: String,
    /// Since when, and how much of it: "not read since Tue 06:40".
    pub(crate) words: String,
}

impl Statement {
    fn new(collection: &Collection, now: Timestamp) -> Self {
        let Collection {
            feed_count,
            read_count,
            waiting_count,
            complete_to,
            troubled,
        } = collection;
        let lead = match (feed_count, read_count, complete_to) {
            (0, ..) => "no feeds yet".to_owned(),
            (_, 0, _) if troubled.is_empty() => {
                format!("first reading: 0 of {}", feeds(*feed_count))
            }
            (_, _, None) => "no feed is being read well:".to_owned(),
            (_, _, Some(_)) => "complete to".to_owned(),
        };
        let unnamed = troubled.len().saturating_sub(NAMED);
        Self {
            lead,
            complete_to: complete_to.map(|instant| Moment::clock(now, instant)),
            exceptions: troubled
                .iter()
                .take(NAMED)
                .map(|source| Exception::new(source, now))
                .collect(),
            more: (unnamed > 0).then(|| format!("{} more", grouped(unnamed as u64))),
            waiting: (*waiting_count > 0 && *read_count > 0)
                .then(|| format!("{} still to be read", feeds(*waiting_count))),
        }
    }
}

impl Exception {
    fn new(source: &TroubledSource, now: Timestamp) -> Self {
        let TroubledSource {
            name,
            troubled_count,
            feed_count,
            since,
        } = source;
        let since = since.map_or_else(
            || "never read".to_owned(),
            |since| format!("not read since {}", weekday(now, since).replace(" UTC", "")),
        );
        let words = if troubled_count == feed_count {
            since
        } else {
            format!("{troubled_count} of {}, {since}", feeds(*feed_count))
        };
        Self {
            name: name.clone(),
            words,
        }
    }
}

fn feeds(count: i64) -> String {
    counted(count.unsigned_abs(), "feed")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_micros(1_795_507_200_000_000)
    }

    fn ago(hours: u64) -> Timestamp {
        now().minus(Duration::from_hours(hours))
    }

    fn said(collection: &Collection) -> String {
        let Statement {
            lead,
            complete_to,
            exceptions,
            more,
            waiting,
        } = Statement::new(collection, now());
        let exceptions = exceptions
            .into_iter()
            .map(|Exception { name, words }| format!("{name} ({words})"));
        [Some(lead), complete_to.map(|moment| moment.words)]
            .into_iter()
            .flatten()
            .chain(exceptions)
            .chain([more, waiting].into_iter().flatten())
            .collect::<Vec<_>>()
            .join(" | ")
    }

    fn troubled(name: &str, troubled_count: i64, since: Option<Timestamp>) -> TroubledSource {
        TroubledSource {
            name: name.to_owned(),
            troubled_count,
            feed_count: 2,
            since,
        }
    }

    #[test]
    fn a_whole_collection_says_up_to_when() {
        let collection = Collection {
            feed_count: 9,
            read_count: 9,
            complete_to: Some(ago(2)),
            ..Collection::default()
        };
        assert_eq!(said(&collection), "complete to | 06:00 UTC");
    }

    #[test]
    fn exceptions_are_named_with_their_beginning() {
        let collection = Collection {
            feed_count: 9,
            read_count: 8,
            waiting_count: 1,
            complete_to: Some(ago(2)),
            troubled: vec![
                troubled("KCNA", 2, None),
                troubled("Tasnim", 1, Some(ago(24))),
            ],
        };
        assert_eq!(
            said(&collection),
            "complete to | 06:00 UTC | KCNA (never read) | Tasnim (1 of 2 feeds, not read since Mon 08:00) | \
             1 feed still to be read"
        );
    }

    #[test]
    fn many_exceptions_are_counted() {
        let troubled = (0..5).map(|_| troubled("A", 2, Some(ago(3)))).collect();
        let collection = Collection {
            feed_count: 9,
            read_count: 9,
            troubled,
            ..Collection::default()
        };
        assert_eq!(
            said(&collection),
            "no feed is being read well: | A (not read since Tue 05:00) | A (not read since Tue 05:00) | 3 more"
        );
    }

    #[test]
    fn a_beginning_is_no_trouble() {
        assert_eq!(said(&Collection::default()), "no feeds yet");
        let waiting = Collection {
            feed_count: 34,
            waiting_count: 34,
            ..Collection::default()
        };
        assert_eq!(said(&waiting), "first reading: 0 of 34 feeds");
    }
}
