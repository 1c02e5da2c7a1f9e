//! The second look: stories that changed are compared with their neighbours and merged where they have grown alike, and a
//! report that has become a stranger to its story leaves it.

use std::collections::BTreeSet;

use super::{
    fnv::FnvMap,
    placement::{self, Pairing, Reason, Shared},
    tuning, vector,
    window::{Change, Story, Window, gap, rarest, strongest},
};

/// Terms of a story's middle by which its neighbours are found.
const MIDDLE_TERMS_LOOKED_UP: usize = 24;
/// Neighbours that a story is compared with.
const MAX_NEIGHBOURS: usize = 16;
/// Stories with fewer or more originals are not searched for strangers.
const MIN_SPLIT: usize = 3;
const MAX_SPLIT: usize = 200;
/// Rounds of merging in one look; what is left waits for the next.
const MAX_ROUNDS: usize = 12;

impl Window {
    /// Looks again at what changed since the last look. Returns what came of it, in order.
    pub fn revisit(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        let touched = self.changed.clone();
        self.release_strangers(&touched, &mut changes);
        self.merge_alike(&mut changes);
        changes
    }

    /// Lets go of reports that are hardly like the rest of their story any more, with their copies.
    fn release_strangers(&mut self, touched: &BTreeSet<i64>, changes: &mut Vec<Change>) {
        for id in touched {
            for key in self.strangers(*id) {
                let into = self.new_story();
                for moved in self.with_copies(key) {
                    self.transfer(moved, into);
                    changes.push(Change::Left {
                        key: moved,
                        from: *id,
                        into,
                    });
                }
            }
        }
    }

    /// Originals that fall short of what stays asked of a member, most foreign first, and never most of a story.
    fn strangers(&self, id: i64) -> Vec<i64> {
        let Some(story) = self.stories.get(&id) else {
            return Vec::new();
        };
        if !(MIN_SPLIT..=MAX_SPLIT).contains(&story.originals) {
            return Vec::new();
        }
        let mut strangers: Vec<(f32, i64)> = story
            .members
            .iter()
            .filter_map(|number| self.member(*number))
            .filter(|member| member.copy_of.is_none())
            .filter(|member| self.decisions.together_with(member.key).is_empty())
            .filter_map(|member| {
                let fit = story
                    .middles
                    .get(&member.traits.language)?
                    .without(&member.vector)?;
                (fit < tuning::STAY).then_some((fit, member.key))
            })
            .collect();
        strangers.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        strangers.truncate(story.originals / 3);
        strangers.into_iter().map(|(_, key)| key).collect()
    }

    /// Merges what has grown alike, best first, until nothing does.
    fn merge_alike(&mut self, moves: &mut Vec<Change>) {
        for _ in 0..MAX_ROUNDS {
            let changed = std::mem::take(&mut self.changed);
            let mut pairs: Vec<(f32, i64, i64)> = Vec::new();
            for id in &changed {
                pairs.extend(self.neighbours(*id));
            }
            pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
            let mut taken = BTreeSet::new();
            let mut has_merged = false;
            for (score, a, b) in pairs {
                if taken.contains(&a) || taken.contains(&b) {
                    // Looked at again once its partner of this round has settled.
                    for id in [a, b] {
                        if self.stories.contains_key(&id) {
                            self.changed.insert(id);
                        }
                    }
                    continue;
                }
                taken.extend([a, b]);
                let (from, into) = self.loser_and_winner(a, b);
                self.merge(from, into);
                moves.push(Change::Merged {
                    from,
                    into,
                    reason: Reason::Merged { score },
                });
                has_merged = true;
            }
            if !has_merged {
                self.changed.clear();
                break;
            }
        }
    }

    /// The smaller story goes into the larger one, the younger into the older among equals.
    fn loser_and_winner(&self, a: i64, b: i64) -> (i64, i64) {
        let size = |id: i64| self.stories.get(&id).map_or(0, |story| story.members.len());
        if (size(a), std::cmp::Reverse(a)) < (size(b), std::cmp::Reverse(b)) {
            (a, b)
        } else {
            (b, a)
        }
    }

    /// Stories that this one could be merged with, with their score; the smaller id first in each pair.
    fn neighbours(&self, id: i64) -> Vec<(f32, i64, i64)> {
        let Some(story) = self.stories.get(&id) else {
            return Vec::new();
        };
        let mut found: FnvMap<i64, f32> = FnvMap::default();
        let looked_up = story
            .middles
            .values()
            .flat_map(|middle| rarest(middle.sum(), MIDDLE_TERMS_LOOKED_UP))
            .chain(rarest(story.carried.sum(), MIDDLE_TERMS_LOOKED_UP / 2));
        // A large story shares a term once, however many of its members do.
        let mut told = (None, BTreeSet::new());
        for (number, key) in self.visit(looked_up) {
            if told.0 != Some(key.id) {
                told = (Some(key.id), BTreeSet::new());
            }
            if let Some(other) = self.story_at(number)
                && other != id
                && told.1.insert(other)
            {
                *found.entry(other).or_default() += key.weight * key.weight;
            }
        }
        strongest(found, MAX_NEIGHBOURS)
            .into_iter()
            .filter_map(|(other, _)| {
                let pairing = pairing(story, self.stories.get(&other)?);
                let score = placement::merge_margin(&pairing)?;
                (!self.are_kept_apart(id, other)).then_some((score, id.min(other), id.max(other)))
            })
            .collect()
    }

    /// Whether the desk keeps a member of one story apart from a member of the other.
    fn are_kept_apart(&self, a: i64, b: i64) -> bool {
        if !self.decisions.has_apart() {
            return false;
        }
        let is_in =
            |key: i64, story: i64| self.placed(key).is_some_and(|(theirs, _)| theirs == story);
        self.stories.get(&a).is_some_and(|story| {
            story
                .members
                .iter()
                .filter_map(|number| self.member(*number))
                .any(|member| {
                    self.decisions
                        .apart_from(member.key)
                        .iter()
                        .any(|other| is_in(*other, b))
                })
        })
    }
}

fn pairing(a: &Story, b: &Story) -> Pairing {
    let within = a
        .middles
        .iter()
        .filter_map(|(language, middle)| {
            let other = b.middles.get(language)?;
            Some(vector::product(middle.sum(), other.sum()) / (middle.breadth() * other.breadth()))
        })
        .max_by(f32::total_cmp);
    let across = (
        vector::product(a.carried.sum(), b.carried.sum())
            / (a.carried.breadth() * b.carried.breadth()),
        Shared::of(a.carried.sum(), b.carried.sum()),
    );
    Pairing {
        sizes: [a.originals, b.originals],
        within,
        across: Some(across),
        gap: gap(a.span, b.span),
    }
}
