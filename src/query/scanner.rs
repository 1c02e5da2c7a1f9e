//! The scanner: one pass over an article that finds every mention of every leaf and concept.

use super::{
    ast::Leaf,
    compile::{Concept, Signal, Vocabulary, count},
    evaluate::{Found, Sighting},
    index::{Index, PatternId},
    mentions::{Consumers, sorted},
    pattern::{Article, Pattern, Stretch},
};
use crate::{domain::Hit, text::words::Words};

/// What a thread keeps between articles, so that nothing is allocated anew for each.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) words: Words,
    sightings: Vec<(u32, Stretch)>,
    loose: Vec<(PatternId, u32)>,
    stretches: Vec<Stretch>,
    concepts: Vec<u32>,
    pub(super) found: Found,
    pub(super) candidates: Vec<u32>,
}

/// Finds all mentions in an article.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    index: Index,
    patterns: Vec<Pattern>,
    leaf_of: Vec<u32>,
    concepts: Vec<Concept>,
    /// The concepts that each leaf is a term of.
    concepts_of: Lists,
    /// Leaves that are names of outlets, ascending.
    outlets: Vec<u32>,
}

impl Scanner {
    /// How many concepts it knows.
    pub(super) const fn concept_count(&self) -> usize {
        self.concepts.len()
    }

    /// Takes the patterns and concepts of a vocabulary.
    pub(super) fn new(vocabulary: &mut Vocabulary, outlets: &[Leaf]) -> Self {
        let mut outlets: Vec<u32> = outlets
            .iter()
            .map(|outlet| vocabulary.leaf(outlet))
            .collect();
        outlets.sort_unstable();
        outlets.dedup();
        let patterns = std::mem::take(&mut vocabulary.patterns);
        let concepts = vocabulary.concepts.clone();
        let terms = (0_u32..)
            .zip(&concepts)
            .flat_map(|(number, concept)| concept.terms.iter().map(move |&term| (term, number)))
            .collect();
        Self {
            index: Index::new(&patterns),
            patterns,
            leaf_of: std::mem::take(&mut vocabulary.leaf_of),
            concepts_of: Lists::new(vocabulary.leaf_count(), terms),
            concepts,
            outlets,
        }
    }

    /// Fills `scratch.found` with all mentions in `article`.
    pub(super) fn scan(&self, article: &Article<'_>, scratch: &mut Scratch) {
        self.collect(article, scratch);
        self.consume_outlets(scratch);
        scratch.found.clear();
        for run in scratch.sightings.chunk_by(|one, other| one.0 == other.0) {
            if let Some(&(leaf, _)) = run.first() {
                scratch
                    .found
                    .add_leaf(leaf, run.iter().map(|&(_, stretch)| stretch));
            }
        }
        self.find_concepts(scratch);
    }

    /// Every stretch that is a leaf, sorted by leaf and position.
    fn collect(&self, article: &Article<'_>, scratch: &mut Scratch) {
        let (sightings, loose) = (&mut scratch.sightings, &mut scratch.loose);
        sightings.clear();
        loose.clear();
        let leaf_of = |pattern: PatternId| {
            self.leaf_of
                .get(pattern as usize)
                .copied()
                .unwrap_or(u32::MAX)
        };
        self.index.visit(article, &mut |at, entry| {
            let Some(pattern) = self.patterns.get(entry.pattern as usize) else {
                return;
            };
            if pattern.slop > 0 {
                loose.extend(
                    article
                        .paragraph(at)
                        .map(|paragraph| (entry.pattern, paragraph)),
                );
            } else if let Some(stretch) = pattern.around(article, entry.anchor as usize, at) {
                sightings.push((leaf_of(entry.pattern), stretch));
            }
        });
        loose.sort_unstable();
        loose.dedup();
        for &(id, paragraph) in loose.iter() {
            if let Some(pattern) = self.patterns.get(id as usize) {
                scratch.stretches.clear();
                pattern.loosely(
                    article,
                    &article.positions_of(paragraph),
                    &mut scratch.stretches,
                );
                sightings.extend(
                    scratch
                        .stretches
                        .iter()
                        .map(|&stretch| (leaf_of(id), stretch)),
                );
            }
        }
        sightings.sort_unstable();
        sightings.dedup();
    }

    /// Removes what is said inside the name of an outlet.
    fn consume_outlets(&self, scratch: &mut Scratch) {
        if self.outlets.is_empty() {
            return;
        }
        let names = scratch
            .sightings
            .iter()
            .filter(|(leaf, _)| self.outlets.binary_search(leaf).is_ok())
            .map(|&(_, stretch)| stretch);
        scratch.stretches.clear();
        scratch.stretches.extend(names);
        let consumers = Consumers::new(&mut scratch.stretches);
        if !consumers.is_empty() {
            scratch
                .sightings
                .retain(|(_, stretch)| !consumers.exceed(stretch));
        }
    }

    /// Adds the concepts of which a term was seen outside of their anti-terms.
    fn find_concepts(&self, scratch: &mut Scratch) {
        scratch.concepts.clear();
        for leaf in scratch.found.seen_leaves() {
            scratch
                .concepts
                .extend_from_slice(self.concepts_of.of(leaf));
        }
        scratch.concepts.sort_unstable();
        scratch.concepts.dedup();
        for &number in &scratch.concepts {
            let Some(concept) = self.concepts.get(number as usize) else {
                continue;
            };
            let all = |leaves: &[u32], out: &mut Vec<Stretch>| {
                out.clear();
                for &leaf in leaves {
                    out.extend_from_slice(scratch.found.of(Signal::Leaf(leaf)));
                }
            };
            all(&concept.anti_terms, &mut scratch.stretches);
            let consumers = Consumers::new(&mut scratch.stretches);
            all(&concept.terms, &mut scratch.stretches);
            scratch
                .stretches
                .retain(|stretch| !consumers.cover(stretch));
            sorted(&mut scratch.stretches);
            if !scratch.stretches.is_empty() {
                scratch.found.add_concept(number, &scratch.stretches);
            }
        }
    }

    /// The letters to show: in order, where they overlap the first and longest.
    pub(super) fn hits(&self, article: &Article<'_>, mut sightings: Vec<Sighting>) -> Vec<Hit> {
        sightings.sort_unstable_by_key(|sighting| {
            let Stretch { first, last, .. } = sighting.stretch;
            (
                first,
                std::cmp::Reverse(last),
                std::cmp::Reverse(sighting.signal),
            )
        });
        let mut hits: Vec<Hit> = Vec::with_capacity(sightings.len());
        for Sighting { stretch, signal } in sightings {
            let field = article.field(stretch.first);
            if hits
                .last()
                .is_some_and(|last| last.field == field && stretch.start < last.end)
            {
                continue;
            }
            let text = article
                .text(stretch.first)
                .get(stretch.start as usize..stretch.end as usize)
                .unwrap_or_default()
                .to_owned();
            let concept = match signal {
                Signal::Concept(number) => self
                    .concepts
                    .get(number as usize)
                    .map(|concept| concept.name.clone()),
                Signal::Leaf(_) => None,
            };
            hits.push(Hit {
                field,
                start: stretch.start,
                end: stretch.end,
                text,
                concept,
            });
        }
        hits
    }
}

/// Lists of numbers by number, in two allocations.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Where each list begins, and the end.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// From pairs of (key, item); keys are below `keys`.
    pub(super) fn new(keys: usize, mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let starts = (0..=keys)
            .map(|key| count(pairs.partition_point(|&(other, _)| (other as usize) < key)))
            .collect();
        Self {
            starts,
            items: pairs.into_iter().map(|(_, item)| item).collect(),
        }
    }

    pub(super) fn of(&self, key: u32) -> &[u32] {
        let key = key as usize;
        match (self.starts.get(key), self.starts.get(key + 1)) {
            (Some(&from), Some(&to)) => self
                .items
                .get(from as usize..to as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }
}
