//! What a role may.

use crate::domain::Role;

/// Something that a role allows. A route names the one that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capability {
    /// See the pages.
    Read,
    /// Change the desk's state of a story: claim, use, pass, note; ask for a poll.
    WorkDesk,
    /// Change what the desk follows: keywords, concepts, feeds.
    EditBeat,
    /// Say who may do what, and see who did what.
    Administer,
}

impl Capability {
    /// The smallest role that has it.
    #[must_use]
    pub const fn least_role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::WorkDesk => Role::Editor,
            Self::EditBeat => Role::Analyst,
            Self::Administer => Role::Admin,
        }
    }

    /// Whether `role` has it.
    #[must_use]
    pub fn is_of(self, role: Role) -> bool {
        role >= self.least_role()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_one_before_it_may_and_one_thing_more() {
        use Capability::{Administer, EditBeat, Read, WorkDesk};
        let count = |role| {
            [Read, WorkDesk, EditBeat, Administer]
                .into_iter()
                .filter(|capability| capability.is_of(role))
                .count()
        };
        assert_eq!(Role::ALL.map(count), [1, 2, 3, 4]);
        assert!(!WorkDesk.is_of(Role::Viewer) && !Administer.is_of(Role::Analyst));
    }
}
