//! The scanner: one pass over an article that finds every mention of every leaf and concept.

use std::{hint::black_box, ops::ControlFlow};

use super::{
    ast::Leaf,
    bounds::{Limits, MAX_EFFORT, MAX_MENTIONS, shorten},
    compile::{Concept, Signal, Vocabulary},
    evaluate::Found,
    hits::Sightings,
    index::{Entry, Index, Lookups, PatternId},
    lists::Lists,
    mentions::{Consumers, sorted},
    outlets::Outlet,
    pattern::{Article, Pattern, Stretch},
    pool::Pool,
};
use crate::{domain::Field, text::words::Words};

/// Patterns with slop that are noted before those noted twice are taken out.
const FEW_LOOSE: usize = 1_024;

/// What a thread keeps between articles, so that nothing is allocated anew for each.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) words: Words,
    sightings: Vec<(u32, Stretch)>,
    lookups: Lookups,
    /// Patterns that were tried for what is inside a word, and the position of that word.
    tried: (u32, Vec<PatternId>),
    /// Patterns with slop, their leaves, and the paragraphs to look in.
    loose: Vec<(PatternId, u32, u32)>,
    stretches: Vec<Stretch>,
    consumers: Vec<Stretch>,
    /// What the leaves that were seen are to concepts, and the leaves.
    parts: Vec<(Part, u32)>,
    /// The position from which on the article is not read, if it is too much.
    pub(super) unread: Option<u32>,
    pub(super) found: Found,
    pub(super) candidates: Vec<u32>,
    pub(super) pool: Pool,
    pub(super) verdicts: Verdicts,
}

impl Scratch {
    /// What was left out of the last article that was judged, because it is too much.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits {
            unread_from: self.verdicts.unread_from,
            has_more_hits: self.verdicts.has_more,
        }
    }
}

/// Where a term stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// The field.
    pub field: Field,
    /// First byte in the field's plain text.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// The number of the concept that it is a term of.
    pub(super) concept: Option<u32>,
}

/// What an article matches, in lists that are used again.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    pub(super) list: Vec<Verdict>,
    pub(super) mentions: Vec<Mention>,
    /// Numbers of branches that held.
    pub(super) branches: Vec<u32>,
    pub(super) sightings: Sightings,
    /// Whether a match has more mentions than are told.
    pub(super) has_more: bool,
    /// Where the article stops being read, as a field and a byte.
    pub(super) unread_from: Option<(Field, u32)>,
}

impl Verdicts {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.mentions.clear();
        self.branches.clear();
        self.has_more = false;
        self.unread_from = None;
    }
}

/// A keyword that an article matches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    /// Its number in the engine.
    pub(super) keyword: u32,
    /// Its first mention and its first branch in [`Verdicts`].
    pub(super) mentions_from: usize,
    pub(super) branches_from: usize,
}

/// What a leaf is to a concept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    /// The number of the concept.
    concept: u32,
    is_anti_term: bool,
}

/// What leaves are to a concept, each with the leaf.
fn parts(number: u32, concept: &Concept) -> impl Iterator<Item = (u32, Part)> {
    let terms = concept.terms.iter().map(|&leaf| (leaf, false));
    let anti_terms = concept.anti_terms.iter().map(|&leaf| (leaf, true));
    terms.chain(anti_terms).map(move |(leaf, is_anti_term)| {
        let part = Part {
            concept: number,
            is_anti_term,
        };
        (leaf, part)
    })
}

/// Finds all mentions in an article.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    index: Index,
    patterns: Vec<Pattern>,
    /// The names of concepts, for people.
    concepts: Vec<String>,
    /// What each leaf is to concepts.
    parts_of: Lists<Part>,
    /// Leaves that are names of outlets, ascending.
    outlets: Vec<(u32, Outlet)>,
}

impl Scanner {
    /// How many concepts it knows.
    pub(super) const fn concept_count(&self) -> usize {
        self.concepts.len()
    }

    /// Takes the patterns and concepts of a vocabulary.
    pub(super) fn new(vocabulary: &mut Vocabulary, outlets: &[Leaf]) -> Self {
        let mut outlets: Vec<(u32, Outlet)> = outlets
            .iter()
            .map(|name| (vocabulary.leaf(name), Outlet::new(&name.words)))
            .collect();
        outlets.sort_by_key(|(leaf, _)| *leaf);
        outlets.dedup_by_key(|(leaf, _)| *leaf);
        let patterns = std::mem::take(&mut vocabulary.patterns);
        let choices = std::mem::take(&mut vocabulary.choices);
        let parts = (0..)
            .zip(&vocabulary.concepts)
            .flat_map(|(number, concept)| parts(number, concept))
            .collect();
        let concepts = vocabulary.concepts.iter();
        let concepts = concepts.map(|concept| concept.name.clone()).collect();
        Self {
            index: Index::new(&patterns, &vocabulary.leaf_of, &choices),
            patterns,
            parts_of: Lists::new(vocabulary.leaf_count(), parts),
            concepts,
            outlets,
        }
    }

    /// Fills `scratch.found` with all mentions in `article`. `fetch` is told of leaves that may be among them, ahead.
    pub(super) fn scan(&self, article: &Article<'_>, scratch: &mut Scratch, fetch: &impl Fn(u32)) {
        self.collect(article, scratch, fetch);
        self.consume_outlets(article, scratch);
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

    /// Every stretch that is a leaf, sorted by leaf and position, as far as the article can be read.
    fn collect(&self, article: &Article<'_>, scratch: &mut Scratch, fetch: &impl Fn(u32)) {
        scratch.sightings.clear();
        scratch.loose.clear();
        scratch.tried.1.clear();
        let mut lookups = std::mem::take(&mut scratch.lookups);
        let mut prune_at = FEW_LOOSE;
        let read = self.index.visit(
            article,
            &mut lookups,
            &|entry| {
                self.fetch(entry);
                fetch(entry.leaf);
            },
            &mut |at, entry| {
                if scratch.loose.len() > prune_at {
                    scratch.loose.sort_unstable();
                    scratch.loose.dedup();
                    prune_at = FEW_LOOSE.max(2 * scratch.loose.len());
                }
                let seen = scratch.sightings.len() + scratch.loose.len();
                if seen > MAX_MENTIONS || article.effort() > MAX_EFFORT {
                    return ControlFlow::Break(at);
                }
                self.try_entry(article, scratch, at, entry);
                ControlFlow::Continue(())
            },
        );
        scratch.lookups = lookups;
        scratch.unread = read.break_value();
        self.collect_loose(article, scratch);
        let sightings = &mut scratch.sightings;
        if let Some(unread) = scratch.unread {
            sightings.retain(|(_, stretch)| stretch.last <= unread);
        }
        sightings.sort_unstable();
        sightings.dedup();
    }

    /// Asks for the memory that an entry will need, without waiting for it.
    fn fetch(&self, entry: &Entry) {
        if entry.simple.is_none() {
            let pattern = self.patterns.get(entry.pattern as usize);
            black_box(pattern.map(|it| (it.slop, it.words.first().map(|word| word.kind))));
        }
    }

    /// Notes the pattern of an entry where it stands around a position.
    #[inline]
    fn try_entry(&self, article: &Article<'_>, scratch: &mut Scratch, at: u32, entry: &Entry) {
        let Some(word) = article.word(at) else {
            return;
        };
        if entry.is_inside {
            article.spend(1 + scratch.tried.1.len() as u64 / 16);
            if is_tried(&mut scratch.tried, at, entry.pattern) {
                return;
            }
        }
        match self.index.is_simply(entry, article.words, word) {
            Some(true) => {
                let stretch = Stretch::of(word, at);
                return scratch.sightings.push((entry.leaf, stretch));
            }
            Some(false) => return,
            None => {}
        }
        let Some(pattern) = self.patterns.get(entry.pattern as usize) else {
            return;
        };
        if pattern.slop > 0 {
            let place = (entry.pattern, entry.leaf, word.paragraph);
            if scratch.loose.last() != Some(&place) {
                scratch.loose.push(place);
            }
        } else if let Some(stretch) = pattern.around(article, usize::from(entry.anchor), at) {
            scratch.sightings.push((entry.leaf, stretch));
        }
    }

    /// Every stretch of patterns with slop, in the paragraphs that have their rarest word.
    fn collect_loose(&self, article: &Article<'_>, scratch: &mut Scratch) {
        scratch.loose.sort_unstable();
        scratch.loose.dedup();
        let end = scratch.unread.unwrap_or_else(|| article.end());
        let mut readable = self.readable(article, &scratch.loose, end);
        for &(id, leaf, paragraph) in &scratch.loose {
            let Some(pattern) = self.patterns.get(id as usize) else {
                continue;
            };
            let positions = article.positions_of(paragraph);
            let positions = positions.start..positions.end.min(readable);
            scratch.stretches.clear();
            pattern.loosely(article, &positions, &scratch.pool, &mut scratch.stretches);
            let found = scratch.stretches.iter().map(|&stretch| (leaf, stretch));
            scratch.sightings.extend(found);
            if scratch.sightings.len() > MAX_MENTIONS {
                readable = shorten(&mut scratch.sightings, MAX_MENTIONS / 2);
            }
        }
        if readable < end {
            scratch.unread = Some(readable);
        }
    }

    /// Up to where patterns with slop can be sought, at most to `end`.
    fn readable(
        &self,
        article: &Article<'_>,
        loose: &[(PatternId, u32, u32)],
        mut end: u32,
    ) -> u32 {
        let effort = |end: u32| {
            let each = loose.iter().map(|&(id, _, paragraph)| {
                let positions = article.positions_of(paragraph);
                let words = self
                    .patterns
                    .get(id as usize)
                    .map_or(0, |it| it.words.len());
                u64::from(positions.end.min(end).saturating_sub(positions.start)) * words as u64
            });
            each.sum::<u64>()
        };
        while end > 0 && effort(end) > MAX_EFFORT {
            end /= 2;
        }
        end
    }

    /// Removes what is said inside the name of an outlet.
    fn consume_outlets(&self, article: &Article<'_>, scratch: &mut Scratch) {
        if self.outlets.is_empty() {
            return;
        }
        let outlet = |leaf: u32| {
            let at = self.outlets.binary_search_by_key(&leaf, |(leaf, _)| *leaf);
            self.outlets.get(at.ok()?).map(|(_, outlet)| outlet)
        };
        let names = scratch.sightings.iter().filter_map(|&(leaf, stretch)| {
            outlet(leaf)?.is_named(article, &stretch).then_some(stretch)
        });
        scratch.consumers.clear();
        scratch.consumers.extend(names);
        let consumers = Consumers::new(&mut scratch.consumers);
        if !consumers.is_empty() {
            scratch
                .sightings
                .retain(|(_, stretch)| !consumers.exceed(stretch));
        }
    }

    /// Adds the concepts of which a term was seen outside of their anti-terms. It begins with what was seen, for a concept has
    /// hundreds of terms.
    fn find_concepts(&self, scratch: &mut Scratch) {
        let Scratch {
            parts,
            found,
            consumers,
            stretches,
            ..
        } = scratch;
        parts.clear();
        for leaf in found.seen_leaves() {
            parts.extend(self.parts_of.of(leaf).map(|part| (part, leaf)));
        }
        parts.sort_unstable();
        for of_one in parts.chunk_by(|(one, _), (other, _)| one.concept == other.concept) {
            let (terms, anti_terms) =
                of_one.split_at(of_one.partition_point(|(part, _)| !part.is_anti_term));
            let Some((Part { concept, .. }, _)) = terms.first() else {
                continue;
            };
            let all = |leaves: &[(Part, u32)], out: &mut Vec<Stretch>| {
                out.clear();
                for &(_, leaf) in leaves {
                    out.extend_from_slice(found.of(Signal::Leaf(leaf)));
                }
            };
            all(anti_terms, consumers);
            let consumers = Consumers::new(consumers);
            all(terms, stretches);
            stretches.retain(|stretch| !consumers.cover(stretch));
            sorted(stretches);
            if !stretches.is_empty() {
                found.add_concept(*concept, stretches);
            }
        }
    }

    /// The name of a concept for people.
    pub(super) fn concept_name(&self, number: u32) -> Option<&str> {
        self.concepts.get(number as usize).map(String::as_str)
    }
}

/// Whether a pattern was tried at a position before; it is from now on.
fn is_tried(tried: &mut (u32, Vec<PatternId>), at: u32, pattern: PatternId) -> bool {
    if tried.0 != at {
        *tried = (at, std::mem::take(&mut tried.1));
        tried.1.clear();
    }
    if tried.1.contains(&pattern) {
        return true;
    }
    tried.1.push(pattern);
    false
}
