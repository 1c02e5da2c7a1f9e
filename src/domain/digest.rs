//! Digests: who is told what when, and what an edition holds.

use std::{collections::BTreeSet, fmt, str::FromStr};

use jiff::civil;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    ArticleId, Hit, KeywordId, StoryId, SubscriptionId, Tier, Timestamp, desk::Desk, marks::Segment,
};

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Weekday {
    /// All days, Monday first.
    pub const ALL: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];

    /// The day of a date.
    #[must_use]
    pub fn of(date: civil::Date) -> Self {
        match date.weekday() {
            civil::Weekday::Monday => Self::Mon,
            civil::Weekday::Tuesday => Self::Tue,
            civil::Weekday::Wednesday => Self::Wed,
            civil::Weekday::Thursday => Self::Thu,
            civil::Weekday::Friday => Self::Fri,
            civil::Weekday::Saturday => Self::Sat,
            civil::Weekday::Sunday => Self::Sun,
        }
    }
}

/// A time of day to the minute, written `07:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

/// A text that is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no time of day; write it as 07:00")]
pub struct TimeOfDayError(pub String);

impl TimeOfDay {
    /// The time so many minutes after midnight; none from 1,440 on.
    #[must_use]
    pub const fn from_minutes(minutes: u16) -> Option<Self> {
        if minutes < 24 * 60 {
            Some(Self(minutes))
        } else {
            None
        }
    }

    /// 00:00.
    pub const MIDNIGHT: Self = Self(0);

    /// Minutes after midnight.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }

    /// The same as jiff's type.
    #[must_use]
    pub fn to_civil(self) -> civil::Time {
        let part = |minutes: u16| i8::try_from(minutes).unwrap_or_default();
        civil::Time::constant(part(self.0 / 60), part(self.0 % 60), 0, 0)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for TimeOfDay {
    type Err = TimeOfDayError;

    fn from_str(text: &str) -> Result<Self, TimeOfDayError> {
        let wrong = || TimeOfDayError(text.to_owned());
        let (hours, minutes) = text.trim().split_once(':').ok_or_else(wrong)?;
        let number = |part: &str, below: u16| {
            let is_plain =
                (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            is_plain
                .then(|| part.parse::<u16>().ok())
                .flatten()
                .filter(|number| *number < below)
        };
        let hours = number(hours, 24).ok_or_else(wrong)?;
        let minutes = number(minutes, 60)
            .filter(|_| minutes.len() == 2)
            .ok_or_else(wrong)?;
        Ok(Self(hours * 60 + minutes))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = TimeOfDayError;

    fn try_from(text: String) -> Result<Self, TimeOfDayError> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

/// When the issues of a digest are due, by the clock on its reader's wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Time zone (IANA name).
    pub zone: String,
    /// The days it comes on.
    pub days: BTreeSet<Weekday>,
    /// The times on these days.
    pub times: BTreeSet<TimeOfDay>,
    /// Dates on which it does not come: what arrives then is in the next issue.
    #[serde(default)]
    pub quiet: BTreeSet<civil::Date>,
}

/// What makes an issue of a subscription the only one of its kind: its local date and its time as scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IssueKey {
    /// The date in the reader's zone.
    pub date: civil::Date,
    /// The time as the schedule names it, whatever daylight saving made of it.
    pub slot: TimeOfDay,
    /// 0: as scheduled; others are numbered among those of their minute.
    #[serde(default)]
    pub serial: u16,
}

/// A text that names no issue.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} names no issue; write it as 2026-11-24-0700")]
pub struct IssueKeyError(pub String);

impl fmt::Display for IssueKey {
    /// As in addresses: `2026-11-24-0700`, and `2026-11-24-0700-2` for the second one out of schedule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.slot.minutes();
        write!(f, "{}-{:02}{:02}", self.date, minutes / 60, minutes % 60)?;
        match self.serial {
            0 => Ok(()),
            serial => write!(f, "-{serial}"),
        }
    }
}

impl FromStr for IssueKey {
    type Err = IssueKeyError;

    fn from_str(text: &str) -> Result<Self, IssueKeyError> {
        let read = || {
            let date: civil::Date = text.get(..10)?.parse().ok()?;
            let rest = text.get(10..)?.strip_prefix('-')?;
            let (time, serial) = rest.split_once('-').unwrap_or((rest, "0"));
            let slot = format!("{}:{}", time.get(..2)?, time.get(2..)?);
            let key = Self {
                date,
                slot: slot.parse().ok()?,
                serial: serial.parse().ok()?,
            };
            (key.to_string() == text).then_some(key)
        };
        read().ok_or_else(|| IssueKeyError(text.chars().take(40).collect()))
    }
}

/// An issue: its key and the instant that it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issue {
    /// The instant.
    pub due: Timestamp,
    /// The key.
    pub key: IssueKey,
}

/// Which stories a subscription takes of its keywords.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DigestFilter {
    /// Languages (BCP 47, compared by their first subtag); none: all.
    pub languages: BTreeSet<String>,
    /// Tiers of sources; none: all.
    pub tiers: BTreeSet<Tier>,
    /// Independent sources that a story must have before it is told.
    pub min_independent: u32,
}

/// What an edition is composed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The stored subscription.
    pub id: SubscriptionId,
    /// Short name, for addresses.
    pub slug: String,
    /// Name for people, and the start of each subject.
    pub name: String,
    /// Its keywords, in the order of the edition.
    pub keywords: Vec<SubscribedKeyword>,
    /// Which stories it takes.
    pub filter: DigestFilter,
    /// Stories that one edition shows at most.
    pub limit: u32,
    /// The reader's zone (IANA name), for times in the text.
    pub zone: String,
    /// Whether a day has several issues, so that the subject must tell them apart.
    pub several_a_day: bool,
}

/// A keyword of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribedKeyword {
    /// The keyword.
    pub id: KeywordId,
    /// Short name, for its page.
    pub slug: String,
    /// Name for people.
    pub name: String,
}

/// A story with articles that a subscription has not been told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueStory {
    /// The story.
    pub id: StoryId,
    /// When an edition of this subscription told of it last.
    pub told_at: Option<Timestamp>,
    /// Its articles that are in no edition of the subscription yet, in order of arrival.
    pub articles: Vec<DueArticle>,
    /// Headlines that changed since it was told.
    pub revisions: Vec<DueRevision>,
    /// The articles of these headlines: they were told, and stand for the story where nothing else is new.
    pub revised: Vec<DueArticle>,
    /// Copies of its texts, all told.
    pub copies: u32,
    /// Independent reports, all told.
    pub independent: u32,
    /// Who had it first.
    pub first: Option<FirstSeen>,
    /// What the desk made of it.
    pub desk: Desk,
    /// The latest notes of the desk, oldest first.
    pub notes: Vec<DueNote>,
}

/// A note of the desk about a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNote {
    /// Who wrote it.
    pub author: String,
    /// What it says.
    pub text: String,
}

/// Who had a story first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSeen {
    /// Name of the source.
    pub source: String,
    /// When it was seen there.
    pub at: Timestamp,
}

/// An article that a subscription has not been told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueArticle {
    /// The article.
    pub id: ArticleId,
    /// Headline, plain text.
    pub title: String,
    /// Summary, plain text.
    pub summary: String,
    /// Content, plain text.
    pub content: String,
    /// At the publisher's.
    pub url: Option<String>,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Name of the source.
    pub source: String,
    /// Its tier.
    pub tier: Tier,
    /// Its country (ISO 3166-1 alpha-2).
    pub country: Option<String>,
    /// As the publisher says.
    pub published_at: Option<Timestamp>,
    /// When a feed was first seen to carry it.
    pub first_seen_at: Timestamp,
    /// Whether it repeats the text of another article of the story.
    pub is_copy: bool,
    /// The keywords of the subscription that it matches.
    pub matches: Vec<DueMatch>,
}

/// Why an article is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMatch {
    /// The keyword.
    pub keyword: KeywordId,
    /// Its version that matched.
    pub version: i32,
    /// The branches of the query that held.
    pub why: String,
    /// What was found.
    pub hits: Vec<Hit>,
}

/// A headline that its publisher changed after a subscription was told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRevision {
    /// The article.
    pub article: ArticleId,
    /// Number of the revision.
    pub revision: i32,
    /// Name of the source.
    pub source: String,
    /// The headline as told.
    pub before: String,
    /// The headline now.
    pub after: String,
    /// When it was seen to change.
    pub at: Timestamp,
}

/// An issue as composed, frozen before the first byte is sent. Each recipient's mail is a function of it and of the
/// recipient alone, so that what is sent again is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// Name of the subscription.
    pub name: String,
    /// Its short name.
    pub slug: String,
    /// Its issue.
    pub key: IssueKey,
    /// The reader's zone (IANA name).
    pub zone: String,
    /// When it was composed: nothing later is in it.
    pub composed_at: Timestamp,
    /// The subject of its mail.
    pub subject: String,
    /// Up to when collection is complete, and except for what.
    pub collection: String,
    /// A word of the editor.
    #[serde(default)]
    pub note: String,
    /// The stories by keyword; a keyword without any is in `silent`.
    pub sections: Vec<Section>,
    /// Names of keywords with nothing to tell.
    pub silent: Vec<String>,
    /// Articles that only repeat what was told before.
    pub repeated: u32,
    /// Whether it is a test, which settles nothing and has no place in the archive.
    #[serde(default)]
    pub is_test: bool,
}

impl Edition {
    /// Whether it tells nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// All its stories, shown or not.
    pub fn lines(&self) -> impl Iterator<Item = &EditionLine> {
        self.sections.iter().flat_map(|section| &section.lines)
    }
}

/// The stories under one keyword.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Short name of the keyword.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The stories: new ones first, then those that develop, each by weight.
    pub lines: Vec<EditionLine>,
}

impl Section {
    /// The stories that a mail shows.
    pub fn shown(&self) -> impl Iterator<Item = &EditionLine> {
        self.lines.iter().filter(|line| line.is_shown())
    }

    /// How many stories did not fit.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.lines.iter().filter(|line| line.is_left_out).count()
    }
}

/// A story in an edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditionLine {
    /// The story.
    pub story: StoryId,
    /// The date that the reader was told of it before; none: it is new.
    pub told_on: Option<civil::Date>,
    /// What is new about a story that was told before.
    pub news: Vec<String>,
    /// Headline with its hits.
    pub headline: Vec<Segment>,
    /// At the publisher's; none: the story's page alone.
    pub url: Option<String>,
    /// Language of headline and passage (BCP 47).
    pub language: Option<String>,
    /// Name of the source.
    pub source: String,
    /// Tier and country: "wire · KR".
    pub facts: String,
    /// When it was published, or first seen.
    pub at: Timestamp,
    /// Up to two lines of text with the hits marked.
    pub passage: Vec<Segment>,
    /// What hits in other scripts stand for: "북한 = North Korea".
    pub glosses: Vec<String>,
    /// Why it is here.
    pub why: String,
    /// Names of the other keywords that it matches.
    pub also: Vec<String>,
    /// Copies of its texts.
    pub copies: u32,
    /// Independent reports.
    pub independent: u32,
    /// Who had it first.
    pub first: Option<FirstSeen>,
    /// What the desk made of it: "claimed by M. Sato", "used by mara".
    pub desk: Option<String>,
    /// Our piece, where it was used.
    #[serde(default)]
    pub piece: Option<String>,
    /// Notes of the desk.
    pub notes: Vec<String>,
    /// Versions of the keyword that made it: the archive shows them.
    pub versions: Vec<i32>,
    /// Whether it is beyond the length: in the archive, not in the mail.
    #[serde(default)]
    pub is_left_out: bool,
    /// Whether the editor struck it: settled, but shown nowhere.
    #[serde(default)]
    pub is_struck: bool,
}

impl EditionLine {
    /// Whether a mail shows it.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        !self.is_left_out && !self.is_struck
    }
}

/// How an article is in an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// Shown, itself or as a report of a story that is.
    Shown,
    /// Only repeats what an earlier edition told.
    Repeated,
    /// Beyond the length; the archive has it.
    LeftOut,
    /// Not taken, by the subscription's filter.
    Filtered,
    /// Struck by an editor before it was sent.
    Struck,
}

impl Membership {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Repeated => "repeated",
            Self::LeftOut => "left_out",
            Self::Filtered => "filtered",
            Self::Struck => "struck",
        }
    }
}

/// An article of an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The article.
    pub article: ArticleId,
    /// Its story when the edition was composed.
    pub story: StoryId,
    /// How it is in it.
    pub membership: Membership,
}

/// An edition with the articles that it settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// What is sent.
    pub edition: Edition,
    /// Every article that it settles, once.
    pub members: Vec<Member>,
    /// Revisions that it tells of.
    pub revisions: Vec<(ArticleId, i32)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_read_and_written() {
        for (text, minutes) in [
            ("07:00", Some(420)),
            ("7:05", Some(425)),
            ("23:59", Some(1439)),
            (" 00:00 ", Some(0)),
        ] {
            assert_eq!(text.parse().ok().map(TimeOfDay::minutes), minutes, "{text}");
        }
        for text in [
            "24:00",
            "7",
            "07:0",
            "07:60",
            "-1:00",
            "٠٧:٠٠",
            "",
            "07:00:00",
            "+7:00",
        ] {
            assert_eq!(
                text.parse::<TimeOfDay>(),
                Err(TimeOfDayError(text.to_owned()))
            );
        }
        assert_eq!(TimeOfDay(425).to_string(), "07:05");
    }

    #[test]
    fn an_issue_is_named_in_one_way() {
        for text in ["2026-11-24-0700", "2026-02-28-2359-12"] {
            assert_eq!(
                text.parse::<IssueKey>().map(|key| key.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "2026-11-24",
            "2026-11-24-700",
            "2026-11-24-07:00",
            "2026-11-24-0700-0",
            "2026-11-24-0700-01",
            "2026-02-29-0700",
            "2026-11-24-0700-70000",
            "2026-11-2é-0700",
            "",
        ] {
            assert!(text.parse::<IssueKey>().is_err(), "{text}");
        }
    }
}
