//! Signing in: a name and a password become a session, as slowly as guessing should be and no slower for anybody else.

use axum::http::{HeaderMap, HeaderValue, header};

use super::{WebState, cookie, error::WebError, peer::Peer, secrets};
use crate::{
    auth::{
        PasswordHash, TokenHash,
        throttle::{self, Bucket},
    },
    domain::{Timestamp, UserId, UserName},
    store::{
        PgPool, StoreError, sessions,
        sessions::NewSession,
        sign_in_buckets::{self, Level},
        users,
    },
};

/// Letters of a browser's name that are kept.
const LONGEST_AGENT: usize = 256;

/// Somebody who proved who they are.
#[derive(Debug, Clone)]
pub(super) struct Proven {
    /// The account.
    pub(super) user: UserId,
    /// What the password was held against; none where it took none.
    pub(super) password_hash: Option<String>,
}

/// The account of a name and password; none if they do not belong together, or may not sign in. The answer takes the same
/// time whether there is such an account or not.
///
/// # Errors
/// Too many attempts were made, or there is no database or no place to hash at.
pub(super) async fn check(
    state: &WebState,
    peer: Peer,
    name: &str,
    password: String,
) -> Result<Option<Proven>, WebError> {
    // What is no name is nobody's, but takes the same time.
    let known_as = name.parse::<UserName>().ok();
    let counted_as = known_as.as_ref().map_or(name, UserName::as_str);
    let attempt = Attempt::begin(state, peer, counted_as).await?;
    match hear(state, known_as.as_ref(), password).await {
        Ok(Ok(proven)) => {
            attempt.end_well(&state.db).await?;
            Ok(Some(proven))
        }
        Ok(Err(user)) => {
            // A name that is no account's may be a password in the wrong field.
            tracing::warn!(user = user.map(UserId::get), address = %peer.address, "a sign-in failed");
            Ok(None)
        }
        Err(error) => {
            attempt.take_back(&state.db).await?;
            Err(error)
        }
    }
}

/// Who proves to be `name`; else whose password it is not, if it is anybody's name.
async fn hear(
    state: &WebState,
    name: Option<&UserName>,
    password: String,
) -> Result<Result<Proven, Option<UserId>>, WebError> {
    let known = match name {
        Some(name) => users::credentials(&state.db, name.as_str()).await?,
        None => None,
    };
    let (user, password_hash) =
        known.map_or((None, None), |known| (Some(known.id), known.password_hash));
    let stored = password_hash.clone().map(PasswordHash::from_stored);
    let is_right = secrets::verify(&state.hashing, password, stored).await?;
    Ok(match user {
        Some(user) if is_right => Ok(Proven {
            user,
            password_hash,
        }),
        _ => Err(user),
    })
}

/// Begins a session for the account, in the place of the one that the browser may have had. The header signs it in.
///
/// # Errors
/// There is no safe way to sign in from where the request came, or by now the account is disabled or has another password.
pub(super) async fn begin_session(
    state: &WebState,
    peer: Peer,
    headers: &HeaderMap,
    proven: &Proven,
) -> Result<HeaderValue, WebError> {
    let user = proven.user;
    let lifetime = state.options.session_lifetime;
    let token = secrets::token()?;
    let signing_in = cookie::set(&token, peer.way, lifetime).ok_or(WebError::Forbidden(
        "nobody can sign in over plain HTTP: others could read along",
    ))?;
    let before = cookie::token(headers, peer.way).map(TokenHash::of);
    let hash = token.hash();
    let session = NewSession {
        token_hash: hash.as_bytes(),
        password_hash: proven.password_hash.as_deref(),
        replaces: before.as_ref().map(TokenHash::as_bytes),
        user_agent: &user_agent(headers),
        address: &peer.address.to_string(),
        lifetime,
    };
    let now = state.clock.now();
    if !sessions::begin(&state.db, user, session, now).await? {
        return Err(WebError::Forbidden("this account cannot sign in"));
    }
    tracing::info!(user = user.get(), address = %peer.address, "somebody signed in");
    Ok(signing_in)
}

fn user_agent(headers: &HeaderMap) -> String {
    headers
        .get(header::USER_AGENT)
        .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned())
        .unwrap_or_default()
        .chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_AGENT)
        .collect()
}

/// An attempt, counted before it is heard.
struct Attempt {
    pair: String,
    address: String,
    /// Only where the address failed on the account before.
    account: Option<String>,
}

impl Attempt {
    async fn begin(state: &WebState, peer: Peer, name: &str) -> Result<Self, WebError> {
        let now = state.clock.now();
        let network = throttle::network(peer.address);
        // Names are as long as somebody makes them.
        let account = TokenHash::of(name);
        let pair = format!("pair {network} {account}");
        let is_known =
            sign_in_buckets::is_known(&state.db, &pair, now, throttle::FORGOTTEN_AFTER).await?;
        let attempt = Self {
            pair,
            address: format!("address {network}"),
            account: is_known.then(|| format!("account {account}")),
        };
        let mut raised = Vec::new();
        for (key, bucket) in attempt.buckets() {
            if let Some(wait) = raise(&state.db, key, bucket, now).await? {
                tracing::warn!(address = %peer.address, "too many attempts to sign in");
                for key in raised {
                    attempt.lower(&state.db, key).await?;
                }
                return Err(WebError::TooManyAttempts(wait));
            }
            raised.push(key);
        }
        Ok(attempt)
    }

    /// The address first: it bounds how many pairs are remembered.
    fn buckets(&self) -> impl Iterator<Item = (&str, Bucket)> {
        [
            (self.address.as_str(), throttle::ADDRESS),
            (self.pair.as_str(), throttle::PAIR),
        ]
        .into_iter()
        .chain(
            self.account
                .iter()
                .map(|key| (key.as_str(), throttle::ACCOUNT)),
        )
    }

    /// Takes back what it raised: it was not heard.
    async fn take_back(&self, db: &PgPool) -> Result<(), StoreError> {
        for (key, _) in self.buckets() {
            self.lower(db, key).await?;
        }
        Ok(())
    }

    /// Takes back what it raised, and what the pair failed before: only failures count.
    async fn end_well(&self, db: &PgPool) -> Result<(), StoreError> {
        self.take_back(db).await?;
        sign_in_buckets::forget(db, &self.pair).await
    }

    async fn lower(&self, db: &PgPool, key: &str) -> Result<(), StoreError> {
        sign_in_buckets::lower(db, key).await?;
        // A pair that is remembered is one that failed before.
        if key == self.pair && self.account.is_none() {
            sign_in_buckets::forget_empty(db, key).await?;
        }
        Ok(())
    }
}

async fn raise(
    db: &PgPool,
    key: &str,
    bucket: Bucket,
    now: Timestamp,
) -> Result<Option<std::time::Duration>, StoreError> {
    let Bucket { capacity, drain } = bucket;
    let level = Level {
        key,
        capacity,
        drain,
    };
    sign_in_buckets::raise(db, level, now).await
}
