//! What the collection lacks, for live streams: read once for all of them.

use tokio::{
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::{
    domain::Collection,
    store::{PgPool, StoreError, feed_health},
};

/// How long one reading serves everybody.
const GOOD_FOR: Duration = Duration::from_secs(3);

/// The collection as it was a moment ago.
#[derive(Debug, Default)]
pub(super) struct LiveCoverage(Mutex<Option<(Instant, Collection)>>);

impl LiveCoverage {
    /// The collection; whoever asks while it is being read waits for that.
    pub(super) async fn now(&self, db: &PgPool) -> Result<Collection, StoreError> {
        let mut known = self.0.lock().await;
        if let Some((at, collection)) = &*known
            && at.elapsed() < GOOD_FOR
        {
            return Ok(collection.clone());
        }
        let collection = feed_health::collection(db).await?;
        *known = Some((Instant::now(), collection.clone()));
        Ok(collection)
    }
}
