//! What a link that works once leads to: a new account, or a new password.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::frame::Frame;
use crate::{
    auth::{self, TokenHash},
    domain::{Role, UserName},
    store::invitations::{self, Invitation, Joined},
    web::{
        WebState,
        error::{WebError, with_page},
        extract::{Form, Path},
        peer::{Peer, Way},
        reading, secrets,
        sign_in::{self as door, Proven},
        texts::Texts,
    },
};

/// Letters of a full name.
const LONGEST_FULL_NAME: usize = 100;

/// A full name as it is kept, of what somebody typed: on one line, and not without end.
pub(super) fn full_name(typed: &str) -> String {
    typed
        .trim()
        .chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_FULL_NAME)
        .collect()
}

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "welcome.html")]
pub(crate) struct WelcomePage {
    frame: Frame,
    token: String,
    lead: &'static str,
    /// Of the account to be made; none: it sets a password.
    role: Option<&'static str>,
    name: String,
    full_name: String,
    problem: Option<String>,
    is_unsafe: bool,
    is_from_unknown_proxy: bool,
}

/// A link that does not work.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "void_link.html")]
pub(crate) struct VoidLinkPage {
    frame: Frame,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WelcomeForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    full_name: String,
    password: String,
}

impl WelcomePage {
    fn new(token: &str, invitation: &Invitation, peer: Peer, texts: &'static Texts) -> Self {
        Self {
            frame: Frame::bare(texts.welcome),
            token: token.to_owned(),
            lead: match (invitation.is_first, invitation.role) {
                (true, _) => texts.welcome_first,
                (false, Some(_)) => texts.welcome_join,
                (false, None) => texts.welcome_password,
            },
            role: invitation.role.map(Role::as_str),
            name: invitation.name.clone().unwrap_or_default(),
            full_name: String::new(),
            problem: None,
            is_unsafe: peer.way == Way::Open,
            is_from_unknown_proxy: peer.is_from_unknown_proxy,
        }
    }
}

fn void(texts: &Texts) -> Response {
    let page = VoidLinkPage {
        frame: Frame::bare(texts.void_link),
    };
    with_page(StatusCode::GONE, page)
}

/// Answers with the form. Looking uses nothing up.
pub(crate) async fn show(
    State(state): State<WebState>,
    peer: Peer,
    Path(token): Path<String>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let hash = TokenHash::of(&token);
    let found = invitations::find(&state.db, hash.as_bytes(), state.clock.now()).await?;
    Ok(found.map_or_else(
        || void(texts),
        |invitation| WelcomePage::new(&token, &invitation, peer, texts).into_response(),
    ))
}

/// Makes the account or sets the password, and signs in.
pub(crate) async fn follow(
    State(state): State<WebState>,
    peer: Peer,
    headers: HeaderMap,
    Path(token): Path<String>,
    Form(form): Form<WelcomeForm>,
) -> Result<Response, WebError> {
    let texts = reading::current().texts;
    let now = state.clock.now();
    let hash = TokenHash::of(&token);
    let Some(invitation) = invitations::find(&state.db, hash.as_bytes(), now).await? else {
        return Ok(void(texts));
    };
    let page = WelcomePage::new(&token, &invitation, peer, texts);
    if page.is_unsafe {
        return Ok(with_page(StatusCode::FORBIDDEN, page));
    }
    let again = |page: WelcomePage, problem: String| {
        let page = WelcomePage {
            name: if page.role.is_some() {
                form.name.clone()
            } else {
                page.name
            },
            full_name: form.full_name.clone(),
            problem: Some(problem),
            ..page
        };
        with_page(StatusCode::UNPROCESSABLE_ENTITY, page)
    };
    let name = match invitation.role {
        None => None,
        Some(_) => match form.name.parse::<UserName>() {
            Ok(name) => Some(name),
            Err(error) => return Ok(again(page, error.to_string())),
        },
    };
    let full_name = full_name(&form.full_name);
    let known = [
        name.as_ref().map_or(&*page.name, UserName::as_str),
        &full_name,
    ];
    if let Err(weak) = auth::check_strength(&form.password, &known) {
        return Ok(again(page, weak.to_string()));
    }
    let password = secrets::hash(&state.hashing, form.password.clone()).await?;
    let joined = invitations::follow(
        &state.db,
        hash.as_bytes(),
        name.as_ref(),
        &full_name,
        password.as_str(),
        now,
    )
    .await?;
    match joined {
        Joined::Done(user) => {
            let proven = Proven {
                user,
                password_hash: Some(password.as_str().to_owned()),
            };
            let cookie = door::begin_session(&state, peer, &headers, &proven).await?;
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
        }
        Joined::NameTaken => Ok(again(page, texts.name_taken.to_owned())),
        Joined::Void => Ok(void(texts)),
    }
}
