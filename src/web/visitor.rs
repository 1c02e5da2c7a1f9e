//! Who asks: somebody who signed in, a program with a token, or nobody.
//!
//! Handlers ask for a [`Visitor`] where anybody may come, and for a [`Member`] where a person must be.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use super::{WebState, cookie, error::WebError, peer::Peer};
use crate::{
    auth::{Capability, TokenHash},
    domain::{ApiTokenId, ClockFormat, Role, SessionId, UserId},
    store::{
        StoreError, api_tokens,
        sessions::{self, SessionOwner},
    },
};

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The account.
    pub(crate) id: UserId,
    /// What it signs in with, and is mentioned by.
    pub(crate) name: String,
    /// What its person is called; may be empty.
    pub(crate) full_name: String,
    /// What it may.
    pub(crate) role: Role,
    /// IANA name; empty: that of the browser.
    pub(crate) time_zone: String,
    /// How the time of day is told.
    pub(crate) clock_format: ClockFormat,
    /// Language of the interface.
    pub(crate) language: String,
    /// Notes that mention the person and were not seen.
    pub(crate) mentions: i64,
    /// The session of this browser.
    pub(crate) session: SessionId,
}

/// A program with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Its token.
    pub(crate) token: ApiTokenId,
    /// Its account; none: the installation's own.
    pub(crate) user: Option<UserId>,
    /// What the token is for, and whose it is.
    pub(crate) name: String,
    /// What it may.
    pub(crate) role: Role,
    /// Whether its key opens feeds and tables alone.
    pub(crate) is_for_outputs: bool,
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Visitor {
    /// Nobody that we know.
    #[default]
    Nobody,
    /// Nobody that we know, where everybody may read.
    Reader,
    /// A person.
    Member(Arc<Member>),
    /// A program.
    Program(Arc<Program>),
}

impl Visitor {
    /// What the visitor is; none for nobody.
    pub(crate) fn role(&self) -> Option<Role> {
        match self {
            Self::Nobody => None,
            Self::Reader => Some(Role::Viewer),
            Self::Member(member) => Some(member.role),
            Self::Program(program) => Some(program.role),
        }
    }

    /// Whether the visitor may do this.
    pub(crate) fn may(&self, capability: Capability) -> bool {
        !self.is_for_outputs() && self.role().is_some_and(|role| capability.is_of(role))
    }

    /// Whether the visitor shows a key that opens feeds and tables alone.
    pub(crate) fn is_for_outputs(&self) -> bool {
        matches!(self, Self::Program(program) if program.is_for_outputs)
    }

    /// Whether the visitor may read feeds and tables.
    pub(crate) fn may_read_outputs(&self) -> bool {
        self.role().is_some_and(|role| Capability::Read.is_of(role))
    }

    /// The person, if it is one.
    pub(crate) fn member(&self) -> Option<&Member> {
        match self {
            Self::Member(member) => Some(member),
            _ => None,
        }
    }

    /// The account that answers for what the visitor does, if there is one.
    pub(crate) fn account(&self) -> Option<UserId> {
        match self {
            Self::Nobody | Self::Reader => None,
            Self::Member(member) => Some(member.id),
            Self::Program(program) => program.user,
        }
    }

    /// Whether nobody signed in and no token was shown.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self, Self::Nobody | Self::Reader)
    }

    /// As the audit calls the visitor.
    pub(crate) fn actor(&self) -> String {
        match self {
            Self::Nobody | Self::Reader => "anonymous".to_owned(),
            Self::Member(member) => member.name.clone(),
            Self::Program(program) => format!("token {}", program.name),
        }
    }

    /// Whether the visitor still is who they were: for streams that stay open.
    pub(super) async fn is_still_valid(&self, state: &WebState) -> Result<bool, StoreError> {
        let now = state.clock.now();
        match self {
            Self::Nobody | Self::Reader => Ok(true),
            Self::Member(member) => {
                sessions::is_valid(&state.db, member.session, member.role, now).await
            }
            Self::Program(program) => {
                api_tokens::is_valid(&state.db, program.token, program.role, now).await
            }
        }
    }
}

/// Finds out who asks; `key` stands in the address. A token that is wrong is an error even where nobody is let in: its owner is to know.
pub(super) async fn recognise(
    state: &WebState,
    headers: &HeaderMap,
    key: Option<&str>,
    peer: Peer,
) -> Result<Visitor, WebError> {
    let now = state.clock.now();
    if let Some(token) = bearer(headers).or(key) {
        let owner = api_tokens::owner(&state.db, TokenHash::of(token).as_bytes(), now).await?;
        let owner = owner.ok_or(WebError::WrongToken)?;
        return Ok(Visitor::Program(Arc::new(Program {
            token: owner.token,
            user: owner.user,
            name: owner.owner.map_or_else(
                || owner.name.clone(),
                |person| format!("{} of {person}", owner.name),
            ),
            role: owner.role,
            is_for_outputs: owner.is_for_outputs,
        })));
    }
    if let Some(token) = cookie::token(headers, peer.way) {
        let hash = TokenHash::of(token);
        let idle = state.options.session_idle;
        if let Some(owner) = sessions::owner(&state.db, hash.as_bytes(), idle, now).await? {
            return Ok(Visitor::Member(Arc::new(owner.into())));
        }
    }
    Ok(if state.options.anonymous_reading {
        Visitor::Reader
    } else {
        Visitor::Nobody
    })
}

/// The token of a program (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl From<SessionOwner> for Member {
    fn from(owner: SessionOwner) -> Self {
        let SessionOwner {
            session,
            user,
            name,
            full_name,
            role,
            time_zone,
            clock_format,
            language,
            mentions,
        } = owner;
        Self {
            id: user,
            name,
            full_name,
            role,
            time_zone,
            clock_format,
            language,
            mentions,
            session,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for Member {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        parts
            .extensions
            .get()
            .and_then(Visitor::member)
            .cloned()
            .ok_or(WebError::SignInFirst)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Somebody who works the desk.
    pub(in crate::web) fn an_editor() -> Visitor {
        Visitor::Member(Arc::new(Member {
            id: UserId::new(2),
            name: "editor.2".to_owned(),
            full_name: String::new(),
            role: Role::Editor,
            time_zone: "Asia/Seoul".to_owned(),
            clock_format: ClockFormat::Hours24,
            language: "en".to_owned(),
            mentions: 0,
            session: SessionId::new(1),
        }))
    }

    #[test]
    fn a_visitor_may_what_the_role_may() {
        assert!(an_editor().may(Capability::WorkDesk));
        assert!(!an_editor().may(Capability::Administer));
        assert!(
            Visitor::Reader.may(Capability::Read) && !Visitor::Reader.may(Capability::WorkDesk)
        );
        assert!(!Visitor::Nobody.may(Capability::Read));
    }

    #[test]
    fn a_token_is_read_by_its_scheme() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().ok()?);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(read("bearer  abc").as_deref(), Some("abc"));
        assert_eq!(read("Basic abc"), None);
        assert_eq!(read("Bearer"), None);
    }
}
