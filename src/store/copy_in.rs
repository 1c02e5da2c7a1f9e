//! Rows in the binary format of `COPY … FROM STDIN`, which PostgreSQL takes a page at a time: without a statement to bind and,
//! for a table with no row to collide with, at half the price of an `INSERT`.
//!
//! Format: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use sqlx::PgConnection;

use super::{StoreError, codec};
use crate::domain::{FeedId, Timestamp};

/// What a file begins with: the signature, no flags, no extension of the header.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with.
const TRAILER: i16 = -1;

/// The length of a field that is null.
const NULL: i32 = -1;

/// Rows of so many columns each, field by field.
pub(super) struct Rows<const COLUMNS: i16> {
    bytes: Vec<u8>,
}

impl<const COLUMNS: i16> Rows<COLUMNS> {
    pub(super) fn new() -> Self {
        Self {
            bytes: HEADER.to_vec(),
        }
    }

    /// Begins a row; all its fields follow.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.bytes.extend(COLUMNS.to_be_bytes());
        self
    }

    /// Adds a field.
    pub(super) fn field(&mut self, field: impl Field) -> &mut Self {
        let at = self.bytes.len();
        self.bytes.extend(NULL.to_be_bytes());
        if field.write(&mut self.bytes) {
            // A field is shorter than a document, which is far from two gigabytes.
            let length = i32::try_from(self.bytes.len() - at - 4).unwrap_or(i32::MAX);
            self.bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
        self
    }

    /// Has `statement` take the rows, if there are any.
    ///
    /// # Errors
    /// A row is refused, or the database does not answer; nothing was written then.
    pub(super) async fn copy_in(
        mut self,
        tx: &mut PgConnection,
        statement: &'static str,
    ) -> Result<(), StoreError> {
        if self.bytes.len() == HEADER.len() {
            return Ok(());
        }
        self.bytes.extend(TRAILER.to_be_bytes());
        let mut copy = tx.copy_in_raw(statement).await?;
        copy.send(self.bytes).await?;
        copy.finish().await?;
        Ok(())
    }
}

/// What a field may be.
pub(super) trait Field {
    /// Appends the value; false without a trace for null.
    fn write(self, bytes: &mut Vec<u8>) -> bool;
}

impl Field for i64 {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        bytes.extend(self.to_be_bytes());
        true
    }
}

impl Field for FeedId {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        self.get().write(bytes)
    }
}

impl Field for bool {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        bytes.push(u8::from(self));
        true
    }
}

impl Field for &[u8] {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        bytes.extend(self);
        true
    }
}

impl Field for &str {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        self.as_bytes().write(bytes)
    }
}

impl Field for Timestamp {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        codec::postgres_micros(self).write(bytes)
    }
}

/// The day of an instant in UTC, as `date`.
pub(super) struct Day(pub(super) Timestamp);

impl Field for Day {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        const MICROS: i64 = 86_400_000_000;
        // An instant has a day: years have four digits.
        let day = i32::try_from(codec::postgres_micros(self.0).div_euclid(MICROS)).unwrap_or(0);
        bytes.extend(day.to_be_bytes());
        true
    }
}

/// A list of texts, as `text[]`.
impl Field for &[String] {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        const HAS_NO_NULLS: i32 = 0;
        const TEXT: i32 = 25;
        const FIRST: i32 = 1;
        let number = i32::try_from(self.len()).unwrap_or(i32::MAX);
        let dimensions = number.min(1);
        for part in [dimensions, HAS_NO_NULLS, TEXT] {
            bytes.extend(part.to_be_bytes());
        }
        if dimensions == 1 {
            bytes.extend(number.to_be_bytes());
            bytes.extend(FIRST.to_be_bytes());
        }
        for text in self {
            let length = i32::try_from(text.len()).unwrap_or(i32::MAX);
            bytes.extend(length.to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        true
    }
}

impl<F: Field> Field for Option<F> {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        self.is_some_and(|field| field.write(bytes))
    }
}
