//! Delivering: the outbox is emptied, at least once each, and what the other side said is recorded.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use jiff::tz::TimeZone;
use tokio::{
    sync::Notify,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::pulse::Pulse;
use crate::{
    digest::{
        notice,
        render::{self, Links, Rendered},
        webhook,
    },
    domain::{
        Clock, ErrorCode, MailAddress, Timestamp,
        delivery::{Channel, ClaimedDelivery, Content, Outcome, retry_at},
    },
    fetch::Fetcher,
    mail::{Letter, Mailer, Refusal, RefusalKind},
    meters::meters,
    store::{self, PgPool, StoreError, workers::Worker},
};

/// Looks for deliveries this often; new ones of this process are told by a nudge.
const INTERVAL: Duration = Duration::from_secs(1);

/// Letters under way at a time: more connections would annoy a mail server.
const LETTERS: usize = 4;

/// Webhooks under way at a time, each to another address.
const POSTS: usize = 16;

/// Longer than a delivery takes; a worker that is gone loses its claims at once.
const LEASE: Duration = Duration::from_mins(5);

/// Longer than claiming what there is room for takes.
const ROUND_WITHIN: Duration = Duration::from_mins(2);

/// What became of a delivery is kept so long for a database that does not answer, within the claim.
const RECORDED_WITHIN: Duration = Duration::from_mins(2);

/// What is under way when the service stops may take so long.
const LAST_MOMENTS: Duration = Duration::from_secs(6);

/// Who the letters are from.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Address.
    pub address: MailAddress,
    /// Name for people.
    pub name: String,
    /// Where links begin, without a slash at the end.
    pub base: String,
}

impl Sender {
    /// The host of Message-IDs and of the lists' identifiers.
    #[must_use]
    pub fn host(&self) -> &str {
        self.address
            .as_str()
            .rsplit_once('@')
            .map_or("localhost", |(_, host)| host)
    }
}

/// Empties the outbox.
pub struct Deliverer {
    db: PgPool,
    clock: Arc<dyn Clock>,
    holder: Arc<Worker>,
    ways: Ways,
    sender: Sender,
    nudge: Arc<Notify>,
    pulse: Pulse,
}

/// The addresses to which something is under way.
#[derive(Default)]
struct Busy {
    mail: Vec<String>,
    webhook: Vec<String>,
}

impl Busy {
    fn addresses(&self, channel: Channel) -> &[String] {
        match channel {
            Channel::Mail => &self.mail,
            Channel::Webhook => &self.webhook,
        }
    }

    fn of(&mut self, channel: Channel) -> &mut Vec<String> {
        match channel {
            Channel::Mail => &mut self.mail,
            Channel::Webhook => &mut self.webhook,
        }
    }

    fn add(&mut self, ClaimedDelivery { recipient, .. }: &ClaimedDelivery) {
        self.of(recipient.channel).push(recipient.address.clone());
    }

    fn remove(&mut self, ClaimedDelivery { recipient, .. }: &ClaimedDelivery) {
        self.of(recipient.channel)
            .retain(|address| *address != recipient.address);
    }
}

/// The ways out.
#[derive(Debug)]
pub struct Ways {
    /// To the mail server; without one letters wait.
    pub mailer: Option<Mailer>,
    /// To webhooks, within the networks that they may live in.
    pub poster: Fetcher,
}

impl Deliverer {
    /// A deliverer that claims as `holder`.
    #[must_use]
    pub fn new(
        db: PgPool,
        clock: Arc<dyn Clock>,
        holder: Arc<Worker>,
        ways: Ways,
        sender: Sender,
        nudge: Arc<Notify>,
    ) -> Self {
        Self {
            db,
            clock,
            holder,
            ways,
            sender,
            nudge,
            pulse: Pulse::new("deliver", ROUND_WITHIN),
        }
    }

    /// That it looks for deliveries, however long those under way take.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Delivers until stopped. What is under way then has some moments; what is cut off goes again later, as it is.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let last_moments = async {
                stop.cancelled().await;
                time::sleep(LAST_MOMENTS).await;
            };
            let stepped = tokio::select! {
                stepped = self.step(&stop) => stepped,
                () = last_moments => return,
            };
            if let Err(error) = stepped {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "delivering failed; trying again"
                );
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.nudge.notified() => {}
                () = time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Delivers everything that is to be tried now, and what comes to be tried while some of it is under way. Returns how
    /// many were tried.
    ///
    /// Each delivery is claimed when there is room for it: behind a mail server or a receiver that hangs, no other waits.
    ///
    /// # Errors
    /// The database does not answer. What is under way then is delivered all the same.
    pub async fn step(&self, stop: &CancellationToken) -> Result<usize, StoreError> {
        let (mut tried, mut failed) = (0, None);
        let mut under_way = FuturesUnordered::new();
        let mut busy = Busy::default();
        loop {
            self.pulse.beat();
            while failed.is_none() && !stop.is_cancelled() {
                match self.claim(&busy).await {
                    Ok(Some(delivery)) => {
                        tried += 1;
                        busy.add(&delivery);
                        under_way.push(self.deliver(delivery));
                    }
                    Ok(None) => break,
                    Err(error) => failed = Some(error),
                }
            }
            tokio::select! {
                delivered = under_way.next() => match delivered {
                    Some((delivery, recorded)) => {
                        busy.remove(&delivery);
                        failed = failed.or(recorded.err());
                    }
                    None => break,
                },
                () = self.nudge.notified() => {}
                () = time::sleep(INTERVAL) => {}
            }
        }
        if let Some(mailer) = &self.ways.mailer {
            mailer.close_idle().await;
        }
        failed.map_or(Ok(tried), Err)
    }

    /// Claims one delivery by a channel that has room beside those under way, if there is one to be tried now.
    async fn claim(&self, busy: &Busy) -> Result<Option<ClaimedDelivery>, StoreError> {
        self.holder.keep_alive().await?;
        for channel in store::deliveries::waiting(&self.db, self.clock.now()).await? {
            let taken = busy.addresses(channel);
            let room = match channel {
                // Without a mail server letters wait.
                Channel::Mail if self.ways.mailer.is_none() => 0,
                Channel::Mail => LETTERS,
                Channel::Webhook => POSTS,
            };
            if taken.len() >= room {
                continue;
            }
            let (holder, now) = (self.holder.number(), self.clock.now());
            let claimed =
                store::deliveries::claim(&self.db, channel, taken, holder, LEASE, now).await?;
            if claimed.is_some() {
                return Ok(claimed);
            }
        }
        Ok(None)
    }

    async fn deliver(
        &self,
        delivery: ClaimedDelivery,
    ) -> (ClaimedDelivery, Result<(), StoreError>) {
        let recorded = self.try_once(&delivery).await;
        (delivery, recorded)
    }

    #[tracing::instrument(
        name = "delivery",
        skip_all,
        fields(delivery = delivery.id.get(), channel = delivery.recipient.channel.as_str(), outcome)
    )]
    async fn try_once(&self, delivery: &ClaimedDelivery) -> Result<(), StoreError> {
        let sent = self.send(delivery).await;
        let now = self.clock.now();
        let (outcome, detail) = match sent {
            Ok(()) => (Outcome::Sent, String::new()),
            Err(Refusal { kind, detail }) => {
                let outcome = match kind {
                    RefusalKind::Recipient => Outcome::Refused,
                    RefusalKind::Letter => Outcome::Dead,
                    RefusalKind::Temporary => retry_at(
                        delivery.recipient.channel,
                        delivery.id,
                        delivery.attempt,
                        delivery.tried_since,
                        now,
                    )
                    .map_or(Outcome::Dead, Outcome::Later),
                };
                (outcome, detail)
            }
        };
        let is_recorded = self.record(delivery, &outcome, &detail, now).await?;
        tracing::Span::current().record("outcome", outcome.as_str());
        meters().delivered(delivery.recipient.channel.as_str(), outcome.as_str());
        if outcome != Outcome::Sent {
            tracing::warn!(
                attempt = delivery.attempt,
                detail,
                "a delivery was not taken"
            );
        }
        if !is_recorded {
            tracing::warn!("the claim on a delivery was lost before its outcome was recorded");
        }
        Ok(())
    }

    /// Records what became of a delivery, once the database answers: else the delivery would wait for the end of its claim, and
    /// what was taken would go out again.
    async fn record(
        &self,
        delivery: &ClaimedDelivery,
        outcome: &Outcome,
        detail: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let until = Instant::now() + RECORDED_WITHIN;
        loop {
            let recorded =
                store::deliveries::record(&self.db, delivery, outcome, detail, now).await;
            match recorded {
                Err(error) if error.is_unavailable() && Instant::now() < until => {
                    time::sleep(INTERVAL).await;
                }
                recorded => return recorded,
            }
        }
    }

    async fn send(&self, delivery: &ClaimedDelivery) -> Result<(), Refusal> {
        match delivery.recipient.channel {
            Channel::Mail => self.mail(delivery).await,
            Channel::Webhook => self.post(delivery).await,
        }
    }

    async fn post(&self, delivery: &ClaimedDelivery) -> Result<(), Refusal> {
        let recipient = &delivery.recipient;
        let Ok(url) = recipient.address.parse() else {
            return Err(refused(RefusalKind::Recipient, "this is no web address"));
        };
        let links = Links {
            base: &self.sender.base,
            unsubscribe: None,
        };
        let body = webhook::payload(recipient.form, &delivery.content, links);
        let timestamp = self.clock.now().as_micros() / 1_000_000;
        let id = &delivery.message_id;
        let signature = webhook::signature(&recipient.secret, id, timestamp, &body);
        let headers = [
            ("webhook-id", id.clone()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ];
        let posted = self.ways.poster.post(&url, &headers, body).await;
        posted.map(|_| ()).map_err(|failure| {
            let kind = match (failure.code, failure.status) {
                // The receiver says that it is gone for good.
                (_, Some(410)) => RefusalKind::Recipient,
                // What is too long today is too long tomorrow.
                (ErrorCode::BlockedAddress, _) | (_, Some(413)) => RefusalKind::Letter,
                _ => RefusalKind::Temporary,
            };
            refused(kind, &failure.detail)
        })
    }

    async fn mail(&self, delivery: &ClaimedDelivery) -> Result<(), Refusal> {
        let Some(mailer) = &self.ways.mailer else {
            return Err(refused(
                RefusalKind::Temporary,
                "no mail server is configured",
            ));
        };
        let Ok(to) = delivery.recipient.address.parse::<MailAddress>() else {
            return Err(refused(RefusalKind::Recipient, "this is no mail address"));
        };
        let unsubscribe = format!(
            "{}/unsubscribe/{}",
            self.sender.base,
            delivery.recipient.token_text()
        );
        let rendered = self
            .rendered(&delivery.content, &unsubscribe)
            .map_err(|error| refused(RefusalKind::Letter, &error))?;
        let list_id = format!("{}.{}", delivery.slug, self.sender.host());
        mailer
            .send(&Letter {
                from_name: &self.sender.name,
                from: &self.sender.address,
                to: &to,
                subject: &rendered.subject,
                date: delivery.created_at,
                message_id: &delivery.message_id,
                references: delivery.follows.as_deref(),
                list_id: Some(&list_id),
                unsubscribe: Some(&unsubscribe),
                text: &rendered.text,
                html: &rendered.html,
            })
            .await
    }

    fn rendered(&self, content: &Content, unsubscribe: &str) -> Result<Rendered, String> {
        let links = Links {
            base: &self.sender.base,
            unsubscribe: Some(unsubscribe),
        };
        match content {
            Content::Edition(edition) => {
                let zone = TimeZone::get(&edition.zone).map_err(|error| error.to_string())?;
                render::mail(edition, &zone, links).map_err(|error| error.to_string())
            }
            Content::Notice(notice) => {
                notice::mail(notice, links).map_err(|error| error.to_string())
            }
        }
    }
}

fn refused(kind: RefusalKind, detail: &str) -> Refusal {
    Refusal {
        kind,
        detail: detail.to_owned(),
    }
}
