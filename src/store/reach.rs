//! How far one request reads a stream of numbers of arrival.

use sqlx::{PgPool, query_scalar};

use super::{StoreError, arrivals};

/// Numbers that one request that takes few of them looks through.
const NUMBERS: i64 = 50_000;

/// What has numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    /// Articles, each with the number that it arrived with.
    Articles,
    /// Matches, with that of their last change, or of their arrival.
    Matches,
}

/// The numbers of a stream that one request reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    stream: Stream,
    /// The last number of arrival that was given when it began.
    pub(super) last: i64,
    /// The last number that it reads.
    pub(super) to: i64,
}

impl Reach {
    /// Of a request that goes on after a number. One that `takes_few` reads a part alone, so that it does not read all there
    /// is. To be asked before anything is read: whatever has a number up to the last one is committed, with all that share it.
    pub(super) async fn after(
        db: &PgPool,
        stream: Stream,
        number: i64,
        takes_few: bool,
    ) -> Result<Self, StoreError> {
        let last = arrivals::last(db).await?;
        let to = if takes_few {
            last.min(number.saturating_add(NUMBERS))
        } else {
            last
        };
        Ok(Self { stream, last, to })
    }

    /// The last number that counts as read where all of these were: a gap behind them is gone over at once.
    pub(super) async fn read_to(self, db: &PgPool) -> Result<i64, StoreError> {
        if self.to >= self.last {
            return Ok(self.to);
        }
        let before_next = match self.stream {
            Stream::Articles => {
                query_scalar!(
                    r#"SELECT min(arrival) - 1 AS "before" FROM articles WHERE arrival > $1"#,
                    self.to
                )
                .fetch_one(db)
                .await?
            }
            Stream::Matches => {
                query_scalar!(
                    r#"SELECT min(greatest(changed, arrival)) - 1 AS "before"
             FROM matches
            WHERE arrival IS NOT NULL AND greatest(changed, arrival) > $1"#,
                    self.to
                )
                .fetch_one(db)
                .await?
            }
        };
        Ok(before_next.unwrap_or(self.last))
    }
}
