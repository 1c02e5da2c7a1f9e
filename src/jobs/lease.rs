//! Leases of what one process does for all.

use crate::store::{self, PgPool, workers::Worker};

/// Gives a lease back at the end of its holder's work: another process goes on at once.
pub(super) async fn give_back(db: &PgPool, name: &str, holder: &Worker) {
    if let Err(error) = store::leases::release(db, name, holder.number()).await {
        tracing::warn!(
            lease = name,
            error = &error as &dyn std::error::Error,
            "a lease was not given back"
        );
    }
}
