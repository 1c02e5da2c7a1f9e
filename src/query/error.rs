//! What is wrong with a query: where, why, and the ways out.

use std::fmt;

/// Something that must be put right before a query can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// First byte in the query.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What is wrong, with the offending text.
    pub message: String,
    /// What could be written instead of the offending text.
    pub ways_out: Vec<String>,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some((last, rest)) = self.ways_out.split_last() {
            f.write_str("; write ")?;
            for way in rest {
                write!(f, "{way}, ")?;
            }
            if !rest.is_empty() {
                f.write_str("or ")?;
            }
            f.write_str(last)?;
        }
        Ok(())
    }
}

impl std::error::Error for QueryError {}

/// Something that is allowed, but perhaps not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// First byte in the query.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What to look at.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
