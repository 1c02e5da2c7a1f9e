//! What an editor does to an edition before it goes out.

use std::collections::{BTreeMap, BTreeSet};

use super::{clean, subject};
use crate::domain::{StoryId, digest::Edition};

/// Changes to an edition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// A word of the editor, one line.
    pub note: String,
    /// Stories that it is not to tell; all others are told.
    pub struck: BTreeSet<StoryId>,
    /// Places of stories within their section, from the front; the others keep their order, and ties too.
    pub places: BTreeMap<StoryId, u32>,
}

/// Letters of a note at most.
const NOTE: usize = 1_000;

/// The edition with these changes. It holds the same stories, whatever the changes name.
#[must_use]
pub fn apply(edition: &Edition, changes: &Changes, several_a_day: bool) -> Edition {
    let mut edition = edition.clone();
    edition.note = clean::line(&changes.note, NOTE);
    for section in &mut edition.sections {
        for line in &mut section.lines {
            line.is_struck = changes.struck.contains(&line.story);
        }
        let mut placed: Vec<_> = section.lines.drain(..).enumerate().collect();
        placed.sort_by_key(|(place, line)| {
            let own = u32::try_from(*place).unwrap_or(u32::MAX).saturating_add(1);
            changes.places.get(&line.story).copied().unwrap_or(own)
        });
        section.lines = placed.into_iter().map(|(_, line)| line).collect();
    }
    edition.subject = subject::of(&edition, several_a_day);
    edition
}

#[cfg(test)]
mod tests {
    use super::{
        super::compose::tests::{article, composed, story, subscription},
        *,
    };

    #[test]
    fn an_editor_strikes_reorders_and_notes_and_loses_nothing() {
        let due: Vec<_> = (1..=4).map(|id| story(id, vec![article(id, 1)])).collect();
        let edition = composed(&subscription(), &due).edition;
        let before: Vec<_> = edition.lines().map(|line| line.story).collect();
        let (Some(first), Some(last)) = (before.first(), before.last()) else {
            panic!("four stories");
        };
        let changes = Changes {
            note: "Mind the\r\nembargo".to_owned(),
            struck: [*first, StoryId::new(99)].into(),
            places: [(*last, 0)].into(),
        };
        let after = apply(&edition, &changes, false);
        assert_eq!(after.subject, "Morning: 3 new — Tue 24 Nov");
        assert_eq!(after.note, "Mind the embargo");
        let lines: Vec<_> = after.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0].story, *last);
        assert!(lines[1].is_struck && !lines[2].is_struck);
        // Taken back, it is as it was.
        assert_eq!(
            apply(
                &after,
                &Changes {
                    places: before
                        .iter()
                        .zip(1..)
                        .map(|(story, place)| (*story, place))
                        .collect(),
                    ..Changes::default()
                },
                false
            ),
            edition
        );
    }
}
