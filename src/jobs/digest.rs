//! Composing: issues that are due and alerts that have something to say become editions, frozen with what they settle.

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use tokio::{
    sync::{Mutex, Notify},
    time,
};
use tokio_util::sync::CancellationToken;

use super::pulse::Pulse;
use crate::{
    digest::{
        compose::{Occasion, compose, preview},
        notice,
        pace::{self, Speak},
        schedule,
    },
    domain::{
        Clock, Coverage, Timestamp,
        delivery::{Content, EditionState, Kind},
        digest::{Composed, Issue, IssueKey, TimeOfDay},
    },
    store::{
        self, PgPool, StoreError,
        due::Texts,
        editions::{Draft, FAILED_AGAIN, Frozen, Settled, TestWish},
    },
};

/// Looks for something to do this often.
const INTERVAL: Duration = Duration::from_secs(1);

/// A subscription whose zone this machine does not know is looked at again after this.
const ZONE_AGAIN: Duration = Duration::from_hours(1);

/// Longer than composing one edition takes.
const ROUND_WITHIN: Duration = Duration::from_mins(2);

/// Sources named in the statement about the collection before the rest is counted.
const NAMED: usize = 8;

/// Composes editions. Several processes may: each subscription is locked while one composes for it.
pub struct Composer {
    db: PgPool,
    clock: Arc<dyn Clock>,
    host: String,
    nudge: Arc<Notify>,
    texts: Mutex<Texts>,
    pulse: Pulse,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stepped {
    /// Editions frozen.
    pub composed: u64,
    /// Editions whose review ended.
    pub released: u64,
    /// Tests put into the outbox.
    pub tests: u64,
}

impl Composer {
    /// A composer whose mails have Message-IDs at `host`, and which notifies `nudge` when the outbox has something.
    #[must_use]
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, host: String, nudge: Arc<Notify>) -> Self {
        Self {
            db,
            clock,
            host,
            nudge,
            texts: Mutex::default(),
            pulse: Pulse::new("compose", ROUND_WITHIN),
        }
    }

    /// That it looks for what is due, and composes it.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Composes until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.pulse.beat();
            if let Err(error) = self.step().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "composing failed; trying again"
                );
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Composes everything that is due, and sends out what was reviewed.
    ///
    /// # Errors
    /// The database does not answer; what was not frozen is due again.
    pub async fn step(&self) -> Result<Stepped, StoreError> {
        let mut stepped = Stepped::default();
        let waiting = store::editions::waiting(&self.db, self.clock.now()).await?;
        if waiting.to_compose {
            stepped.composed = self.compose_all().await?;
        }
        if waiting.to_release {
            while store::editions::release_next(&self.db, &self.host, self.clock.now())
                .await?
                .is_some()
            {
                stepped.released += 1;
            }
        }
        if waiting.to_test {
            stepped.tests = self.tests().await?;
        }
        if stepped != Stepped::default() {
            self.nudge.notify_one();
        }
        Ok(stepped)
    }

    /// Composes for every subscription that has something to do. Returns how many editions came of it.
    async fn compose_all(&self) -> Result<u64, StoreError> {
        let mut texts = self.texts.lock().await;
        texts.forget();
        let mut collection = None;
        let mut composed = 0;
        loop {
            self.pulse.beat();
            let now = self.clock.now();
            let Some(draft) = store::editions::claim(&self.db, now).await? else {
                return Ok(composed);
            };
            let collection = match &mut collection {
                Some(known) => known,
                unknown => unknown.insert(self.collection().await?),
            };
            let (id, slug) = (draft.subscription.id, draft.subscription.slug.clone());
            match self.work(draft, &mut texts, collection, now).await {
                Ok(came) => composed += u64::from(came),
                Err(error) if error.is_unavailable() || error.is_conflict() => return Err(error),
                Err(error) => {
                    // Its own fault, and the oldest: the others would wait behind it for ever.
                    tracing::error!(
                        subscription = slug,
                        error = &error as &dyn std::error::Error,
                        "composing for a subscription failed; the others go first"
                    );
                    store::editions::put_off(&self.db, id, now.plus(FAILED_AGAIN)).await?;
                }
            }
        }
    }

    /// What is complete and what is not, in one sentence.
    async fn collection(&self) -> Result<String, StoreError> {
        let now = self.clock.now();
        let facts = store::feed_health::collection(&self.db).await?;
        Ok(Coverage::of(&facts, now).sentence(now, NAMED))
    }

    /// Composes the tests that were asked for, as of now; nothing is settled by them.
    async fn tests(&self) -> Result<u64, StoreError> {
        let mut texts = self.texts.lock().await;
        texts.forget();
        let mut count = 0;
        while let Some(wish) = store::editions::claim_test(&self.db).await? {
            let (recipient, slug) = (wish.recipient, wish.subscription.slug.clone());
            match self.test(wish, &mut texts).await {
                Ok(()) => count += 1,
                Err(error) if error.is_unavailable() || error.is_conflict() => return Err(error),
                Err(error) => {
                    // Its own fault, and the oldest: the others would wait behind it for ever.
                    tracing::error!(
                        subscription = slug,
                        error = &error as &dyn std::error::Error,
                        "a test could not be composed; it is dropped"
                    );
                    store::editions::drop_test(&self.db, recipient).await?;
                }
            }
        }
        Ok(count)
    }

    async fn test(&self, mut wish: TestWish, texts: &mut Texts) -> Result<(), StoreError> {
        let now = self.clock.now();
        let content = if wish.subscription.wanted.kind == Kind::Trouble {
            let open = wish.open_incidents().await?;
            Content::Notice(notice::test_of_incidents(&open, now))
        } else {
            let due = wish.due(texts, now).await?;
            let collection = self.collection().await?;
            let subscription = wish.subscription.to_subscription();
            Content::Edition(preview(&subscription, &due, &collection, now))
        };
        wish.meet(&content, &self.host, now).await
    }

    /// Does what there is to do for one subscription. Returns whether an edition came of it.
    async fn work(
        &self,
        draft: Draft,
        texts: &mut Texts,
        collection: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let zone = match TimeZone::get(&draft.subscription.wanted.schedule.zone) {
            Ok(zone) => zone,
            Err(error) => {
                tracing::error!(
                    subscription = draft.subscription.slug,
                    error = &error as &dyn std::error::Error,
                    "the time zone of a subscription is not known here"
                );
                return draft.later(now.plus(ZONE_AGAIN)).await.map(|()| false);
            }
        };
        let task = Task {
            host: &self.host,
            texts,
            collection,
            zone: &zone,
            now,
        };
        match draft.subscription.wanted.kind {
            _ if draft.subscription.run_at.is_some_and(|at| at <= now) => task.at_once(draft).await,
            Kind::Digest => task.issues(draft).await,
            Kind::Alert => task.alert(draft).await,
            Kind::Trouble => task.trouble(draft).await,
        }
    }
}

/// One subscription's turn.
struct Task<'a> {
    host: &'a str,
    texts: &'a mut Texts,
    collection: &'a str,
    zone: &'a TimeZone,
    now: Timestamp,
}

impl Task<'_> {
    /// An issue that somebody asked for.
    async fn at_once(mut self, mut draft: Draft) -> Result<bool, StoreError> {
        let issue = self.unscheduled(&mut draft).await?;
        let composed = self.compose(&mut draft, issue).await?;
        let state = state_of(&draft, &composed);
        let frozen = self.freeze(&mut draft, issue, &composed, state).await?;
        let to = draft.subscription.settled_to;
        let settled = Settled {
            to,
            next_at: self.next_at(&draft, to),
            has_run: true,
            mark: draft.mark,
        };
        draft.finish(settled).await?;
        Ok(frozen)
    }

    /// The issues that came due. One that is reviewed comes due so much earlier.
    async fn issues(mut self, mut draft: Draft) -> Result<bool, StoreError> {
        let due = schedule::due(
            &draft.subscription.wanted.schedule,
            self.zone,
            draft.subscription.settled_to,
            self.now,
            review(&draft),
        );
        draft.miss(&due.missed).await?;
        let mut frozen = false;
        if let Some(issue) = due.issue {
            let composed = self.compose(&mut draft, issue).await?;
            let state = match state_of(&draft, &composed) {
                EditionState::Released if issue.due > self.now => EditionState::Review,
                state => state,
            };
            frozen = self.freeze(&mut draft, issue, &composed, state).await?;
        }
        let settled = Settled {
            to: due.settled,
            next_at: self.next_at(&draft, due.settled),
            has_run: false,
            mark: draft.mark,
        };
        draft.finish(settled).await?;
        Ok(frozen)
    }

    /// An alert, if it has enough to say and may speak.
    async fn alert(mut self, mut draft: Draft) -> Result<bool, StoreError> {
        let issue = self.unscheduled(&mut draft).await?;
        let composed = self.compose(&mut draft, issue).await?;
        let spoken = draft.composed_since(self.now.minus(pace::CAP_TIME)).await?;
        let waiting = composed.edition.lines().count();
        let pace = &draft.subscription.wanted.pace;
        let (frozen, next_at, mark) =
            match pace::decide(pace, self.zone, waiting, &spoken, self.now) {
                Speak::Now => {
                    let state = EditionState::Released;
                    let frozen = self.freeze(&mut draft, issue, &composed, state).await?;
                    (frozen, self.now, draft.mark)
                }
                Speak::ForMore => (false, self.now, draft.mark),
                // No mark: it looks again at that time, whatever arrives; but never at once, which would be for ever.
                Speak::At(at) => (false, at.max(self.now.plus(INTERVAL)), 0),
            };
        let settled = Settled {
            to: self.now,
            next_at: Some(next_at),
            has_run: false,
            mark,
        };
        draft.finish(settled).await?;
        Ok(frozen)
    }

    /// A notice of feeds that fail, and of those that do not any more.
    async fn trouble(self, mut draft: Draft) -> Result<bool, StoreError> {
        let news = draft.incidents(self.now.minus(TROUBLE_STANDS)).await?;
        let notice = notice::of_incidents(&news, self.now);
        if let Some(notice) = &notice {
            draft.tell(&news, notice, self.host, self.now).await?;
        }
        let settled = Settled {
            to: self.now,
            next_at: Some(self.now.plus(TROUBLE_EVERY)),
            has_run: false,
            mark: draft.mark,
        };
        draft.finish(settled).await?;
        Ok(notice.is_some())
    }

    /// An issue of this minute.
    async fn unscheduled(&self, draft: &mut Draft) -> Result<Issue, StoreError> {
        let local = self.zone.to_datetime(self.now.to_jiff());
        let minutes =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let mut issue = Issue {
            due: self.now,
            key: IssueKey {
                date: local.date(),
                slot: TimeOfDay::from_minutes(minutes).unwrap_or(TimeOfDay::MIDNIGHT),
                serial: 0,
            },
        };
        issue.key.serial = draft.next_serial(issue).await?;
        Ok(issue)
    }

    async fn compose(&mut self, draft: &mut Draft, issue: Issue) -> Result<Composed, StoreError> {
        let due = draft.due(self.texts, self.now).await?;
        let occasion = Occasion {
            key: issue.key,
            zone: self.zone,
            collection: self.collection,
            now: self.now,
        };
        Ok(compose(
            &draft.subscription.to_subscription(),
            &due,
            occasion,
        ))
    }

    async fn freeze(
        &self,
        draft: &mut Draft,
        issue: Issue,
        composed: &Composed,
        state: EditionState,
    ) -> Result<bool, StoreError> {
        let frozen = Frozen {
            issue,
            composed,
            state,
            host: self.host,
        };
        let id = draft.freeze(frozen, self.texts, self.now).await?;
        Ok(id.is_some())
    }

    /// When there is something to do again, with everything up to `to` settled.
    fn next_at(&self, draft: &Draft, to: Timestamp) -> Option<Timestamp> {
        if draft.subscription.wanted.kind != Kind::Digest {
            return Some(self.now);
        }
        let next = schedule::next(&draft.subscription.wanted.schedule, self.zone, to)?;
        Some(next.due.minus(review(draft)))
    }
}

/// Feeds are looked at this often, and trouble that ends sooner than this is not told.
const TROUBLE_EVERY: Duration = Duration::from_mins(1);
const TROUBLE_STANDS: Duration = Duration::from_mins(10);

fn review(draft: &Draft) -> Duration {
    Duration::from_mins(u64::from(draft.subscription.wanted.review_minutes))
}

fn state_of(draft: &Draft, composed: &Composed) -> EditionState {
    if composed.edition.is_empty() && !draft.subscription.wanted.sends_empty {
        EditionState::Empty
    } else {
        EditionState::Released
    }
}
