//! Digests and alerts: the list, one with its archive, and what one does to them.

pub(crate) mod edition;
pub(crate) mod feeds;
pub(crate) mod form;
pub(crate) mod outbox;
pub(crate) mod unsubscribe;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{
    frame::{Frame, Place},
    moments::{Moment, counted},
};
use crate::{
    auth::Capability,
    digest::{schedule, webhook},
    domain::{
        MailAddress, RecipientId, Timestamp,
        delivery::{Channel, EditionState, Kind, WebhookForm},
    },
    store::{
        PgPool,
        edition_page::{self, Issued},
        feed_health,
        recipients::{self, Listed, NewRecipient, Part},
        subscriptions::{self, Stored, SubscriptionChange},
    },
    web::{
        WebState,
        error::WebError,
        extract::{Form, Path},
        state::WebClock,
        visitor::Visitor,
    },
};

/// Editions in the archive of a subscription's page.
const ARCHIVE: i64 = 60;

/// Next issues that are told.
const NEXT: usize = 3;

/// The list.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "digests.html")]
pub(crate) struct DigestsPage {
    frame: Frame,
    digests: Vec<DigestLine>,
    may_edit: bool,
}

#[derive(Debug)]
struct DigestLine {
    slug: String,
    name: String,
    kind: Kind,
    when: String,
    next: Option<Moment>,
    is_paused: bool,
    keywords: String,
    readers: String,
    trouble: Option<String>,
    last: Option<Moment>,
}

/// One subscription.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "digest.html")]
pub(crate) struct DigestPage {
    frame: Frame,
    slug: String,
    name: String,
    kind: Kind,
    when: String,
    next: Vec<Moment>,
    is_paused: bool,
    keywords: Vec<(String, String)>,
    takes: String,
    recipients: Vec<RecipientLine>,
    issued: Vec<IssuedLine>,
    may_edit: bool,
    may_work: bool,
    problem: Option<String>,
}

#[derive(Debug)]
struct RecipientLine {
    id: i64,
    channel: Channel,
    form: WebhookForm,
    address: String,
    secret: Option<String>,
    state: String,
    is_stopped: bool,
    is_trouble: bool,
    last: Option<Moment>,
}

#[derive(Debug)]
struct IssuedLine {
    key: String,
    subject: String,
    is_missed: bool,
    state: EditionState,
    due: Moment,
    sent: i64,
    waiting: i64,
    failed: i64,
}

/// Answers with the list.
pub(crate) async fn show_all(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    visitor: Visitor,
) -> Result<DigestsPage, WebError> {
    let now = clock.now();
    let (stored, overview, collection) = tokio::try_join!(
        subscriptions::all(&db),
        edition_page::overview(&db),
        feed_health::collection(&db),
    )?;
    let digests = stored
        .iter()
        .map(|stored| {
            let about = overview
                .iter()
                .find(|about| about.subscription == stored.id);
            let failed = about.map_or(0, |about| about.failed);
            DigestLine {
                slug: stored.slug.clone(),
                name: stored.wanted.name.clone(),
                kind: stored.wanted.kind,
                when: when(stored),
                next: next(stored, now).first().copied().map(Moment::exact),
                is_paused: stored.paused_at.is_some(),
                keywords: names(stored).join(", "),
                readers: counted(
                    about.map_or(0, |about| about.readers.unsigned_abs()),
                    "recipient",
                ),
                trouble: match failed {
                    0 => None,
                    1 => Some("1 delivery failed this week".to_owned()),
                    more => Some(format!("{more} deliveries failed this week")),
                },
                last: about
                    .and_then(|about| about.last_at)
                    .map(|at| Moment::ago(now, at)),
            }
        })
        .collect();
    Ok(DigestsPage {
        frame: Frame::new("Digests", Place::Digests, &collection, now),
        digests,
        may_edit: visitor.may(Capability::EditBeat),
    })
}

/// When it comes, in words.
pub(crate) fn when(stored: &Stored) -> String {
    let wanted = &stored.wanted;
    match wanted.kind {
        Kind::Digest if wanted.review_minutes > 0 => format!(
            "{}, composed {} min before for review",
            schedule::in_words(&wanted.schedule),
            wanted.review_minutes
        ),
        Kind::Digest => schedule::in_words(&wanted.schedule),
        Kind::Alert => {
            let mut words = vec![match wanted.pace.threshold {
                0 | 1 => "at once".to_owned(),
                more => format!("once {more} stories wait"),
            }];
            words.push(format!("at most {} an hour", wanted.pace.cap));
            if let Some((from, to)) = wanted.pace.quiet {
                words.push(format!("quiet {from} to {to} ({})", wanted.schedule.zone));
            }
            words.join(", ")
        }
        Kind::Trouble => "when a feed fails for 10 minutes, and when it is read again".to_owned(),
    }
}

/// The next issues.
fn next(stored: &Stored, now: Timestamp) -> Vec<Timestamp> {
    let mut found = Vec::new();
    let is_scheduled = stored.wanted.kind == Kind::Digest && stored.paused_at.is_none();
    let Some(zone) = TimeZone::get(&stored.wanted.schedule.zone)
        .ok()
        .filter(|_| is_scheduled)
    else {
        return found;
    };
    let mut after = now;
    while found.len() < NEXT {
        let Some(issue) = schedule::next(&stored.wanted.schedule, &zone, after) else {
            break;
        };
        after = issue.due;
        found.push(issue.due);
    }
    found
}

fn names(stored: &Stored) -> Vec<&str> {
    stored
        .keywords
        .iter()
        .map(|keyword| keyword.name.as_str())
        .collect()
}

/// What it takes of its keywords, in words.
fn takes(stored: &Stored) -> String {
    let wanted = &stored.wanted;
    let mut words = vec![format!("at most {} stories a time", wanted.story_limit)];
    if !wanted.filter.languages.is_empty() {
        let languages: Vec<_> = wanted.filter.languages.iter().map(String::as_str).collect();
        words.push(format!("in {}", languages.join(", ")));
    }
    if !wanted.filter.tiers.is_empty() {
        let tiers: Vec<_> = wanted
            .filter
            .tiers
            .iter()
            .map(ToString::to_string)
            .collect();
        words.push(format!("from {} sources", tiers.join(", ")));
    }
    if wanted.filter.min_independent > 1 {
        words.push(format!(
            "with {} independent sources",
            wanted.filter.min_independent
        ));
    }
    if wanted.kind == Kind::Digest {
        words.push(if wanted.sends_empty {
            "sent without news too".to_owned()
        } else {
            "not sent without news".to_owned()
        });
    }
    words.join(", ")
}

/// Answers with one subscription.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
) -> Result<DigestPage, WebError> {
    page(&state, &visitor, &slug, None).await
}

async fn page(
    state: &WebState,
    visitor: &Visitor,
    slug: &str,
    problem: Option<String>,
) -> Result<DigestPage, WebError> {
    let now = state.clock.now();
    let stored = subscriptions::by_slug(&state.db, slug)
        .await?
        .ok_or(WebError::NotFound("digest"))?;
    let (listed, issued, collection) = tokio::try_join!(
        recipients::of(&state.db, stored.id),
        edition_page::issued(&state.db, stored.id, ARCHIVE),
        feed_health::collection(&state.db),
    )?;
    let may_edit = visitor.may(Capability::EditBeat);
    let may_work = visitor.may(Capability::WorkDesk);
    Ok(DigestPage {
        frame: Frame::new(&stored.wanted.name, Place::Digests, &collection, now),
        slug: stored.slug.clone(),
        name: stored.wanted.name.clone(),
        kind: stored.wanted.kind,
        when: when(&stored),
        next: next(&stored, now).into_iter().map(Moment::exact).collect(),
        is_paused: stored.paused_at.is_some(),
        keywords: stored
            .keywords
            .iter()
            .map(|keyword| (keyword.slug.clone(), keyword.name.clone()))
            .collect(),
        takes: takes(&stored),
        // Addresses are of people: who only reads does not see them.
        recipients: listed
            .into_iter()
            .filter(|_| may_work)
            .map(|listed| recipient_line(listed, may_edit, now))
            .collect(),
        issued: issued
            .into_iter()
            .map(|issued| issued_line(issued, now))
            .collect(),
        may_edit,
        may_work,
        problem,
    })
}

fn recipient_line(listed: Listed, may_edit: bool, now: Timestamp) -> RecipientLine {
    let is_left = listed.unsubscribed_at.is_some();
    let is_refused = listed.suppressed_at.is_some();
    let state = if is_left {
        "unsubscribed".to_owned()
    } else if is_refused {
        format!("refused: {}", listed.suppressed_why)
    } else {
        match listed.last_state.as_deref() {
            None => "nothing sent yet".to_owned(),
            Some("waiting") => "last one waits".to_owned(),
            Some("sent") => "last one sent".to_owned(),
            Some("dead") => "last one given up".to_owned(),
            Some(other) => format!("last one {other}"),
        }
    };
    RecipientLine {
        id: listed.recipient.id.get(),
        channel: listed.recipient.channel,
        form: listed.recipient.form,
        secret: (may_edit && listed.recipient.channel == Channel::Webhook)
            .then(|| webhook::secret_text(&listed.recipient.secret)),
        address: listed.recipient.address,
        state,
        is_stopped: is_left || is_refused,
        is_trouble: is_refused || listed.last_state.as_deref() == Some("dead"),
        last: listed.last_at.map(|at| Moment::ago(now, at)),
    }
}

fn issued_line(issued: Issued, now: Timestamp) -> IssuedLine {
    IssuedLine {
        key: issued.key.to_string(),
        is_missed: issued.state == EditionState::Missed,
        subject: issued.subject.unwrap_or_default(),
        state: issued.state,
        due: Moment::clock(now, issued.due_at),
        sent: issued.sent,
        waiting: issued.waiting,
        failed: issued.failed,
    }
}

/// Back to the page of a subscription.
fn back(slug: &str) -> Response {
    Redirect::to(&format!("/digests/{slug}")).into_response()
}

fn answer(slug: &str, change: &SubscriptionChange) -> Result<Response, WebError> {
    match change {
        SubscriptionChange::Done(_) => Ok(back(slug)),
        _ => Err(WebError::NotFound("digest")),
    }
}

/// Lets a subscription rest.
pub(crate) async fn pause(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
) -> Result<Response, WebError> {
    let (now, actor) = (state.clock.now(), visitor.actor());
    let change = subscriptions::set_paused(&state.db, &slug, true, &actor, now).await?;
    answer(&slug, &change)
}

/// Lets it go on.
pub(crate) async fn resume(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
) -> Result<Response, WebError> {
    let (now, actor) = (state.clock.now(), visitor.actor());
    let change = subscriptions::set_paused(&state.db, &slug, false, &actor, now).await?;
    answer(&slug, &change)
}

/// Asks for an issue at once.
pub(crate) async fn run(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
) -> Result<Response, WebError> {
    let (now, actor) = (state.clock.now(), visitor.actor());
    let change = subscriptions::ask_run(&state.db, &slug, &actor, now).await?;
    answer(&slug, &change)
}

/// What proves that somebody means it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveForm {
    /// The short name, typed.
    slug: String,
}

/// Ends a subscription with its archive.
pub(crate) async fn remove(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Form(form): Form<RemoveForm>,
) -> Result<Response, WebError> {
    if form.slug.trim() != slug {
        let told = format!("To remove it with its archive, type its short name: {slug}");
        let page = page(&state, &visitor, &slug, Some(told)).await?;
        return Ok(page.into_response());
    }
    let (now, actor) = (state.clock.now(), visitor.actor());
    match subscriptions::remove(&state.db, &slug, &actor, now).await? {
        SubscriptionChange::Done(_) => Ok(Redirect::to("/digests").into_response()),
        _ => Err(WebError::NotFound("digest")),
    }
}

/// A new recipient.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipientForm {
    /// `mail`, or the form of a webhook: `json`, `slack`, `teams`.
    way: String,
    /// Mail address or URL; of mail several, parted by commas, spaces or lines.
    address: String,
}

/// Adds recipients.
pub(crate) async fn add_recipient(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Form(form): Form<RecipientForm>,
) -> Result<Response, WebError> {
    let (channel, webhook) = match form.way.parse::<WebhookForm>() {
        Ok(webhook) => (Channel::Webhook, webhook),
        Err(_) => (Channel::Mail, WebhookForm::Json),
    };
    let addresses = match read_addresses(channel, &form.address) {
        Ok(addresses) => addresses,
        Err(problem) => {
            let page = page(&state, &visitor, &slug, Some(problem)).await?;
            return Ok(crate::web::error::with_page(
                axum::http::StatusCode::UNPROCESSABLE_ENTITY,
                page,
            ));
        }
    };
    if subscriptions::by_slug(&state.db, &slug).await?.is_none() {
        return Err(WebError::NotFound("digest"));
    }
    for address in &addresses {
        let new = NewRecipient {
            channel,
            form: webhook,
            address,
            user: None,
        };
        recipients::add(&state.db, &slug, new, &visitor.actor(), state.clock.now()).await?;
    }
    Ok(back(&slug))
}

/// The addresses in a field, or what is wrong with one of them.
fn read_addresses(channel: Channel, text: &str) -> Result<Vec<String>, String> {
    if channel == Channel::Webhook {
        let url: url::Url = text
            .trim()
            .parse()
            .map_err(|_| format!("{:?} is no web address", text.trim()))?;
        if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
            return Err("a webhook is an https or http address".to_owned());
        }
        return Ok(vec![url.into()]);
    }
    let words = text.split([',', ';', ' ', '\t', '\r', '\n']);
    let addresses: Result<Vec<_>, _> = words
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.parse::<MailAddress>()
                .map(|address| address.to_string())
        })
        .collect();
    match addresses {
        Ok(addresses) if addresses.is_empty() => Err("Give at least one address.".to_owned()),
        Ok(addresses) => Ok(addresses),
        Err(error) => Err(error.to_string()),
    }
}

async fn change_part(
    state: &WebState,
    visitor: &Visitor,
    slug: &str,
    id: RecipientId,
    part: Part,
) -> Result<Response, WebError> {
    let actor = visitor.actor();
    if recipients::set_part(&state.db, id, part, &actor, state.clock.now()).await? {
        Ok(back(slug))
    } else {
        Err(WebError::NotFound("recipient"))
    }
}

/// Takes a recipient off the list.
pub(crate) async fn remove_recipient(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((slug, id)): Path<(String, RecipientId)>,
) -> Result<Response, WebError> {
    change_part(&state, &visitor, &slug, id, Part::Remove).await
}

/// Sends to a recipient again that left or was refused.
pub(crate) async fn return_recipient(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((slug, id)): Path<(String, RecipientId)>,
) -> Result<Response, WebError> {
    change_part(&state, &visitor, &slug, id, Part::Return).await
}

/// Asks for a test to a recipient.
pub(crate) async fn test_recipient(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((slug, id)): Path<(String, RecipientId)>,
) -> Result<Response, WebError> {
    let (now, actor) = (state.clock.now(), visitor.actor());
    if edition_page::ask_test(&state.db, &slug, id, &actor, now).await? {
        Ok(back(&slug))
    } else {
        Err(WebError::NotFound("recipient"))
    }
}
