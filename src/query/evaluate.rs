//! The evaluator: whether a compiled query holds for an article, and which mentions made it so.

use std::ops::ControlFlow;

use super::{
    ast::{Proximity, TextField},
    compile::{Expr, Places, Signal},
    hits::Sightings,
    mentions::{Sides, count_apart, is_in, sorted},
    pattern::{Article, Stretch},
    pool::{Placed, Pool},
};
use crate::domain::Facts;

/// All mentions in an article: of leaves, and of concepts without what was consumed.
#[derive(Debug, Default)]
pub(super) struct Found {
    stretches: Vec<Stretch>,
    /// Leaves that were seen, ascending, each with its range of `stretches`.
    leaves: Vec<(u32, usize, usize)>,
    /// Concepts that were seen, ascending, each with its range of `stretches`.
    concepts: Vec<(u32, usize, usize)>,
}

impl Found {
    pub(super) fn clear(&mut self) {
        self.stretches.clear();
        self.leaves.clear();
        self.concepts.clear();
    }

    /// Adds a leaf with its mentions, sorted. Leaves come in ascending order.
    pub(super) fn add_leaf(&mut self, leaf: u32, stretches: impl Iterator<Item = Stretch>) {
        let from = self.stretches.len();
        self.stretches.extend(stretches);
        self.leaves.push((leaf, from, self.stretches.len()));
    }

    /// Adds a concept with its mentions, sorted. Concepts come in ascending order.
    pub(super) fn add_concept(&mut self, concept: u32, stretches: &[Stretch]) {
        let from = self.stretches.len();
        self.stretches.extend_from_slice(stretches);
        self.concepts.push((concept, from, self.stretches.len()));
    }

    /// The leaves that were seen.
    pub(super) fn seen_leaves(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        self.leaves.iter().map(|&(leaf, _, _)| leaf)
    }

    /// The concepts that were seen.
    pub(super) fn seen_concepts(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        self.concepts.iter().map(|&(concept, _, _)| concept)
    }

    /// How many mentions there are.
    pub(super) const fn len(&self) -> usize {
        self.stretches.len()
    }

    /// Takes out every mention that does not end before a position.
    pub(super) fn shorten(&mut self, end: u32) {
        let mut kept = 0;
        for (_, from, to) in self.leaves.iter_mut().chain(&mut self.concepts) {
            let start = kept;
            for at in *from..*to {
                if let Some(&stretch) = self.stretches.get(at)
                    && stretch.last <= end
                    && let Some(place) = self.stretches.get_mut(kept)
                {
                    *place = stretch;
                    kept += 1;
                }
            }
            (*from, *to) = (start, kept);
        }
        self.stretches.truncate(kept);
    }

    /// The mentions that are compared at most to judge by `expr`.
    pub(super) fn cost(&self, expr: &Expr) -> u64 {
        match expr {
            Expr::Always | Expr::Fact(_) | Expr::Somewhere(Places::One(_, TextField::Text)) => 0,
            Expr::Not(part) => self.cost(part),
            Expr::And(parts) | Expr::Or(parts) | Expr::Of(_, parts) => {
                let each = parts.iter().map(|part| self.cost(part));
                each.fold(0, u64::saturating_add)
            }
            Expr::Somewhere(places) | Expr::AtLeast(_, places) => self.cost_of(places).0,
        }
    }

    /// The mentions that are compared to find places, and how many places there may be.
    fn cost_of(&self, places: &Places) -> (u64, u64) {
        match places {
            Places::One(signal, _) => {
                let count = self.of(*signal).len() as u64;
                (count, count)
            }
            Places::Any(parts) => parts.iter().map(|part| self.cost_of(part)).fold(
                (0, 0),
                |(cost, count), (more, many)| {
                    (cost.saturating_add(more), count.saturating_add(many))
                },
            ),
            Places::Near(_, left, right) => {
                let (left, right) = (self.cost_of(left), self.cost_of(right));
                let count = left.1.saturating_add(right.1);
                let cost = left.0.saturating_add(right.0).saturating_add(count);
                (cost, count)
            }
        }
    }

    /// The mentions of a leaf or concept, sorted.
    pub(super) fn of(&self, signal: Signal) -> &[Stretch] {
        let (list, number) = match signal {
            Signal::Leaf(leaf) => (&self.leaves, leaf),
            Signal::Concept(concept) => (&self.concepts, concept),
        };
        list.binary_search_by_key(&number, |&(number, _, _)| number)
            .ok()
            .and_then(|at| list.get(at))
            .and_then(|&(_, from, to)| self.stretches.get(from..to))
            .unwrap_or_default()
    }
}

/// An article ready to be judged.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'a> {
    pub(super) article: &'a Article<'a>,
    pub(super) found: &'a Found,
    pub(super) facts: &'a Facts<'a>,
    pub(super) pool: &'a Pool,
}

impl<'a> Evaluation<'a> {
    /// Whether the query holds.
    pub(super) fn holds(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Always => true,
            Expr::Fact(test) => test.holds(self.facts),
            Expr::Somewhere(places) => self.is_somewhere(places),
            Expr::Not(part) => !self.holds(part),
            Expr::And(parts) => parts.iter().all(|part| self.holds(part)),
            Expr::Or(parts) => parts.iter().any(|part| self.holds(part)),
            Expr::AtLeast(count, places) => {
                count_apart(&self.places(places), self.pool) >= *count as usize
            }
            Expr::Of(count, parts) => {
                let holding = parts
                    .iter()
                    .filter(|part| self.holds(part))
                    .take(*count as usize);
                holding.count() >= *count as usize
            }
        }
    }

    fn is_somewhere(&self, places: &Places) -> bool {
        match places {
            Places::One(signal, field) => self
                .found
                .of(*signal)
                .iter()
                .any(|stretch| is_in(self.article, *field, stretch)),
            Places::Any(parts) => parts.iter().any(|part| self.is_somewhere(part)),
            Places::Near(proximity, left, right) => {
                self.is_somewhere(left)
                    && (matches!(proximity, Proximity::NotNear(_)) || self.is_somewhere(right))
                    && self
                        .sides(&self.places(left), &self.places(right))
                        .has_pair(*proximity)
            }
        }
    }

    const fn sides<'b>(&'b self, left: &'b [Stretch], right: &'b [Stretch]) -> Sides<'b> {
        Sides {
            article: self.article,
            left,
            right,
            pool: self.pool,
        }
    }

    /// All places, sorted by position, without doubles.
    pub(super) fn places(&self, places: &Places) -> Placed<'a> {
        if let Places::One(signal, TextField::Text) = places {
            return Placed::Found(self.found.of(*signal));
        }
        let mut out = self.pool.list();
        self.add_places(places, &mut out);
        sorted(&mut out);
        Placed::Made(out)
    }

    fn add_places(&self, places: &Places, out: &mut Vec<Stretch>) {
        match places {
            Places::One(signal, field) => out.extend(
                self.found
                    .of(*signal)
                    .iter()
                    .filter(|stretch| is_in(self.article, *field, stretch)),
            ),
            Places::Any(parts) => {
                for part in parts {
                    self.add_places(part, out);
                }
            }
            Places::Near(proximity, left, right) => {
                let (left, right) = (self.places(left), self.places(right));
                let _ = self.sides(&left, &right).pairs(*proximity, &mut |pair| {
                    out.push(pair.span());
                    ControlFlow::Continue(())
                });
            }
        }
    }

    /// The mentions that make a query true that holds: all of the terms that hold, for NEAR those that are near.
    pub(super) fn sightings(&self, expr: &Expr, out: &mut Sightings) {
        match expr {
            Expr::Always | Expr::Fact(_) | Expr::Not(_) => {}
            Expr::Somewhere(places) | Expr::AtLeast(_, places) => {
                self.sightings_at(places, None, out);
            }
            Expr::And(parts) => {
                for part in parts {
                    self.sightings(part, out);
                }
            }
            Expr::Or(parts) | Expr::Of(_, parts) => {
                for part in parts.iter().filter(|part| self.holds(part)) {
                    self.sightings(part, out);
                }
            }
        }
    }

    /// The mentions at places; with `kept`, sorted, only those of places that are among them.
    fn sightings_at(&self, places: &Places, kept: Option<&[Stretch]>, out: &mut Sightings) {
        let is_kept =
            |stretch: &Stretch| kept.is_none_or(|kept| kept.binary_search(stretch).is_ok());
        match places {
            Places::One(signal, field) => {
                if kept.is_none() && out.has_all(*signal, *field) {
                    return;
                }
                let found = self.found.of(*signal).iter();
                let kept = found
                    .filter(|stretch| is_in(self.article, *field, stretch) && is_kept(stretch));
                out.add(*signal, kept.copied());
            }
            Places::Any(parts) => {
                for part in parts {
                    self.sightings_at(part, kept, out);
                }
            }
            Places::Near(proximity, left, right) => {
                let (mut lefts, mut rights) = (self.pool.list(), self.pool.list());
                {
                    let (left, right) = (self.places(left), self.places(right));
                    let _ = self.sides(&left, &right).pairs(*proximity, &mut |pair| {
                        if is_kept(&pair.span()) {
                            lefts.push(pair.left);
                            rights.extend(pair.right);
                        }
                        ControlFlow::Continue(())
                    });
                }
                sorted(&mut lefts);
                sorted(&mut rights);
                self.sightings_at(left, Some(&lefts), out);
                self.sightings_at(right, Some(&rights), out);
            }
        }
    }
}
