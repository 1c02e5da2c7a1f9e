//! How much is written about what: the stories of each keyword by day, and whether the last day is like others.

pub(in crate::web) mod table;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;
use jiff::civil::Date;
use serde::Deserialize;

use super::{
    charts::Days,
    frame::{Frame, Place},
    moments::{counted, grouped},
};
use crate::{
    domain::{Collection, Coverage, Exception, KeywordId, Timestamp, Working},
    store::{
        feed_health,
        keyword_edits::{self, EditedKeyword},
        trends::{self, DayRead, Edges, StoriesIn, ToldBy},
    },
    story::{
        period::{DAYS_BEFORE, Period},
        surge::{self, Level, Usual},
    },
    web::{WebState, days, error::WebError, extract::Query, reading, texts::Texts},
};

/// Days that can be chosen: whole weeks.
const CHOICES: [i32; 4] = [7, 14, 28, 91];

/// Days that are shown where none are chosen.
const USUAL_CHOICE: i32 = 14;

/// Values listed of each kind of teller.
const VALUES: i64 = 30;

/// Fewer than these make no percentages.
const ENOUGH_FOR_PERCENT: u64 = 10;

/// Feeds that began to fail within so long may hold back what the last day would have brought.
const LATELY: Duration = Duration::from_hours(48);

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "trends.html")]
pub(crate) struct TrendsPage {
    frame: Frame,
    choices: Vec<Choice>,
    zone: String,
    chosen: i32,
    /// What all feeds brought; none where that is not known.
    read: Option<String>,
    /// What is not known.
    caution: Option<String>,
    rows: Vec<Row>,
    tellers: Option<Tellers>,
}

/// A way to other days.
#[derive(Debug)]
struct Choice {
    days: i32,
    is_here: bool,
}

/// A keyword.
#[derive(Debug)]
struct Row {
    slug: String,
    name: String,
    days: Days,
    stories: String,
    before: String,
    change: String,
    last: String,
    usual: String,
    level: Level,
}

impl Row {
    /// What is unusual of it, in words.
    fn unusual(&self, texts: &Texts) -> Option<&'static str> {
        match self.level {
            Level::More => Some(texts.trends_more),
            Level::Fewer => Some(texts.trends_fewer),
            Level::Usual => None,
        }
    }
}

/// Who tells the stories of a keyword.
#[derive(Debug)]
struct Tellers {
    slug: String,
    name: String,
    kinds: Vec<Kind>,
}

#[derive(Debug)]
struct Kind {
    title: &'static str,
    values: Vec<Value>,
}

#[derive(Debug)]
struct Value {
    name: Option<String>,
    stories: String,
    change: String,
}

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// How many days, of those that can be chosen.
    days: Option<i32>,
    /// The keyword that more is told of.
    keyword: Option<String>,
}

impl Wanted {
    fn days(&self) -> Result<i32, WebError> {
        let days = self.days.unwrap_or(USUAL_CHOICE);
        CHOICES.contains(&days).then_some(days).ok_or_else(|| {
            let choices = CHOICES.map(|days| days.to_string()).join(", ");
            WebError::BadRequest(format!("“days” is to be one of {choices}."))
        })
    }

    fn keyword_of<'a>(
        &self,
        keywords: &'a [EditedKeyword],
    ) -> Result<Option<&'a EditedKeyword>, WebError> {
        let Some(slug) = &self.keyword else {
            return Ok(None);
        };
        let keyword = keywords.iter().find(|keyword| keyword.slug == *slug);
        keyword.map(Some).ok_or(WebError::NotFound("keyword"))
    }
}

/// Answers with the page.
pub(crate) async fn show(
    State(state): State<WebState>,
    Query(wanted): Query<Wanted>,
) -> Result<TrendsPage, WebError> {
    let (db, now) = (&state.db, state.clock.now());
    let chosen = wanted.days()?;
    let keywords = keyword_edits::all(db).await?;
    let of = wanted.keyword_of(&keywords)?;
    let period = Period::of(chosen, now, days::zone_of_reader());
    let told = Told::read(&state, &period).await?;
    let tellers = match of {
        None => None,
        Some(keyword) => Some(tellers(&state, keyword, &period, &told).await?),
    };
    let names = period.names("%a %-d %b");
    let mut rows: Vec<Row> = keywords
        .iter()
        .map(|keyword| row(keyword, &names, &period, &told))
        .collect();
    // What is unusual first, else as the desk has them.
    rows.sort_by_key(|row| row.level);
    Ok(TrendsPage {
        choices: CHOICES
            .iter()
            .map(|&days| Choice {
                days,
                is_here: days == chosen,
            })
            .collect(),
        zone: days::zone_name(),
        chosen,
        read: read_words(&told.days_read, chosen, now),
        caution: caution(&told, &rows, &period),
        frame: Frame::new("Trends", Place::Trends, &told.collection, now),
        rows,
        tellers,
    })
}

/// A span that is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum In {
    /// A day of the period.
    Day(i32),
    /// A day back from now.
    Last(u32),
    /// The time before the period.
    Before,
    /// The period.
    Now,
}

/// What the database told.
#[derive(Debug)]
struct Told {
    stories: HashMap<(KeywordId, In), u64>,
    /// From when on each keyword is known.
    known: HashMap<KeywordId, Timestamp>,
    /// What was read by day.
    days_read: Vec<DayRead>,
    /// The days on which anything was.
    dates_read: HashSet<Date>,
    since: Option<Timestamp>,
    collection: Collection,
    /// Whether nothing failed lately.
    is_whole: bool,
}

impl Told {
    async fn read(state: &WebState, period: &Period) -> Result<Self, WebError> {
        let (db, now) = (&state.db, state.clock.now());
        let (days, last) = (period.edges(), period.last());
        let edges = Edges {
            days: &days,
            last: &last,
            halves: period.halves(),
        };
        let stories = {
            let _place = state.place_to_count().await?;
            trends::stories(db, edges).await?
        };
        let earliest = days.iter().chain(&last).chain(&edges.halves).min();
        let (known, days_read, since, collection) = tokio::try_join!(
            trends::known_since(db),
            trends::read_since(db, earliest.copied().unwrap_or(now)),
            trends::collecting_since(db),
            feed_health::collection(db),
        )?;
        Ok(Self {
            stories: stories.iter().filter_map(counted_in).collect(),
            known: known.into_iter().collect(),
            is_whole: is_whole(&collection, now),
            dates_read: days_read
                .iter()
                .filter(|day| day.is_read)
                .map(|day| day.day)
                .collect(),
            days_read,
            since,
            collection,
        })
    }

    fn of(&self, keyword: KeywordId, span: In) -> u64 {
        self.stories
            .get(&(keyword, span))
            .copied()
            .unwrap_or_default()
    }

    /// The stories of the time before; none where not all of it is known.
    fn before(&self, keyword: KeywordId, period: &Period) -> Option<u64> {
        let since = *self.known.get(&keyword)?;
        period.compares(since).then(|| self.of(keyword, In::Before))
    }

    fn usual(&self, keyword: KeywordId, period: &Period) -> Option<Usual> {
        let since = *self.known.get(&keyword)?;
        let stories = |day: u32| u32::try_from(self.of(keyword, In::Last(day))).unwrap_or(u32::MAX);
        let before: Vec<u32> = period
            .known_days(since, |date| self.dates_read.contains(&date))
            .into_iter()
            .map(stories)
            .collect();
        let usual = surge::compare(stories(DAYS_BEFORE), &before)?;
        Some(if self.is_whole {
            usual
        } else {
            usual.where_some_is_unread()
        })
    }
}

fn counted_in(found: &StoriesIn) -> Option<((KeywordId, In), u64)> {
    let span = match (found.day, found.last, found.half) {
        (Some(day), ..) => In::Day(day),
        (_, Some(last), _) => In::Last(u32::try_from(last).ok()?),
        (.., Some(0)) => In::Before,
        (.., Some(2)) => In::Now,
        _ => return None,
    };
    Some(((found.keyword, span), number(found.stories)))
}

fn is_whole(collection: &Collection, now: Timestamp) -> bool {
    let coverage = Coverage::of(collection, now);
    let failed_lately = coverage
        .exceptions
        .iter()
        .filter_map(Exception::told_since)
        .any(|since| now.since(since) < LATELY);
    coverage.working == Working::Yes && !failed_lately
}

/// The row of a keyword; the days of the period have these names.
fn row(keyword: &EditedKeyword, names: &[String], period: &Period, told: &Told) -> Row {
    let days: Vec<u64> = (0..)
        .zip(names)
        .map(|(day, _)| told.of(keyword.id, In::Day(day)))
        .collect();
    let stories = told.of(keyword.id, In::Now);
    let before = told.before(keyword.id, period);
    let usual = told.usual(keyword.id, period);
    Row {
        slug: keyword.slug.clone(),
        name: keyword.name.clone(),
        days: Days::new(names, &days),
        stories: grouped(stories),
        before: before.map(grouped).unwrap_or_default(),
        change: before
            .map(|before| change(stories, before))
            .unwrap_or_default(),
        last: grouped(told.of(keyword.id, In::Last(DAYS_BEFORE))),
        usual: usual.map(|usual| average(usual.mean)).unwrap_or_default(),
        level: usual.map_or(Level::Usual, |usual| usual.level),
    }
}

async fn tellers(
    state: &WebState,
    keyword: &EditedKeyword,
    period: &Period,
    told: &Told,
) -> Result<Tellers, WebError> {
    let found = {
        let _place = state.place_to_count().await?;
        trends::told_by(&state.db, keyword.id, period.halves(), VALUES).await?
    };
    let compares = told.before(keyword.id, period).is_some();
    let texts = reading::current().texts;
    let value = |told: &ToldBy| {
        let stories = number(told.stories);
        Value {
            name: told.value.clone(),
            stories: grouped(stories),
            change: if compares {
                change(stories, number(told.before))
            } else {
                String::new()
            },
        }
    };
    let kinds = [
        ("language", texts.trends_language),
        ("country", texts.trends_country),
        ("tier", texts.tier),
    ]
    .map(|(kind, title)| Kind {
        title,
        values: found
            .iter()
            .filter(|told| told.kind == kind)
            .map(value)
            .collect(),
    });
    Ok(Tellers {
        slug: keyword.slug.clone(),
        name: keyword.name.clone(),
        kinds: kinds.into(),
    })
}

/// What all feeds brought on the whole days before today, and on as many before; days are those of UTC, as they are remembered.
fn read_words(read: &[DayRead], days: i32, now: Timestamp) -> Option<String> {
    let today = jiff::tz::TimeZone::UTC.to_datetime(now.to_jiff()).date();
    let ago = |day: &DayRead| today.since(day.day).map_or(0, |span| span.get_days());
    let sum = |from: i32, to: i32| {
        let held = read.iter().filter(|day| (from..=to).contains(&ago(day)));
        let entries: Vec<u64> = held.map(|day| number(day.entries)).collect();
        let is_whole = i32::try_from(entries.len()) == Ok(to - from + 1);
        is_whole.then(|| entries.iter().sum::<u64>())
    };
    let entries = sum(1, days)?;
    let whole = counted(u64::try_from(days).unwrap_or_default(), "day");
    let words = format!(
        "All feeds together brought {} on the {whole} before today (UTC)",
        entries_words(entries)
    );
    Some(match sum(days + 1, 2 * days) {
        None => format!("{words}."),
        Some(before) => format!(
            "{words}, {} on the {whole} before those: {}.",
            entries_words(before),
            change(entries, before)
        ),
    })
}

fn entries_words(count: u64) -> String {
    if count == 1 {
        "1 entry".to_owned()
    } else {
        format!("{} entries", grouped(count))
    }
}

/// Why fields are empty, if any is.
fn caution(told: &Told, rows: &[Row], period: &Period) -> Option<String> {
    let Some(since) = told.since else {
        return Some("No feed is read yet.".to_owned());
    };
    let lacks = |row: &Row| row.before.is_empty() || row.usual.is_empty();
    rows.iter().any(lacks).then(|| {
        format!(
            "Where a field is empty, that time is not known whole: feeds are read since {}, and a keyword whose query changed \
             knows as much of its past as the backlog held. What is usual is known after {} days.",
            period.date_of(since, "%-d %b %Y"),
            surge::FEWEST_DAYS + 1,
        )
    })
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// How a number changed, in words: "+40 %"; of few "+2", since a share of them tells nothing.
fn change(now: u64, before: u64) -> String {
    let (sign, by) = match now.cmp(&before) {
        std::cmp::Ordering::Equal => return "±0".to_owned(),
        std::cmp::Ordering::Greater => ('+', now - before),
        std::cmp::Ordering::Less => ('−', before - now),
    };
    if before < ENOUGH_FOR_PERCENT {
        return format!("{sign}{}", grouped(by));
    }
    let percent = (u128::from(by) * 200 + u128::from(before)) / (2 * u128::from(before));
    let percent = u64::try_from(percent).unwrap_or(u64::MAX);
    format!("{sign}{} %", grouped(percent))
}

/// A mean, with a digit behind the point where it is small.
fn average(mean: f64) -> String {
    if mean < 9.95 {
        format!("{mean:.1}")
    } else {
        format!("{mean:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_in_percent_where_there_are_enough() {
        for (now, before, words) in [
            (14, 10, "+40 %"),
            (10, 14, "−29 %"),
            (0, 20, "−100 %"),
            (1_200, 10, "+11,900 %"),
            (2_001, 2_000, "+0 %"),
            (3, 1, "+2"),
            (1, 3, "−2"),
            (7, 0, "+7"),
            (0, 0, "±0"),
            (50, 50, "±0"),
        ] {
            assert_eq!(change(now, before), words, "{now} after {before}");
        }
    }

    #[test]
    fn what_was_read_is_told_of_whole_days_that_are_remembered() {
        let now = Timestamp::from_micros(1_795_507_200_000_000);
        let day = |day: i8, entries| DayRead {
            day: Date::constant(2026, 11, day),
            entries,
            is_read: true,
        };
        let mut read: Vec<DayRead> = (17..=23).map(|it| day(it, 10)).collect();
        read.push(day(24, 1_000));
        let words = "All feeds together brought 70 entries on the 7 days before today (UTC)";
        assert_eq!(read_words(&read, 7, now), Some(format!("{words}.")));
        assert_eq!(read_words(&read, 14, now), None);
        read.extend((10..=16).map(|it| day(it, 20)));
        assert_eq!(
            read_words(&read, 7, now),
            Some(format!(
                "{words}, 140 entries on the 7 days before those: −50 %."
            ))
        );
    }
}
