//! The window: what is remembered of the latest reports, the index that finds candidates among them, and the stories
//! that they form. Bounded in reports; what leaves it stays where it was placed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    copy,
    decisions::Decisions,
    fnv::FnvMap,
    placement::{self, Candidate, Likeness, Original, Placement, Reason, Shared, Verdict},
    postings::Postings,
    report::{Term, Traits},
    tuning,
    vector::{self, Rarity, Weight},
};

/// Terms by which a report can be found: its rarest.
const INDEXED_TERMS: usize = 24;
/// Things by which it can be found from other languages.
const INDEXED_CARRIED: usize = 12;
/// How many of the newest reports with a term are looked at.
const PER_TERM: usize = 48;
/// How many are looked at in all, by the rarest terms first: what bounds the time of a report in a large window.
const MAX_VISITED: usize = 512;
/// Reports that are compared word by word.
const MAX_COMPARED: usize = 32;
/// One run of words in so many is indexed; which one depends on its letters alone, so that copies agree.
const SHINGLE_SAMPLE: u32 = 4;
/// Indexed runs of a report that are looked up.
const MAX_SHINGLES: usize = 64;
/// How many of the newest reports with a run of words are looked at.
const PER_SHINGLE: usize = 8;
/// Reports that are compared as copies.
const MAX_COPIES_COMPARED: usize = 8;
/// Terms that are kept of the middle of a story.
const MIDDLE_TERMS: usize = 128;

/// A report in the window.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) key: i64,
    pub(super) traits: Traits,
    /// Of length one, within its language.
    pub(super) vector: Vec<Weight>,
    /// Of length one, across languages.
    pub(super) carried: Vec<Weight>,
    pub(super) story: i64,
    pub(super) copy_of: Option<i64>,
}

/// A story with members in the window.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// Numbers of its members in the window, in order of arrival.
    pub(super) members: Vec<u32>,
    /// What its members say in the middle, by language.
    pub(super) middles: BTreeMap<[u8; 2], Middle>,
    /// Sum of what holds in any language.
    pub(super) carried: Middle,
    /// First and last date of its members; none while none has one.
    pub(super) span: Option<(i64, i64)>,
    /// Members that are no copies.
    pub(super) originals: usize,
}

/// The sum of the vectors of a story's members in one language.
#[derive(Debug, Default)]
pub(super) struct Middle {
    sum: Vec<Weight>,
    count: f32,
}

impl Middle {
    pub(super) fn sum(&self) -> &[Weight] {
        &self.sum
    }

    /// What a product with the sum is divided by: between the length of the sum (the cosine with the middle, which grows
    /// as a story does) and the number of members (the mean cosine with the members, which shrinks).
    pub(super) fn breadth(&self) -> f32 {
        let share = tuning::LINKAGE;
        (vector::length(&self.sum).powf(share) * self.count.powf(1.0 - share)).max(f32::EPSILON)
    }

    /// How like the others a member is; none if there are no others.
    pub(super) fn without(&self, vector: &[Weight]) -> Option<f32> {
        let rest = self.count - 1.0;
        if rest < 1.0 {
            return None;
        }
        let product = vector::product(vector, &self.sum);
        let square = vector::length(&self.sum).powi(2) - 2.0 * product + 1.0;
        let breadth =
            square.max(0.0).sqrt().powf(tuning::LINKAGE) * rest.powf(1.0 - tuning::LINKAGE);
        Some((product - 1.0) / breadth.max(f32::EPSILON))
    }

    fn add(&mut self, vector: &[Weight], count: f32) {
        self.sum = pruned(vector::sum(&self.sum, vector, count.signum()));
        self.count += count;
    }
}

/// What came of a second look or a decision, beyond the placement of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// A story ended in another one, which took its members.
    Merged {
        /// The story that ended.
        from: i64,
        /// The story that took its members.
        into: i64,
        /// Why.
        reason: Reason,
    },
    /// A report left its story for another one.
    Left {
        /// The report.
        key: i64,
        /// The story that it left.
        from: i64,
        /// Its story now.
        into: i64,
    },
}

/// The latest reports, and the stories that they form.
#[derive(Debug)]
pub struct Window {
    capacity: usize,
    pub(super) members: VecDeque<Member>,
    /// The stories of the members once more, close together: what the index finds is first of all asked for its story.
    story_of: VecDeque<i64>,
    /// Number of the first member.
    pub(super) base: u32,
    by_key: FnvMap<i64, u32>,
    pub(super) stories: FnvMap<i64, Story>,
    pub(super) terms: Postings,
    shingles: Postings,
    headlines: Postings,
    rarity: Rarity,
    pub(super) decisions: Decisions,
    next_story: i64,
    /// Stories that changed since they were last compared with others.
    pub(super) changed: BTreeSet<i64>,
    /// Reports that the weights of all others were last worked out with.
    weighed_at: usize,
    seen: usize,
}

impl Window {
    /// A window over `capacity` reports. New stories are numbered from `next_story` on.
    #[must_use]
    pub fn new(capacity: usize, next_story: i64, decisions: Decisions) -> Self {
        Self {
            capacity: capacity.max(1),
            members: VecDeque::new(),
            story_of: VecDeque::new(),
            base: 0,
            by_key: FnvMap::default(),
            stories: FnvMap::default(),
            terms: Postings::keeping(PER_TERM),
            shingles: Postings::keeping(PER_SHINGLE),
            headlines: Postings::keeping(PER_SHINGLE),
            rarity: Rarity::default(),
            decisions,
            next_story,
            changed: BTreeSet::new(),
            weighed_at: 0,
            seen: 0,
        }
    }

    /// Reports in the window.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it holds no report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The story and the original of a report; none once it left the window.
    #[must_use]
    pub fn placed(&self, key: i64) -> Option<(i64, Option<i64>)> {
        let member = self.member(*self.by_key.get(&key)?)?;
        Some((member.story, member.copy_of))
    }

    /// What the desk decided.
    #[must_use]
    pub const fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// Places a report, and remembers it. The placement names its story, a new one included.
    pub fn place(&mut self, key: i64, traits: Traits) -> Placement {
        let (vector, carried) = self.weigh(&traits);
        let originals = self.originals(key, &traits);
        let candidates = self.candidates(key, &traits, &vector, &carried);
        let mut placement = placement::decide(&originals, &candidates, self.put_together(key));
        let story = placement.story.unwrap_or_else(|| self.new_story());
        placement.story = Some(story);
        self.remember(Member {
            key,
            traits,
            vector,
            carried,
            story,
            copy_of: placement.copy_of,
        });
        self.changed.insert(story);
        placement
    }

    /// Remembers a report that was placed before, in order of arrival: how another process takes over.
    pub fn restore(&mut self, key: i64, traits: Traits, story: i64, copy_of: Option<i64>) {
        let (vector, carried) = self.weigh(&traits);
        self.next_story = self.next_story.max(story + 1);
        self.remember(Member {
            key,
            traits,
            vector,
            carried,
            story,
            copy_of,
        });
    }

    /// The last number given to a story.
    #[must_use]
    pub const fn last_story(&self) -> i64 {
        self.next_story - 1
    }

    /// Takes over what others decided since: the decisions, and for each report of `standing` its story and original.
    pub fn follow(
        &mut self,
        decisions: Decisions,
        next_story: i64,
        standing: &[(i64, i64, Option<i64>)],
    ) {
        self.decisions = decisions;
        self.next_story = self.next_story.max(next_story);
        for (key, story, copy_of) in standing {
            let Some((before, original)) = self.placed(*key) else {
                continue;
            };
            if before != *story {
                self.transfer(*key, *story);
            }
            if original != *copy_of
                && let Some(number) = self.by_key.get(key).copied()
                && let Some(member) = self.member_mut(number)
            {
                member.copy_of = *copy_of;
            }
        }
    }

    /// What two reports are to each other, with the rarity of words that this window has seen: a copy, one story where
    /// the second would join the first as it arrives, or neither. The keys in the reason are those of neither.
    #[must_use]
    pub fn judge(&self, a: &Traits, b: &Traits) -> (Verdict, Reason) {
        if let Some(evidence) = copy::compare(a, b) {
            return (Verdict::Copy, Reason::Copy { of: 0, evidence });
        }
        let both = |of: &dyn Fn(&Traits) -> &[Term]| {
            [a, b].map(|traits| self.rarity.vector(traits.language, of(traits)))
        };
        let likeness = if a.language == b.language {
            let [one, other] = both(&|traits| &traits.terms);
            let cosine = vector::product(&one, &other);
            Likeness::Within {
                best: cosine,
                middle: cosine,
                words: vector::words_in_common(&one, &other),
            }
        } else {
            let [one, other] = both(&|traits| &traits.carried);
            Likeness::Across {
                cosine: vector::product(&one, &other),
                shared: Shared::of(&one, &other),
            }
        };
        let candidate = Candidate {
            story: 0,
            member: 0,
            likeness,
            gap: gap(date(a).map(|at| (at, at)), date(b).map(|at| (at, at))),
        };
        let verdict = match placement::decide(&[], &[candidate], None).story {
            Some(_) => Verdict::SameStory,
            None => Verdict::Different,
        };
        (verdict, candidate.reason())
    }

    /// Lets words count as used without remembering the report: for judging pairs.
    pub fn count(&mut self, traits: &Traits) {
        self.rarity.add(traits.language, term_ids(traits));
    }

    pub(super) fn new_story(&mut self) -> i64 {
        let story = self.next_story;
        self.next_story += 1;
        story
    }

    pub(super) fn member(&self, number: u32) -> Option<&Member> {
        self.members.get(number.checked_sub(self.base)? as usize)
    }

    fn member_mut(&mut self, number: u32) -> Option<&mut Member> {
        self.members
            .get_mut(number.checked_sub(self.base)? as usize)
    }

    fn weigh(&mut self, traits: &Traits) -> (Vec<Weight>, Vec<Weight>) {
        self.rarity.add(traits.language, term_ids(traits));
        (
            self.rarity.vector(traits.language, &traits.terms),
            self.rarity.vector(traits.language, &traits.carried),
        )
    }

    /// The story that the desk put this report in.
    fn put_together(&self, key: i64) -> Option<i64> {
        self.decisions
            .together_with(key)
            .iter()
            .find_map(|other| self.placed(*other))
            .map(|(story, _)| story)
    }

    /// Whether the desk keeps this report out of that story.
    fn is_kept_out(&self, key: i64, story: i64) -> bool {
        self.decisions.apart_from(key).iter().any(|other| {
            self.placed(*other)
                .is_some_and(|(theirs, _)| theirs == story)
        })
    }

    /// Reports of the window that this one may be a copy of.
    fn originals(&self, key: i64, traits: &Traits) -> Vec<Original> {
        let mut found: FnvMap<u32, u32> = FnvMap::default();
        for shingle in sample(&traits.shingles).take(MAX_SHINGLES) {
            for number in self.shingles.newest(shingle) {
                *found.entry(number).or_default() += 1;
            }
        }
        for number in self.headlines.newest(headline_key(traits)) {
            *found.entry(number).or_default() += 4;
        }
        strongest(found, MAX_COPIES_COMPARED)
            .into_iter()
            .filter_map(|(number, _)| {
                let member = self.member(number)?;
                let evidence = copy::compare(traits, &member.traits)?;
                let original = member.copy_of.unwrap_or(member.key);
                (!self.is_kept_out(key, member.story)).then_some(Original {
                    key: original,
                    story: member.story,
                    evidence,
                })
            })
            .collect()
    }

    /// Stories of the window that this report may belong to.
    fn candidates(
        &self,
        key: i64,
        traits: &Traits,
        vector: &[Weight],
        carried: &[Weight],
    ) -> Vec<Candidate> {
        let mut found: FnvMap<u32, f32> = FnvMap::default();
        let keys = rarest(vector, INDEXED_TERMS)
            .into_iter()
            .chain(rarest(carried, INDEXED_CARRIED));
        for (number, key) in self.visit(keys) {
            *found.entry(number).or_default() += key.weight * key.weight;
        }
        let mut best: BTreeMap<i64, (i64, f32)> = BTreeMap::new();
        for (number, _) in strongest(found, MAX_COMPARED) {
            let Some(member) = self.member(number) else {
                continue;
            };
            let cosine = if member.traits.language == traits.language {
                vector::product(vector, &member.vector)
            } else {
                0.0
            };
            let entry = best.entry(member.story).or_insert((member.key, cosine));
            if cosine > entry.1 {
                *entry = (member.key, cosine);
            }
        }
        best.into_iter()
            .filter(|(story, _)| !self.is_kept_out(key, *story))
            .filter_map(|(id, (member, best))| {
                let story = self.stories.get(&id)?;
                let likeness = match story.middles.get(&traits.language) {
                    Some(middle) => Likeness::Within {
                        best,
                        middle: vector::product(vector, middle.sum()) / middle.breadth(),
                        words: vector::words_in_common(vector, middle.sum()),
                    },
                    None => Likeness::Across {
                        cosine: vector::product(carried, story.carried.sum())
                            / story.carried.breadth(),
                        shared: Shared::of(carried, story.carried.sum()),
                    },
                };
                Some(Candidate {
                    story: id,
                    member,
                    likeness,
                    gap: gap(date(traits).map(|at| (at, at)), story.span),
                })
            })
            .collect()
    }

    /// The newest reports with each of these terms, and the term's weight, as far as the bound on visits allows.
    pub(super) fn visit(
        &self,
        keys: impl Iterator<Item = Weight>,
    ) -> impl Iterator<Item = (u32, Weight)> {
        keys.flat_map(|key| {
            let reports = self.terms.newest(key.id);
            reports.map(move |number| (number, key))
        })
        .take(MAX_VISITED)
    }

    /// The story of the report with this number.
    pub(super) fn story_at(&self, number: u32) -> Option<i64> {
        self.story_of
            .get(number.checked_sub(self.base)? as usize)
            .copied()
    }

    fn set_story(&mut self, number: u32, story: i64) {
        let Some(index) = number.checked_sub(self.base).map(|index| index as usize) else {
            return;
        };
        if let (Some(member), Some(entry)) =
            (self.members.get_mut(index), self.story_of.get_mut(index))
        {
            member.story = story;
            *entry = story;
        }
    }

    fn remember(&mut self, member: Member) {
        while self.members.len() >= self.capacity {
            self.forget_oldest();
        }
        let number = self.base + u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        self.by_key.insert(member.key, number);
        let mut keys: Vec<u32> = rarest(&member.vector, INDEXED_TERMS)
            .into_iter()
            .chain(rarest(&member.carried, INDEXED_CARRIED))
            .map(|weight| weight.id)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        self.terms.add(number, keys.into_iter());
        self.shingles
            .add(number, sample(&member.traits.shingles).take(MAX_SHINGLES));
        self.headlines
            .add(number, std::iter::once(headline_key(&member.traits)));
        self.stories
            .entry(member.story)
            .or_default()
            .take_in(&member, number);
        self.story_of.push_back(member.story);
        self.members.push_back(member);
        self.seen += 1;
        // All weights are worked out anew whenever the window has doubled, and once in a full turn after that.
        if self.seen
            >= (self.weighed_at * 2)
                .min(self.weighed_at + self.capacity)
                .max(200)
        {
            self.weigh_anew();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(member) = self.members.pop_front() else {
            return;
        };
        self.story_of.pop_front();
        self.rarity
            .remove(member.traits.language, term_ids(&member.traits));
        self.by_key.remove(&member.key);
        if let Some(story) = self.stories.get_mut(&member.story) {
            story.let_go(&member, self.base);
            if story.members.is_empty() {
                self.stories.remove(&member.story);
                self.changed.remove(&member.story);
            }
        }
        self.base += 1;
        self.terms.forget_before(self.base);
        self.shingles.forget_before(self.base);
        self.headlines.forget_before(self.base);
    }

    fn weigh_anew(&mut self) {
        self.weighed_at = self.seen;
        for story in self.stories.values_mut() {
            story.middles.clear();
            story.carried = Middle::default();
        }
        for member in &mut self.members {
            member.vector = self
                .rarity
                .vector(member.traits.language, &member.traits.terms);
            member.carried = self
                .rarity
                .vector(member.traits.language, &member.traits.carried);
            if let Some(story) = self.stories.get_mut(&member.story) {
                story.add_vectors(member);
            }
        }
    }

    /// Moves every member of `from` into `into`.
    pub(super) fn merge(&mut self, from: i64, into: i64) {
        let Some(ended) = self.stories.remove(&from) else {
            return;
        };
        for number in &ended.members {
            self.set_story(*number, into);
        }
        self.stories.entry(into).or_default().absorb(ended);
        self.changed.remove(&from);
        self.changed.insert(into);
    }

    /// The desk puts two reports together. Returns the merge of their stories, if they were two.
    pub fn link(&mut self, a: i64, b: i64) -> Option<Change> {
        self.decisions.link(a, b);
        let (into, _) = self.placed(a)?;
        let (from, _) = self.placed(b)?;
        if from == into {
            return None;
        }
        self.merge(from, into);
        Some(Change::Merged {
            from,
            into,
            reason: Reason::Desk,
        })
    }

    /// A report and its copies, as far as they are in the window.
    pub(super) fn with_copies(&self, key: i64) -> Vec<i64> {
        let story = self
            .placed(key)
            .and_then(|(story, _)| self.stories.get(&story));
        story
            .map(|story| story.members.as_slice())
            .unwrap_or_default()
            .iter()
            .filter_map(|number| self.member(*number))
            .filter(|member| member.key == key || member.copy_of == Some(key))
            .map(|member| member.key)
            .collect()
    }

    /// The desk moves a report out of its story, its copies with it. Nothing happens to one that left the window.
    pub fn part(&mut self, key: i64) -> Vec<Change> {
        let Some((from, _)) = self.placed(key) else {
            return Vec::new();
        };
        let leaving = self.with_copies(key);
        let staying: Vec<i64> = self
            .stories
            .get(&from)
            .map(|story| story.members.as_slice())
            .unwrap_or_default()
            .iter()
            .filter_map(|number| Some(self.member(*number)?.key))
            .filter(|other| !leaving.contains(other))
            .collect();
        for member in &leaving {
            for other in &staying {
                self.decisions.part(*member, *other);
            }
        }
        let into = self.new_story();
        leaving
            .into_iter()
            .map(|key| {
                self.transfer(key, into);
                Change::Left { key, from, into }
            })
            .collect()
    }

    /// Moves one report into another story.
    pub(super) fn transfer(&mut self, key: i64, into: i64) {
        let Some(number) = self.by_key.get(&key).copied() else {
            return;
        };
        let Some(from) = self.story_at(number) else {
            return;
        };
        self.set_story(number, into);
        let index = (number - self.base) as usize;
        let Some(member) = self.members.get(index) else {
            return;
        };
        if let Some(story) = self.stories.get_mut(&from) {
            story.let_go(member, number);
            if story.members.is_empty() {
                self.stories.remove(&from);
                self.changed.remove(&from);
            } else {
                self.changed.insert(from);
            }
        }
        self.stories
            .entry(into)
            .or_default()
            .take_in(member, number);
        self.changed.insert(into);
    }
}

impl Story {
    fn add_vectors(&mut self, member: &Member) {
        // A copy says again what was said: it must not pull the middle.
        if member.copy_of.is_some() && !self.middles.is_empty() {
            return;
        }
        self.middles
            .entry(member.traits.language)
            .or_default()
            .add(&member.vector, 1.0);
        self.carried.add(&member.carried, 1.0);
    }

    fn take_in(&mut self, member: &Member, number: u32) {
        let at = self.members.partition_point(|other| *other < number);
        self.members.insert(at, number);
        self.originals += usize::from(member.copy_of.is_none());
        self.span = joined(self.span, date(&member.traits).map(|at| (at, at)));
        self.add_vectors(member);
    }

    fn let_go(&mut self, member: &Member, number: u32) {
        self.members.retain(|other| *other != number);
        self.originals = self
            .originals
            .saturating_sub(usize::from(member.copy_of.is_none()));
        if member.copy_of.is_none() {
            if let Some(middle) = self.middles.get_mut(&member.traits.language) {
                middle.add(&member.vector, -1.0);
            }
            self.carried.add(&member.carried, -1.0);
        }
    }

    fn absorb(&mut self, other: Self) {
        self.members.extend(other.members);
        self.members.sort_unstable();
        self.originals += other.originals;
        self.span = joined(self.span, other.span);
        for (language, theirs) in other.middles {
            self.middles
                .entry(language)
                .or_default()
                .add(&theirs.sum, theirs.count);
        }
        self.carried.add(&other.carried.sum, other.carried.count);
    }
}

/// The strongest terms of a sum, sorted by id.
fn pruned(mut sum: Vec<Weight>) -> Vec<Weight> {
    sum.retain(|weight| weight.weight > 1e-4);
    if sum.len() > MIDDLE_TERMS {
        sum.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id)));
        sum.truncate(MIDDLE_TERMS);
        sum.sort_by_key(|weight| weight.id);
    }
    sum.shrink_to_fit();
    sum
}

fn term_ids(traits: &Traits) -> impl Iterator<Item = u32> + '_ {
    traits.terms.iter().map(|term| term.id).chain(
        traits
            .carried
            .iter()
            .map(|term| term.id)
            .filter(|id| id & 3 == 3),
    )
}

fn date(traits: &Traits) -> Option<i64> {
    (traits.at != 0).then_some(traits.at)
}

fn joined(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some((first, last)), Some((other_first, other_last))) => {
            Some((first.min(other_first), last.max(other_last)))
        }
        (span, None) | (None, span) => span,
    }
}

/// Seconds between two spans; zero where they overlap.
pub(super) fn gap(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<i64> {
    let ((first, last), (other_first, other_last)) = (a?, b?);
    Some((first - other_last).max(other_first - last).max(0))
}

fn headline_key(traits: &Traits) -> u32 {
    (traits.title_key >> 32) as u32
}

/// The runs of words that are indexed.
fn sample(shingles: &[u32]) -> impl Iterator<Item = u32> + '_ {
    shingles
        .iter()
        .copied()
        .filter(|shingle| shingle % SHINGLE_SAMPLE == 0)
}

/// The `limit` heaviest terms, heaviest first.
pub(super) fn rarest(vector: &[Weight], limit: usize) -> Vec<Weight> {
    let mut heaviest = vector.to_vec();
    heaviest.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id)));
    heaviest.truncate(limit);
    heaviest
}

/// The `limit` entries with the highest counts, highest first, newer ones first among equals.
pub(super) fn strongest<K: Ord + Copy, C: PartialOrd + Copy>(
    found: FnvMap<K, C>,
    limit: usize,
) -> Vec<(K, C)> {
    let mut list: Vec<(K, C)> = found.into_iter().collect();
    let order = |a: &(K, C), b: &(K, C)| {
        b.1.partial_cmp(&a.1)
            .unwrap_or(std::cmp::Ordering::Equal)
            .then(b.0.cmp(&a.0))
    };
    if list.len() > limit {
        list.select_nth_unstable_by(limit, order);
        list.truncate(limit);
    }
    list.sort_by(order);
    list
}
