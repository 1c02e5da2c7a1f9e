//! What the desk makes of a story: claimed, used, passed, watched, given to somebody. The rules of what may follow what.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::{Timestamp, UserName};

/// The longest note, in characters.
pub const LONGEST_NOTE: usize = 4_000;

/// The most people that one note mentions.
pub const MOST_MENTIONS: usize = 20;

/// The longest address of our piece, in bytes.
const LONGEST_LINK: usize = 2_000;

/// What the desk decided about a story.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeskState {
    /// Nothing yet.
    #[default]
    New,
    /// Somebody works on it.
    Claimed,
    /// We have a piece.
    Used,
    /// Not for us.
    Passed,
    /// Not now; it is followed.
    Watch,
}

/// A word about the desk that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeskWordError {
    /// No such state.
    #[error("{0:?} is no state; the states are new, claimed, used, passed and watch")]
    State(String),
    /// No such reason.
    #[error("{0:?} is no reason; the reasons are not ours, old, known, unreliable and noise")]
    Reason(String),
    /// Not a link to a piece.
    #[error("the link to our piece begins with http:// or https://, and has at most 2,000 bytes")]
    Link,
}

impl DeskState {
    /// All, in the order of the handover.
    pub const ALL: [Self; 5] = [
        Self::New,
        Self::Claimed,
        Self::Used,
        Self::Passed,
        Self::Watch,
    ];

    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Claimed => "claimed",
            Self::Used => "used",
            Self::Passed => "passed",
            Self::Watch => "watch",
        }
    }
}

impl fmt::Display for DeskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeskState {
    type Err = DeskWordError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| DeskWordError::State(word.to_owned()))
    }
}

/// Why a story was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PassReason {
    /// Another desk's.
    NotOurs,
    /// It happened long ago.
    Old,
    /// We know it, or had it.
    Known,
    /// The source does not carry it.
    Unreliable,
    /// The keyword should not have found it.
    Noise,
}

impl PassReason {
    /// All, in the order of the keys 1 to 5.
    pub const ALL: [Self; 5] = [
        Self::NotOurs,
        Self::Old,
        Self::Known,
        Self::Unreliable,
        Self::Noise,
    ];

    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotOurs => "not ours",
            Self::Old => "old",
            Self::Known => "known",
            Self::Unreliable => "unreliable",
            Self::Noise => "noise",
        }
    }
}

impl fmt::Display for PassReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PassReason {
    type Err = DeskWordError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == word)
            .ok_or_else(|| DeskWordError::Reason(word.to_owned()))
    }
}

impl TryFrom<String> for PassReason {
    type Error = DeskWordError;

    fn try_from(word: String) -> Result<Self, DeskWordError> {
        word.parse()
    }
}

impl From<PassReason> for String {
    fn from(reason: PassReason) -> Self {
        reason.as_str().to_owned()
    }
}

/// The address of our piece.
///
/// # Errors
/// It is none that a browser may be sent to, or too long.
pub fn piece_link(text: &str) -> Result<String, DeskWordError> {
    let url: Url = text.trim().parse().map_err(|_| DeskWordError::Link)?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_web && url.as_str().len() <= LONGEST_LINK {
        Ok(url.into())
    } else {
        Err(DeskWordError::Link)
    }
}

/// What stands about a story.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    /// What was decided.
    pub state: DeskState,
    /// By whom; empty for nothing.
    pub by: String,
    /// When.
    pub since: Option<Timestamp>,
    /// When a claim ends by itself.
    pub until: Option<Timestamp>,
    /// Our piece, where it was used.
    pub link: Option<String>,
    /// Why it was passed.
    pub reason: Option<PassReason>,
    /// Who is to see to it.
    pub assignee: Option<String>,
    /// How many independent reports the story had then.
    pub reports: i32,
}

/// What somebody wants of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// To work on it.
    Claim,
    /// That it is new again.
    Release,
    /// To say that we have a piece, and where.
    Use(Option<String>),
    /// To leave it.
    Pass(PassReason),
    /// To follow it.
    Watch,
    /// That somebody sees to it, or nobody in particular.
    Assign(Option<UserName>),
}

impl Wish {
    /// As the changes and the audit call it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Release => "release",
            Self::Use(_) => "use",
            Self::Pass(_) => "pass",
            Self::Watch => "watch",
            Self::Assign(_) => "assign",
        }
    }
}

/// Why a wish is not granted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeskRefusal {
    /// Somebody else works on it.
    #[error("{who} has claimed it")]
    Claimed {
        /// Who.
        who: String,
        /// Until when.
        until: Timestamp,
    },
    /// Something was decided that whoever wishes has not heard of.
    #[error("meanwhile it was {words}")]
    Unheard {
        /// What stands, as [`Desk::in_words`] has it.
        words: String,
    },
    /// It is so already.
    #[error("it is so already")]
    AsIs,
}

/// Around a wish.
#[derive(Debug, Clone, Copy)]
pub struct Wishing<'a> {
    /// Who wishes.
    pub who: &'a str,
    /// How long a claim holds.
    pub claim_for: Duration,
    /// Independent reports that the story has.
    pub reports: i32,
    /// Whether they have heard of what stands.
    pub is_known: bool,
    /// The present.
    pub now: Timestamp,
}

impl Desk {
    /// What stands at an instant: a claim that ran out is released.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        if self.until.is_some_and(|until| until <= now) {
            self.released()
        } else {
            self
        }
    }

    /// New again, with its assignee.
    #[must_use]
    pub fn released(self) -> Self {
        Self {
            assignee: self.assignee,
            ..Self::default()
        }
    }

    /// How many independent reports came since it was decided; none while it is new.
    #[must_use]
    pub fn later_reports(&self, reports: i32) -> i32 {
        if self.state == DeskState::New {
            0
        } else {
            (reports - self.reports).max(0)
        }
    }

    /// What stands, in words: "claimed by mara", "passed by ed: old, 2 independent reports since". None while it is new
    /// and nobody's. `reports`: independent ones that the story has now.
    #[must_use]
    pub fn in_words(&self, reports: i32) -> Option<String> {
        let words = match (self.state, &self.assignee, self.reason) {
            (DeskState::New, None, _) => return None,
            (DeskState::New, Some(name), _) => format!("given to {name}"),
            (DeskState::Claimed, ..) => format!("claimed by {}", self.by),
            (DeskState::Used, ..) => format!("used by {}", self.by),
            (DeskState::Watch, ..) => format!("watched by {}", self.by),
            (DeskState::Passed, _, None) => format!("passed by {}", self.by),
            (DeskState::Passed, _, Some(reason)) => format!("passed by {}: {reason}", self.by),
        };
        let since = match self.later_reports(reports) {
            0 => String::new(),
            1 => ", 1 independent report since".to_owned(),
            more => format!(", {more} independent reports since"),
        };
        Some(words + &since)
    }

    /// What stands once a wish is granted.
    ///
    /// # Errors
    /// Somebody else has a claim that holds, or decided something unheard of, or it is so already.
    pub fn after(&self, wish: &Wish, around: Wishing<'_>) -> Result<Self, DeskRefusal> {
        let before = self.clone().at(around.now);
        // To give it to somebody, or a claim back, is everybody's.
        let is_open = matches!(wish, Wish::Assign(_) | Wish::Release);
        if let (Some(until), false) = (before.until, is_open)
            && before.by != around.who
        {
            return Err(DeskRefusal::Claimed {
                who: before.by,
                until,
            });
        }
        if !around.is_known && before.state != DeskState::New && before.by != around.who {
            let words = before.in_words(around.reports).unwrap_or_default();
            return Err(DeskRefusal::Unheard { words });
        }
        let decided = |state| Self {
            state,
            by: around.who.to_owned(),
            since: Some(around.now),
            assignee: before.assignee.clone(),
            reports: around.reports,
            ..Self::default()
        };
        let after = match wish {
            Wish::Claim => Self {
                until: Some(around.now.plus(around.claim_for)),
                ..decided(DeskState::Claimed)
            },
            Wish::Release => before.clone().released(),
            Wish::Use(link) => Self {
                link: link.clone(),
                ..decided(DeskState::Used)
            },
            Wish::Pass(reason) => Self {
                reason: Some(*reason),
                ..decided(DeskState::Passed)
            },
            Wish::Watch => decided(DeskState::Watch),
            Wish::Assign(name) => Self {
                assignee: name.as_ref().map(|name| name.as_str().to_owned()),
                ..before.clone()
            },
        };
        // A claim that is claimed again holds for longer; everything else must make a difference.
        let essence = |desk: &Self| Self {
            since: None,
            until: None,
            reports: 0,
            ..desk.clone()
        };
        if *wish != Wish::Claim && essence(&after) == essence(&before) {
            return Err(DeskRefusal::AsIs);
        }
        Ok(after)
    }
}

/// The names after `@` in a note, each once, in order; at most 20.
#[must_use]
pub fn mentions(note: &str) -> Vec<UserName> {
    let mut names: Vec<UserName> = Vec::new();
    for name in mention_ranges(note).into_iter().map(|(_, name)| name) {
        if !names.contains(&name) && names.len() < MOST_MENTIONS {
            names.push(name);
        }
    }
    names
}

/// Where a note says `@name`, as bytes with the `@`, and whose names these are.
#[must_use]
pub fn mention_ranges(note: &str) -> Vec<(std::ops::Range<usize>, UserName)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    note.match_indices('@')
        // An address of mail mentions nobody.
        .filter(|(at, _)| {
            !note[..*at].ends_with(|c: char| c.is_alphanumeric() || "._-".contains(c))
        })
        .filter_map(|(at, _)| {
            let rest = &note[at + 1..];
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            // The full stop of a sentence is no part of a name.
            let word = rest[..end].trim_end_matches(['.', '-', '_']);
            let name: UserName = word.parse().ok()?;
            Some((at..at + 1 + word.len(), name))
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const HOURS_2: Duration = Duration::from_hours(2);

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_micros(1_795_507_200_000_000).plus(Duration::from_mins(minutes))
    }

    fn by(who: &str, minutes: u64) -> Wishing<'_> {
        Wishing {
            who,
            claim_for: HOURS_2,
            reports: 3,
            is_known: true,
            now: at(minutes),
        }
    }

    #[test]
    fn what_others_decided_unheard_is_told_and_not_overwritten() {
        let unheard = |who| Wishing {
            is_known: false,
            ..by(who, 1)
        };
        let used = Desk::default()
            .after(&Wish::Use(None), by("ed", 0))
            .unwrap();
        let words = "used by ed".to_owned();
        for wish in [Wish::Claim, Wish::Watch, Wish::Release, Wish::Assign(None)] {
            let refused = used.after(&wish, unheard("mara"));
            assert_eq!(
                refused,
                Err(DeskRefusal::Unheard {
                    words: words.clone()
                }),
                "{wish:?}"
            );
        }
        assert!(used.after(&Wish::Claim, by("mara", 1)).is_ok());
        assert!(used.after(&Wish::Claim, unheard("ed")).is_ok(), "one's own");
        assert!(Desk::default().after(&Wish::Claim, unheard("mara")).is_ok());
    }

    #[test]
    fn a_claim_holds_against_others_until_it_ends_by_itself() {
        let claimed = Desk::default().after(&Wish::Claim, by("ed", 0)).unwrap();
        assert_eq!(
            (claimed.state, claimed.until),
            (DeskState::Claimed, Some(at(120)))
        );
        for wish in [
            Wish::Claim,
            Wish::Use(None),
            Wish::Pass(PassReason::Old),
            Wish::Watch,
        ] {
            let refused = DeskRefusal::Claimed {
                who: "ed".to_owned(),
                until: at(120),
            };
            assert_eq!(claimed.after(&wish, by("mara", 119)), Err(refused));
            assert!(claimed.after(&wish, by("ed", 119)).is_ok(), "{wish:?}");
            assert!(claimed.after(&wish, by("mara", 120)).is_ok(), "{wish:?}");
        }
        let released = claimed.after(&Wish::Release, by("mara", 1)).unwrap();
        assert_eq!(released, Desk::default());
        let again = claimed.after(&Wish::Claim, by("ed", 60)).unwrap();
        assert_eq!(again.until, Some(at(180)));
    }

    #[test]
    fn whoever_sees_to_it_stays_the_one_through_all_that_is_decided() {
        let name: UserName = "mara".parse().unwrap();
        let given = Desk::default()
            .after(&Wish::Assign(Some(name)), by("ed", 0))
            .unwrap();
        assert_eq!(given.state, DeskState::New);
        let used = given
            .after(
                &Wish::Use(Some("https://ours.example/1".to_owned())),
                by("mara", 5),
            )
            .unwrap();
        assert_eq!(
            (used.assignee.as_deref(), used.link.as_deref()),
            (Some("mara"), Some("https://ours.example/1"))
        );
        assert_eq!(used.clone().released().assignee.as_deref(), Some("mara"));
        let free = used.after(&Wish::Assign(None), by("ed", 6)).unwrap();
        assert_eq!((free.state, free.assignee), (DeskState::Used, None));
    }

    #[test]
    fn what_makes_no_difference_is_no_change() {
        let passed = Desk::default()
            .after(&Wish::Pass(PassReason::Noise), by("ed", 0))
            .unwrap();
        assert_eq!(
            passed.after(&Wish::Pass(PassReason::Noise), by("ed", 9)),
            Err(DeskRefusal::AsIs)
        );
        assert!(
            passed
                .after(&Wish::Pass(PassReason::Old), by("ed", 9))
                .is_ok()
        );
        assert_eq!(
            Desk::default().after(&Wish::Release, by("ed", 0)),
            Err(DeskRefusal::AsIs)
        );
    }

    #[test]
    fn reports_after_a_decision_are_counted() {
        let passed = Desk::default()
            .after(&Wish::Pass(PassReason::Old), by("ed", 0))
            .unwrap();
        assert_eq!((passed.later_reports(3), passed.later_reports(5)), (0, 2));
        assert_eq!(Desk::default().later_reports(5), 0);
    }

    #[test]
    fn what_stands_is_told_in_words() {
        let given = Wish::Assign(Some("mara".parse().unwrap()));
        for (wish, reports, expected) in [
            (Wish::Claim, 3, "claimed by ed"),
            (Wish::Use(None), 3, "used by ed"),
            (Wish::Watch, 4, "watched by ed, 1 independent report since"),
            (
                Wish::Pass(PassReason::Old),
                5,
                "passed by ed: old, 2 independent reports since",
            ),
            (given, 9, "given to mara"),
        ] {
            let desk = Desk::default().after(&wish, by("ed", 0)).unwrap();
            assert_eq!(desk.in_words(reports).as_deref(), Some(expected));
        }
        assert_eq!(Desk::default().in_words(9), None);
    }

    #[test]
    fn a_note_mentions_names_and_no_addresses_of_mail() {
        for (note, expected) in [
            ("@mara please, with @editor.2.", vec!["mara", "editor.2"]),
            ("ask desk@example.org or (@Mara)", vec!["mara"]),
            ("@mara @mara @ @. @-x", vec!["mara"]),
            ("북한@mara", vec![]),
            ("", vec![]),
        ] {
            let names: Vec<String> = mentions(note).into_iter().map(String::from).collect();
            assert_eq!(names, expected, "{note}");
        }
    }

    #[test]
    fn a_piece_is_somewhere_on_the_web() {
        assert_eq!(
            piece_link(" https://ours.example/a b ").unwrap(),
            "https://ours.example/a%20b"
        );
        for wrong in [
            "",
            "ours.example",
            "javascript:alert(1)",
            "ftp://x/",
            "https://",
        ] {
            assert!(piece_link(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_read_back() {
        for state in DeskState::ALL {
            assert_eq!(state.as_str().parse::<DeskState>().unwrap(), state);
        }
        for reason in PassReason::ALL {
            assert_eq!(reason.as_str().parse::<PassReason>().unwrap(), reason);
        }
        assert!("bored".parse::<PassReason>().is_err());
    }
}
