//! What a change would do on the desk's own data: one document that grows while the past is read, newest first. Who
//! leaves the page ends the reading.

use std::{collections::VecDeque, time::Duration};

use askama::Template;
use axum::{body::Bytes, response::Response};
use tokio::time::Instant;

use super::{
    line::Line,
    moments::{Moment, grouped},
    search::line,
};
use crate::{
    domain::{ArticleId, Timestamp},
    query::{PartTally, QueryTally, Tally},
    store::StoreError,
    web::{
        WebState,
        edited::Edit,
        error::WebError,
        growing,
        past::{Changed, Difference},
        reading,
        seats::{Holder, Seat},
        texts::Texts,
    },
};

/// The place in the page where changes come.
const CHANGES: &str = "<!-- changes -->";
/// The place where what came of it comes, after all changes.
const OUTCOME: &str = "<!-- outcome -->";
/// Changes that are shown of each kind; all are counted.
const MOST_SHOWN: usize = 200;
/// Samples that are shown of what each exclusion keeps out.
const SAMPLES: usize = 3;
/// How often the page says how far it got.
const TELL_EVERY: Duration = Duration::from_millis(700);

/// Days back that are compared unless others are asked for, and at most.
pub(super) const DAYS: u16 = 30;
const MOST_DAYS: u16 = 3_660;

/// Days back that are compared.
pub(super) fn days(asked: Option<u16>) -> u16 {
    asked.unwrap_or(DAYS).clamp(1, MOST_DAYS)
}

/// From when on texts are compared.
pub(super) fn since(asked: Option<u16>, now: Timestamp) -> Timestamp {
    now.minus(Duration::from_secs(u64::from(days(asked)) * 86_400))
}

/// A text that changes sides.
#[derive(Template)]
#[template(path = "difference_entry.html")]
struct EntryFragment<'a> {
    line: &'a Line,
    is_gained: bool,
    /// The keyword that gains or loses it, where there are several.
    keyword: Option<&'a str>,
}

/// How far the reading has come.
#[derive(Template)]
#[template(path = "difference_progress.html")]
struct ProgressFragment {
    texts: &'static Texts,
    read: String,
    gained: String,
    lost: String,
    read_to: Option<Moment>,
}

/// What came of it.
#[derive(Template)]
#[template(path = "difference_outcome.html")]
struct OutcomeFragment<'a> {
    texts: &'static Texts,
    tally: &'a Tally,
    whole: QueryTally,
    /// The same in stories.
    stories: QueryTally,
    /// What came of each keyword, where there are several.
    keywords: Vec<(&'a str, &'a QueryTally, &'a QueryTally)>,
    /// With headlines that nothing else finds.
    clauses: Vec<(&'a PartTally, &'a [String])>,
    /// With headlines that each keeps out.
    exclusions: Vec<(&'a PartTally, &'a [String])>,
    anti_terms: Vec<(&'a PartTally, &'a [String])>,
    has_failed: bool,
    is_cut: bool,
}

/// Headlines for each of some parts.
#[derive(Default)]
struct Samples(Vec<Vec<String>>);

impl Samples {
    fn of(parts: &[PartTally]) -> Self {
        Self(vec![Vec::new(); parts.len()])
    }

    fn add(&mut self, numbers: impl IntoIterator<Item = usize>, title: &str) {
        for number in numbers {
            if let Some(samples) = self.0.get_mut(number)
                && samples.len() < SAMPLES
            {
                samples.push(title.to_owned());
            }
        }
    }

    fn beside<'a>(&'a self, parts: &'a [PartTally]) -> Vec<(&'a PartTally, &'a [String])> {
        parts.iter().zip(self.0.iter().map(Vec::as_slice)).collect()
    }
}

/// A difference that is being read.
struct Reading {
    state: WebState,
    difference: Difference,
    texts: &'static Texts,
    now: Timestamp,
    gained: usize,
    lost: usize,
    clauses: Samples,
    kept_out: Samples,
    consumed: Samples,
    told_at: Option<Instant>,
    ready: VecDeque<Bytes>,
    middle: String,
    tail: String,
    is_over: bool,
    seat: Seat,
}

/// Answers with a page that has the places for it, where what an edit changes comes while the past is read.
pub(super) async fn answer(
    state: WebState,
    holder: Holder,
    html: &str,
    edit: Edit,
    from: Timestamp,
) -> Result<Response, WebError> {
    let seat = state.backlog_readers.take(holder).map_err(|none| {
        none.or(WebError::AllTaken(
            "the past is being read for others; try again in a minute",
        ))
    })?;
    let difference = Difference::of_edit_on(&state.db, state.cores.clone(), edit, from).await?;
    let (head, rest) = html.split_once(CHANGES).unwrap_or((html, ""));
    let (middle, tail) = rest.split_once(OUTCOME).unwrap_or((rest, ""));
    let tally = difference.tally();
    let reading = Reading {
        now: state.clock.now(),
        texts: reading::current().texts,
        clauses: Samples::of(&tally.clauses),
        kept_out: Samples::of(&tally.exclusions),
        consumed: Samples::of(&tally.anti_terms),
        state,
        difference,
        gained: 0,
        lost: 0,
        told_at: None,
        ready: VecDeque::from([Bytes::from(head.to_owned())]),
        middle: middle.to_owned(),
        tail: tail.to_owned(),
        is_over: false,
        seat,
    };
    Ok(growing::page(reading, Reading::next))
}

impl Reading {
    /// The next piece of the page; none after the last.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some((bytes, self));
            }
            if self.is_over || !self.seat.is_kept() {
                return None;
            }
            if self.state.stop.is_cancelled() {
                self.end(true);
            } else if let Err(error) = self.read_on().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a difference of a keyword broke off"
                );
                self.end(true);
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), StoreError> {
        let Some(changed) = self.difference.next().await? else {
            self.end(false);
            return Ok(());
        };
        for one in &changed {
            self.show(one);
        }
        let is_time = self
            .told_at
            .is_none_or(|told_at| told_at.elapsed() >= TELL_EVERY);
        if is_time {
            self.told_at = Some(Instant::now());
            let tally = self.difference.tally();
            let stories = self.difference.stories().whole();
            let fragment = ProgressFragment {
                texts: self.texts,
                read: grouped(tally.read),
                gained: grouped(stories.gained),
                lost: grouped(stories.lost),
                read_to: self.difference.read_to().map(Moment::exact),
            };
            self.push(fragment.render());
        }
        Ok(())
    }

    fn show(&mut self, changed: &Changed) {
        let compared = &changed.compared;
        let title = &changed.text.text.title;
        if let &[clause] = compared.clauses() {
            self.clauses.add([clause as usize], title);
        }
        self.kept_out
            .add(compared.kept_out_by().iter().copied(), title);
        self.consumed
            .add(compared.consumed_by().iter().copied(), title);
        for pair in &compared.pairs {
            let (shown, found) = match (&pair.before, &pair.after) {
                (None, Some(after)) => (&mut self.gained, after),
                (Some(before), None) => (&mut self.lost, before),
                _ => continue,
            };
            if changed.folded.contains(&pair.query) {
                continue;
            }
            *shown += 1;
            if *shown > MOST_SHOWN {
                continue;
            }
            let article = changed.text.article.map_or(0, ArticleId::get);
            let sources = self.difference.sources();
            let line = line(article, &changed.text.text, found, sources, self.now);
            let names = self.difference.keywords();
            let fragment = EntryFragment {
                line: &line,
                is_gained: pair.is_gained(),
                keyword: names
                    .get(pair.query)
                    .filter(|_| names.len() > 1)
                    .map(|named| named.name.as_str()),
            };
            let rendered = fragment.render();
            self.push(rendered);
        }
    }

    fn end(&mut self, has_failed: bool) {
        let tally = self.difference.tally();
        let keywords = self.difference.keywords();
        let names = keywords.iter().map(|named| named.name.as_str());
        let mut anti_terms = self.consumed.beside(&tally.anti_terms);
        // Concepts have hundreds of them: those that did nothing are told on the page of their concept.
        if !tally.clauses.is_empty() {
            anti_terms.retain(|(part, _)| part.count > 0);
        }
        let fragment = OutcomeFragment {
            texts: self.texts,
            tally,
            whole: tally.whole(),
            stories: self.difference.stories().whole(),
            keywords: names
                .zip(&tally.queries)
                .zip(self.difference.stories().queries())
                .map(|((name, articles), stories)| (name, articles, stories))
                .filter(|_| keywords.len() > 1)
                .collect(),
            clauses: self.clauses.beside(&tally.clauses),
            exclusions: self.kept_out.beside(&tally.exclusions),
            anti_terms,
            has_failed,
            is_cut: self.gained.max(self.lost) > MOST_SHOWN,
        };
        let rendered = fragment.render();
        let middle = std::mem::take(&mut self.middle);
        self.ready.push_back(Bytes::from(middle));
        self.push(rendered);
        let tail = std::mem::take(&mut self.tail);
        self.ready.push_back(Bytes::from(tail));
        self.is_over = true;
    }

    fn push(&mut self, rendered: Result<String, askama::Error>) {
        match rendered {
            Ok(html) => self.ready.push_back(Bytes::from(html)),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "a part of a difference was not rendered"
            ),
        }
    }
}
