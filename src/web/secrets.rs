//! Fresh random bytes from the system, and passwords hashed where they hold nobody up.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task, time};

use super::error::WebError;
use crate::auth::{self, PasswordHash, Token};

/// How long a password waits for a place to be hashed at.
const WAIT_FOR_PLACE: Duration = Duration::from_secs(5);

/// A token for a cookie or a link.
pub(super) fn token() -> Result<Token, WebError> {
    Ok(Token::new(fresh()?))
}

/// A token for a program.
pub(super) fn program_token() -> Result<Token, WebError> {
    Ok(Token::for_program(fresh()?))
}

/// Random bytes of the system.
///
/// # Errors
/// The system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn fresh<const N: usize>() -> Result<[u8; N], WebError> {
    random().map_err(|_| WebError::NoRandomness)
}

/// The hash of a new password.
pub(super) async fn hash(
    places: &Arc<Semaphore>,
    password: String,
) -> Result<PasswordHash, WebError> {
    let salt = fresh()?;
    in_place(places, move || auth::hash(&password, &salt))
        .await?
        .map_err(|_| WebError::Busy)
}

/// Whether `password` is that of `stored`; the same work where there is none.
pub(super) async fn verify(
    places: &Arc<Semaphore>,
    password: String,
    stored: Option<PasswordHash>,
) -> Result<bool, WebError> {
    in_place(places, move || auth::verify(&password, stored.as_ref())).await
}

/// Works on a thread of its own, in one of the places.
async fn in_place<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WebError> {
    let place = time::timeout(WAIT_FOR_PLACE, Arc::clone(places).acquire_owned())
        .await
        .map_err(|_| WebError::Busy)?
        .map_err(|_| WebError::Busy)?;
    // The place moves along: a request that is given up does not give it back before the work is done.
    task::spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    })
    .await
    .map_err(|_| WebError::Panicked)
}
