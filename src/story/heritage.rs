//! Numbers of stories after a full regrouping: links that people kept lead to the same story as before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::window::Change;

/// The number of each report's story: that of the former story which most of its members come from, if no larger story
/// comes from there as well; else its own new number. `placed` are reports with the story given on placement, `changes`
/// what came after, `former` reports with their story before.
#[must_use]
pub fn heirs(
    placed: impl Iterator<Item = (i64, i64)>,
    changes: &[Change],
    former: &[(i64, i64)],
) -> BTreeMap<i64, i64> {
    let mut merged: HashMap<i64, i64> = HashMap::new();
    let mut left: HashMap<i64, i64> = HashMap::new();
    for change in changes {
        match *change {
            Change::Merged { from, into, .. } => merged.insert(from, into),
            Change::Left { key, into, .. } => left.insert(key, into),
        };
    }
    let survivor = |mut story: i64| {
        while let Some(into) = merged.get(&story) {
            story = *into;
        }
        story
    };
    let mut stories: BTreeMap<i64, i64> = placed
        .map(|(key, story)| (key, survivor(left.get(&key).copied().unwrap_or(story))))
        .collect();
    let mut common: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    for (key, before) in former {
        if let Some(story) = stories.get(key) {
            *common.entry((*story, *before)).or_default() += 1;
        }
    }
    let mut claims: Vec<(usize, i64, i64)> = common
        .into_iter()
        .map(|((story, before), count)| (count, story, before))
        .collect();
    claims.sort_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut given, mut taken) = (BTreeMap::new(), BTreeSet::new());
    for (_, story, before) in claims {
        if !given.contains_key(&story) && taken.insert(before) {
            given.insert(story, before);
        }
    }
    for story in stories.values_mut() {
        if let Some(before) = given.get(story) {
            *story = *before;
        }
    }
    stories
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Reason;

    #[test]
    fn a_story_keeps_the_number_that_most_of_its_members_had() {
        let merged = Change::Merged {
            from: 102,
            into: 101,
            reason: Reason::Desk,
        };
        let placed = [(1, 101), (2, 102), (3, 101), (4, 103), (5, 104)];
        let former = [(1, 7), (2, 7), (3, 8), (4, 7)];
        let stories = heirs(placed.into_iter(), &[merged], &former);
        let expected = [(1, 7), (2, 7), (3, 7), (4, 103), (5, 104)];
        assert_eq!(stories.into_iter().collect::<Vec<_>>(), expected);
    }
}
