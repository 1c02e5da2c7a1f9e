//! Composing an edition: from what a subscription has not been told to what it is told now.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::{clean, room::shares, schedule::local_date, subject};
use crate::domain::{
    Field, KeywordId, Tier, Timestamp,
    digest::{
        Composed, DueArticle, DueMatch, DueStory, Edition, EditionLine, IssueKey, Member,
        Membership, Section, Subscription, TimeOfDay,
    },
    marks,
};

/// A story that waits for its minimum of independent sources waits so long; then it is settled as filtered.
const WAITS_FOR_SOURCES: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// Notes of the desk shown with a story.
const NOTES: usize = 3;

/// Names of a line that are told before the rest is counted: of sources, keywords, glosses.
const NAMED: usize = 6;

/// Changed headlines of a story that are told.
const REVISIONS: usize = 4;

/// Keywords without news that are named.
const SILENT: usize = 30;

/// Bytes of a publisher's address that a mail leads to; one that is longer is found by way of the story.
const ADDRESS: usize = 2_000;

/// Everything beside the stories that an edition says.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The issue.
    pub key: IssueKey,
    /// The reader's zone.
    pub zone: &'a TimeZone,
    /// Up to when collection is complete, and except for what.
    pub collection: &'a str,
    /// The present.
    pub now: Timestamp,
}

/// Composes an edition from the stories that have articles which are in none yet.
///
/// Each article handed in is settled by exactly one member of the result, but those of a story that still waits for
/// independent sources. The order of `due` does not matter.
#[must_use]
pub fn compose(subscription: &Subscription, due: &[DueStory], occasion: Occasion<'_>) -> Composed {
    let mut draft = Draft::default();
    for story in due {
        draft.take(subscription, story, occasion);
    }
    draft.finish(subscription, occasion)
}

/// What an edition composed now would hold, marked as a test in its subject. An unknown zone reads as UTC.
#[must_use]
pub fn preview(
    subscription: &Subscription,
    due: &[DueStory],
    collection: &str,
    now: Timestamp,
) -> Edition {
    let zone = TimeZone::get(&subscription.zone).unwrap_or(TimeZone::UTC);
    let local = zone.to_datetime(now.to_jiff());
    let minutes =
        u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
    let occasion = Occasion {
        key: IssueKey {
            date: local.date(),
            slot: TimeOfDay::from_minutes(minutes).unwrap_or(TimeOfDay::MIDNIGHT),
            serial: 0,
        },
        zone: &zone,
        collection,
        now,
    };
    let mut edition = compose(subscription, due, occasion).edition;
    edition.is_test = true;
    edition.subject = format!("[Test] {}", edition.subject);
    edition
}

/// A story on its way into its section.
struct Candidate {
    weight: u32,
    line: EditionLine,
    members: Vec<Member>,
}

#[derive(Default)]
struct Draft {
    /// By place of the keyword in the subscription.
    sections: BTreeMap<usize, Vec<Candidate>>,
    members: Vec<Member>,
    revisions: Vec<(crate::domain::ArticleId, i32)>,
    repeated: u32,
}

impl Draft {
    fn take(&mut self, subscription: &Subscription, story: &DueStory, occasion: Occasion<'_>) {
        let (taken, filtered): (Vec<_>, Vec<_>) = story
            .articles
            .iter()
            .partition(|article| is_taken(subscription, article));
        self.settle(story, &filtered, Membership::Filtered);
        if story.independent < subscription.filter.min_independent && story.told_at.is_none() {
            let waits = taken
                .iter()
                .any(|article| occasion.now.since(article.first_seen_at) < WAITS_FOR_SOURCES);
            if !waits {
                self.settle(story, &taken, Membership::Filtered);
            }
            return;
        }
        self.revisions.extend(
            story
                .revisions
                .iter()
                .map(|revision| (revision.article, revision.revision)),
        );
        let has_news = story.told_at.is_none()
            || !story.revisions.is_empty()
            || taken.iter().any(|article| !article.is_copy);
        let revised: Vec<_> = story.revised.iter().collect();
        let lead =
            lead(subscription, story, &taken).or_else(|| lead(subscription, story, &revised));
        let Some((place, lead)) = lead.filter(|_| has_news) else {
            self.repeated += u32::try_from(taken.len()).unwrap_or(u32::MAX);
            self.settle(story, &taken, Membership::Repeated);
            return;
        };
        self.sections.entry(place).or_default().push(Candidate {
            weight: weight(story, &taken),
            line: line(subscription, story, &taken, lead, place, occasion),
            members: members(story, &taken, Membership::Shown).collect(),
        });
    }

    fn settle(&mut self, story: &DueStory, articles: &[&DueArticle], membership: Membership) {
        self.members.extend(members(story, articles, membership));
    }

    fn finish(mut self, subscription: &Subscription, occasion: Occasion<'_>) -> Composed {
        for candidates in self.sections.values_mut() {
            candidates.sort_by(|a, b| {
                (a.line.told_on.is_some(), b.weight, b.line.at, a.line.story).cmp(&(
                    b.line.told_on.is_some(),
                    a.weight,
                    a.line.at,
                    b.line.story,
                ))
            });
        }
        cut(&mut self.sections, subscription.limit);
        let mut sections = Vec::new();
        for (place, candidates) in self.sections {
            let Some(keyword) = subscription.keywords.get(place) else {
                continue;
            };
            let mut lines = Vec::new();
            for candidate in candidates {
                self.members.extend(candidate.members);
                lines.push(candidate.line);
            }
            sections.push(Section {
                slug: keyword.slug.clone(),
                name: clean::line(&keyword.name, clean::HEADLINE),
                lines,
            });
        }
        let silent = subscription
            .keywords
            .iter()
            .filter(|keyword| sections.iter().all(|section| section.slug != keyword.slug))
            .map(|keyword| clean::line(&keyword.name, 100));
        let silent = first_of(silent.collect(), SILENT);
        let mut edition = Edition {
            name: clean::line(&subscription.name, clean::HEADLINE),
            slug: subscription.slug.clone(),
            key: occasion.key,
            zone: subscription.zone.clone(),
            composed_at: occasion.now,
            subject: String::new(),
            collection: clean::line(occasion.collection, 4 * clean::HEADLINE),
            note: String::new(),
            sections,
            silent,
            repeated: self.repeated,
            is_test: false,
        };
        edition.subject = subject::of(&edition, subscription.several_a_day);
        Composed {
            edition,
            members: self.members,
            revisions: self.revisions,
        }
    }
}

/// Marks what is beyond the length as left out. The room is shared in rounds, so that a loud keyword does not silence
/// a quiet one.
fn cut(sections: &mut BTreeMap<usize, Vec<Candidate>>, limit: u32) {
    let counts: Vec<_> = sections.values().map(Vec::len).collect();
    let room = usize::try_from(limit).unwrap_or(usize::MAX);
    for (lines, share) in sections.values_mut().zip(shares(&counts, room)) {
        for candidate in lines.iter_mut().skip(share) {
            candidate.line.is_left_out = true;
            for member in &mut candidate.members {
                member.membership = Membership::LeftOut;
            }
        }
    }
}

fn is_taken(subscription: &Subscription, article: &DueArticle) -> bool {
    let filter = &subscription.filter;
    let language = article.language.as_deref().map(main_language);
    (filter.tiers.is_empty() || filter.tiers.contains(&article.tier))
        && (filter.languages.is_empty()
            || language.is_some_and(|language| {
                filter
                    .languages
                    .iter()
                    .any(|wanted| main_language(wanted) == language)
            }))
}

/// The first subtag of a language tag, in lower case.
fn main_language(tag: &str) -> String {
    tag.split(['-', '_'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
}

fn members<'a>(
    story: &'a DueStory,
    articles: &'a [&DueArticle],
    membership: Membership,
) -> impl Iterator<Item = Member> + 'a {
    articles.iter().map(move |article| Member {
        article: article.id,
        story: story.id,
        membership,
    })
}

/// Where the story stands, and the article that stands for it: under the subscription's first keyword that one of its
/// articles matches; of these the first for a new story, the newest independent one for a story that was told.
fn lead<'a>(
    subscription: &Subscription,
    story: &DueStory,
    taken: &[&'a DueArticle],
) -> Option<(usize, &'a DueArticle)> {
    let matching = |keyword: KeywordId| {
        taken
            .iter()
            .filter(move |article| article.matches.iter().any(|found| found.keyword == keyword))
            .copied()
    };
    subscription
        .keywords
        .iter()
        .enumerate()
        .find_map(|(place, keyword)| {
            let lead = if story.told_at.is_some() {
                matching(keyword.id).max_by_key(|article| (!article.is_copy, article.first_seen_at))
            } else {
                matching(keyword.id).min_by_key(|article| (article.is_copy, article.first_seen_at))
            };
            Some((place, lead?))
        })
}

/// What makes a story stand above another: reports that do not depend on each other first, then who reports it, then
/// how often it was copied.
fn weight(story: &DueStory, taken: &[&DueArticle]) -> u32 {
    let tier = taken
        .iter()
        .map(|article| tier_weight(article.tier))
        .max()
        .unwrap_or_default();
    10 * story.independent.min(100) + tier + story.copies.min(20)
}

const fn tier_weight(tier: Tier) -> u32 {
    match tier {
        Tier::Official => 15,
        Tier::Wire => 12,
        Tier::Specialist => 10,
        Tier::Press => 6,
        Tier::State | Tier::Exile => 5,
        Tier::Aggregator => 0,
    }
}

fn line(
    subscription: &Subscription,
    story: &DueStory,
    taken: &[&DueArticle],
    lead: &DueArticle,
    place: usize,
    occasion: Occasion<'_>,
) -> EditionLine {
    let keyword = subscription.keywords.get(place).map(|keyword| keyword.id);
    let found = lead
        .matches
        .iter()
        .find(|found| Some(found.keyword) == keyword);
    let hits = found.map_or(&[][..], |found| &found.hits);
    let glosses = marks::glosses(hits).into_iter().map(|gloss| {
        let word = clean::isolated(&clean::line(&gloss.text, 60));
        format!("{word} = {}", clean::line(&gloss.concept, 60))
    });
    let reports = i32::try_from(story.independent).unwrap_or(i32::MAX);
    EditionLine {
        story: story.id,
        told_on: story.told_at.map(|at| local_date(at, occasion.zone)),
        news: if story.told_at.is_some() {
            news(story, taken)
        } else {
            Vec::new()
        },
        headline: headline(lead, hits),
        url: lead.url.clone().filter(|url| url.len() <= ADDRESS),
        language: lead.language.clone(),
        source: clean::line(&lead.source, 100),
        facts: facts(lead),
        at: lead.published_at.unwrap_or(lead.first_seen_at),
        passage: passage(lead, hits),
        glosses: first_of(glosses.collect(), NAMED),
        why: found.map_or_else(String::new, |found| {
            clean::line(&found.why, clean::HEADLINE)
        }),
        also: also(subscription, taken, keyword),
        copies: story.copies,
        independent: story.independent,
        first: story.first.clone(),
        desk: story
            .desk
            .in_words(reports)
            .map(|desk| clean::line(&desk, 100)),
        piece: story.desk.link.clone().filter(|url| url.len() <= ADDRESS),
        notes: latest_notes(story),
        versions: versions(taken, keyword),
        is_left_out: false,
        is_struck: false,
    }
}

/// The latest notes, oldest first, each with its author.
fn latest_notes(story: &DueStory) -> Vec<String> {
    let older = story.notes.len().saturating_sub(NOTES);
    story
        .notes
        .iter()
        .skip(older)
        .map(|note| clean::line(&format!("{}: {}", note.author, note.text), clean::HEADLINE))
        .collect()
}

/// The first of some names; the rest is counted.
fn first_of(mut names: Vec<String>, most: usize) -> Vec<String> {
    if names.len() > most {
        let more = names.len() - most;
        names.truncate(most);
        names.push(format!("{more} more"));
    }
    names
}

fn headline(lead: &DueArticle, hits: &[crate::domain::Hit]) -> Vec<marks::Segment> {
    let headline = clean::segments(
        marks::marked(&lead.title, Field::Title, hits),
        clean::HEADLINE,
    );
    if headline.is_empty() {
        return vec![marks::Segment {
            text: "(no headline)".to_owned(),
            ..marks::Segment::default()
        }];
    }
    headline
}

/// What the headline lacks, or else the beginning of the text.
fn passage(lead: &DueArticle, hits: &[crate::domain::Hit]) -> Vec<marks::Segment> {
    let around = marks::passage(&lead.summary, &lead.content, hits);
    if !around.is_empty() {
        return clean::segments(around, clean::PASSAGE);
    }
    let (field, text) = if lead.summary.trim().is_empty() {
        (Field::Content, &lead.content)
    } else {
        (Field::Summary, &lead.summary)
    };
    let start = text
        .char_indices()
        .nth(4 * clean::PASSAGE)
        .map_or(text.len(), |(at, _)| at);
    let start = text.get(..start).unwrap_or_default();
    clean::segments(marks::marked(start, field, hits), clean::PASSAGE)
}

fn facts(lead: &DueArticle) -> String {
    match &lead.country {
        Some(country) => format!("{} · {}", lead.tier, clean::line(country, 10)),
        None => lead.tier.to_string(),
    }
}

fn also(
    subscription: &Subscription,
    taken: &[&DueArticle],
    shown: Option<KeywordId>,
) -> Vec<String> {
    let names = subscription
        .keywords
        .iter()
        .filter(|keyword| Some(keyword.id) != shown)
        .filter(|keyword| matches_of(taken).any(|found| found.keyword == keyword.id))
        .map(|keyword| clean::line(&keyword.name, 100));
    first_of(names.collect(), NAMED)
}

fn versions(taken: &[&DueArticle], keyword: Option<KeywordId>) -> Vec<i32> {
    let mut versions: Vec<_> = matches_of(taken)
        .filter(|found| Some(found.keyword) == keyword)
        .map(|found| found.version)
        .collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

fn matches_of<'a>(taken: &'a [&DueArticle]) -> impl Iterator<Item = &'a DueMatch> {
    taken.iter().flat_map(|article| &article.matches)
}

/// What is new about a story that was told before.
fn news(story: &DueStory, taken: &[&DueArticle]) -> Vec<String> {
    let mut sources: Vec<_> = taken
        .iter()
        .filter(|article| !article.is_copy)
        .map(|article| clean::isolated(&clean::line(&article.source, 100)))
        .collect();
    let mut seen = BTreeSet::new();
    sources.retain(|source| seen.insert(source.clone()));
    let sources = first_of(sources, NAMED);
    let reports =
        (!sources.is_empty()).then(|| format!("now also reported by {}", sources.join(", ")));
    let told = |text: &str, limit| clean::isolated(&clean::line(text, limit));
    let revisions = story.revisions.iter().take(REVISIONS).map(|revision| {
        format!(
            "{} changed its headline: “{}” → “{}”",
            told(&revision.source, 100),
            told(&revision.before, clean::HEADLINE),
            told(&revision.after, clean::HEADLINE)
        )
    });
    reports.into_iter().chain(revisions).collect()
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        ArticleId, Hit, StoryId, SubscriptionId,
        desk::Desk,
        digest::{DigestFilter, DueRevision, FirstSeen, SubscribedKeyword},
    };

    pub(in crate::digest) fn at(instant: &str) -> Timestamp {
        Timestamp::from_jiff(instant.parse().unwrap())
    }

    fn now() -> Timestamp {
        at("2026-11-24T05:00:00Z")
    }

    pub(in crate::digest) fn subscription() -> Subscription {
        let keyword = |id, slug: &str, name: &str| SubscribedKeyword {
            id: KeywordId::new(id),
            slug: slug.to_owned(),
            name: name.to_owned(),
        };
        Subscription {
            id: SubscriptionId::new(1),
            slug: "morning".to_owned(),
            name: "Morning".to_owned(),
            keywords: vec![
                keyword(1, "link", "Iran–DPRK link"),
                keyword(2, "evasion", "Evasion"),
                keyword(3, "designations", "Designations"),
            ],
            filter: DigestFilter::default(),
            limit: 100,
            zone: "Europe/Berlin".to_owned(),
            several_a_day: false,
        }
    }

    pub(in crate::digest) fn article(id: i64, keyword: i64) -> DueArticle {
        let title = format!("Tehran sends engineers to Pyongyang, part {id}");
        DueArticle {
            id: ArticleId::new(id),
            summary: "Officials in Seoul said so on Monday.".to_owned(),
            content: String::new(),
            url: Some(format!("https://news.example/{id}")),
            language: Some("en".to_owned()),
            source: format!("Source {id}"),
            tier: Tier::Wire,
            country: Some("KR".to_owned()),
            published_at: None,
            first_seen_at: now().minus(Duration::from_secs(3600 - u64::try_from(id).unwrap())),
            is_copy: false,
            matches: vec![DueMatch {
                keyword: KeywordId::new(keyword),
                version: 3,
                why: "@iran NEAR/25 @dprk".to_owned(),
                hits: vec![Hit {
                    field: Field::Title,
                    start: 0,
                    end: 6,
                    text: "Tehran".to_owned(),
                    concept: Some("Iran".to_owned()),
                }],
            }],
            title,
        }
    }

    pub(in crate::digest) fn story(id: i64, articles: Vec<DueArticle>) -> DueStory {
        DueStory {
            id: StoryId::new(id),
            told_at: None,
            revisions: Vec::new(),
            revised: Vec::new(),
            copies: 0,
            independent: u32::try_from(articles.iter().filter(|article| !article.is_copy).count())
                .unwrap(),
            first: Some(FirstSeen {
                source: "Yonhap".to_owned(),
                at: at("2026-11-24T04:41:00Z"),
            }),
            desk: Desk::default(),
            notes: Vec::new(),
            articles,
        }
    }

    pub(in crate::digest) fn composed(subscription: &Subscription, due: &[DueStory]) -> Composed {
        let zone = TimeZone::get(&subscription.zone).unwrap();
        compose(
            subscription,
            due,
            Occasion {
                key: IssueKey {
                    date: "2026-11-24".parse().unwrap(),
                    slot: "07:00".parse().unwrap(),
                    serial: 0,
                },
                zone: &zone,
                collection: "complete to 06:00 except Tasnim (since Tue)",
                now: now(),
            },
        )
    }

    fn memberships(composed: &Composed) -> Vec<(i64, Membership)> {
        let mut found: Vec<_> = composed
            .members
            .iter()
            .map(|member| (member.article.get(), member.membership))
            .collect();
        found.sort_by_key(|(article, _)| *article);
        found
    }

    fn copy(article: DueArticle) -> DueArticle {
        DueArticle {
            is_copy: true,
            ..article
        }
    }

    #[test]
    fn a_story_stands_once_under_its_first_keyword_and_names_the_others() {
        let mut both = article(1, 2);
        both.matches.push(DueMatch {
            keyword: KeywordId::new(1),
            ..both.matches[0].clone()
        });
        let found = composed(
            &subscription(),
            &[
                story(1, vec![both, copy(article(2, 2))]),
                story(2, vec![article(3, 2)]),
            ],
        );
        let shown: Vec<_> = found
            .edition
            .sections
            .iter()
            .map(|section| {
                (
                    section.slug.as_str(),
                    section.lines.len(),
                    section.lines[0].also.clone(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("link", 1, vec!["Evasion".to_owned()]),
                ("evasion", 1, vec![])
            ]
        );
        assert_eq!(found.edition.silent, ["Designations"]);
        assert_eq!(found.edition.subject, "Morning: 2 new — Tue 24 Nov");
        assert_eq!(
            memberships(&found),
            [
                (1, Membership::Shown),
                (2, Membership::Shown),
                (3, Membership::Shown)
            ]
        );
    }

    #[test]
    fn a_told_story_comes_again_for_an_independent_report_or_a_revision_but_not_for_copies() {
        let told = |story: DueStory| DueStory {
            told_at: Some(at("2026-11-23T06:00:00Z")),
            ..story
        };
        let mut revised = told(story(3, vec![copy(article(4, 1))]));
        revised.revisions.push(DueRevision {
            article: ArticleId::new(90),
            revision: 2,
            source: "KCNA".to_owned(),
            before: "Visit planned".to_owned(),
            after: "Visit cancelled".to_owned(),
            at: now(),
        });
        let found = composed(
            &subscription(),
            &[
                told(story(1, vec![copy(article(1, 1))])),
                told(story(2, vec![copy(article(2, 1)), article(3, 1)])),
                revised,
            ],
        );
        let lines = &found.edition.sections[0].lines;
        assert_eq!(found.edition.subject, "Morning: 2 developing — Tue 24 Nov");
        assert_eq!(lines[0].told_on, Some("2026-11-23".parse().unwrap()));
        assert_eq!(lines[0].news, ["now also reported by Source 3"]);
        assert_eq!(
            lines[1].news,
            ["KCNA changed its headline: “Visit planned” → “Visit cancelled”"]
        );
        assert_eq!(found.edition.repeated, 1);
        assert_eq!(
            memberships(&found),
            [
                (1, Membership::Repeated),
                (2, Membership::Shown),
                (3, Membership::Shown),
                (4, Membership::Shown)
            ]
        );
        assert_eq!(found.revisions, [(ArticleId::new(90), 2)]);
    }

    #[test]
    fn a_changed_headline_alone_brings_a_story_back_and_settles_nothing() {
        let mut revised = story(3, Vec::new());
        revised.told_at = Some(at("2026-11-23T06:00:00Z"));
        revised.revised = vec![article(90, 2)];
        revised.revisions.push(DueRevision {
            article: ArticleId::new(90),
            revision: 2,
            source: "KCNA".to_owned(),
            before: "Visit planned".to_owned(),
            after: "Visit cancelled".to_owned(),
            at: now(),
        });
        let found = composed(&subscription(), &[revised]);
        assert_eq!(found.edition.subject, "Morning: 1 developing — Tue 24 Nov");
        assert_eq!(found.edition.sections[0].slug, "evasion");
        assert_eq!(
            (found.members.len(), found.revisions.len()),
            (0, 1),
            "the article was settled when it was told"
        );
    }

    #[test]
    fn new_stories_come_before_developing_ones_and_heavier_before_lighter() {
        let mut developing = story(1, vec![article(1, 1)]);
        developing.told_at = Some(at("2026-11-23T06:00:00Z"));
        developing.independent = 50;
        let mut heavy = story(3, vec![article(3, 1)]);
        heavy.independent = 5;
        let found = composed(
            &subscription(),
            &[developing, story(2, vec![article(2, 1)]), heavy],
        );
        let order: Vec<_> = found.edition.lines().map(|line| line.story.get()).collect();
        assert_eq!(order, [3, 2, 1]);
    }

    #[test]
    fn the_length_is_shared_in_rounds_and_what_is_beyond_it_stays_a_member() {
        let mut subscription = subscription();
        subscription.limit = 3;
        let mut due: Vec<_> = (1..=4).map(|id| story(id, vec![article(id, 1)])).collect();
        due.push(story(9, vec![article(9, 3)]));
        let found = composed(&subscription, &due);
        let shown: Vec<_> = found
            .edition
            .sections
            .iter()
            .map(|section| (section.shown().count(), section.left_out()))
            .collect();
        assert_eq!(shown, [(2, 2), (1, 0)]);
        assert_eq!(
            found
                .members
                .iter()
                .filter(|member| member.membership == Membership::LeftOut)
                .count(),
            2
        );
        assert_eq!(found.edition.subject, "Morning: 5 new — Tue 24 Nov");
    }

    #[test]
    fn what_the_filter_does_not_take_is_settled_with_that_reason() {
        let mut subscription = subscription();
        subscription.filter.languages = ["ko".to_owned()].into();
        let mut korean = article(2, 1);
        korean.language = Some("ko-KR".to_owned());
        let found = composed(&subscription, &[story(1, vec![article(1, 1), korean])]);
        assert_eq!(
            memberships(&found),
            [(1, Membership::Filtered), (2, Membership::Shown)]
        );
    }

    #[test]
    fn a_story_waits_a_week_for_its_second_source() {
        let mut subscription = subscription();
        subscription.filter.min_independent = 2;
        assert_eq!(
            memberships(&composed(&subscription, &[story(1, vec![article(1, 1)])])),
            []
        );
        let mut old = article(1, 1);
        old.first_seen_at = now().minus(WAITS_FOR_SOURCES);
        assert_eq!(
            memberships(&composed(&subscription, &[story(1, vec![old.clone()])])),
            [(1, Membership::Filtered)]
        );
        let found = composed(&subscription, &[story(1, vec![old, article(2, 1)])]);
        assert_eq!(
            memberships(&found),
            [(1, Membership::Shown), (2, Membership::Shown)]
        );
    }

    #[test]
    fn hostile_text_stays_on_its_line() {
        let mut hostile = article(1, 1);
        hostile.title = "Tehran \r\nBcc: x@example.org\u{202E}<b>".to_owned();
        hostile.source = "x".repeat(60_000);
        let mut subscription = subscription();
        subscription.name = "Morning\r\nBcc: y@example.org".to_owned();
        let found = composed(&subscription, &[story(1, vec![hostile])]);
        let line = found.edition.lines().next().unwrap();
        let text: String = line
            .headline
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        assert_eq!(text, "Tehran Bcc: x@example.org<b>");
        assert_eq!(line.source.chars().count(), 100);
        assert_eq!(
            found.edition.subject,
            "Morning Bcc: y@example.org: 1 new — Tue 24 Nov"
        );
    }

    fn any_story() -> impl Strategy<Value = DueStory> {
        let article = (1_i64..4, any::<bool>(), prop_oneof![Just("en"), Just("ko")]);
        (proptest::collection::vec(article, 1..6), any::<bool>()).prop_map(|(articles, told)| {
            let articles = articles
                .into_iter()
                .map(|(keyword, is_copy, language)| DueArticle {
                    is_copy,
                    language: Some(language.to_owned()),
                    ..article_of(keyword)
                })
                .collect();
            DueStory {
                told_at: told.then(|| at("2026-11-23T06:00:00Z")),
                ..story(1, articles)
            }
        })
    }

    fn article_of(keyword: i64) -> DueArticle {
        article(1, keyword)
    }

    proptest! {
        #[test]
        fn every_article_is_settled_once(
            mut due in proptest::collection::vec(any_story(), 0..12),
            limit in 0_u32..8,
            korean_alone in any::<bool>(),
        ) {
            let mut id = 0;
            for (number, story) in due.iter_mut().enumerate() {
                story.id = StoryId::new(i64::try_from(number).unwrap());
                for article in &mut story.articles {
                    id += 1;
                    article.id = ArticleId::new(id);
                }
            }
            let mut subscription = subscription();
            subscription.limit = limit;
            if korean_alone {
                subscription.filter.languages = ["ko".to_owned()].into();
            }
            let found = composed(&subscription, &due);
            let settled: Vec<_> = memberships(&found).into_iter().map(|(article, _)| article).collect();
            prop_assert_eq!(settled, (1..=id).collect::<Vec<_>>());
            let shown = found.edition.lines().filter(|line| line.is_shown()).count();
            prop_assert!(shown <= usize::try_from(limit).unwrap());
            let stories: BTreeSet<_> = found.edition.lines().map(|line| line.story).collect();
            prop_assert_eq!(stories.len(), found.edition.lines().count());
        }
    }
}
