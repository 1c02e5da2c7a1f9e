//! How much is written about what: the stories of each keyword by day, and whether the last day is like others.

use std::{collections::HashMap, slice, time::Duration};

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::Response};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{
    charts::Days,
    frame::{Frame, Place},
    moments::{counted, grouped},
};
use crate::{
    domain::{KeywordId, Timestamp},
    store::{
        PgPool, feed_health,
        keyword_edits::{self, EditedKeyword},
        trends::{self, Attention, DayRead, Share},
    },
    story::surge::{self, Level},
    web::{days, error::WebError, extract::Query, outputs::Table, state::WebClock},
};

/// Days that can be chosen.
const SPANS: [i32; 4] = [7, 14, 28, 90];

/// Days that are shown where none are chosen.
const USUAL_SPAN: i32 = 14;

/// Days that what is usual is known from.
const DAYS_BEFORE: u32 = 28;

const DAY: Duration = Duration::from_hours(24);

/// Values listed of each facet.
const VALUES: i64 = 12;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "trends.html")]
pub(crate) struct TrendsPage {
    frame: Frame,
    spans: Vec<Span>,
    span: i32,
    /// What cannot be compared yet, and why.
    caution: Option<String>,
    everything: Row,
    rows: Vec<Row>,
    /// Whose shares are shown; none for all keywords.
    of: Option<String>,
    facets: Vec<Facet>,
}

/// A way to another span.
#[derive(Debug)]
struct Span {
    days: i32,
    is_here: bool,
}

/// A keyword, or everything.
#[derive(Debug, Default)]
struct Row {
    slug: String,
    name: String,
    days: Option<Days>,
    count: String,
    before: String,
    change: String,
    last: String,
    usually: String,
    level: Option<Level>,
}

impl Row {
    /// What is unusual of it, in words.
    fn unusual(&self) -> Option<&'static str> {
        match self.level? {
            Level::More => Some("more than usual"),
            Level::Fewer => Some("fewer than usual"),
            Level::Usual => None,
        }
    }
}

/// A facet with its values.
#[derive(Debug)]
struct Facet {
    title: &'static str,
    values: Vec<Value>,
}

/// What stories are told by.
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
    /// The keyword whose shares are told.
    keyword: Option<String>,
}

impl Wanted {
    fn span(&self) -> Result<i32, WebError> {
        let days = self.days.unwrap_or(USUAL_SPAN);
        SPANS.contains(&days).then_some(days).ok_or_else(|| {
            let spans = SPANS.map(|span| span.to_string()).join(", ");
            WebError::BadRequest(format!("“days” is to be one of {spans}."))
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

/// The time that is looked at.
#[derive(Debug)]
struct Period {
    now: Timestamp,
    zone: TimeZone,
    /// When each of its days began.
    days: Vec<Timestamp>,
    /// When as much time before it began.
    before: Timestamp,
}

impl Period {
    fn of(span: i32, now: Timestamp, zone: TimeZone) -> Self {
        let days = days::last(now, &zone, span);
        let begin = days.first().copied().unwrap_or(now);
        Self {
            before: begin.minus(now.since(begin)),
            now,
            zone,
            days,
        }
    }

    fn begin(&self) -> Timestamp {
        self.days.first().copied().unwrap_or(self.now)
    }

    /// The first instant after it: what came at this one is in it.
    fn end(&self) -> Timestamp {
        self.now.plus(Duration::from_micros(1))
    }

    fn edges(&self) -> Vec<Timestamp> {
        let mut edges = self.days.clone();
        edges.push(self.end());
        edges
    }

    /// Days back from now, each as long as another, the oldest first.
    fn last_days(&self) -> Vec<Timestamp> {
        (0..=DAYS_BEFORE + 1)
            .rev()
            .map(|ago| self.end().minus(DAY * ago))
            .collect()
    }

    fn names(&self, format: &str) -> Vec<String> {
        let name = |&day: &Timestamp| {
            let begin = day.to_jiff().to_zoned_datetime(self.zone.clone());
            begin.strftime(format).to_string()
        };
        self.days.iter().map(name).collect()
    }
}

/// Answers with the page.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Query(wanted): Query<Wanted>,
) -> Result<TrendsPage, WebError> {
    let span = wanted.span()?;
    let period = Period::of(span, clock.now(), days::zone_of_reader());
    let keywords = keyword_edits::all(&db).await?;
    let of = wanted.keyword_of(&keywords)?;
    let (edges, last_days) = (period.edges(), period.last_days());
    let halves = [period.before, period.begin(), period.end()];
    // One after the other: each may look at very many articles, and others want connections, too.
    let now = trends::attention(&db, &edges).await?;
    let before = trends::attention(&db, &halves[..2]).await?;
    let last = trends::attention(&db, &last_days).await?;
    let shares = trends::shares(&db, of.map(|keyword| keyword.id), halves, VALUES).await?;
    let (read, since, collection) = tokio::try_join!(
        trends::read(&db, period.now, 2 * span),
        trends::collecting_since(&db),
        feed_health::collection(&db),
    )?;
    let seen = Seen {
        period: &period,
        now: Counts::new(&now),
        before: Counts::new(&before),
        last: Counts::new(&last),
        since,
    };
    let mut rows: Vec<Row> = keywords.iter().map(|it| seen.row(it)).collect();
    // What is unusual first, else as the desk has them.
    rows.sort_by_key(|row| row.level.unwrap_or(Level::Usual));
    Ok(TrendsPage {
        frame: Frame::new("Trends", Place::Trends, &collection, period.now),
        spans: SPANS
            .iter()
            .map(|&days| Span {
                days,
                is_here: days == span,
            })
            .collect(),
        span,
        caution: seen.caution(),
        everything: everything(&read, &seen),
        rows,
        of: of.map(|keyword| keyword.name.clone()),
        facets: facets(&shares, seen.knows_before()),
    })
}

/// Answers with the same days as a table: a row for each day of each keyword.
pub(crate) async fn table(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    let period = Period::of(wanted.span()?, clock.now(), days::zone_of_reader());
    let edges = period.edges();
    let (keywords, found) =
        tokio::try_join!(keyword_edits::all(&db), trends::attention(&db, &edges))?;
    let counts = Counts::new(&found);
    let mut table = Table::new(&["day", "keyword", "name", "stories"]);
    let rows = wanted
        .keyword_of(&keywords)?
        .map_or(&keywords[..], slice::from_ref);
    for keyword in rows {
        for (span, day) in (0..).zip(period.names("%F")) {
            let stories = counts.of(keyword.id, Some(span));
            table.push([
                day,
                keyword.slug.clone(),
                keyword.name.clone(),
                stories.to_string(),
            ]);
        }
    }
    Ok(table.answer("trends", false))
}

/// Stories by keyword and span.
#[derive(Debug)]
struct Counts(HashMap<(KeywordId, Option<i32>), u64>);

impl Counts {
    fn new(found: &[Attention]) -> Self {
        let count = |it: &Attention| {
            let stories = u64::try_from(it.stories).unwrap_or_default();
            ((it.keyword, it.span), stories)
        };
        Self(found.iter().map(count).collect())
    }

    fn of(&self, keyword: KeywordId, span: Option<i32>) -> u64 {
        self.0.get(&(keyword, span)).copied().unwrap_or_default()
    }
}

/// What the database told.
#[derive(Debug)]
struct Seen<'a> {
    period: &'a Period,
    now: Counts,
    before: Counts,
    last: Counts,
    /// Since when feeds are read.
    since: Option<Timestamp>,
}

impl Seen<'_> {
    /// Whether feeds were read in all of the time before.
    fn knows_before(&self) -> bool {
        self.since.is_some_and(|since| since <= self.period.before)
    }

    /// Days back from now in all of which feeds were read, but the last one.
    fn known_days(&self) -> u32 {
        let Some(since) = self.since else { return 0 };
        let days = self.period.now.since(since).as_secs() / DAY.as_secs();
        u32::try_from(days)
            .unwrap_or(u32::MAX)
            .saturating_sub(1)
            .min(DAYS_BEFORE)
    }

    fn caution(&self) -> Option<String> {
        let known = self.known_days() as usize;
        let mut lacking = Vec::new();
        if !self.knows_before() {
            lacking.push("the time before".to_owned());
        }
        if known < surge::FEWEST_DAYS {
            lacking.push(format!(
                "what is usual ({} are enough)",
                counted(surge::FEWEST_DAYS as u64 + 1, "day")
            ));
        }
        if lacking.is_empty() {
            return None;
        }
        let since = self.since.map_or_else(
            || "No feed is read yet".to_owned(),
            |since| {
                let begin = since.to_jiff().to_zoned_datetime(self.period.zone.clone());
                format!("Feeds are read since {}", begin.strftime("%-d %b %Y"))
            },
        );
        Some(format!(
            "{since}: {} is not known yet.",
            lacking.join(" and ")
        ))
    }

    fn row(&self, keyword: &EditedKeyword) -> Row {
        let days: Vec<u64> = (0..)
            .zip(&self.period.days)
            .map(|(span, _)| self.now.of(keyword.id, Some(span)))
            .collect();
        let count = self.now.of(keyword.id, None);
        let before = self
            .knows_before()
            .then(|| self.before.of(keyword.id, None));
        let norm = self.norm(keyword.id);
        Row {
            slug: keyword.slug.clone(),
            name: keyword.name.clone(),
            days: Some(Days::new(&self.period.names("%a %-d %b"), &days)),
            count: grouped(count),
            before: before.map(grouped).unwrap_or_default(),
            change: before
                .map(|before| change(count, before))
                .unwrap_or_default(),
            last: grouped(self.last_day(keyword.id)),
            usually: norm.map(|norm| average(norm.usual)).unwrap_or_default(),
            level: norm.map(|norm| norm.level),
        }
    }

    fn last_day(&self, keyword: KeywordId) -> u64 {
        self.last.of(keyword, i32::try_from(DAYS_BEFORE).ok())
    }

    fn norm(&self, keyword: KeywordId) -> Option<surge::Norm> {
        let whole = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let before: Vec<u32> = (DAYS_BEFORE - self.known_days()..DAYS_BEFORE)
            .map(|span| whole(self.last.of(keyword, i32::try_from(span).ok())))
            .collect();
        surge::compare(whole(self.last_day(keyword)), &before)
    }
}

/// The row of all that was read, as far as that is remembered.
fn everything(read: &[DayRead], seen: &Seen<'_>) -> Row {
    let period = seen.period;
    let span = i32::try_from(period.days.len()).unwrap_or(i32::MAX);
    let entries = |ago: i32| {
        let day = read.iter().find(|day| day.ago == ago);
        day.map_or(0, |day| u64::try_from(day.entries).unwrap_or_default())
    };
    let remembered = read.iter().map(|day| day.ago + 1).max().unwrap_or(0);
    let is_whole = remembered >= span || seen.since.is_none_or(|since| since >= period.begin());
    let days: Vec<u64> = (0..span).rev().map(entries).collect();
    let count = days.iter().sum();
    let before: Option<u64> = (remembered == 2 * span).then(|| (span..2 * span).map(entries).sum());
    Row {
        name: if is_whole {
            String::new()
        } else {
            format!(
                "of the last {}",
                counted(u64::try_from(remembered).unwrap_or_default(), "day")
            )
        },
        days: Some(Days::new(&period.names("%a %-d %b"), &days)),
        count: grouped(count),
        before: before.map(grouped).unwrap_or_default(),
        change: before
            .map(|before| change(count, before))
            .unwrap_or_default(),
        ..Row::default()
    }
}

fn facets(shares: &[Share], knows_before: bool) -> Vec<Facet> {
    let texts = crate::web::reading::current().texts;
    let value = |share: &Share| {
        let [stories, before] =
            [share.stories, share.before].map(|count| u64::try_from(count).unwrap_or_default());
        Value {
            name: share.value.clone(),
            stories: grouped(stories),
            change: if knows_before {
                change(stories, before)
            } else {
                String::new()
            },
        }
    };
    [
        ("language", texts.trends_language),
        ("country", texts.trends_country),
        ("tier", texts.trends_tier),
    ]
    .map(|(facet, title)| Facet {
        title,
        values: shares
            .iter()
            .filter(|share| share.facet == facet)
            .map(value)
            .collect(),
    })
    .into()
}

/// How a number changed, in words: "+40 %".
fn change(now: u64, before: u64) -> String {
    if before == 0 {
        return if now == 0 {
            String::new()
        } else {
            "new".to_owned()
        };
    }
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let percent = (number(now) / number(before) - 1.0) * 100.0;
    match percent.round() {
        0.0 => "±0 %".to_owned(),
        more if more > 0.0 => format!("+{more} %"),
        fewer => format!("−{} %", -fewer),
    }
}

/// A mean, with a digit behind the point where it is small.
fn average(mean: f64) -> String {
    if mean < 9.95 {
        format!("{mean:.1}")
    } else {
        format!("{mean:.0}")
    }
}
