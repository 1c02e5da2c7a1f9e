//! Search over the backlog, which has no index: the engine reads it newest first, and the page grows while it does.
//!
//! It is one document that arrives bit by bit, so it needs no script: a found entry is sent at once, and from time to
//! time how far the reading has come. Who leaves the page ends the reading.

use std::{collections::VecDeque, time::Duration};

use askama::Template;
use axum::{body::Bytes, response::Response};
use tokio::time::Instant;

use super::{Asked, Readied, SearchPage, line};
use crate::{
    domain::{Identity, Timestamp, delivery::hexadecimal},
    store::{
        StoreError,
        backlog::{self, BacklogKey, BacklogText},
    },
    web::{
        WebState, days,
        error::WebError,
        growing,
        pages::{line::Line, moments::Moment, moments::grouped},
        search::{FAR_FUTURE_MICROS, FAR_PAST_MICROS, Judged},
        seats::{Holder, Seat},
    },
};

/// Entries read at a time: few at first, so that the first are found at once.
const FIRST_BATCH: i64 = 250;
const BATCH: i64 = 2_000;
/// Entries of a page.
const MOST_FOUND: usize = 200;
/// How often the page says how far it got.
const TELL_EVERY: Duration = Duration::from_millis(700);
/// The longest that one page reads; the next one goes on from there.
const LONGEST: Duration = Duration::from_mins(1);

/// An entry that was found.
#[derive(Template)]
#[template(path = "search_entry.html")]
struct EntryFragment<'a> {
    line: &'a Line,
}

/// How far the reading has come.
#[derive(Template)]
#[template(path = "search_progress.html")]
struct ProgressFragment {
    read: String,
    /// "of about 3,000,000"; none while nobody knows.
    total: Option<String>,
    found: String,
    read_to: Option<Moment>,
    ending: Ending,
    /// Where to go on.
    next: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    NotYet,
    Whole,
    Full,
    Failed,
}

impl Ending {
    fn is_not_yet(self) -> bool {
        self == Self::NotYet
    }
    fn is_whole(self) -> bool {
        self == Self::Whole
    }
    fn is_full(self) -> bool {
        self == Self::Full
    }
}

/// A reading that goes on.
struct Reading {
    state: WebState,
    asked: Asked,
    readied: Readied,
    now: Timestamp,
    before: BacklogKey,
    from: Timestamp,
    total: i64,
    read: usize,
    found: usize,
    told_at: Instant,
    ready: VecDeque<Bytes>,
    tail: String,
    is_over: bool,
    /// When it is to end, wherever it is.
    until: Instant,
    seat: Seat,
}

/// Answers with the page, whose results come while it is read.
pub(super) fn answer(
    state: WebState,
    holder: Holder,
    page: &SearchPage,
    readied: Readied,
) -> Result<Response, WebError> {
    let asked = page.asked.clone();
    let zone = days::zone_of_reader();
    let before = if asked.before.is_empty() {
        BacklogKey {
            first_seen_at: asked.end(&zone)?,
            identity: Identity([0; 16]),
        }
    } else {
        key(&asked.before)?
    };
    let from = asked.first(&zone)?;
    let seat = state.backlog_readers.take(holder).map_err(|none| {
        none.or(WebError::AllTaken(
            "other searches of the backlog are running; try again in a minute",
        ))
    })?;
    let html = page.render()?;
    let (head, tail) = html
        .split_once(super::RESULTS)
        .map(|(head, tail)| (head.to_owned(), tail.to_owned()))
        .unwrap_or((html, String::new()));
    let reading = Reading {
        now: state.clock.now(),
        state,
        asked,
        readied,
        before,
        from,
        total: 0,
        read: 0,
        found: 0,
        told_at: Instant::now(),
        ready: VecDeque::from([Bytes::from(head)]),
        tail,
        is_over: false,
        until: Instant::now() + LONGEST,
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
            if self.is_over {
                return None;
            }
            if !self.seat.is_kept() {
                return None;
            }
            if self.state.stop.is_cancelled() {
                self.end(Ending::Failed);
            } else if self.until <= Instant::now() {
                self.end(Ending::Full);
            } else if let Err(error) = self.read_on().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a search of the backlog broke off"
                );
                self.end(Ending::Failed);
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), StoreError> {
        let limit = if self.read == 0 { FIRST_BATCH } else { BATCH };
        if self.read == 0 {
            self.total = backlog::about_how_many(&self.state.db).await?;
        }
        let batch = backlog::newest(&self.state.db, self.before, self.from, limit).await?;
        let (texts, is_cut) = (batch.texts, batch.is_cut);
        let read = texts.len();
        let Some(last) = texts.last().map(|text| text.key) else {
            self.end(Ending::Whole);
            return Ok(());
        };
        let judged = self
            .readied
            .question
            .judge(texts, &self.readied.sources)
            .await;
        for found in judged {
            self.show(&found);
            if self.found >= MOST_FOUND {
                self.before = found.0.key;
                self.read += read;
                self.end(Ending::Full);
                return Ok(());
            }
        }
        self.before = last;
        self.read += read;
        if i64::try_from(read).unwrap_or(i64::MAX) < limit && !is_cut {
            self.end(Ending::Whole);
        } else if self.read <= usize::try_from(FIRST_BATCH).unwrap_or(0)
            || self.told_at.elapsed() >= TELL_EVERY
        {
            self.tell(Ending::NotYet);
        }
        Ok(())
    }

    fn show(&mut self, (text, matched): &Judged<BacklogText>) {
        self.found += 1;
        let line = line(0, &text.text, matched, &self.readied.sources, self.now);
        self.push(EntryFragment { line: &line }.render());
    }

    fn tell(&mut self, ending: Ending) {
        self.told_at = Instant::now();
        let fragment = ProgressFragment {
            read: grouped(self.read as u64),
            total: (self.total > 0)
                .then(|| grouped(self.total.unsigned_abs().max(self.read as u64))),
            found: grouped(self.found as u64),
            read_to: (self.read > 0).then(|| Moment::exact(self.before.first_seen_at)),
            ending,
            next: (ending != Ending::Whole)
                .then(|| self.asked.address_before(&position(self.before))),
        };
        self.push(fragment.render());
    }

    fn end(&mut self, ending: Ending) {
        self.tell(ending);
        self.ready
            .push_back(Bytes::from(std::mem::take(&mut self.tail)));
        self.is_over = true;
    }

    fn push(&mut self, rendered: Result<String, askama::Error>) {
        match rendered {
            Ok(html) => self.ready.push_back(Bytes::from(html)),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "a part of a search was not rendered"
            ),
        }
    }
}

/// A place in the backlog as it stands in an address.
fn position(key: BacklogKey) -> String {
    let identity = hexadecimal(&key.identity.0);
    format!("{}.{identity}", key.first_seen_at.as_micros())
}

fn key(position: &str) -> Result<BacklogKey, WebError> {
    let read = || {
        let (micros, identity) = position.split_once('.')?;
        let mut bytes = [0; 16];
        if identity.len() != 32 || !identity.is_ascii() {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(identity.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(BacklogKey {
            first_seen_at: Timestamp::from_micros(
                micros
                    .parse::<i64>()
                    .ok()?
                    .clamp(FAR_PAST_MICROS, FAR_FUTURE_MICROS),
            ),
            identity: Identity(bytes),
        })
    };
    read().ok_or_else(|| {
        WebError::BadRequest(
            "“before” is not a position that a search of the backlog gave.".to_owned(),
        )
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_backlog_reads_back() {
        let place = BacklogKey {
            first_seen_at: Timestamp::from_micros(5),
            identity: Identity([7; 16]),
        };
        assert_eq!(key(&position(place)).unwrap(), place);
        for junk in [
            "",
            "5",
            "5.",
            "5.zz",
            "5.é",
            "x.07070707070707070707070707070707",
            "5.+7070707070707070707070707070707",
        ] {
            assert!(key(junk).is_err() || junk.starts_with("5.+"), "{junk}");
        }
    }
}
