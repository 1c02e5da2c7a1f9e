//! The feeds: one line each, trouble first, filtered and sorted by the address of the page.

use std::collections::{BTreeSet, HashMap};

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;
use serde::Deserialize;

use super::{
    charts::{DAYS, Strip},
    condition::{self, Condition, GAP_TOLD_FOR, Severity},
    frame::{Frame, Place},
    line::facts,
    moments::{Moment, counted, grouped},
};
use crate::{
    auth::Capability,
    domain::{FeedId, Tier, Timestamp, Trouble},
    store::{
        PgPool,
        feed_days::{self, FeedDay},
        feed_health::{self, Collection, FeedHealth},
        incidents::{self, Incident},
    },
    web::{error::WebError, extract::Query, reading, state::WebClock},
};

/// Feeds of one page.
const PER_PAGE: usize = 200;

/// Which feeds, and in which order.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// A word of [`Trouble`], or `any`, `outage`, `loss`; empty: all.
    trouble: String,
    /// A tier; empty: all.
    tier: String,
    /// A language; empty: all.
    language: String,
    /// `name`, `new`, `norm`, `next`; trouble first without.
    sort: String,
    /// From 1 on.
    page: usize,
}

impl Wanted {
    /// The same with another order, as the query of an address.
    fn sorted(&self, sort: &str) -> String {
        self.address(sort, 1)
    }

    fn address(&self, sort: &str, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in [
            ("trouble", self.trouble.as_str()),
            ("tier", &self.tier),
            ("language", &self.language),
            ("sort", sort),
        ] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        format!("/feeds?{}", query.finish())
    }

    fn takes(&self, judged: &Judged<'_>) -> bool {
        let feed = judged.feed;
        let has = |is: &dyn Fn(Trouble) -> bool| {
            judged.incidents.iter().any(|incident| is(incident.trouble))
        };
        let severity = judged.condition.severity;
        let in_trouble = match self.trouble.as_str() {
            "" => true,
            "any" => severity <= Severity::Trouble,
            "outage" => severity == Severity::Failure,
            "loss" => severity == Severity::Trouble,
            "paused" => severity == Severity::Paused,
            word => has(&|trouble| trouble.as_str() == word),
        };
        in_trouble
            && (self.tier.is_empty() || feed.tier.as_str() == self.tier)
            && (self.language.is_empty() || feed.language.as_deref() == Some(&self.language))
    }
}

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "feeds.html")]
pub(crate) struct FeedsPage {
    frame: Frame,
    summary: String,
    has_feeds: bool,
    may_add: bool,
    troubles: Vec<Choice>,
    tiers: Vec<Choice>,
    languages: Vec<Choice>,
    sort: String,
    heads: Vec<Head>,
    feeds: Vec<FeedLine>,
    is_filtered: bool,
    older: Option<String>,
    newer: Option<String>,
}

/// A choice of a filter.
#[derive(Debug, PartialEq, Eq)]
struct Choice {
    word: String,
    words: String,
    is_chosen: bool,
}

/// The head of a column.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    words: &'static str,
    /// Sorts by the column; none for one that does not.
    link: Option<String>,
    is_chosen: bool,
    is_number: bool,
}

/// A feed in one line.
#[derive(Debug, PartialEq, Eq)]
struct FeedLine {
    id: i64,
    source: String,
    name: String,
    facts: String,
    severity: &'static str,
    condition: String,
    last_new: Option<Moment>,
    norm: String,
    strip: Strip,
    next: Option<Moment>,
    reason: String,
}

/// A feed with how it is doing.
struct Judged<'a> {
    feed: &'a FeedHealth,
    incidents: Vec<&'a Incident>,
    condition: Condition,
}

/// Answers with the feeds.
pub(crate) async fn show(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    Query(wanted): Query<Wanted>,
) -> Result<FeedsPage, WebError> {
    let now = clock.now();
    let (feeds, incidents, collection) = tokio::try_join!(
        feed_health::feeds(&db),
        incidents::current(&db, None, now.minus(GAP_TOLD_FOR)),
        feed_health::collection(&db)
    )?;
    let judged = judge(&feeds, &incidents, now);
    let summary = summary(&judged);
    let mut chosen: Vec<&Judged<'_>> = judged.iter().filter(|one| wanted.takes(one)).collect();
    sort(&mut chosen, &wanted.sort);
    let page = wanted.page.clamp(1, chosen.len() / PER_PAGE + 1);
    let begin = (page - 1) * PER_PAGE;
    let shown = chosen.get(begin..).unwrap_or_default();
    let has_older = shown.len() > PER_PAGE;
    let shown = &shown[..shown.len().min(PER_PAGE)];
    let ids: Vec<FeedId> = shown.iter().map(|one| one.feed.id).collect();
    let days = feed_days::last(&db, &ids, now, DAYS).await?;
    Ok(FeedsPage {
        older: has_older.then(|| wanted.address(&wanted.sort, page + 1)),
        newer: (page > 1).then(|| wanted.address(&wanted.sort, page - 1)),
        feeds: lines(shown, &days, now),
        ..frame(&feeds, summary, &wanted, &collection, now)
    })
}

/// Everything but the lines.
fn frame(
    feeds: &[FeedHealth],
    summary: String,
    wanted: &Wanted,
    collection: &Collection,
    now: Timestamp,
) -> FeedsPage {
    let choice = |chosen: &str, word: &str, words: &str| Choice {
        word: word.to_owned(),
        words: words.to_owned(),
        is_chosen: chosen == word,
    };
    let groups = [
        ("any", "any trouble"),
        ("outage", "not read"),
        ("loss", "something missing"),
        ("paused", "paused"),
    ];
    let troubles = groups
        .into_iter()
        .chain(Trouble::ALL.map(|trouble| (trouble.as_str(), trouble.words())))
        .map(|(word, words)| choice(&wanted.trouble, word, words))
        .collect();
    let languages: BTreeSet<&str> = feeds
        .iter()
        .filter_map(|feed| feed.language.as_deref())
        .collect();
    FeedsPage {
        frame: Frame::new("Feeds", Place::Feeds, collection, now),
        summary,
        has_feeds: !feeds.is_empty(),
        may_add: reading::current().visitor.may(Capability::EditBeat),
        troubles,
        tiers: Tier::ALL
            .into_iter()
            .map(|tier| choice(&wanted.tier, tier.as_str(), tier.as_str()))
            .collect(),
        languages: languages
            .into_iter()
            .map(|language| choice(&wanted.language, language, language))
            .collect(),
        sort: wanted.sort.clone(),
        heads: heads(wanted),
        feeds: Vec::new(),
        is_filtered: !(wanted.trouble.is_empty()
            && wanted.tier.is_empty()
            && wanted.language.is_empty()),
        older: None,
        newer: None,
    }
}

fn heads(wanted: &Wanted) -> Vec<Head> {
    [
        ("Feed", Some("name"), false),
        ("State", Some(""), false),
        ("Last new", Some("new"), true),
        ("14 days", None, false),
        ("Norm", Some("norm"), false),
        ("Next check", Some("next"), false),
    ]
    .into_iter()
    .map(|(words, sort, is_number)| Head {
        words,
        link: sort.map(|sort| wanted.sorted(sort)),
        is_chosen: sort == Some(wanted.sort.as_str()),
        is_number,
    })
    .collect()
}

fn judge<'a>(
    feeds: &'a [FeedHealth],
    incidents: &'a [Incident],
    now: Timestamp,
) -> Vec<Judged<'a>> {
    let mut by_feed: HashMap<FeedId, Vec<&Incident>> = HashMap::new();
    for incident in incidents {
        by_feed.entry(incident.feed).or_default().push(incident);
    }
    feeds
        .iter()
        .map(|feed| {
            let incidents = by_feed.remove(&feed.id).unwrap_or_default();
            Judged {
                condition: Condition::of(feed, &incidents, now),
                feed,
                incidents,
            }
        })
        .collect()
}

/// Sorts stably: equals stay in the order of their sources' names.
fn sort(judged: &mut [&Judged<'_>], by: &str) {
    match by {
        "name" => {}
        "new" => judged.sort_by_key(|one| std::cmp::Reverse(one.feed.habits.last_sign_at)),
        "norm" => judged.sort_by(|one, other| {
            let norm = |of: &Judged<'_>| of.feed.habits.norm_per_day.unwrap_or(-1.0);
            norm(other).total_cmp(&norm(one))
        }),
        "next" => {
            judged.sort_by_key(|one| (one.feed.next_poll_at.is_none(), one.feed.next_poll_at));
        }
        _ => judged.sort_by_key(|one| one.condition.severity),
    }
}

/// How many are how: "34 feeds: 2 not read, 1 in trouble, 31 read well".
fn summary(judged: &[Judged<'_>]) -> String {
    let count = |is: &dyn Fn(Severity) -> bool| {
        judged
            .iter()
            .filter(|one| is(one.condition.severity))
            .count()
    };
    let parts = [
        (count(&|it| it == Severity::Failure), "not read"),
        (count(&|it| it == Severity::Trouble), "in trouble"),
        (count(&|it| it == Severity::Waiting), "waiting"),
        (
            count(&|it| matches!(it, Severity::Good | Severity::Oddity)),
            "read well",
        ),
        (count(&|it| it == Severity::Paused), "paused"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{} {words}", grouped(count as u64)))
    .collect::<Vec<_>>();
    format!(
        "{}: {}",
        counted(judged.len() as u64, "feed"),
        parts.join(", ")
    )
}

fn lines(judged: &[&Judged<'_>], days: &[FeedDay], now: Timestamp) -> Vec<FeedLine> {
    let mut by_feed: HashMap<FeedId, Vec<&FeedDay>> = HashMap::new();
    for day in days {
        by_feed.entry(day.feed).or_default().push(day);
    }
    judged
        .iter()
        .map(|one| {
            let days = by_feed.remove(&one.feed.id).unwrap_or_default();
            feed_line(one, &days, now)
        })
        .collect()
}

fn feed_line(judged: &Judged<'_>, days: &[&FeedDay], now: Timestamp) -> FeedLine {
    let Judged {
        feed, condition, ..
    } = judged;
    FeedLine {
        id: feed.id.get(),
        source: feed.source.clone(),
        name: condition::name(feed),
        facts: facts(
            feed.tier.as_str(),
            feed.country.as_deref(),
            feed.language.as_deref(),
        ),
        severity: condition.severity.class(),
        condition: condition.words.clone(),
        last_new: feed
            .habits
            .last_sign_at
            .or(feed.last_new_entry_at)
            .map(|last| Moment::age(now, last)),
        norm: condition::norm(feed),
        strip: Strip::new(days),
        next: condition::next_check(feed, now),
        reason: feed.next_poll_reason.clone(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{
        super::condition::tests::{feed, incident, now},
        *,
    };
    use crate::domain::{FeedId, FeedState};

    fn in_state(id: i64, state: FeedState) -> FeedHealth {
        FeedHealth {
            id: FeedId::new(id),
            state,
            ..feed()
        }
    }

    fn chosen(feeds: &[FeedHealth], incidents: &[Incident], wanted: &Wanted) -> Vec<i64> {
        let judged = judge(feeds, incidents, now());
        let mut chosen: Vec<&Judged<'_>> = judged.iter().filter(|one| wanted.takes(one)).collect();
        sort(&mut chosen, &wanted.sort);
        chosen.iter().map(|one| one.feed.id.get()).collect()
    }

    #[test]
    fn trouble_comes_first_and_keeps_its_order() {
        let feeds = [
            in_state(1, FeedState::Paused),
            in_state(2, FeedState::Active),
            in_state(3, FeedState::Waiting),
            in_state(4, FeedState::Gone),
            in_state(5, FeedState::Active),
        ];
        assert_eq!(chosen(&feeds, &[], &Wanted::default()), [4, 3, 2, 5, 1]);
        assert_eq!(
            summary(&judge(&feeds, &[], now())),
            "5 feeds: 1 not read, 1 waiting, 2 read well, 1 paused"
        );
    }

    #[test]
    fn feeds_are_filtered_and_sorted_by_the_address() {
        let feeds = [
            in_state(1, FeedState::Active),
            FeedHealth {
                language: Some("fa".to_owned()),
                tier: Tier::State,
                ..in_state(2, FeedState::Active)
            },
            in_state(3, FeedState::Failing),
        ];
        let stale = [incident(Trouble::Stale, "")];
        let cases = [
            ("trouble", "any", vec![3, 1]),
            ("trouble", "outage", vec![3]),
            ("trouble", "stale", vec![1]),
            ("trouble", "nonsense", vec![]),
            ("tier", "state", vec![2]),
            ("language", "fa", vec![2]),
            ("sort", "name", vec![1, 2, 3]),
        ];
        for (key, value, expected) in cases {
            let mut wanted = Wanted::default();
            match key {
                "trouble" => wanted.trouble = value.to_owned(),
                "tier" => wanted.tier = value.to_owned(),
                "language" => wanted.language = value.to_owned(),
                _ => wanted.sort = value.to_owned(),
            }
            assert_eq!(chosen(&feeds, &stale, &wanted), expected, "{key}={value}");
        }
        let wanted = Wanted {
            tier: "state".to_owned(),
            ..Wanted::default()
        };
        assert_eq!(wanted.sorted("norm"), "/feeds?tier=state&sort=norm");
    }

    #[test]
    fn a_page_without_feeds_says_how_to_get_some() {
        let page = frame(
            &[],
            String::new(),
            &Wanted::default(),
            &Collection::default(),
            now(),
        );
        assert!(page.render().unwrap().contains("wirewatch beat import"));
    }
}
