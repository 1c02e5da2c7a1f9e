//! Digests, as programs see them.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{SubscriptionId, Timestamp, delivery::Kind, digest::Schedule},
    store::{
        PgPool,
        edition_page::{self, Issued},
        recipients,
        subscriptions::{self, Stored, SubscriptionChange},
    },
    web::{WebState, error::WebError, extract::Path, visitor::Visitor},
};

/// Editions of a digest that are told.
const EDITIONS: i64 = 100;

/// A list of digests.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct DigestsBody {
    digests: Vec<DigestBody>,
}

/// A digest. The fields are promised.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct DigestBody {
    id: i64,
    slug: String,
    name: String,
    kind: Kind,
    schedule: Schedule,
    keywords: Vec<String>,
    is_paused: bool,
    next_at: Option<Timestamp>,
}

/// A digest with its recipients and editions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct OneDigestBody {
    #[serde(flatten)]
    digest: DigestBody,
    recipients: Vec<RecipientBody>,
    editions: Vec<EditionBody>,
}

/// Who is told.
#[derive(Debug, Serialize, ToSchema)]
struct RecipientBody {
    id: i64,
    channel: &'static str,
    address: String,
    is_unsubscribed: bool,
    is_suppressed: bool,
    suppressed_why: String,
}

/// An issue that was due.
#[derive(Debug, Serialize, ToSchema)]
struct EditionBody {
    issue: String,
    state: &'static str,
    due_at: Timestamp,
    subject: Option<String>,
    sent: i64,
    waiting: i64,
    failed: i64,
}

impl From<&Stored> for DigestBody {
    fn from(stored: &Stored) -> Self {
        Self {
            id: stored.id.get(),
            slug: stored.slug.clone(),
            name: stored.wanted.name.clone(),
            kind: stored.wanted.kind,
            schedule: stored.wanted.schedule.clone(),
            keywords: stored.wanted.keywords.clone(),
            is_paused: stored.paused_at.is_some(),
            next_at: stored.next_at,
        }
    }
}

impl From<Issued> for EditionBody {
    fn from(issued: Issued) -> Self {
        Self {
            issue: issued.key.to_string(),
            state: issued.state.as_str(),
            due_at: issued.due_at,
            subject: issued.subject,
            sent: issued.sent,
            waiting: issued.waiting,
            failed: issued.failed,
        }
    }
}

/// All digests
#[utoipa::path(get, path = "/api/v1/digests", tag = "digests",
    responses((status = 200, description = "The digests", body = DigestsBody)))]
pub(in crate::web) async fn list(State(db): State<PgPool>) -> Result<Json<DigestsBody>, WebError> {
    let all = subscriptions::all(&db).await?;
    Ok(Json(DigestsBody {
        digests: all.iter().map(DigestBody::from).collect(),
    }))
}

async fn by_id(db: &PgPool, id: SubscriptionId) -> Result<Stored, WebError> {
    let all = subscriptions::all(db).await?;
    all.into_iter()
        .find(|stored| stored.id == id)
        .ok_or(WebError::NotFound("digest"))
}

/// One digest
///
/// With its recipients and its latest editions.
#[utoipa::path(get, path = "/api/v1/digests/{id}", tag = "digests",
    params(("id" = i64, Path, description = "Number of the digest")),
    responses((status = 200, description = "The digest", body = OneDigestBody)))]
pub(in crate::web) async fn one(
    State(db): State<PgPool>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<OneDigestBody>, WebError> {
    let stored = by_id(&db, id).await?;
    let (listed, issued) = tokio::try_join!(
        recipients::of(&db, id),
        edition_page::issued(&db, id, EDITIONS)
    )?;
    let recipients = listed.into_iter().map(|listed| RecipientBody {
        id: listed.recipient.id.get(),
        channel: listed.recipient.channel.as_str(),
        address: listed.recipient.address,
        is_unsubscribed: listed.unsubscribed_at.is_some(),
        is_suppressed: listed.suppressed_at.is_some(),
        suppressed_why: listed.suppressed_why,
    });
    Ok(Json(OneDigestBody {
        digest: DigestBody::from(&stored),
        recipients: recipients.collect(),
        editions: issued.into_iter().map(EditionBody::from).collect(),
    }))
}

/// Compose and send now
///
/// An issue is composed at once and sent to all recipients. A digest that rests has none.
#[utoipa::path(post, path = "/api/v1/digests/{id}/run", tag = "digests",
    params(("id" = i64, Path, description = "Number of the digest")),
    responses((status = 202, description = "The wish is noted")))]
pub(in crate::web) async fn run(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<SubscriptionId>,
) -> Result<StatusCode, WebError> {
    let stored = by_id(&state.db, id).await?;
    let (now, actor) = (state.clock.now(), visitor.actor());
    match subscriptions::ask_run(&state.db, &stored.slug, &actor, now).await? {
        SubscriptionChange::Done(_) => Ok(StatusCode::ACCEPTED),
        _ => Err(WebError::Conflict("a digest that rests has no issues")),
    }
}
