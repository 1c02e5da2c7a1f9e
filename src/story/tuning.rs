//! The one setting of grouping: every number that decides, in one place. There is none per language, per source or per
//! set of texts; all were chosen together on halves of labelled sets, and `benches/stories` measures them.

/// Reports farther apart than this are no copies of each other, in seconds.
pub const COPY_WINDOW: i64 = 72 * 3_600;
/// Words that a text needs before it is compared with another for copies.
pub const MIN_COPY_WORDS: u32 = 12;
/// The same for two reports of one outlet under different headlines.
pub const MIN_STANDING_WORDS: u32 = 40;
/// An outlet's two reports of one headline without a text are one within so many seconds.
pub const SAME_HEADLINE_WITHIN: i64 = 12 * 3_600;
/// Share of the shorter text's runs of words that a copy has in common with its original. Independent reports of one
/// event share quotations and a background paragraph; an edited copy keeps most of what it kept.
pub const COPY_CONTAINMENT: f32 = 0.55;
/// The same where the headlines are equal.
pub const COPY_CONTAINMENT_SAME_HEADLINE: f32 = 0.25;
/// Fewer common runs than this are no evidence.
pub const MIN_SHARED_SHINGLES: u32 = 6;
/// Words that equal headlines need, where there is no text to compare.
pub const MIN_HEADLINE_WORDS: u32 = 4;
/// The same in scripts without spaces, where each character counts.
pub const MIN_HEADLINE_CHARACTERS: u32 = 8;

/// The spread of the time kernel, in days.
pub const TIME_SPREAD: f32 = 3.0;
/// How a report or story is held against another story: 1 is the cosine with its middle, 0 the mean cosine with its
/// members. The middle of a large story is like everything, so the mean is the guard against chains.
pub const LINKAGE: f32 = 0.42;
/// Words and numbers that two stories, or a report and a story, must have in common: a desk's articles all share the name
/// that it follows.
pub const MIN_WORDS: usize = 2;
/// What a report must reach to join a story as it arrives.
pub const JOIN: f32 = 0.25;
/// What two stories must reach to be merged, best first.
pub const MERGE: f32 = 0.15;
/// What a member must keep reaching to stay: well below what merging asks, so that nothing goes to and fro.
pub const STAY: f32 = 0.06;
/// How much more merging asks with each e-fold of the smaller story: two grown stories are rarely one.
pub const MERGE_GROWTH: f32 = 0.04;
/// What two reports or stories in different languages must reach, over what holds in any language.
pub const ACROSS: f32 = 0.25;
/// Names and numbers that reports in different languages must have in common,
pub const MIN_TELLING: usize = 2;
/// or one, and so many concepts.
pub const MIN_CONCEPTS: usize = 3;
/// Spread of the time kernel across languages, in days: less is said, so the time must say more.
pub const ACROSS_TIME_SPREAD: f32 = 1.5;
/// A story takes in nothing that is this much older or younger than all of its members, in seconds.
pub const STORY_REACH: i64 = 10 * 86_400;

/// Reports that rarity takes as read before the stream has shown any: keeps the first weights sane.
pub const PRIOR_REPORTS: f32 = 60.0;
/// Of these, so many name each concept of the beat: it is what the desk is about, and tells little from the start.
pub const PRIOR_CONCEPT_USES: f32 = 20.0;
/// Rarity at which it stops to grow: a word seen once may be rare or misspelt.
pub const MAX_RARITY: f32 = 6.5;

/// Strength of a word of the headline; one of the lead counts 1.
pub const TITLE: f32 = 2.0;
/// Strength of a word of the lead.
pub const LEAD: f32 = 1.1;
/// Strength of a concept of the beat.
pub const CONCEPT: f32 = 1.5;
/// Strength of a name that only counts across languages.
pub const NAME_ACROSS: f32 = 1.5;
/// Factor for numbers: years and days stand in everything.
pub const NUMBER: f32 = 0.22;
/// Factor for numbers across languages, where they are half of what there is.
pub const NUMBER_ACROSS: f32 = 1.0;
/// Factor for capitalised words where capitals tell.
pub const NAME: f32 = 1.1;
/// Factor for pairs of neighbouring words of the headline.
pub const PAIR: f32 = 0.12;
/// Factor for everyday words.
pub const EVERYDAY: f32 = 0.15;
