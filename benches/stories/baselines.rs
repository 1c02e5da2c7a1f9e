//! What others do, in its simplest fair form: a likeness of two reports, and a threshold above which they are joined.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher as _},
};

use crate::sets::Labelled;

/// A likeness over a set, with the threshold that its owner uses; none where the best one is sought.
pub(crate) struct Baseline {
    pub(crate) name: &'static str,
    pub(crate) threshold: Option<f32>,
    /// Pairs with a likeness above nothing, most alike first.
    pub(crate) pairs: Vec<(f32, usize, usize)>,
}

/// The four baselines over a set.
pub(crate) fn all(set: &[Labelled]) -> Vec<Baseline> {
    vec![
        Baseline {
            name: "title trigrams 0.75",
            threshold: Some(0.75),
            pairs: trigrams(set),
        },
        Baseline {
            name: "word overlap 0.6, 3 shared",
            threshold: Some(0.6),
            pairs: overlap(set),
        },
        Baseline {
            name: "4-gram MinHash 0.5",
            threshold: Some(0.5),
            pairs: min_hash(set),
        },
        Baseline {
            name: "TF-IDF cosine, best threshold",
            threshold: None,
            pairs: cosine(set),
        },
    ]
}

/// Joins all pairs at or above a threshold, and what hangs together through them.
pub(crate) fn joined(pairs: &[(f32, usize, usize)], threshold: f32, reports: usize) -> Vec<usize> {
    let mut groups = Groups::new(reports);
    for (_, a, b) in pairs
        .iter()
        .take_while(|(likeness, ..)| *likeness >= threshold)
    {
        groups.join(*a, *b);
    }
    groups.list()
}

/// Joins the most alike pairs, and what hangs together through them, as long as at most `limit` pairs are joined.
pub(crate) fn joined_up_to(
    pairs: &[(f32, usize, usize)],
    limit: u64,
    reports: usize,
) -> Vec<usize> {
    let mut groups = Groups::new(reports);
    for (_, a, b) in pairs {
        if groups.joined + groups.cost(*a, *b) > limit {
            break;
        }
        groups.join(*a, *b);
    }
    groups.list()
}

/// Groups that hang together.
struct Groups {
    parent: Vec<usize>,
    size: Vec<u64>,
    joined: u64,
}

impl Groups {
    fn new(reports: usize) -> Self {
        Self {
            parent: (0..reports).collect(),
            size: vec![1; reports],
            joined: 0,
        }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    fn cost(&mut self, a: usize, b: usize) -> u64 {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            0
        } else {
            self.size[a] * self.size[b]
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        self.joined += self.cost(a, b);
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.parent[a] = b;
            self.size[b] += self.size[a];
        }
    }

    fn list(mut self) -> Vec<usize> {
        (0..self.parent.len()).map(|at| self.root(at)).collect()
    }
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn every_pair(reports: usize, likeness: impl Fn(usize, usize) -> f32) -> Vec<(f32, usize, usize)> {
    let mut pairs = Vec::new();
    for b in 0..reports {
        for a in 0..b {
            let likeness = likeness(a, b);
            if likeness > 0.1 {
                pairs.push((likeness, a, b));
            }
        }
    }
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    pairs
}

fn common(a: &[u64], b: &[u64]) -> usize {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                i += 1;
                j += 1;
            }
        }
    }
    common
}

fn sorted(set: HashSet<u64>) -> Vec<u64> {
    let mut list: Vec<u64> = set.into_iter().collect();
    list.sort_unstable();
    list
}

fn ratio(part: usize, whole: usize) -> f32 {
    if whole == 0 {
        0.0
    } else {
        part as f32 / whole as f32
    }
}

/// `similarity` of PostgreSQL's `pg_trgm`: trigrams of words with two blanks before and one behind, by Jaccard.
fn trigrams(set: &[Labelled]) -> Vec<(f32, usize, usize)> {
    let grams: Vec<Vec<u64>> = set
        .iter()
        .map(|labelled| {
            let mut grams = HashSet::new();
            for word in words(&labelled.title) {
                let padded: Vec<char> = format!("  {word} ").chars().collect();
                grams.extend(padded.windows(3).map(|gram| hash(&gram)));
            }
            sorted(grams)
        })
        .collect();
    every_pair(set.len(), |a, b| jaccard(&grams[a], &grams[b]))
}

fn jaccard(a: &[u64], b: &[u64]) -> f32 {
    let common = common(a, b);
    ratio(common, a.len() + b.len() - common)
}

/// Words that count for the overlap: no digits, no short words, no stop words, without a plural s.
fn significant(title: &str) -> Vec<u64> {
    const STOP_WORDS: [&str; 40] = [
        "the", "and", "for", "with", "from", "that", "this", "are", "was", "were", "has", "have",
        "had", "will", "would", "can", "could", "may", "after", "before", "over", "into", "about",
        "what", "when", "how", "why", "who", "its", "his", "her", "their", "not", "but", "you",
        "your", "says", "said", "new", "more",
    ];
    sorted(
        words(title)
            .iter()
            .filter(|word| word.len() > 2 && !word.chars().any(|c| c.is_ascii_digit()))
            .filter(|word| !STOP_WORDS.contains(&word.as_str()))
            .map(|word| {
                hash(
                    &word
                        .strip_suffix('s')
                        .filter(|stem| stem.len() > 2)
                        .unwrap_or(word),
                )
            })
            .collect(),
    )
}

/// Overlap coefficient of the significant words of two headlines, with at least three in common.
fn overlap(set: &[Labelled]) -> Vec<(f32, usize, usize)> {
    let significant: Vec<Vec<u64>> = set
        .iter()
        .map(|labelled| significant(&labelled.title))
        .collect();
    every_pair(set.len(), |a, b| {
        let (a, b) = (&significant[a], &significant[b]);
        let common = common(a, b);
        if common < 3 {
            0.0
        } else {
            ratio(common, a.len().min(b.len()))
        }
    })
}

/// Jaccard of runs of four words (of four characters where there is only a headline), estimated by 128 hashes.
fn min_hash(set: &[Labelled]) -> Vec<(f32, usize, usize)> {
    const HASHES: usize = 128;
    let signatures: Vec<Vec<u64>> = set
        .iter()
        .map(|labelled| {
            let grams: Vec<u64> = if labelled.text.is_empty() {
                let letters: Vec<char> = words(&labelled.title).join(" ").chars().collect();
                letters.windows(4).map(|run| hash(&run)).collect()
            } else {
                let words = words(&format!("{} {}", labelled.title, labelled.text));
                words.windows(4).map(|run| hash(&run)).collect()
            };
            (0..HASHES)
                .map(|seed| {
                    grams
                        .iter()
                        .map(|gram| hash(&(seed, gram)))
                        .min()
                        .unwrap_or(hash(&(seed, labelled.title.as_str())))
                })
                .collect()
        })
        .collect();
    every_pair(set.len(), |a, b| {
        ratio(
            signatures[a]
                .iter()
                .zip(&signatures[b])
                .filter(|(x, y)| x == y)
                .count(),
            HASHES,
        )
    })
}

/// Cosine of TF-IDF over headline and text, with the usual smoothing.
fn cosine(set: &[Labelled]) -> Vec<(f32, usize, usize)> {
    let documents: Vec<HashMap<u64, f32>> = set
        .iter()
        .map(|labelled| {
            let mut counts = HashMap::new();
            for word in words(&format!("{} {}", labelled.title, labelled.text)) {
                *counts.entry(hash(&word)).or_insert(0.0) += 1.0;
            }
            counts
        })
        .collect();
    let mut uses: HashMap<u64, f32> = HashMap::new();
    for document in &documents {
        for word in document.keys() {
            *uses.entry(*word).or_default() += 1.0;
        }
    }
    let all = documents.len() as f32;
    let mut holders: HashMap<u64, Vec<(usize, f32)>> = HashMap::new();
    let mut pairs = Vec::new();
    for (b, document) in documents.iter().enumerate() {
        let mut weights: Vec<(u64, f32)> = document
            .iter()
            .map(|(word, count)| {
                (
                    *word,
                    count * (((1.0 + all) / (1.0 + uses[word])).ln() + 1.0),
                )
            })
            .collect();
        let length = weights
            .iter()
            .map(|(_, weight)| weight * weight)
            .sum::<f32>()
            .sqrt();
        let mut products: HashMap<usize, f32> = HashMap::new();
        for (word, weight) in &mut weights {
            *weight /= length;
            let holders = holders.entry(*word).or_default();
            for (a, other) in holders.iter() {
                *products.entry(*a).or_default() += *weight * other;
            }
            holders.push((b, *weight));
        }
        pairs.extend(
            products
                .into_iter()
                .filter(|(_, product)| *product > 0.05)
                .map(|(a, product)| (product, a, b)),
        );
    }
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    pairs
}
