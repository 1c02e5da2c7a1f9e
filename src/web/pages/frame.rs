//! What stands around every page: its title, where the reader is, and what the collection lacks.

use super::moments::{Moment, counted};
use crate::{
    auth::Capability,
    domain::{Collection, Coverage, Timestamp, Working, desk::PassReason},
    web::{
        assets,
        reading::{self, Reader},
        texts::Texts,
        visitor::Visitor,
    },
};

/// Sources named in the statement before the rest is counted.
const NAMED: usize = 2;

/// The same in the title of the statement.
const ALL_NAMED: usize = 20;

/// Around a page.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question that a template asks"
)]
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
    /// Address of the script of pages that grow.
    pub(crate) growing: String,
    /// Address of the icon.
    pub(crate) icon: String,
    /// The name of who signed in.
    pub(crate) who: Option<String>,
    /// Notes that mention the reader and were not seen.
    pub(crate) mentions: i64,
    /// Why a story may be passed.
    pub(crate) pass_reasons: [&'static str; 5],
    /// Whether a way to sign in is shown.
    pub(crate) offers_sign_in: bool,
    /// Whether the reader may change the desk's state of things.
    pub(crate) may_work: bool,
    /// Whether the reader may change what the desk follows.
    pub(crate) may_edit: bool,
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
    /// Search.
    Search,
    /// Stories.
    Stories,
    /// Digests and alerts.
    Digests,
    /// The feeds.
    Feeds,
    /// How much is written about what.
    Trends,
    /// What is the reader's own.
    Yours,
    /// Nowhere.
    None,
}

impl Place {
    /// Whether it is the board.
    pub(crate) fn is_board(self) -> bool {
        self == Self::Board
    }

    /// Whether it is search.
    pub(crate) fn is_search(self) -> bool {
        self == Self::Search
    }

    /// Whether it is a story or their list.
    pub(crate) fn is_stories(self) -> bool {
        self == Self::Stories
    }

    /// Whether it is digests.
    pub(crate) fn is_digests(self) -> bool {
        self == Self::Digests
    }

    /// Whether it is what is the reader's own.
    pub(crate) fn is_yours(self) -> bool {
        self == Self::Yours
    }

    /// Whether it is trends.
    pub(crate) fn is_trends(self) -> bool {
        self == Self::Trends
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
            growing: assets::GROWING.path(),
            icon: assets::ICON.path(),
            who: visitor.member().map(|member| member.name.clone()),
            pass_reasons: PassReason::ALL.map(PassReason::as_str),
            mentions: visitor.member().map_or(0, |member| member.mentions),
            offers_sign_in: visitor == Visitor::Reader,
            may_work: visitor.may(Capability::WorkDesk),
            may_edit: visitor.may(Capability::EditBeat),
            may_administer: visitor.may(Capability::Administer),
            zone: zone
                .and_then(|zone| zone.iana_name().map(str::to_owned))
                .unwrap_or_default(),
            clock: clock_format.as_str(),
            texts,
        }
    }
}

/// The statement about the collection as a page shows it; the whole of it in UTC stands in its title.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Before the time: "complete to".
    pub(crate) lead: String,
    /// The time.
    pub(crate) complete_to: Option<Moment>,
    /// Who is not read whole.
    pub(crate) exceptions: Vec<Told>,
    /// How many more are not.
    pub(crate) more: usize,
    /// That nobody reads, or too late.
    pub(crate) alarm: Option<Told>,
    /// What waits and what is paused.
    pub(crate) rest: Vec<String>,
    /// All of it.
    pub(crate) sentence: String,
}

/// Something that is told with an instant behind it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whose; empty for nobody's.
    pub(crate) name: String,
    /// What.
    pub(crate) words: String,
    /// Since when.
    pub(crate) since: Option<Moment>,
}

impl Statement {
    pub(crate) fn new(collection: &Collection, now: Timestamp) -> Self {
        let coverage = Coverage::of(collection, now);
        Self {
            lead: coverage.lead(),
            complete_to: coverage.complete_to.map(|to| Moment::clock(now, to)),
            exceptions: coverage
                .exceptions
                .iter()
                .take(NAMED)
                .map(|exception| Told {
                    name: exception.source.clone(),
                    words: exception.lead(),
                    since: exception.told_since().map(|at| Moment::clock(now, at)),
                })
                .collect(),
            more: coverage.exceptions.len().saturating_sub(NAMED),
            alarm: alarm(coverage.working, now),
            rest: coverage.rest(),
            sentence: coverage.sentence(now, ALL_NAMED),
        }
    }
}

fn alarm(working: Working, now: Timestamp) -> Option<Told> {
    let (words, since) = match working {
        Working::Yes => return None,
        Working::Late(by) => (
            format!("checks are {} late", counted(by.as_secs() / 60, "minute")),
            None,
        ),
        Working::No(since) => ("no worker since".to_owned(), Some(since)),
    };
    Some(Told {
        name: String::new(),
        words,
        since: since.map(|since| Moment::clock(now, since)),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{SourceTrouble, Trouble};

    #[test]
    fn a_statement_names_two_and_its_title_all() {
        let now = Timestamp::from_micros(1_795_507_200_000_000);
        let ago = |hours| now.minus(Duration::from_hours(hours));
        let trouble = |source: &str| SourceTrouble {
            source: source.to_owned(),
            feed_count: 1,
            trouble: Trouble::Stale,
            since: Some(ago(30)),
            missed: 0,
        };
        let collection = Collection {
            feed_count: 9,
            read_count: 9,
            complete_to: Some(ago(2)),
            worker_until: Some(ago(1)),
            troubles: ["A", "B", "C"].map(trouble).to_vec(),
            ..Collection::default()
        };
        let statement = Statement::new(&collection, now);
        assert_eq!(
            (statement.exceptions.len(), statement.more),
            (2, 1),
            "{statement:?}"
        );
        assert_eq!(statement.exceptions[0].words, "silent since");
        assert!(statement.alarm.is_some_and(|told| told.since.is_some()));
        assert!(statement.sentence.contains("C (silent since Mon 02:00)"));
    }
}
