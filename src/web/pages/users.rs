//! All accounts, for who administers them.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{frame::Frame, moments::Moment};
use crate::{
    domain::{Role, Timestamp, UserId},
    store::{
        invitations::{Maker, Purpose},
        users::{self, User, UserChange},
    },
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path},
        links,
        peer::Peer,
        reading, secrets,
        visitor::Visitor,
    },
};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "users.html")]
pub(crate) struct UsersPage {
    frame: Frame,
    users: Vec<UserLine>,
    roles: [Role; 4],
    told: Told,
}

/// What the last action came to.
#[derive(Debug, Default)]
struct Told {
    done: bool,
    problem: Option<&'static str>,
    /// A link, shown once, and what it is.
    link: Option<(&'static str, String)>,
}

#[derive(Debug)]
struct UserLine {
    id: i64,
    name: String,
    full_name: String,
    role: Role,
    is_disabled: bool,
    has_password: bool,
    last_sign_in: Option<Moment>,
    is_you: bool,
}

/// What the forms with a role send.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleForm {
    role: Role,
}

/// Answers with the page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
) -> Result<UsersPage, WebError> {
    page(&state, &visitor, Told::default()).await
}

async fn page(state: &WebState, visitor: &Visitor, told: Told) -> Result<UsersPage, WebError> {
    let all = users::all(&state.db).await?;
    let you = visitor.member().map(|member| member.id);
    let now = state.clock.now();
    Ok(UsersPage {
        frame: Frame::bare(reading::current().texts.users),
        users: all
            .into_iter()
            .map(|user| user_line(user, you, now))
            .collect(),
        roles: Role::ALL,
        told,
    })
}

fn user_line(user: User, you: Option<UserId>, now: Timestamp) -> UserLine {
    UserLine {
        id: user.id.get(),
        name: user.name,
        full_name: user.full_name,
        role: user.role,
        is_disabled: user.is_disabled,
        has_password: user.has_password,
        last_sign_in: user.last_sign_in_at.map(|last| Moment::ago(now, last)),
        is_you: Some(user.id) == you,
    }
}

async fn answer(
    state: &WebState,
    visitor: &Visitor,
    change: UserChange,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    match change {
        UserChange::Unknown => Err(WebError::NotFound("account")),
        UserChange::Done => {
            let told = Told {
                done: true,
                ..Told::default()
            };
            Ok(page(state, visitor, told).await?.into_response())
        }
        UserChange::LastAdmin => refused(state, visitor, texts.last_admin).await,
    }
}

async fn refused(
    state: &WebState,
    visitor: &Visitor,
    problem: &'static str,
) -> Result<Response, WebError> {
    let told = Told {
        problem: Some(problem),
        ..Told::default()
    };
    let page = page(state, visitor, told).await?;
    Ok(with_page(StatusCode::CONFLICT, page))
}

/// Whether somebody is about to take their own rights away.
fn is_self(visitor: &Visitor, id: UserId) -> bool {
    visitor.member().is_some_and(|member| member.id == id)
}

/// Gives an account another role.
pub(crate) async fn set_role(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<UserId>,
    Form(form): Form<RoleForm>,
) -> Result<Response, WebError> {
    if is_self(&visitor, id) && form.role < Role::Admin {
        return refused(&state, &visitor, reading::current().texts.not_yourself).await;
    }
    let now = state.clock.now();
    let change = users::set_role(&state.db, id, form.role, &visitor.actor(), now).await?;
    answer(&state, &visitor, change).await
}

/// Keeps an account out.
pub(crate) async fn disable(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<UserId>,
) -> Result<Response, WebError> {
    if is_self(&visitor, id) {
        return refused(&state, &visitor, reading::current().texts.not_yourself).await;
    }
    set_disabled(&state, &visitor, id, true).await
}

/// Signs an account out of every browser.
pub(crate) async fn sign_out(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<UserId>,
) -> Result<Response, WebError> {
    if is_self(&visitor, id) {
        return refused(
            &state,
            &visitor,
            reading::current().texts.sign_out_elsewhere,
        )
        .await;
    }
    let now = state.clock.now();
    let change = if users::sign_out(&state.db, id, &visitor.actor(), now).await? {
        UserChange::Done
    } else {
        UserChange::Unknown
    };
    answer(&state, &visitor, change).await
}

/// Lets an account in again.
pub(crate) async fn enable(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<UserId>,
) -> Result<Response, WebError> {
    set_disabled(&state, &visitor, id, false).await
}

async fn set_disabled(
    state: &WebState,
    visitor: &Visitor,
    id: UserId,
    is_disabled: bool,
) -> Result<Response, WebError> {
    let now = state.clock.now();
    let change = users::set_disabled(&state.db, id, is_disabled, &visitor.actor(), now).await?;
    answer(state, visitor, change).await
}

/// Makes a link for somebody new.
pub(crate) async fn invite(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    headers: HeaderMap,
    Form(form): Form<RoleForm>,
) -> Result<Response, WebError> {
    let text = reading::current().texts.link_shown_once;
    let purpose = Purpose::Join(form.role);
    let link = make_link(&state, &visitor, peer, &headers, &purpose).await?;
    shown(&state, &visitor, text, link).await
}

/// Makes a link that sets the password of an account.
pub(crate) async fn password_link(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    headers: HeaderMap,
    Path(id): Path<UserId>,
) -> Result<Response, WebError> {
    let is_there = users::all(&state.db)
        .await?
        .iter()
        .any(|user| user.id == id && !user.is_disabled);
    if !is_there {
        return Err(WebError::NotFound("account"));
    }
    let text = reading::current().texts.password_link_shown_once;
    let purpose = Purpose::Password(id);
    let link = make_link(&state, &visitor, peer, &headers, &purpose).await?;
    shown(&state, &visitor, text, link).await
}

async fn make_link(
    state: &WebState,
    visitor: &Visitor,
    peer: Peer,
    headers: &HeaderMap,
    purpose: &Purpose,
) -> Result<String, WebError> {
    let maker = Maker {
        actor: &visitor.actor(),
        user: visitor.account(),
    };
    let base = links::of_request(&state.options, peer, headers);
    let now = state.clock.now();
    Ok(links::make(&state.db, &base, &secrets::token()?, purpose, maker, now).await?)
}

async fn shown(
    state: &WebState,
    visitor: &Visitor,
    text: &'static str,
    link: String,
) -> Result<Response, WebError> {
    let told = Told {
        link: Some((text, link)),
        ..Told::default()
    };
    Ok(page(state, visitor, told).await?.into_response())
}
