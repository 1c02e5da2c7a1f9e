//! What a change would do on the desk's own data: one document that grows while the past is read, newest first. Who
//! leaves the page ends the reading.

use std::{collections::VecDeque, time::Duration};

use askama::Template;
use axum::{body::Bytes, response::Response};
use tokio::time::Instant;

use super::EditPage;
use crate::{
    domain::{ArticleId, Timestamp},
    query::{PartTally, Tally},
    store::StoreError,
    web::{
        WebState,
        error::WebError,
        growing,
        pages::{
            line::Line,
            moments::{Moment, grouped},
            search::line,
        },
        past::{Changed, Difference, DifferenceError},
        seats::{Holder, NoSeat, Seat},
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

/// A text that changes sides.
#[derive(Template)]
#[template(path = "difference_entry.html")]
struct EntryFragment<'a> {
    line: &'a Line,
    is_gained: bool,
}

/// How far the reading has come.
#[derive(Template)]
#[template(path = "difference_progress.html")]
struct ProgressFragment {
    read: String,
    gained: String,
    lost: String,
    read_to: Option<Moment>,
}

/// What came of it.
#[derive(Template)]
#[template(path = "difference_outcome.html")]
struct OutcomeFragment<'a> {
    texts: &'static crate::web::texts::Texts,
    tally: &'a Tally,
    /// With headlines that each keeps out.
    exclusions: Vec<(&'a PartTally, &'a [String])>,
    has_failed: bool,
    is_cut: bool,
}

/// A difference that is being read.
struct Reading {
    state: WebState,
    difference: Difference,
    texts: &'static crate::web::texts::Texts,
    now: Timestamp,
    gained: usize,
    lost: usize,
    /// Headlines that each exclusion keeps out.
    kept_out: Vec<Vec<String>>,
    told_at: Option<Instant>,
    read_to: Option<Timestamp>,
    ready: VecDeque<Bytes>,
    middle: String,
    tail: String,
    is_over: bool,
    seat: Seat,
}

/// Answers with the page, whose changes come while the past is read.
pub(super) async fn answer(
    state: WebState,
    holder: Holder,
    page: &EditPage,
    before: Option<&str>,
    after: &str,
    from: Timestamp,
) -> Result<Response, WebError> {
    let seat = state
        .backlog_readers
        .take(holder)
        .map_err(|none| match none {
            NoSeat::Full => {
                WebError::NotReady("the past is being read for others; try again in a minute")
            }
            NoSeat::Yours => WebError::TooManyOfYours,
        })?;
    let lexicon = state.words.lexicon(&state.db, &state.cores).await?;
    let cores = state.cores.clone();
    let difference =
        match Difference::with(&state.db, &lexicon, cores.clone(), before, after, from).await {
            Err(DifferenceError::Before(_)) => {
                // What is saved has errors and matches nothing: everything is gained.
                Difference::with(&state.db, &lexicon, cores, None, after, from).await
            }
            other => other,
        };
    let difference = difference.map_err(|error| match error {
        DifferenceError::Store(error) => WebError::from(error),
        DifferenceError::Before(_) | DifferenceError::After(_) => {
            WebError::Conflict("the beat has changed meanwhile")
        }
    })?;
    let html = page.render()?;
    let (head, rest) = html.split_once(CHANGES).unwrap_or((&html, ""));
    let (middle, tail) = rest.split_once(OUTCOME).unwrap_or((rest, ""));
    let reading = Reading {
        now: state.clock.now(),
        texts: page.frame.texts,
        kept_out: vec![Vec::new(); difference.tally().exclusions.len()],
        state,
        difference,
        gained: 0,
        lost: 0,
        told_at: None,
        read_to: None,
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
        self.read_to = changed.last().map(|one| one.text.at).or(self.read_to);
        let is_time = self
            .told_at
            .is_none_or(|told_at| told_at.elapsed() >= TELL_EVERY);
        if is_time {
            self.told_at = Some(Instant::now());
            let tally = self.difference.tally();
            let fragment = ProgressFragment {
                read: grouped(tally.read),
                gained: grouped(tally.gained),
                lost: grouped(tally.lost),
                read_to: self.read_to.map(Moment::exact),
            };
            self.push(fragment.render());
        }
        Ok(())
    }

    fn show(&mut self, changed: &Changed) {
        let compared = &changed.compared;
        for &number in compared.kept_out_by() {
            if let Some(samples) = self.kept_out.get_mut(number)
                && samples.len() < SAMPLES
            {
                samples.push(changed.text.text.title.clone());
            }
        }
        let (shown, found) = match (&compared.before, &compared.after) {
            (None, Some(after)) => (&mut self.gained, after),
            (Some(before), None) => (&mut self.lost, before),
            _ => return,
        };
        *shown += 1;
        if *shown > MOST_SHOWN {
            return;
        }
        let article = changed.text.article.map_or(0, ArticleId::get);
        let sources = self.difference.sources();
        let line = line(article, &changed.text.text, found, sources, self.now);
        let fragment = EntryFragment {
            line: &line,
            is_gained: compared.is_gained(),
        };
        let rendered = fragment.render();
        self.push(rendered);
    }

    fn end(&mut self, has_failed: bool) {
        let tally = self.difference.tally();
        let samples = self.kept_out.iter().map(Vec::as_slice);
        let fragment = OutcomeFragment {
            texts: self.texts,
            tally,
            exclusions: tally.exclusions.iter().zip(samples).collect(),
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
