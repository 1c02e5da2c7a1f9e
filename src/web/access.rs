//! Who may enter which address: the guard that stands before every handler.

use axum::{
    extract::{Request, State},
    http::{Method, Uri},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    WebState,
    error::{self, WebError},
    peer::Peer,
    quota::Standing,
    reading::{self, Reader},
    seats::Holder,
    visitor::{self, Visitor},
};
use crate::auth::Capability;
use crate::store::audit;

/// What it takes to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Nothing, and nobody is looked up: no question to the database.
    Open,
    /// Nothing; who comes is known.
    Anyone,
    /// A person who signed in.
    Account,
    /// This capability, of a person or a program; to read, nothing more where everybody may.
    May(Capability),
    /// To read; a key for feeds and tables will do, and may stand in the address, since feed readers send no headers.
    Output,
}

impl Gate {
    /// Why the visitor may not pass; none if they may.
    fn refusal(self, visitor: &Visitor) -> Option<WebError> {
        match self {
            Self::Open | Self::Anyone => None,
            Self::Output if visitor.may_read_outputs() => None,
            Self::Output => Some(WebError::SignInFirst),
            Self::Account | Self::May(_) if visitor.is_for_outputs() => Some(WebError::Forbidden(
                "this key is for feeds and tables alone",
            )),
            Self::Account if visitor.member().is_some() => None,
            Self::May(capability) if visitor.may(capability) => None,
            Self::Account | Self::May(_) if visitor.is_anonymous() => Some(WebError::SignInFirst),
            Self::Account => Some(WebError::Forbidden(
                "this is for people who sign in, not for tokens",
            )),
            Self::May(capability) => Some(WebError::NotYours(capability.least_role())),
        }
    }
}

/// Stands before a handler: finds out who comes, and lets pass who may.
pub(super) async fn guard(
    State((state, gate)): State<(WebState, Gate)>,
    peer: Peer,
    mut request: Request,
    next: Next,
) -> Response {
    if gate == Gate::Open {
        return next.run(request).await;
    }
    let key = (gate == Gate::Output).then(|| key_in_address(request.uri()));
    let key = key.flatten();
    let recognised = visitor::recognise(&state, request.headers(), key.as_deref(), peer).await;
    let visitor = match recognised {
        Ok(visitor) if key.is_some() && is_key_of_more(&visitor) => {
            return WebError::Forbidden(
                "This key opens more than feeds and tables, so it must not stand in an address. Make one for them alone, or \
                 send it as a header.",
            )
            .into_response();
        }
        Ok(visitor) => visitor,
        // Who tries keys is nobody yet, and is counted as everybody behind the address.
        Err(error @ WebError::WrongToken) => {
            let counted = standing(&state, &Visitor::Nobody, peer);
            return counted.err().unwrap_or(error).into_response();
        }
        Err(error) => return error.into_response(),
    };
    let standing = match is_counted(gate, request.uri().path())
        .then(|| standing(&state, &visitor, peer))
        .transpose()
    {
        Ok(standing) => standing,
        Err(refusal) => return refusal.into_response(),
    };
    let mut response = match gate.refusal(&visitor) {
        None => {
            request.extensions_mut().insert(visitor.clone());
            let answering = reading::scope(Reader::of(&visitor), next.run(request));
            audit::asked_from(peer.address, answering).await
        }
        Some(WebError::SignInFirst) if is_page(request.method(), request.uri()) => {
            Redirect::to(&sign_in_address(request.uri())).into_response()
        }
        Some(error) => error.into_response(),
    };
    if let Some(standing) = standing {
        standing.tell(response.headers_mut());
    }
    // A refusal is written down further out, for the same reader.
    response.extensions_mut().insert(visitor);
    response
}

/// Whether requests to this address are counted: those that programs make again and again.
fn is_counted(gate: Gate, path: &str) -> bool {
    gate == Gate::Output || path.starts_with("/api/")
}

/// Counts a request of a visitor.
///
/// # Errors
/// There were too many.
fn standing(state: &WebState, visitor: &Visitor, peer: Peer) -> Result<Standing, WebError> {
    let holder = Holder::of(visitor, peer);
    let taken = state.quota.take(holder, state.clock.now());
    taken.map_err(WebError::TooFast)
}

/// Whether the key of a program opens more than feeds and tables: it must not stand in addresses, which logs and histories
/// keep.
fn is_key_of_more(visitor: &Visitor) -> bool {
    matches!(visitor, Visitor::Program(_)) && !visitor.is_for_outputs()
}

/// The key that an address holds as `token`.
fn key_in_address(uri: &Uri) -> Option<String> {
    url::form_urlencoded::parse(uri.query()?.as_bytes())
        .find(|(name, value)| name == "token" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

/// Whether a person looks at this, whom a sign-in helps on.
fn is_page(method: &Method, uri: &Uri) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && !error::is_for_programs(uri.path())
}

/// The sign-in that leads back here; not with a key, if the address holds one.
fn sign_in_address(uri: &Uri) -> String {
    let here = match key_in_address(uri) {
        None => uri.path_and_query().map_or("/", |here| here.as_str()),
        Some(_) => uri.path(),
    };
    if here == "/" {
        return "/login".to_owned();
    }
    let query: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
    format!("/login?next={query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_carried_along() {
        assert_eq!(sign_in_address(&Uri::from_static("/")), "/login");
        assert_eq!(
            sign_in_address(&Uri::from_static("/keywords/iran?before=7&x=%20")),
            "/login?next=%2Fkeywords%2Firan%3Fbefore%3D7%26x%3D%2520"
        );
        assert_eq!(
            sign_in_address(&Uri::from_static("/digests/a?x=1&token=secret")),
            "/login?next=%2Fdigests%2Fa"
        );
    }
}
