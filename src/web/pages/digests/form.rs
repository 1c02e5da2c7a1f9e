//! The form of a digest: what was typed, and what it means.

use std::collections::BTreeSet;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::tz::TimeZone;

use serde::Serialize;

use super::super::{
    frame::{Frame, Place},
    meanwhile::{self, Other},
};
use crate::{
    domain::{
        Timestamp,
        delivery::{Kind, Pace},
        digest::{DigestFilter, Schedule, TimeOfDay, Weekday},
    },
    store::{
        feed_health, search,
        subscriptions::{self, Stored, SubscriptionChange, Wanted},
    },
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path},
        reading,
        visitor::Visitor,
    },
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "digest_form.html")]
pub(crate) struct FormPage {
    frame: Frame,
    /// Of the digest that is changed; none: a new one.
    slug: Option<String>,
    typed: Typed,
    problems: Vec<String>,
    meanwhile: Vec<Other>,
    keywords: Vec<(String, String)>,
    zones: Vec<String>,
}

/// What was typed, field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Typed {
    /// The seal of what was saved when the form was shown.
    #[serde(skip)]
    seen: String,
    slug: String,
    name: String,
    kind: String,
    zone: String,
    times: String,
    quiet: String,
    threshold: String,
    quiet_from: String,
    quiet_to: String,
    cap: String,
    languages: String,
    min_independent: String,
    limit: String,
    review: String,
    days: BTreeSet<String>,
    tiers: BTreeSet<String>,
    keywords: Vec<String>,
    sends_empty: bool,
}

impl Typed {
    /// The fields of a form as sent; a field that it does not have is an error.
    fn read(pairs: Vec<(String, String)>) -> Result<Self, WebError> {
        let mut typed = Self::default();
        for (name, value) in pairs {
            let field = match name.as_str() {
                "seen" => &mut typed.seen,
                "slug" => &mut typed.slug,
                "name" => &mut typed.name,
                "kind" => &mut typed.kind,
                "zone" => &mut typed.zone,
                "times" => &mut typed.times,
                "quiet" => &mut typed.quiet,
                "threshold" => &mut typed.threshold,
                "quiet_from" => &mut typed.quiet_from,
                "quiet_to" => &mut typed.quiet_to,
                "cap" => &mut typed.cap,
                "languages" => &mut typed.languages,
                "min_independent" => &mut typed.min_independent,
                "limit" => &mut typed.limit,
                "review" => &mut typed.review,
                "day" => {
                    typed.days.insert(value);
                    continue;
                }
                "tier" => {
                    typed.tiers.insert(value);
                    continue;
                }
                "keyword" => {
                    typed.keywords.push(value);
                    continue;
                }
                "sends_empty" => {
                    typed.sends_empty = true;
                    continue;
                }
                _ => return Err(WebError::BadRequest(format!("no field {name:?}"))),
            };
            value.trim().clone_into(field);
        }
        Ok(typed)
    }

    /// The fields of a new digest.
    fn fresh(zone: String) -> Self {
        Self {
            kind: Kind::Digest.to_string(),
            zone,
            times: "07:00".to_owned(),
            days: words(&Weekday::ALL[..5]),
            sends_empty: true,
            limit: "40".to_owned(),
            threshold: "1".to_owned(),
            cap: "6".to_owned(),
            min_independent: "0".to_owned(),
            review: "0".to_owned(),
            ..Self::default()
        }
    }

    fn of(stored: &Stored) -> Self {
        let wanted = &stored.wanted;
        let days: Vec<_> = wanted.schedule.days.iter().copied().collect();
        let (from, to) = wanted
            .pace
            .quiet
            .map_or_else(Default::default, |(from, to)| {
                (from.to_string(), to.to_string())
            });
        let mut typed = Self {
            seen: String::new(),
            slug: stored.slug.clone(),
            name: wanted.name.clone(),
            kind: wanted.kind.to_string(),
            zone: wanted.schedule.zone.clone(),
            times: joined(&wanted.schedule.times),
            quiet: joined(&wanted.schedule.quiet),
            threshold: wanted.pace.threshold.to_string(),
            quiet_from: from,
            quiet_to: to,
            cap: wanted.pace.cap.to_string(),
            languages: joined(&wanted.filter.languages),
            min_independent: wanted.filter.min_independent.to_string(),
            limit: wanted.story_limit.to_string(),
            review: wanted.review_minutes.to_string(),
            days: words(&days),
            tiers: wanted
                .filter
                .tiers
                .iter()
                .map(ToString::to_string)
                .collect(),
            keywords: wanted.keywords.clone(),
            sends_empty: wanted.sends_empty,
        };
        typed.seen = meanwhile::seal(&typed);
        typed
    }

    /// The fields that are saved otherwise.
    fn others(&self, saved: &Self) -> Vec<Other> {
        let texts = reading::current().texts;
        let listed = |words: &BTreeSet<String>| joined(words);
        let told = |is: bool| if is { "✓" } else { "" }.to_owned();
        let fields = |it: &Self| {
            [
                (texts.name, it.name.clone()),
                (texts.what_it_is, it.kind.clone()),
                (texts.keywords_in_order, it.keywords.join(", ")),
                (texts.time_zone, it.zone.clone()),
                (texts.when_by_clock, listed(&it.days)),
                (texts.times, it.times.clone()),
                (texts.quiet_dates, it.quiet.clone()),
                (texts.review_minutes, it.review.clone()),
                (texts.send_empty, told(it.sends_empty)),
                (texts.threshold, it.threshold.clone()),
                (texts.cap, it.cap.clone()),
                (texts.quiet_from, it.quiet_from.clone()),
                (texts.quiet_to, it.quiet_to.clone()),
                (texts.stories_at_most, it.limit.clone()),
                (texts.independent_at_least, it.min_independent.clone()),
                (texts.languages, it.languages.clone()),
                (texts.tier, listed(&it.tiers)),
            ]
        };
        let pairs = fields(saved).into_iter().zip(fields(self));
        meanwhile::others(pairs.map(|((label, saved), (_, typed))| (label, saved, typed)))
    }

    fn has_day(&self, day: &str) -> bool {
        self.days.contains(day)
    }

    fn has_tier(&self, tier: &str) -> bool {
        self.tiers.contains(tier)
    }

    fn has_keyword(&self, slug: &str) -> bool {
        self.keywords.iter().any(|known| known == slug)
    }

    /// What it means, or all that is wrong with it.
    fn understand(&self) -> Result<Wanted, Vec<String>> {
        let mut reader = Reader::default();
        let kind = reader.take(self.kind.parse::<Kind>(), Kind::Digest);
        if self.name.is_empty() || self.name.chars().count() > 100 {
            reader.problem("The name has 1 to 100 letters.");
        }
        if TimeZone::get(&self.zone).is_err() {
            reader.problem(
                "There is no time zone of that name. Examples: Asia/Seoul, Europe/Berlin, UTC.",
            );
        }
        let times = reader.list::<TimeOfDay>(&self.times);
        let quiet = reader.list(&self.quiet);
        let days: BTreeSet<Weekday> = Weekday::ALL
            .into_iter()
            .filter(|day| self.days.contains(&word(*day)))
            .collect();
        if kind == Kind::Digest && (times.is_empty() || days.is_empty()) {
            reader.problem("A digest needs at least one day and one time, such as 07:00.");
        }
        if kind != Kind::Trouble && self.keywords.is_empty() {
            reader.problem("Choose at least one keyword.");
        }
        let hours = match (self.quiet_from.is_empty(), self.quiet_to.is_empty()) {
            (true, true) => None,
            _ => Some((
                reader.take(self.quiet_from.parse(), TimeOfDay::MIDNIGHT),
                reader.take(self.quiet_to.parse(), TimeOfDay::MIDNIGHT),
            )),
        };
        let wanted = Wanted {
            name: self.name.clone(),
            kind,
            schedule: Schedule {
                zone: self.zone.clone(),
                days,
                times: times.into_iter().collect(),
                quiet: quiet.into_iter().collect(),
            },
            pace: Pace {
                threshold: reader.number("The threshold", &self.threshold, 1, 1_000),
                quiet: hours,
                cap: reader.number("The cap", &self.cap, 1, 60),
            },
            filter: DigestFilter {
                languages: split(&self.languages)
                    .map(str::to_ascii_lowercase)
                    .collect(),
                tiers: self
                    .tiers
                    .iter()
                    .filter_map(|tier| tier.parse().ok())
                    .collect(),
                min_independent: reader.number(
                    "The number of sources",
                    &self.min_independent,
                    0,
                    50,
                ),
            },
            story_limit: reader.number("The length", &self.limit, 1, 1_000),
            sends_empty: self.sends_empty,
            review_minutes: u16::try_from(reader.number("The review", &self.review, 0, 1_440))
                .unwrap_or_default(),
            keywords: self.keywords.clone(),
        };
        if reader.problems.is_empty() {
            Ok(wanted)
        } else {
            Err(reader.problems)
        }
    }
}

fn word(day: Weekday) -> String {
    format!("{day:?}").to_ascii_lowercase()
}

fn words(days: &[Weekday]) -> BTreeSet<String> {
    days.iter().copied().map(word).collect()
}

fn joined<T: ToString>(values: &BTreeSet<T>) -> String {
    let words: Vec<_> = values.iter().map(ToString::to_string).collect();
    words.join(", ")
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ', '\r', '\n'])
        .filter(|word| !word.is_empty())
}

/// Collects what is wrong.
#[derive(Default)]
struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn problem(&mut self, text: &str) {
        self.problems.push(text.to_owned());
    }

    fn take<T, E: std::fmt::Display>(&mut self, read: Result<T, E>, instead: T) -> T {
        read.unwrap_or_else(|error| {
            self.problems.push(error.to_string());
            instead
        })
    }

    fn list<T: std::str::FromStr>(&mut self, text: &str) -> Vec<T>
    where
        T::Err: std::fmt::Display,
    {
        let mut read = Vec::new();
        for word in split(text) {
            match word.parse::<T>() {
                Ok(value) => read.push(value),
                Err(error) => self.problems.push(error.to_string()),
            }
        }
        read
    }

    fn number(&mut self, what: &str, text: &str, least: u32, most: u32) -> u32 {
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                self.problems
                    .push(format!("{what} is a number from {least} to {most}."));
                least
            }
        }
    }
}

async fn page(
    state: &WebState,
    slug: Option<String>,
    typed: Typed,
    problems: Vec<String>,
) -> Result<FormPage, WebError> {
    let (collection, keywords) = tokio::try_join!(
        feed_health::collection(&state.db),
        search::keywords(&state.db)
    )?;
    let title = slug.as_ref().map_or("New digest", |_| "Change the digest");
    Ok(FormPage {
        frame: Frame::new(title, Place::Digests, &collection, state.clock.now()),
        slug,
        typed,
        problems,
        meanwhile: Vec::new(),
        keywords: keywords
            .into_iter()
            .map(|keyword| (keyword.slug, keyword.name))
            .collect(),
        zones: jiff::tz::db()
            .available()
            .map(|name| name.to_string())
            .collect(),
    })
}

/// Answers with the form of a new one.
pub(crate) async fn fresh(State(state): State<WebState>) -> Result<FormPage, WebError> {
    let zone = reading::current()
        .zone
        .and_then(|zone| zone.iana_name().map(str::to_owned))
        .unwrap_or_else(|| "UTC".to_owned());
    page(&state, None, Typed::fresh(zone), Vec::new()).await
}

/// Answers with the form of one that is there.
pub(crate) async fn edit(
    State(state): State<WebState>,
    Path(slug): Path<String>,
) -> Result<FormPage, WebError> {
    let stored = subscriptions::by_slug(&state.db, &slug)
        .await?
        .ok_or(WebError::NotFound("digest"))?;
    page(&state, Some(slug), Typed::of(&stored), Vec::new()).await
}

/// Makes a digest.
pub(crate) async fn add(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let typed = Typed::read(pairs)?;
    let mut problems = Vec::new();
    if !is_slug(&typed.slug) {
        problems.push(
            "The short name has 1 to 40 of the letters a-z, digits and dashes, and is not “new”."
                .to_owned(),
        );
    }
    let wanted = match typed.understand() {
        Ok(wanted) if problems.is_empty() => wanted,
        wanted => {
            problems.extend(wanted.err().unwrap_or_default());
            return again(&state, None, typed, problems).await;
        }
    };
    let now = state.clock.now();
    let done = subscriptions::add(&state.db, &typed.slug, &wanted, &visitor.actor(), now).await?;
    answer(&state, None, typed, done).await
}

/// Changes a digest.
pub(crate) async fn change(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let typed = Typed {
        slug: slug.clone(),
        ..Typed::read(pairs)?
    };
    let stored = subscriptions::by_slug(&state.db, &slug)
        .await?
        .ok_or(WebError::NotFound("digest"))?;
    let wanted = match typed.understand() {
        Ok(wanted) => wanted,
        Err(problems) => return again(&state, Some(slug), typed, problems).await,
    };
    let seen = &stored.wanted;
    let done = if typed.seen == Typed::of(&stored).seen || wanted == *seen {
        let now: Timestamp = state.clock.now();
        subscriptions::change(&state.db, &slug, &wanted, seen, &visitor.actor(), now).await?
    } else {
        SubscriptionChange::Outdated
    };
    answer(&state, Some(slug), typed, done).await
}

/// Leads to what was written, or shows what was typed again with what kept it from being written.
async fn answer(
    state: &WebState,
    slug: Option<String>,
    typed: Typed,
    done: SubscriptionChange,
) -> Result<Response, WebError> {
    let problem = match done {
        SubscriptionChange::Done(_) => {
            let place = format!("/digests/{}", typed.slug);
            return Ok(Redirect::to(&place).into_response());
        }
        SubscriptionChange::Unknown => return Err(WebError::NotFound("digest")),
        SubscriptionChange::Outdated => return outdated(state, typed).await,
        SubscriptionChange::Taken => "This short name is taken.".to_owned(),
        SubscriptionChange::NoKeyword(slug) => format!("There is no keyword {slug:?}."),
    };
    again(state, slug, typed, vec![problem]).await
}

async fn again(
    state: &WebState,
    slug: Option<String>,
    typed: Typed,
    problems: Vec<String>,
) -> Result<Response, WebError> {
    let page = page(state, slug, typed, problems).await?;
    Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page))
}

/// Tells what is saved by now, with what was typed in the form.
async fn outdated(state: &WebState, typed: Typed) -> Result<Response, WebError> {
    let stored = subscriptions::by_slug(&state.db, &typed.slug)
        .await?
        .ok_or(WebError::NotFound("digest"))?;
    let saved = Typed::of(&stored);
    let others = typed.others(&saved);
    let typed = Typed {
        seen: saved.seen,
        ..typed
    };
    let mut page = page(state, Some(stored.slug), typed, Vec::new()).await?;
    page.meanwhile = others;
    Ok(with_page(StatusCode::CONFLICT, page))
}

fn is_slug(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text != "new"
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn typed(changes: &[(&str, &str)]) -> Typed {
        let mut typed = Typed::fresh("Asia/Tokyo".to_owned());
        typed.name = "Morning".to_owned();
        typed.keywords = vec!["iran".to_owned()];
        let pairs = changes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let read = Typed::read(pairs.collect()).unwrap();
        for (name, _) in changes {
            match *name {
                "times" => typed.times.clone_from(&read.times),
                "zone" => typed.zone.clone_from(&read.zone),
                "quiet_from" => typed.quiet_from.clone_from(&read.quiet_from),
                "limit" => typed.limit.clone_from(&read.limit),
                "quiet" => typed.quiet.clone_from(&read.quiet),
                "name" => typed.name.clone_from(&read.name),
                other => panic!("{other}"),
            }
        }
        typed
    }

    #[test]
    fn what_is_typed_is_understood() {
        let wanted = typed(&[("times", "7:00, 19:30"), ("quiet", "2026-12-25")])
            .understand()
            .unwrap();
        assert_eq!(wanted.schedule.times.len(), 2);
        assert_eq!(wanted.schedule.days.len(), 5);
        assert_eq!(wanted.schedule.quiet.len(), 1);
        assert_eq!(
            wanted.pace,
            Pace {
                quiet: None,
                ..Pace::default()
            }
        );
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        for (changes, problems) in [
            (&[("times", "25:00")][..], 2),
            (&[("zone", "Mars/Olympus"), ("limit", "0")], 2),
            (&[("quiet_from", "23:00")], 1),
            (&[("quiet", "tomorrow")], 1),
            (&[("name", "")], 1),
        ] {
            let found = typed(changes).understand().unwrap_err();
            assert_eq!(found.len(), problems, "{changes:?} {found:?}");
        }
        assert!(Typed::read(vec![("admin".to_owned(), "1".to_owned())]).is_err());
    }

    #[test]
    fn short_names_are_addresses() {
        for (text, is) in [
            ("morning-2", true),
            ("new", false),
            ("", false),
            ("A", false),
            ("a/b", false),
        ] {
            assert_eq!(is_slug(text), is, "{text}");
        }
    }
}
