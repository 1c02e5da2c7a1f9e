//! Words that tell what the desk kept from what it passed as noise: log-odds with an informative Dirichlet prior.
//!
//! Monroe, Colaresi, Quinn: Fightin' Words (Political Analysis 16, 2008), over the texts that hold a word rather than its
//! mentions, so that one long text does not speak for many.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::{script::WordKind, words::Words};

/// How much the prior weighs, in texts.
const PRIOR: f64 = 20.0;
/// Standard deviations from which on a difference is told.
const MIN_Z: f64 = 1.64;
/// Texts that hold a word at least.
const MIN_TEXTS: u32 = 3;
/// The fewest characters of a word that is suggested; of one in a script without spaces, the fewest is two.
const MIN_CHARS: usize = 4;

/// A word that is over-represented on one side.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// The word, folded.
    pub word: String,
    /// Standard deviations of the log-odds from none: above zero for what was kept.
    pub z: f64,
    /// Texts that were kept and hold it.
    pub kept: u32,
    /// Texts that were passed as noise and hold it.
    pub noise: u32,
}

/// The words that tell kept texts from noise, those of the kept ones first, the clearest first; at most `limit` of each.
#[must_use]
pub fn suggest(kept: &[&str], noise: &[&str], limit: usize) -> (Vec<Suggestion>, Vec<Suggestion>) {
    let (of_kept, of_noise) = (counts(kept), counts(noise));
    let sums =
        [&of_kept, &of_noise].map(|counts| counts.values().map(|&n| f64::from(n)).sum::<f64>());
    let all = sums[0] + sums[1];
    if kept.is_empty() || noise.is_empty() || all <= 0.0 {
        return (Vec::new(), Vec::new());
    }
    let words: BTreeSet<&String> = of_kept.keys().chain(of_noise.keys()).collect();
    let count =
        |counts: &BTreeMap<String, u32>, word: &String| counts.get(word).copied().unwrap_or(0);
    let mut told: Vec<Suggestion> = words
        .into_iter()
        .map(|word| (word, count(&of_kept, word), count(&of_noise, word)))
        .filter(|(_, kept, noise)| kept + noise >= MIN_TEXTS)
        .map(|(word, kept, noise)| {
            let (y1, y2) = (f64::from(kept), f64::from(noise));
            let prior = PRIOR * (y1 + y2) / all;
            let odds = |y: f64, sum: f64| ((y + prior) / (sum + PRIOR - y - prior)).ln();
            let deviation = (1.0 / (y1 + prior) + 1.0 / (y2 + prior)).sqrt();
            Suggestion {
                word: word.clone(),
                z: (odds(y1, sums[0]) - odds(y2, sums[1])) / deviation,
                kept,
                noise,
            }
        })
        .filter(|it| it.z.abs() >= MIN_Z)
        .collect();
    told.sort_by(|one, other| other.z.total_cmp(&one.z));
    let for_kept = told.iter().take(limit).filter(|it| it.z > 0.0);
    let for_noise = told.iter().rev().take(limit).filter(|it| it.z < 0.0);
    (for_kept.cloned().collect(), for_noise.cloned().collect())
}

/// In how many texts each word stands.
fn counts(texts: &[&str]) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for text in texts {
        let words = Words::of(text);
        let each: BTreeSet<&str> = words
            .list
            .iter()
            .filter(|word| {
                let folded = words.folded(word);
                let fewest = if word.kind == WordKind::Unspaced {
                    2
                } else {
                    MIN_CHARS
                };
                folded.chars().count() >= fewest && folded.chars().all(char::is_alphabetic)
            })
            .map(|word| words.folded(word))
            .collect();
        for word in each {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_kept_from_noise_is_suggested() {
        let kept = [
            "sanctions vessel Iran",
            "sanctions tanker Iran",
            "sanctions vessel Iran",
            "sanctions Iran envoy",
        ];
        let noise = [
            "Iran football match",
            "Iran football cup",
            "Iran football team",
            "Iran football match",
        ];
        let (kept, noise) = (kept.repeat(3), noise.repeat(3));
        let (for_kept, for_noise) = suggest(&kept, &noise, 5);
        assert_eq!(
            for_kept.first().map(|it| it.word.as_str()),
            Some("sanctions")
        );
        assert_eq!(
            for_noise
                .first()
                .map(|it| (it.word.as_str(), it.kept, it.noise)),
            Some(("football", 0, 12))
        );
        let told = for_kept.iter().chain(&for_noise);
        assert!(
            told.clone().all(|it| it.word != "iran"),
            "what stands on both sides tells nothing"
        );
        assert!(told.clone().all(|it| it.z.abs() >= MIN_Z));
    }

    #[test]
    fn one_side_alone_tells_nothing() {
        assert_eq!(suggest(&["aaaa bbbb"; 9], &[], 5), (Vec::new(), Vec::new()));
        assert_eq!(suggest(&[], &["aaaa"; 9], 5), (Vec::new(), Vec::new()));
    }
}
