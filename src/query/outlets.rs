//! The names of outlets: where words that could be one are one, and consume what is said inside them.
//!
//! Many names are made of common words (*Iran Press*, *China Daily*, *Russia Today*). What is consumed is lost to every
//! keyword, so a name counts only where it can hardly be anything else.

use super::pattern::{Article, Stretch};
use crate::text::{
    script::{Role, WordKind, role},
    words::{Word, Words},
};

/// Words on either side of a name that tell how its sentence is written.
const AROUND: u32 = 24;
/// Letters of a word that headlines In Title Case begin with a capital.
const LONG: usize = 4;
/// Longer ones that some of them do not (folded).
const SMALL_WORDS: &[&str] = &[
    "about", "across", "after", "against", "along", "amid", "among", "around", "before", "behind",
    "between", "beyond", "despite", "during", "from", "inside", "into", "like", "near", "onto",
    "over", "past", "since", "than", "that", "through", "toward", "towards", "under", "until",
    "upon", "when", "while", "with", "within", "without",
];

/// Words before a name (folded).
const BEFORE_NAMES: &[&str] = &["the", "via"];
/// Words after a name (folded); not those that verbs take, as in *press on*, *watch for*.
const AFTER_NAMES: &[&str] = &["in", "of", "at"];

/// How a name is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Outlet {
    /// Of each word in a script that has them: whether it begins with a capital.
    capitals: Vec<bool>,
    /// Whether all of its words are in such scripts.
    is_cased: bool,
    /// What stands between its words.
    signs: String,
}

impl Outlet {
    pub(super) fn new(name: &str) -> Self {
        let words = Words::of(name);
        let cased = words.list.iter().filter(|word| is_cased(word));
        Self {
            capitals: cased
                .map(|word| first_letter(name, word).is_some_and(char::is_uppercase))
                .collect(),
            is_cased: words.list.iter().all(is_cased),
            signs: name.chars().filter(|c| !c.is_alphanumeric()).collect(),
        }
    }

    /// Whether the words of the name are the name where they stand: in one sentence, with nothing between them that the
    /// name has not, in capitals as it is, and apart where everything around it is in capitals as well.
    pub(super) fn is_named(&self, article: &Article<'_>, stretch: &Stretch) -> bool {
        let last = stretch.last.saturating_sub(1);
        article.sentence(stretch.first) == article.sentence(last)
            && (stretch.first..last).all(|at| self.goes_on(article, at))
            && self.has_its_capitals(article, stretch)
            && (!self.is_cased
                || !self.capitals.contains(&true)
                || !is_in_title_case(article, stretch)
                || stands_apart(article, stretch))
    }

    /// Whether nothing parts the word at a position from the next: no sign, and no possessive that the name has not.
    fn goes_on(&self, article: &Article<'_>, at: u32) -> bool {
        let is_apostrophe = |c: char| matches!(c, '\'' | '’' | '‘' | 'ʼ' | '＇');
        let may_stand = |c: char| {
            c.is_alphanumeric()
                || c.is_whitespace()
                || matches!(c, '-' | '‐' | '‑' | '.' | '·' | '・' | '･')
                || matches!(role(c), Role::Invisible | Role::Mark)
                || self.signs.contains(c)
                || (is_apostrophe(c) && self.signs.contains(is_apostrophe))
        };
        gap_after(article, at).chars().all(may_stand)
    }

    fn has_its_capitals(&self, article: &Article<'_>, stretch: &Stretch) -> bool {
        let words = (stretch.first..stretch.last).filter_map(|at| Some((at, article.word(at)?)));
        let cased = words.filter(|(_, word)| is_cased(word));
        self.capitals
            .iter()
            .zip(cased)
            .all(|(is_capital, (at, word))| {
                !is_capital
                    || first_letter(article.text(at), word).is_some_and(|c| !c.is_lowercase())
            })
    }
}

fn is_cased(word: &Word) -> bool {
    word.kind == WordKind::Alphabetic
}

fn first_letter(text: &str, word: &Word) -> Option<char> {
    text.get(word.start as usize..)?.chars().next()
}

/// What stands between the word at a position and the next one of its field.
fn gap_after<'a>(article: &Article<'a>, at: u32) -> &'a str {
    let (Some(word), Some(next)) = (article.word(at), article.word(at + 1)) else {
        return "";
    };
    let gap = word.end as usize..next.start as usize;
    article.text(at).get(gap).unwrap_or_default()
}

/// How a word of a sentence is written, if that tells anything of the sentence.
fn is_capital_at(article: &Article<'_>, at: u32) -> Option<bool> {
    let word = article.word(at).filter(|word| is_cased(word))?;
    let folded = article.words.folded(word);
    let tells = folded.chars().count() >= LONG && !SMALL_WORDS.contains(&folded);
    let first = first_letter(article.text(at), word).filter(|_| tells)?;
    (first.is_uppercase() || first.is_lowercase()).then(|| first.is_uppercase())
}

/// Whether the words around a name begin with capitals, most of them. Where none tells, nothing speaks against the name.
fn is_in_title_case(article: &Article<'_>, stretch: &Stretch) -> bool {
    let sentence = article.sentence(stretch.first);
    let is_here = |at: &u32| article.sentence(*at) == sentence;
    let before = (stretch.first.saturating_sub(AROUND)..stretch.first).rev();
    let after = stretch.last..stretch.last.saturating_add(AROUND);
    let told = before
        .take_while(is_here)
        .chain(after.take_while(is_here))
        .filter_map(|at| is_capital_at(article, at));
    let (mut capitals, mut others) = (0, 0);
    for is_capital in told {
        *(if is_capital {
            &mut capitals
        } else {
            &mut others
        }) += 1;
    }
    capitals > 0 && 2 * others <= capitals
}

/// Whether on both sides of a name its sentence ends, or a sign stands, or a word that no headline in title case would have, or
/// one that stands beside a name and beside no verb.
fn stands_apart(article: &Article<'_>, stretch: &Stretch) -> bool {
    let sentence = article.sentence(stretch.first);
    let is_apart = |neighbour: u32, gap: &str, beside: &[&str]| {
        article.sentence(neighbour) != sentence
            || is_sign(gap)
            || is_capital_at(article, neighbour) == Some(false)
            || article
                .word(neighbour)
                .is_some_and(|word| beside.contains(&article.words.folded(word)))
    };
    let before = stretch.first.checked_sub(1);
    before.is_none_or(|at| is_apart(at, gap_after(article, at), BEFORE_NAMES))
        && is_apart(
            stretch.last,
            gap_after(article, stretch.last - 1),
            AFTER_NAMES,
        )
}

/// Whether what stands between two words is more than space, a hyphen or a possessive.
fn is_sign(gap: &str) -> bool {
    let is_spaced = gap.contains(char::is_whitespace);
    gap.chars().any(|c| match c {
        '-' | '‐' | '‑' => is_spaced,
        '\'' | '’' | '‘' | 'ʼ' | '＇' => false,
        _ => !c.is_alphanumeric() && !c.is_whitespace() && role(c) == Role::Other,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::{Engine, Lexicon, Purpose, Scratch, parse};
    use crate::domain::Subject;

    const OUTLETS: &[&str] = &[
        "Iran Press",
        "Iran Daily",
        "Iran International",
        "China Daily",
        "Russia Today",
        "Tehran Times",
        "Voice of Korea",
        "People's Daily",
        "조선중앙TV",
        "ایران پرس",
    ];

    /// Whether `term` is mentioned in `text`.
    fn is_mentioned(term: &str, text: &str) -> bool {
        let outlets: Vec<String> = OUTLETS.iter().map(|&name| name.to_owned()).collect();
        let (lexicon, problems) = Lexicon::new(&[], &outlets, &[]);
        assert_eq!(problems, []);
        let query = parse(term, &lexicon, Purpose::Search).unwrap();
        let subject = Subject {
            title: text,
            ..Subject::default()
        };
        let engine = Engine::of_query(&query, &lexicon);
        !engine.matches(&subject, &mut Scratch::default()).is_empty()
    }

    fn check(rows: &[(&str, &str)], expected: bool) {
        for (term, text) in rows {
            assert_eq!(is_mentioned(term, text), expected, "{term}: {text}");
        }
    }

    #[test]
    fn words_that_only_could_be_a_name_are_mentions() {
        check(
            &[
                ("iran", "US, Iran press ahead with talks"),
                ("iran", "Iran's daily oil exports hit a record"),
                ("iran", "Iran’s Daily Oil Exports Hit a Record"),
                (
                    "iran",
                    "Inspectors leave Iran. International pressure grows",
                ),
                (
                    "iran",
                    "Inspectors Leave Iran; International Pressure Grows",
                ),
                ("russia", "Iran and Russia today signed a treaty"),
                ("china", "China daily imports of crude rose"),
                ("tehran", "Missiles hit Tehran, Times Square falls silent"),
                ("ایران", "مذاکرات با ایران، پرس"),
            ],
            true,
        );
    }

    #[test]
    fn a_headline_in_title_case_names_an_outlet_only_where_it_stands_apart() {
        check(
            &[
                ("iran", "US, Iran Press Ahead With Nuclear Talks"),
                ("iran", "Iran Press Ahead with Talks after Attack on Tanker"),
                ("iran", "IRAN PRESS AHEAD WITH TALKS"),
                ("iran", "Iran Daily Oil Exports Hit Record"),
                ("russia", "Iran and Russia Today Sign Treaty"),
                ("iran", "US-Iran Press Conference Ends in Silence"),
            ],
            true,
        );
        check(
            &[
                ("tehran", "US Sanctions Will Fail - Tehran Times"),
                ("tehran", "US Sanctions Will Fail | Tehran Times"),
                ("tehran", "Tehran Times: US Sanctions Will Fail"),
                ("iran", "Talks Resume in Vienna (Iran International)"),
                ("iran", "Iran Press"),
                ("tehran", "the Tehran Times"),
                ("tehran", "Tehran Times in Vienna"),
                ("iran", "Sanctions Bite, Says the Iran Daily"),
            ],
            false,
        );
    }

    #[test]
    fn inside_of_a_name_nothing_is_mentioned() {
        check(
            &[
                ("tehran", "He told the Tehran Times that talks had failed"),
                ("tehran", "The TEHRAN TIMES reported a deal on Monday"),
                (
                    "iran",
                    "a reporter of Iran International’s London office said",
                ),
                (
                    "iran",
                    "Iran Press quotes Araghchi, Lavrov, Wang and Grossi",
                ),
                ("iran", "according to Iran Daily's editor, nothing changed"),
                ("korea", "the radio station Voice of Korea said so today"),
                ("korea", "The Voice Of Korea said on Monday it would"),
                ("people", "a comment in People’s Daily said on Sunday"),
                ("조선중앙", "조선중앙TV는 보도했다"),
                ("ایران", "به گزارش ایران پرس"),
            ],
            false,
        );
    }
}
