//! Stories: which reports are copies of each other, and which tell of the same event.
//!
//! Three levels. The *same article* is a matter of identity and settled before this room. The *same copy* is a syndicated
//! text under whatever headline ([`copy`]). The *same story* is the same event told independently ([`window`]).
//! Candidates come from an index over a bounded window; the decision about them is a pure function ([`placement`]) that
//! gives its reasons. Nothing here deletes or hides: a placement is a link between reports that are all kept.

pub mod background;
pub mod copy;
pub mod decisions;
mod fnv;
pub mod headline;
mod heritage;
pub mod measure;
pub mod names;
pub mod period;
pub mod placement;
mod postings;
pub mod report;
mod revisit;
mod stem;
pub mod surge;
pub mod tuning;
pub mod vector;
pub mod window;

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "tests")]
mod wires;

pub use copy::Evidence;
pub use decisions::Decisions;
pub use heritage::heirs;
pub use placement::{Placement, Reason, Verdict};
pub use report::{Report, Traits};
pub use window::{Change, Window};
