//! What an editor does to an edition before it goes out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{clean, room::shares, subject};
use crate::domain::{
    StoryId,
    digest::{Edition, EditionLine, Section, Subscription},
};

/// Changes to an edition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// A word of the editor, one line.
    pub note: String,
    /// Stories that it is not to tell; all others are told.
    pub struck: BTreeSet<StoryId>,
    /// Places of stories within their section, from 1. One that has its place already is not moved, and makes way.
    pub places: BTreeMap<StoryId, u32>,
}

/// Letters of a note at most.
const NOTE: usize = 1_000;

/// The edition with these changes, with as many stories as its subscription shows. It holds the same stories, whatever
/// the changes name.
#[must_use]
pub fn apply(edition: &Edition, changes: &Changes, subscription: &Subscription) -> Edition {
    let mut edition = edition.clone();
    edition.note = clean::line(&changes.note, NOTE);
    for section in &mut edition.sections {
        for line in &mut section.lines {
            line.is_struck = changes.struck.contains(&line.story);
        }
        section.lines = moved(std::mem::take(&mut section.lines), &changes.places);
    }
    cut(&mut edition.sections, subscription.limit);
    edition.subject = subject::of(&edition, subscription.several_a_day);
    edition
}

/// The lines with those that are to stand elsewhere at the place named, and the others in their order around them.
fn moved(lines: Vec<EditionLine>, places: &BTreeMap<StoryId, u32>) -> Vec<EditionLine> {
    let count = lines.len();
    let mut staying = VecDeque::new();
    let mut moving = Vec::new();
    for (line, own) in lines.into_iter().zip(1_u32..) {
        match places.get(&line.story) {
            Some(place) if *place != own => moving.push((*place, line)),
            _ => staying.push_back(line),
        }
    }
    moving.sort_by_key(|(place, _)| *place);
    let mut moving = VecDeque::from(moving);
    let mut out = Vec::with_capacity(count);
    for place in 1_u32.. {
        let is_here = moving.front().is_some_and(|(wanted, _)| *wanted <= place);
        let next = if is_here { None } else { staying.pop_front() };
        match next.or_else(|| moving.pop_front().map(|(_, line)| line)) {
            Some(line) => out.push(line),
            None => break,
        }
    }
    out
}

/// Shares the room anew among what is not struck: what was beyond the length takes the place of what was struck.
fn cut(sections: &mut [Section], limit: u32) {
    let counts: Vec<_> = sections
        .iter()
        .map(|section| section.lines.iter().filter(|line| !line.is_struck).count())
        .collect();
    let room = usize::try_from(limit).unwrap_or(usize::MAX);
    for (section, share) in sections.iter_mut().zip(shares(&counts, room)) {
        let mut before = 0;
        for line in &mut section.lines {
            line.is_left_out = !line.is_struck && before >= share;
            before += usize::from(!line.is_struck);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::compose::tests::{article, composed, story, subscription},
        *,
    };
    use crate::domain::digest::{DueArticle, DueStory};

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
        let after = apply(&edition, &changes, &subscription());
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
                &subscription()
            ),
            edition
        );
    }

    /// Stories of one keyword, in the order of their numbers.
    fn stories(count: i64) -> Vec<DueStory> {
        let seen = article(1, 1).first_seen_at;
        let article = |id| DueArticle {
            first_seen_at: seen,
            ..article(id, 1)
        };
        (1..=count).map(|id| story(id, vec![article(id)])).collect()
    }

    /// The stories of the edition, in its order; those beyond the length below zero.
    fn order(edition: &Edition) -> Vec<i64> {
        edition
            .lines()
            .filter(|line| !line.is_struck)
            .map(|line| {
                if line.is_left_out {
                    -line.story.get()
                } else {
                    line.story.get()
                }
            })
            .collect()
    }

    #[test]
    fn a_story_stands_where_it_was_put() {
        let due = stories(5);
        let edition = composed(&subscription(), &due).edition;
        assert_eq!(order(&edition), [1, 2, 3, 4, 5]);
        // As the form sends them: every story with its place, and some of them changed.
        for (typed, expected) in [
            ([1, 2, 3, 4, 1], [5, 1, 2, 3, 4]),
            ([3, 2, 3, 4, 5], [2, 3, 1, 4, 5]),
            ([2, 2, 3, 4, 5], [2, 1, 3, 4, 5]),
            ([5, 4, 3, 2, 1], [5, 4, 3, 2, 1]),
            ([1, 1, 3, 1, 5], [2, 4, 1, 3, 5]),
            ([9, 2, 3, 4, 0], [5, 2, 3, 4, 1]),
            ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        ] {
            let places = (1..=5).map(StoryId::new).zip(typed).collect();
            let changes = Changes {
                places,
                ..Changes::default()
            };
            let after = apply(&edition, &changes, &subscription());
            assert_eq!(order(&after), expected, "{typed:?}");
        }
    }

    #[test]
    fn what_was_beyond_the_length_comes_in_where_there_is_room() {
        let mut subscription = subscription();
        subscription.limit = 3;
        let mut due = stories(4);
        due.push(story(9, vec![article(9, 3)]));
        let edition = composed(&subscription, &due).edition;
        assert_eq!(order(&edition), [1, 2, -3, -4, 9]);
        let changed = |struck: &[i64], places: &[(i64, u32)]| {
            let changes = Changes {
                struck: struck.iter().copied().map(StoryId::new).collect(),
                places: places
                    .iter()
                    .map(|(story, place)| (StoryId::new(*story), *place))
                    .collect(),
                ..Changes::default()
            };
            apply(&edition, &changes, &subscription)
        };
        assert_eq!(order(&changed(&[1], &[])), [2, 3, -4, 9]);
        assert_eq!(order(&changed(&[9], &[])), [1, 2, 3, -4]);
        assert_eq!(order(&changed(&[], &[(4, 1)])), [4, 1, -2, -3, 9]);
        assert_eq!(order(&changed(&[4], &[])), [1, 2, -3, 9]);
        // Let in again, what came for it goes.
        let back = apply(&changed(&[1], &[]), &Changes::default(), &subscription);
        assert_eq!(back, edition);
    }
}
