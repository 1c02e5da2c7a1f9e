//! Mentions: where leaves and concepts are found in an article, and the arithmetic of their distances.

use std::ops::ControlFlow;

use super::{
    LEAD_WORDS,
    ast::{Proximity, TextField},
    pattern::{Article, Stretch, position},
    pool::{Placed, Pool},
};

/// Stretches sorted by first and last position, without doubles.
pub(super) fn sorted(stretches: &mut Vec<Stretch>) {
    stretches.sort_unstable();
    stretches.dedup();
}

/// Spans that consume what is inside them: by first position, ascending, each with the farthest last position of all
/// spans up to there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consumers<'a>(&'a [Stretch]);

impl<'a> Consumers<'a> {
    /// From spans in any order, whose list is used for it.
    pub(super) fn new(spans: &'a mut [Stretch]) -> Self {
        spans.sort_unstable();
        let mut farthest = 0;
        for span in spans.iter_mut() {
            farthest = farthest.max(span.last);
            span.last = farthest;
        }
        Self(spans)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The farthest last position of the spans that begin before `end`.
    fn reach_before(&self, end: u32) -> u32 {
        let count = self.0.partition_point(|span| span.first < end);
        count
            .checked_sub(1)
            .and_then(|at| self.0.get(at))
            .map_or(0, |span| span.last)
    }

    /// Whether a stretch lies inside a span, or is one.
    pub(super) fn cover(&self, stretch: &Stretch) -> bool {
        self.reach_before(stretch.first + 1) >= stretch.last
    }

    /// Whether a stretch lies inside a span that is longer.
    pub(super) fn exceed(&self, stretch: &Stretch) -> bool {
        self.reach_before(stretch.first) >= stretch.last
            || self.reach_before(stretch.first + 1) > stretch.last
    }
}

/// The stretches sorted by their last position. Where they are all of one word, that is how they are.
fn by_last<'a>(stretches: &'a [Stretch], pool: &'a Pool) -> Placed<'a> {
    let order = |stretch: &Stretch| (stretch.last, stretch.first);
    if stretches.is_sorted_by_key(order) {
        return Placed::Found(stretches);
    }
    let mut sorted = pool.copy(stretches);
    sorted.sort_unstable_by_key(order);
    Placed::Made(sorted)
}

/// Whether a stretch lies in a part of the text.
pub(super) fn is_in(article: &Article<'_>, field: TextField, stretch: &Stretch) -> bool {
    let is_in_title = stretch.last <= article.title_end();
    match field {
        TextField::Text => true,
        TextField::Title => is_in_title,
        TextField::Lead => {
            let (from, to) = article.body();
            let is_in_body = stretch.first >= from && stretch.last <= to;
            is_in_title
                || (is_in_body && article.between(from, stretch.last) <= position(LEAD_WORDS))
        }
    }
}

/// Two mentions that stand to each other as an operator asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) left: Stretch,
    /// None for `NOT NEAR`.
    pub(super) right: Option<Stretch>,
}

impl Pair {
    /// From the first to the last of both.
    pub(super) fn span(&self) -> Stretch {
        let Some(right) = self.right else {
            return self.left;
        };
        let (head, tail) = if right.first < self.left.first {
            (right, self.left)
        } else {
            (self.left, right)
        };
        Stretch {
            first: head.first,
            last: tail.last,
            start: head.start,
            end: tail.end,
        }
    }
}

/// The mentions of the right side of an operator, ready to be asked for neighbours.
struct Neighbours<'a> {
    article: &'a Article<'a>,
    by_first: &'a [Stretch],
    by_last: Placed<'a>,
}

impl<'a> Neighbours<'a> {
    fn new(article: &'a Article<'a>, by_first: &'a [Stretch], pool: &'a Pool) -> Self {
        Self {
            article,
            by_first,
            by_last: by_last(by_first, pool),
        }
    }

    /// The nearest that begins after `stretch`.
    fn after(&self, stretch: &Stretch) -> Option<Stretch> {
        let at = self
            .by_first
            .partition_point(|other| other.first < stretch.last);
        self.by_first.get(at).copied()
    }

    /// The nearest that ends before `stretch`.
    fn before(&self, stretch: &Stretch) -> Option<Stretch> {
        let count = self
            .by_last
            .partition_point(|other| other.last <= stretch.first);
        self.by_last.get(count.checked_sub(1)?).copied()
    }

    /// Whether two stretches, in order, are as near as the operator asks.
    fn is_near(&self, proximity: Proximity, head: &Stretch, tail: &Stretch) -> bool {
        let article = self.article;
        match proximity {
            Proximity::Near(n) | Proximity::Ordered(n) | Proximity::NotNear(n) => {
                article.between(head.last, tail.first) <= n
                    && article.paragraph(head.first) == article.paragraph(tail.first)
            }
            // What lies in two sentences was left out: see `Sides::within_sentences`.
            Proximity::Sentence => article.sentence(head.first) == article.sentence(tail.first),
            Proximity::Paragraph => article.paragraph(head.first) == article.paragraph(tail.first),
        }
    }

    /// The neighbours of `stretch` that are near enough: after it, before it.
    fn of(&self, proximity: Proximity, stretch: &Stretch) -> (Option<Stretch>, Option<Stretch>) {
        let after = self
            .after(stretch)
            .filter(|other| self.is_near(proximity, stretch, other));
        let before = self
            .before(stretch)
            .filter(|other| self.is_near(proximity, other, stretch));
        (after, before)
    }
}

/// The two sides of an operator in an article, both sorted by first position.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) article: &'a Article<'a>,
    pub(super) left: &'a [Stretch],
    pub(super) right: &'a [Stretch],
    pub(super) pool: &'a Pool,
}

impl Sides<'_> {
    /// Without mentions that lie in more than one sentence: the nearest of them would hide others that lie in the same
    /// sentence as a mention of the other side.
    fn within_sentences<T>(&self, ask: impl FnOnce(&Sides<'_>) -> T) -> T {
        let is_in_one = |stretch: &&Stretch| {
            self.article.sentence(stretch.first) == self.article.sentence(stretch.last - 1)
        };
        let (mut left, mut right) = (self.pool.list(), self.pool.list());
        left.extend(self.left.iter().filter(is_in_one));
        right.extend(self.right.iter().filter(is_in_one));
        ask(&Sides {
            left: &left,
            right: &right,
            ..*self
        })
    }

    /// Whether any pair holds.
    pub(super) fn has_pair(&self, proximity: Proximity) -> bool {
        let is_ordered = matches!(proximity, Proximity::Ordered(_));
        match proximity {
            // The nearest of the other side is near, or none is: it is enough to ask for each of the fewer.
            Proximity::Near(_) | Proximity::Ordered(_) | Proximity::Paragraph
                if self.right.len() < self.left.len() =>
            {
                let lefts = Neighbours::new(self.article, self.left, self.pool);
                self.right.iter().any(|right| {
                    let (after, before) = lefts.of(proximity, right);
                    before.is_some() || (!is_ordered && after.is_some())
                })
            }
            _ => self
                .pairs(proximity, &mut |_| ControlFlow::Break(()))
                .is_break(),
        }
    }

    /// Visits all pairs of nearest neighbours that hold, seen from each mention of either side, until one visit breaks.
    /// The work grows with the lengths of the sides, not with the pairs.
    pub(super) fn pairs(
        &self,
        proximity: Proximity,
        visit: &mut impl FnMut(Pair) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match proximity {
            Proximity::NotNear(_) => self.lonely(proximity, visit),
            Proximity::Sentence => {
                self.within_sentences(|sides| sides.neighbours(proximity, visit))
            }
            _ => self.neighbours(proximity, visit),
        }
    }

    /// The pairs of neighbours.
    fn neighbours(
        &self,
        proximity: Proximity,
        visit: &mut impl FnMut(Pair) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let is_ordered = matches!(proximity, Proximity::Ordered(_));
        let mut has_any = false;
        let rights = Neighbours::new(self.article, self.right, self.pool);
        for &left in self.left {
            let (after, before) = rights.of(proximity, &left);
            for right in after.into_iter().chain(before.filter(|_| !is_ordered)) {
                has_any = true;
                let right = Some(right);
                visit(Pair { left, right })?;
            }
        }
        if !has_any {
            return ControlFlow::Continue(());
        }
        let lefts = Neighbours::new(self.article, self.left, self.pool);
        for &right in self.right {
            let (after, before) = lefts.of(proximity, &right);
            for left in before.into_iter().chain(after.filter(|_| !is_ordered)) {
                let right = Some(right);
                visit(Pair { left, right })?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The mentions of the left that have none of the right near them. One that overlaps is as near as can be.
    fn lonely(
        &self,
        proximity: Proximity,
        visit: &mut impl FnMut(Pair) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let rights = Neighbours::new(self.article, self.right, self.pool);
        let mut spans = self.pool.copy(self.right);
        let overlapping = Consumers::new(&mut spans);
        for &left in self.left {
            let is_alone = rights.of(proximity, &left) == (None, None)
                && overlapping.reach_before(left.last) <= left.first;
            if is_alone {
                visit(Pair { left, right: None })?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The fewest words between a mention of each in one paragraph; none if no paragraph has both.
    pub(super) fn smallest_gap(&self, is_ordered: bool) -> Option<u32> {
        let rights = Neighbours::new(self.article, self.right, self.pool);
        self.left
            .iter()
            .flat_map(|mention| {
                let (after, before) = rights.of(Proximity::Paragraph, mention);
                let before = before.filter(|_| !is_ordered);
                [
                    after.map(|other| self.article.between(mention.last, other.first)),
                    before.map(|other| self.article.between(other.last, mention.first)),
                ]
            })
            .flatten()
            .min()
    }
}

/// How many of the stretches, sorted by first position, can be taken so that no two overlap.
pub(super) fn count_apart(stretches: &[Stretch], pool: &Pool) -> usize {
    let mut end = 0;
    by_last(stretches, pool)
        .iter()
        .filter(|stretch| {
            let is_apart = stretch.first >= end;
            if is_apart {
                end = stretch.last;
            }
            is_apart
        })
        .count()
}
