//! What words carry that is not part of their stem: Korean particles, Arabic proclitics, Persian suffixes.
//!
//! All forms are folded (see [`super::fold`]).

use std::{collections::HashSet, sync::LazyLock};

/// Korean particles that stand alone after a noun, and their common pairs. Closed: anything else is another word.
const PARTICLES: &[&str] = &[
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "의",
    "에",
    "에서",
    "에게",
    "께",
    "와",
    "과",
    "도",
    "만",
    "로",
    "으로",
    "부터",
    "까지",
    "마저",
    "조차",
    "보다",
    "처럼",
    "같은",
    "라고",
    "이라고",
    "및",
    "측",
    "측은",
    "측이",
    "간", // pairs:
    "에는",
    "에도",
    "에의",
    "에만",
    "에서는",
    "에서도",
    "에서의",
    "에서만",
    "에서부터",
    "에서까지",
    "에서처럼",
    "에서보다",
    "에게는",
    "에게도",
    "에게만",
    "에게로",
    "에게까지",
    "에까지",
    "께는",
    "께도",
    "와는",
    "와도",
    "와의",
    "와만",
    "와를",
    "과는",
    "과도",
    "과의",
    "과만",
    "과를",
    "만은",
    "만이",
    "만을",
    "만의",
    "만도",
    "만으로",
    "로는",
    "로도",
    "로의",
    "로만",
    "로부터",
    "로까지",
    "으로는",
    "으로도",
    "으로의",
    "으로만",
    "으로부터",
    "으로까지",
    "로부터의",
    "으로부터의",
    "로부터는",
    "으로부터는",
    "부터는",
    "부터도",
    "부터의",
    "부터가",
    "까지는",
    "까지도",
    "까지의",
    "까지가",
    "까지를",
    "까지만",
    "까지로",
    "마저도",
    "조차도",
    "보다는",
    "보다도",
    "처럼은",
    "처럼도",
    "라고는",
    "라고도",
    "이라고는",
    "이라고도",
    "측의",
    "측에",
    "측과",
    "측도",
    "측을",
    "측에서",
    "측에서는",
    "측에게",
    "측으로",
    "측으로부터",
    "측만",
    "측까지",
    "측과의",
    "간의",
    "간에",
    "간은",
    "간이",
    "간을",
];

/// The same, for looking up.
static PARTICLE_SET: LazyLock<HashSet<&str>> =
    LazyLock::new(|| PARTICLES.iter().copied().collect());

/// The longest particle, in bytes.
const LONGEST_PARTICLE: usize = 15;

/// Whether `rest`, which follows a Hangul stem, is a particle of the closed list.
#[must_use]
pub fn is_particle(rest: &str) -> bool {
    rest.len() <= LONGEST_PARTICLE && PARTICLE_SET.contains(rest)
}

/// Where stems may end in a Hangul word: the lengths in bytes that leave nothing or a particle, longest first.
pub fn hangul_stems(word: &str) -> impl Iterator<Item = usize> + '_ {
    hangul_ends(word).filter(|&end| {
        word.get(end..)
            .is_some_and(|rest| rest.is_empty() || is_particle(rest))
    })
}

/// The same as far as the length of what follows can tell; whether a particle follows is for [`is_particle`] to say.
pub fn hangul_ends(word: &str) -> impl Iterator<Item = usize> + '_ {
    let shortest = word.len().saturating_sub(LONGEST_PARTICLE).max(1);
    (shortest..=word.len())
        .rev()
        .filter(|&end| word.is_char_boundary(end))
}

/// Plural and linking suffixes of Persian.
const SUFFIXES: [&str; 4] = ["ها", "های", "ی", "ای"];

/// Whether `word` is a suffix of Persian that may stand apart after a space or a ZWNJ.
#[must_use]
pub fn is_suffix(word: &str) -> bool {
    SUFFIXES.contains(&word)
}

/// Where stems may begin in a word of Arabic script: the lengths in bytes of the proclitic clusters that it may begin
/// with, the empty one first. A cluster is a conjunction (و ف), a preposition or the future (ب ل ك س), the article.
pub fn proclitics(word: &str) -> impl Iterator<Item = usize> {
    let (ends, count) = if word.starts_with(['و', 'ف', 'ب', 'ل', 'ک', 'س', 'ا']) {
        (proclitic_ends(word), 10)
    } else {
        ([0; 10], 1)
    };
    let length = word.len();
    let mut last = None;
    ends.into_iter()
        .take(count)
        .filter(move |&end| end < length && last.replace(end) != Some(end))
}

/// Where the proclitics end that `word` may begin with, ascending, some of them more than once.
fn proclitic_ends(word: &str) -> [usize; 10] {
    let conjunction = one_of(word, 0, &["و", "ف"]);
    let preposition = one_of(word, conjunction, &["ب", "ل", "ک", "س"]);
    let bare_preposition = one_of(word, 0, &["ب", "ل", "ک", "س"]);
    let article = |from: usize| one_of(word, from, &["ال"]);
    // After ل the article loses its alif: لل.
    let assimilated = |from: usize| one_of(word, from, &["لل"]);
    let mut ends = [
        0,
        conjunction,
        preposition,
        bare_preposition,
        article(0),
        article(conjunction),
        article(preposition),
        article(bare_preposition),
        assimilated(0),
        assimilated(conjunction),
    ];
    ends.sort_unstable();
    ends
}

/// `from`, moved past the prefix that `word` has there.
fn one_of(word: &str, from: usize, prefixes: &[&str]) -> usize {
    let rest = word.get(from..).unwrap_or_default();
    prefixes
        .iter()
        .find(|prefix| rest.starts_with(**prefix))
        .map_or(from, |prefix| from + prefix.len())
}

/// Where stems may end in a word of Arabic script that begin at `start`: the whole word first, then less a suffix.
pub fn arabic_stems(word: &str, start: usize) -> impl Iterator<Item = usize> + '_ {
    let whole = word.len();
    let may_end = word.ends_with(['ی', 'ا']);
    std::iter::once(whole).chain(
        SUFFIXES
            .iter()
            .take_while(move |_| may_end)
            .filter(move |suffix| word.ends_with(**suffix) && whole - suffix.len() > start)
            .map(move |suffix| whole - suffix.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_particle_is_longer_than_the_longest() {
        assert!(
            PARTICLES
                .iter()
                .all(|particle| particle.len() <= LONGEST_PARTICLE)
        );
    }

    #[test]
    fn a_stem_ends_where_nothing_or_a_particle_follows() {
        let stems = |word: &'static str| {
            hangul_stems(word)
                .map(|end| &word[..end])
                .collect::<Vec<_>>()
        };
        assert_eq!(stems("북한과의"), ["북한과의", "북한과", "북한"]);
        assert_eq!(stems("이란성"), ["이란성"]);
        assert!(!stems("전쟁이란").contains(&"이란"));
        assert!(stems("북한으로부터").contains(&"북한"));
    }

    #[test]
    fn proclitics_come_alone_and_in_clusters() {
        let stems = |word: &'static str| {
            proclitics(word)
                .map(|start| &word[start..])
                .collect::<Vec<_>>()
        };
        for (word, stem) in [
            ("وایران", "ایران"),
            ("لایران", "ایران"),
            ("ایران", "ایران"),
            ("والعقوبات", "عقوبات"),
            ("وبالعقوبات", "عقوبات"),
            ("للعقوبات", "عقوبات"),
            ("وللعقوبات", "عقوبات"),
            ("کوریا", "کوریا"),
        ] {
            assert!(stems(word).contains(&stem), "{word}");
        }
        assert!(!stems("طهران").contains(&"ران"));
    }

    #[test]
    fn a_joined_suffix_may_be_left_off() {
        let word = "تحریمهای";
        assert!(arabic_stems(word, 0).any(|end| &word[..end] == "تحریم"));
    }
}
