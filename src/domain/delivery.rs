//! Deliveries: where a subscription goes, what is sent there, and what came of it.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    DeliveryId, FeedId, RecipientId, SubscriptionId, Timestamp, Trouble,
    digest::{Edition, TimeOfDay},
};

/// A word about deliveries that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no {1}")]
pub struct UnknownDeliveryWord(pub String, pub &'static str);

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, $($(#[$word_doc:meta])* $word:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$word_doc])* $word,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// As stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownDeliveryWord;

            fn from_str(text: &str) -> Result<Self, UnknownDeliveryWord> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|word| word.as_str() == text)
                    .ok_or_else(|| UnknownDeliveryWord(text.to_owned(), $what))
            }
        }
    };
}

words! {
    /// What a subscription is.
    Kind, "kind of subscription",
    /// Issues by the clock.
    Digest = "digest",
    /// At once, within its pace.
    Alert = "alert",
    /// What is wrong with feeds, at once.
    Trouble = "trouble",
}

words! {
    /// The way to a recipient.
    Channel, "channel",
    /// SMTP.
    Mail = "mail",
    /// An HTTP request.
    Webhook = "webhook",
}

words! {
    /// How a webhook is written.
    WebhookForm, "form of a webhook",
    /// The whole edition as JSON.
    Json = "json",
    /// What Slack's incoming webhooks take.
    Slack = "slack",
    /// What Microsoft Teams' workflows take: a message with an adaptive card.
    Teams = "teams",
}

words! {
    /// Where an edition stands.
    EditionState, "state of an edition",
    /// Composed; goes out when it is due.
    Review = "review",
    /// Kept back by an editor until released.
    Held = "held",
    /// In the outbox.
    Released = "released",
    /// Nothing to tell, and nothing is sent.
    Empty = "empty",
    /// Not composed in time; what it would have told is in the next one.
    Missed = "missed",
}

words! {
    /// Where a delivery stands.
    DeliveryState, "state of a delivery",
    /// Not taken yet.
    Waiting = "waiting",
    /// Taken by the server.
    Sent = "sent",
    /// The recipient takes nothing: nothing more goes there.
    Refused = "refused",
    /// Given up; an admin can send it again.
    Dead = "dead",
    /// Not wanted any more before it was sent.
    Cancelled = "cancelled",
}

/// How often an alert may speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Stories that must wait before it speaks.
    pub threshold: u32,
    /// Hours, from and to by the reader's clock, in which it does not: what came is told in one at their end.
    pub quiet: Option<(TimeOfDay, TimeOfDay)>,
    /// Alerts within an hour at most; what comes then is told in one when the hour is over.
    pub cap: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            threshold: 1,
            quiet: None,
            cap: 6,
        }
    }
}

/// A delivery that this worker has claimed.
#[derive(Debug, Clone)]
pub struct ClaimedDelivery {
    /// The delivery.
    pub id: DeliveryId,
    /// Which attempt this is; what comes of it is recorded under this number alone.
    pub attempt: u32,
    /// Its subscription.
    pub subscription: SubscriptionId,
    /// Short name of the subscription.
    pub slug: String,
    /// Whom it goes to.
    pub recipient: Recipient,
    /// What is sent.
    pub content: Content,
    /// Unique and stable; the same whenever it is sent again.
    pub message_id: String,
    /// The Message-ID that it follows.
    pub follows: Option<String>,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// Since when it is tried.
    pub tried_since: Timestamp,
}

/// Where a subscription goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The recipient.
    pub id: RecipientId,
    /// The way there.
    pub channel: Channel,
    /// Mail address or URL.
    pub address: String,
    /// How a webhook is written.
    pub form: WebhookForm,
    /// What a webhook is signed with.
    pub secret: Vec<u8>,
    /// What ends it, by a POST.
    pub token: Vec<u8>,
}

impl Recipient {
    /// The token as it stands in links: 64 hexadecimal digits.
    #[must_use]
    pub fn token_text(&self) -> String {
        hexadecimal(&self.token)
    }
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .flatten()
        .collect()
}

/// The bytes of a token in a link; none if it is none.
#[must_use]
pub fn token_bytes(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// An issue or an alert.
    Edition(Edition),
    /// Lines of text.
    Notice(Notice),
}

/// A message of a few lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// One line.
    pub subject: String,
    /// Paragraphs, each with a path on this installation that it leads to, if any.
    pub lines: Vec<(String, Option<String>)>,
    /// When it was written.
    pub at: Timestamp,
}

/// An incident of a feed that was not told yet, or that it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentNews {
    /// Number of the incident.
    pub id: i64,
    /// The feed.
    pub feed: FeedId,
    /// Name of its source; where that has several feeds, with the title or address of this one.
    pub source: String,
    /// What is wrong.
    pub trouble: Trouble,
    /// For people, in one line.
    pub detail: String,
    /// Since when.
    pub opened_at: Timestamp,
    /// Until when, if it is over.
    pub closed_at: Option<Timestamp>,
}

/// What came of an attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Taken.
    Sent,
    /// Again at this time.
    Later(Timestamp),
    /// The recipient takes nothing.
    Refused,
    /// It will not be taken, or not in time.
    Dead,
}

impl Outcome {
    /// As stored.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Later(_) => "later",
            Self::Refused => "refused",
            Self::Dead => "dead",
        }
    }
}

/// The waits after a failed attempt, by number of attempts; the last one is for all that follow.
const MAIL_WAITS: [u64; 9] = [60, 120, 300, 600, 1_800, 3_600, 7_200, 10_800, 14_400];
const WEBHOOK_WAITS: [u64; 8] = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600];

/// Mail is tried for five days (RFC 5321, section 4.5.4.1), a webhook for two.
const MAIL_GIVES_UP: Duration = Duration::from_hours(5 * 24);
const WEBHOOK_GIVES_UP: Duration = Duration::from_hours(2 * 24);

/// When a delivery whose `attempt`th attempt failed at `now` is tried again; none: no more. Waits are spread by up to an
/// eighth by the number of the delivery, so that a server that comes back is not met by everybody at once.
#[must_use]
pub fn retry_at(
    channel: Channel,
    delivery: DeliveryId,
    attempt: u32,
    tried_since: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let (waits, gives_up) = match channel {
        Channel::Mail => (&MAIL_WAITS[..], MAIL_GIVES_UP),
        Channel::Webhook => (&WEBHOOK_WAITS[..], WEBHOOK_GIVES_UP),
    };
    if now.since(tried_since) >= gives_up {
        return None;
    }
    let nth = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait = waits.get(nth).or(waits.last()).copied().unwrap_or_default();
    let spread = wait * 1_000 / 8 * (delivery.get().unsigned_abs() % 16) / 16;
    Some(now.plus(Duration::from_millis(wait * 1_000 + spread)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for form in WebhookForm::ALL {
            assert_eq!(form.as_str().parse::<WebhookForm>().unwrap(), *form);
        }
        let wrong = "fax".parse::<Channel>().unwrap_err();
        assert_eq!(wrong.to_string(), "\"fax\" is no channel");
    }

    #[test]
    fn tokens_have_one_spelling_length_and_alphabet() {
        let bytes: Vec<u8> = (0..32).map(|byte| byte * 7).collect();
        assert_eq!(token_bytes(&hexadecimal(&bytes)), Some(bytes));
        for wrong in ["", "ab", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert_eq!(token_bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn waits_grow_and_end_after_days() {
        let since = Timestamp::from_micros(1_795_507_200_000_000);
        let (mut now, mut attempt, mut waits) = (since, 0, Vec::new());
        loop {
            attempt += 1;
            let Some(next) = retry_at(Channel::Mail, DeliveryId::new(16), attempt, since, now)
            else {
                break;
            };
            waits.push(next.since(now).as_secs());
            now = next;
        }
        assert_eq!(waits[..3], [60, 120, 300]);
        assert!(waits.is_sorted());
        let days = now.since(since).as_secs_f64() / 86_400.0;
        assert!((5.0..5.3).contains(&days), "{days}");
        let late = now.plus(Duration::from_secs(1));
        assert_eq!(
            retry_at(Channel::Webhook, DeliveryId::new(3), 1, since, late),
            None
        );
        let spread = retry_at(Channel::Mail, DeliveryId::new(15), 1, since, since).unwrap();
        assert!((60..68).contains(&spread.since(since).as_secs()));
    }
}
