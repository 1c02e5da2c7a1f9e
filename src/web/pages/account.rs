//! The reader's own account: how they read, their password, their browsers, the keys of their programs.

use std::time::Duration;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{frame::Frame, moments::Moment, welcome::full_name};
use crate::{
    auth,
    domain::{ApiTokenId, ClockFormat, Role, SessionId, Timestamp},
    store::{
        api_tokens::{self, ApiToken, NewApiToken},
        sessions::{self, Session},
        users::{self, Preferences},
    },
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path, Query},
        peer::Peer,
        reading, secrets,
        sign_in::{self as door, Proven},
        visitor::Member,
    },
};

/// Letters of a token's name.
const LONGEST_TOKEN_NAME: usize = 100;

/// Days that a token may work.
const TOKEN_DAYS: std::ops::RangeInclusive<u32> = 1..=730;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "account.html")]
pub(crate) struct AccountPage {
    frame: Frame,
    name: String,
    full_name: String,
    role: Role,
    time_zone: String,
    zones: &'static [String],
    is_12h: bool,
    sessions: Vec<SessionLine>,
    tokens: Vec<TokenLine>,
    roles: Vec<Role>,
    is_demo: bool,
    told: Told,
}

/// What the last action came to.
#[derive(Debug, Default)]
struct Told {
    /// What is done.
    done: Option<&'static str>,
    /// What is wrong.
    problem: Option<String>,
    /// A token, shown once.
    token: Option<String>,
}

#[derive(Debug)]
struct SessionLine {
    id: i64,
    browser: String,
    address: String,
    since: Moment,
    last_used: Moment,
    is_this: bool,
}

#[derive(Debug)]
struct TokenLine {
    id: i64,
    name: String,
    role: Role,
    is_for_outputs: bool,
    expires: Moment,
    last_used: Option<Moment>,
}

/// What the form of preferences sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreferencesForm {
    full_name: String,
    time_zone: String,
    clock_format: ClockFormat,
}

/// What the form of the password sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordForm {
    current: String,
    new: String,
}

/// What the form of a new token sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenForm {
    name: String,
    role: Role,
    days: u32,
    #[serde(default)]
    current: String,
    /// Whether it opens feeds and tables alone.
    outputs: Option<String>,
}

/// What the address of the page says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// What is done.
    done: String,
}

/// What stands in the address after a change of the password.
const PASSWORD: &str = "password";

/// Answers with the page.
pub(crate) async fn show(
    State(state): State<WebState>,
    member: Member,
    Query(asked): Query<Asked>,
) -> Result<AccountPage, WebError> {
    let texts = reading::current().texts;
    let told = Told {
        done: (asked.done == PASSWORD).then_some(texts.password_changed),
        ..Told::default()
    };
    page(&state, &member, told).await
}

async fn page(state: &WebState, member: &Member, told: Told) -> Result<AccountPage, WebError> {
    let now = state.clock.now();
    let idle = state.options.session_idle;
    let (sessions, tokens) = tokio::try_join!(
        sessions::of_user(&state.db, member.id, idle, now),
        api_tokens::list(&state.db, Some(member.id))
    )?;
    let texts = reading::current().texts;
    Ok(AccountPage {
        frame: Frame::bare(texts.account),
        name: member.name.clone(),
        full_name: member.full_name.clone(),
        role: member.role,
        time_zone: member.time_zone.clone(),
        zones: reading::zone_names(),
        is_12h: member.clock_format == ClockFormat::Hours12,
        sessions: sessions
            .into_iter()
            .map(|session| session_line(session, member.session, now))
            .collect(),
        tokens: tokens
            .into_iter()
            .map(|token| token_line(token, now))
            .collect(),
        roles: Role::ALL
            .into_iter()
            .filter(|role| *role <= member.role)
            .collect(),
        is_demo: state.is_demo,
        told,
    })
}

fn session_line(session: Session, this: SessionId, now: Timestamp) -> SessionLine {
    SessionLine {
        id: session.id.get(),
        browser: session.user_agent,
        address: session.address,
        since: Moment::ago(now, session.created_at),
        last_used: Moment::ago(now, session.last_seen_at),
        is_this: session.id == this,
    }
}

fn token_line(token: ApiToken, now: Timestamp) -> TokenLine {
    TokenLine {
        id: token.id.get(),
        name: token.name,
        role: token.role,
        is_for_outputs: token.is_for_outputs,
        expires: Moment::exact(token.expires_at),
        last_used: token.last_used_at.map(|last| Moment::ago(now, last)),
    }
}

/// The page again, with what is wrong.
async fn refused(
    state: &WebState,
    member: &Member,
    problem: impl Into<String>,
) -> Result<Response, WebError> {
    let told = Told {
        problem: Some(problem.into()),
        ..Told::default()
    };
    let page = page(state, member, told).await?;
    Ok(with_page(StatusCode::UNPROCESSABLE_ENTITY, page))
}

/// Saves how the reader reads.
pub(crate) async fn set_preferences(
    State(state): State<WebState>,
    member: Member,
    Form(form): Form<PreferencesForm>,
) -> Result<Response, WebError> {
    let time_zone = form.time_zone.trim();
    let Some(time_zone) = known_zone(time_zone) else {
        let problem = reading::current().texts.no_such_zone;
        return refused(&state, &member, problem).await;
    };
    let preferences = Preferences {
        full_name: full_name(&form.full_name),
        time_zone,
        clock_format: form.clock_format,
    };
    users::set_preferences(&state.db, member.id, &preferences, state.clock.now()).await?;
    Ok(Redirect::to("/account").into_response())
}

/// The zone by its proper name; empty for that of the browser.
fn known_zone(wanted: &str) -> Option<String> {
    if wanted.is_empty() {
        return Some(String::new());
    }
    let zone = reading::zone(wanted)?;
    zone.iana_name().map(str::to_owned)
}

/// Whether somebody still knows the password of their own account.
async fn is_their_password(
    state: &WebState,
    peer: Peer,
    member: &Member,
    password: String,
) -> Result<bool, WebError> {
    let proven = door::check(state, peer, &member.name, password).await?;
    Ok(proven.is_some_and(|proven| proven.user == member.id))
}

/// Changes the password. Every other browser is signed out, and this one has a new session, with which it asks for the page.
pub(crate) async fn set_password(
    State(state): State<WebState>,
    member: Member,
    peer: Peer,
    headers: HeaderMap,
    Form(form): Form<PasswordForm>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    if !is_their_password(&state, peer, &member, form.current).await? {
        return refused(&state, &member, texts.wrong_current_password).await;
    }
    if let Err(weak) = auth::check_strength(&form.new, &[&member.name, &member.full_name]) {
        return refused(&state, &member, weak.to_string()).await;
    }
    let hash = secrets::hash(&state.hashing, form.new).await?;
    let now = state.clock.now();
    users::set_password(&state.db, member.id, hash.as_str(), &member.name, now).await?;
    let proven = Proven {
        user: member.id,
        password_hash: Some(hash.as_str().to_owned()),
    };
    let cookie = door::begin_session(&state, peer, &headers, &proven).await?;
    let to = Redirect::to(&format!("/account?done={PASSWORD}"));
    Ok(([(header::SET_COOKIE, cookie)], to).into_response())
}

/// Signs a browser of the reader out.
pub(crate) async fn end_session(
    State(state): State<WebState>,
    member: Member,
    Path(id): Path<SessionId>,
) -> Result<Redirect, WebError> {
    if sessions::end(&state.db, member.id, id, state.clock.now()).await? {
        Ok(Redirect::to("/account"))
    } else {
        Err(WebError::NotFound("session"))
    }
}

/// Signs every other browser of the reader out.
pub(crate) async fn end_other_sessions(
    State(state): State<WebState>,
    member: Member,
) -> Result<Redirect, WebError> {
    sessions::end_others(&state.db, member.id, member.session, state.clock.now()).await?;
    Ok(Redirect::to("/account"))
}

/// Makes a token and shows it once. It outlives the session, so it takes the password: who finds an open browser is not
/// to have a key for later.
pub(crate) async fn add_token(
    State(state): State<WebState>,
    member: Member,
    peer: Peer,
    Form(form): Form<TokenForm>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let name = form.name.trim();
    let is_fine = (1..=LONGEST_TOKEN_NAME).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        && TOKEN_DAYS.contains(&form.days)
        && form.role <= member.role;
    if !is_fine {
        return refused(&state, &member, texts.token_not_made).await;
    }
    // Nobody has a password in the demo.
    if !state.is_demo && !is_their_password(&state, peer, &member, form.current).await? {
        return refused(&state, &member, texts.wrong_current_password).await;
    }
    let token = secrets::program_token()?;
    let hash = token.hash();
    let new = NewApiToken {
        token_hash: hash.as_bytes(),
        name,
        role: form.role,
        user: Some(member.id),
        is_for_outputs: form.outputs.is_some(),
        lifetime: Duration::from_hours(u64::from(form.days) * 24),
    };
    api_tokens::add(&state.db, new, &member.name, state.clock.now()).await?;
    let told = Told {
        token: Some(token.reveal().to_owned()),
        ..Told::default()
    };
    Ok(page(&state, &member, told).await?.into_response())
}

/// Ends a token of the reader.
pub(crate) async fn revoke_token(
    State(state): State<WebState>,
    member: Member,
    Path(id): Path<ApiTokenId>,
) -> Result<Redirect, WebError> {
    let now = state.clock.now();
    if api_tokens::revoke(&state.db, id, Some(member.id), &member.name, now).await? {
        Ok(Redirect::to("/account"))
    } else {
        Err(WebError::NotFound("key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_saved_by_its_proper_name() {
        assert_eq!(known_zone(""), Some(String::new()));
        assert_eq!(known_zone("asia/seoul").as_deref(), Some("Asia/Seoul"));
        assert_eq!(known_zone("Asia/Nowhere"), None);
        assert_eq!(known_zone("../etc/passwd"), None);
    }
}
