//! What a change gains and loses in stories: a story is under a query while one of its articles at least is.

use std::collections::HashMap;

use super::comparison::{Compared, QueryTally};
use crate::domain::StoryId;

/// Stories under each query as it was and as it is to be, from articles that come in any order.
#[derive(Debug, Clone, Default)]
pub struct StoryTally {
    seen: HashMap<(usize, StoryId), Seen>,
    queries: Vec<QueryTally>,
}

/// What the articles of a story that came so far say of it under one query.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Whether one matched, and is to match.
    matched: Sides,
    /// Whether one was met that is lost, and one that is gained.
    told: Sides,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sides {
    before: bool,
    after: bool,
}

impl StoryTally {
    /// Nothing yet, under so many queries.
    #[must_use]
    pub fn new(queries: usize) -> Self {
        Self {
            seen: HashMap::new(),
            queries: vec![QueryTally::default(); queries],
        }
    }

    /// Counts an article of a story; one without a story is one of its own. Returns the queries that gain or lose it and
    /// gained or lost an article of its story before: there it is folded.
    pub fn add(&mut self, compared: &Compared, story: Option<StoryId>) -> Vec<usize> {
        let mut folded = Vec::new();
        for pair in &compared.pairs {
            let Some(tally) = self.queries.get_mut(pair.query) else {
                continue;
            };
            let mut alone = Seen::default();
            let seen = match story {
                Some(story) => self.seen.entry((pair.query, story)).or_default(),
                None => &mut alone,
            };
            let was = *seen;
            seen.matched.before |= pair.before.is_some();
            seen.matched.after |= pair.after.is_some();
            seen.told.before |= pair.is_lost();
            seen.told.after |= pair.is_gained();
            let is_folded =
                (pair.is_gained() && was.told.after) || (pair.is_lost() && was.told.before);
            if is_folded {
                folded.push(pair.query);
            }
            count(tally, was.matched, seen.matched);
        }
        folded
    }

    /// What came of each query, in their order. As long as articles come, a story that was gained may turn out to have
    /// been there.
    #[must_use]
    pub fn queries(&self) -> &[QueryTally] {
        &self.queries
    }

    /// All queries together.
    #[must_use]
    pub fn whole(&self) -> QueryTally {
        QueryTally::sum(&self.queries)
    }
}

/// Takes what was known of a story out of a tally, and puts in what is.
fn count(tally: &mut QueryTally, was: Sides, is: Sides) {
    let change = |number: &mut u64, of: fn(Sides) -> bool| {
        *number = *number + u64::from(of(is)) - u64::from(of(was));
    };
    change(&mut tally.before, |sides| sides.before);
    change(&mut tally.after, |sides| sides.after);
    change(&mut tally.gained, |sides| sides.after && !sides.before);
    change(&mut tally.lost, |sides| sides.before && !sides.after);
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{ArticleMatch, KeywordId},
        query::comparison::Pair,
    };

    fn compared(query: usize, before: bool, after: bool) -> Compared {
        let found = |is_found: bool| {
            is_found.then(|| ArticleMatch {
                keyword_id: KeywordId::new(0),
                version: 1,
                hits: Vec::new(),
                why: String::new(),
            })
        };
        let mut compared = Compared::default();
        compared.pairs.push(Pair {
            query,
            before: found(before),
            after: found(after),
        });
        compared
    }

    #[test]
    fn a_story_is_gained_only_if_none_of_its_articles_was_there() {
        let mut tally = StoryTally::new(1);
        let story = Some(StoryId::new(7));
        assert_eq!(
            tally.add(&compared(0, false, true), story),
            [] as [usize; 0]
        );
        assert_eq!(tally.whole().gained, 1);
        assert_eq!(tally.add(&compared(0, false, true), story), [0]);
        assert_eq!(tally.whole().gained, 1, "the second article is folded");
        tally.add(&compared(0, true, true), story);
        let QueryTally {
            before,
            after,
            gained,
            lost,
        } = tally.whole();
        assert_eq!((before, after, gained, lost), (1, 1, 0, 0));
    }

    proptest! {
        #[test]
        fn stories_are_counted_as_sets_of_them_are(
            articles in prop::collection::vec(
                (0..3_usize, prop::option::of(0..6_i64), any::<bool>(), any::<bool>()), 0..60)
        ) {
            let mut tally = StoryTally::new(3);
            let mut sets: BTreeMap<usize, [BTreeSet<i64>; 2]> = BTreeMap::new();
            let mut lines = BTreeSet::new();
            for (at, &(query, story, before, after)) in (100..).zip(&articles) {
                let folded = tally.add(&compared(query, before, after), story.map(StoryId::new));
                let own = story.unwrap_or(at);
                let is_new = before == after || lines.insert((query, own, after));
                prop_assert_eq!(folded.is_empty(), is_new);
                let [old, new] = sets.entry(query).or_default();
                if before { old.insert(own); }
                if after { new.insert(own); }
            }
            for (query, [old, new]) in &sets {
                let size = |set: usize| u64::try_from(set).unwrap_or(u64::MAX);
                let expected = QueryTally {
                    before: size(old.len()),
                    after: size(new.len()),
                    gained: size((new - old).len()),
                    lost: size((old - new).len()),
                };
                prop_assert_eq!(tally.queries()[*query], expected);
            }
        }
    }
}
