//! The keyword language: reading queries, and finding what they ask for in articles.
//!
//! A text becomes a [`Query`] through [`parse`], with a [`Lexicon`] that knows what `@names` and `keyword:` slugs stand
//! for. All saved queries together become an [`Engine`], which judges an article in one pass over its words.
//! What is pasted from other systems is translated into canonical text first ([`read_dialect`]).

mod ast;
mod bounds;
mod canonical;
mod comparison;
mod compile;
mod concept_finder;
mod condition;
mod dependants;
mod dialect;
mod engine;
mod error;
mod evaluate;
mod facts;
mod hits;
mod index;
mod keys;
mod leaf;
mod lexer;
mod lexicon;
mod lint;
mod lists;
mod mentions;
mod openings;
mod outlets;
mod pace;
mod parser;
mod pattern;
mod pool;
mod relax;
mod scanner;
mod story_tally;
mod suggest;
mod tokens;
mod traits;
mod why;

#[cfg(test)]
mod beat_measured;
#[cfg(test)]
mod beat_texts;
#[cfg(test)]
mod differential;
#[cfg(any(test, fuzzing))]
pub mod naive;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod specification;

pub use ast::{FactField, Field, Leaf, Node, Proximity, TextField};
pub use bounds::Limits;
pub use comparison::{Compared, Comparison, Pair, PartTally, Parts, QueryTally, Side, Tally};
pub use concept_finder::ConceptFinder;
pub use condition::{Condition, MAX_CLAUSES, SourceFacts};
pub use dependants::{dependants, names_keywords};
pub use dialect::{Dialect, Translation, UnknownDialect, read as read_dialect, translate};
pub use engine::{Engine, Finding, KeywordProblem};
pub use error::{QueryError, Warning};
pub use lexicon::{Lexicon, LexiconProblem};
pub use pace::{Pace, Step, Stop};
pub use parser::{Purpose, Query, parse};
pub use relax::{NearMisses, near_misses};
pub use scanner::{Mention, Scratch};
pub use story_tally::StoryTally;
pub use suggest::{Suggestion, suggest};
pub use tokens::{TOKENS_VERSION, article_tokens, epoch, epoch_start};
pub use why::{Explanation, explain};

/// The greatest number in a query: words between, words among, mentions.
pub const MAX_NUMBER: u32 = 1_000;
/// The most terms, phrases, concepts and facts in a query, those of the keywords it names included.
pub const MAX_LEAVES: usize = 2_000;
/// The deepest nesting, parentheses and operators counted.
pub const MAX_LEVELS: usize = 32;
/// The longest query, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// The words of content (or summary) that belong to the lead.
pub const LEAD_WORDS: usize = 50;
