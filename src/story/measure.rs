//! How well a grouping fits labels: over pairs, and B³ (Bagga and Baldwin 1998).

use std::{collections::HashMap, hash::Hash};

/// Precision and recall between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Of what was joined, how much belongs together.
    pub precision: f64,
    /// Of what belongs together, how much was joined.
    pub recall: f64,
}

impl Fit {
    /// The harmonic mean of both.
    #[must_use]
    pub fn f1(self) -> f64 {
        let sum = self.precision + self.recall;
        if sum == 0.0 {
            0.0
        } else {
            2.0 * self.precision * self.recall / sum
        }
    }
}

/// A grouping held against labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Over pairs of reports.
    pub pairs: Fit,
    /// Mean over reports.
    pub b_cubed: Fit,
    /// Pairs that were joined.
    pub joined: u64,
    /// Pairs that were joined and belong together.
    pub right: u64,
    /// Pairs that belong together.
    pub wanted: u64,
}

/// Compares a grouping with labels; both give one value per report, in the same order.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of reports stay far below 2^52"
)]
pub fn score<L: Eq + Hash, G: Eq + Hash>(labels: &[L], groups: &[G]) -> Score {
    let mut by_label: HashMap<&L, u64> = HashMap::new();
    let mut by_group: HashMap<&G, u64> = HashMap::new();
    let mut by_both: HashMap<(&L, &G), u64> = HashMap::new();
    for (label, group) in labels.iter().zip(groups) {
        *by_label.entry(label).or_default() += 1;
        *by_group.entry(group).or_default() += 1;
        *by_both.entry((label, group)).or_default() += 1;
    }
    let pairs = |count: &u64| count * (count - 1) / 2;
    let joined: u64 = by_group.values().map(pairs).sum();
    let wanted: u64 = by_label.values().map(pairs).sum();
    let right: u64 = by_both.values().map(pairs).sum();
    let (mut precision, mut recall) = (0.0, 0.0);
    for ((label, group), count) in &by_both {
        let square = (count * count) as f64;
        precision += square / by_group.get(group).map_or(1.0, |all| *all as f64);
        recall += square / by_label.get(label).map_or(1.0, |all| *all as f64);
    }
    let reports = labels.len().min(groups.len()).max(1) as f64;
    let share = |part: u64, whole: u64| {
        if whole == 0 {
            1.0
        } else {
            part as f64 / whole as f64
        }
    };
    Score {
        pairs: Fit {
            precision: share(right, joined),
            recall: share(right, wanted),
        },
        b_cubed: Fit {
            precision: precision / reports,
            recall: recall / reports,
        },
        joined,
        right,
        wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grouping_is_held_against_labels() {
        let perfect = score(&["a", "a", "b"], &[1, 1, 2]);
        assert!(
            (perfect.b_cubed.f1() - 1.0).abs() < 1e-9 && (perfect.pairs.f1() - 1.0).abs() < 1e-9
        );
        let all_in_one = score(&["a", "a", "b", "b"], &[1, 1, 1, 1]);
        assert_eq!(
            (all_in_one.joined, all_in_one.right, all_in_one.wanted),
            (6, 2, 2)
        );
        assert!((all_in_one.b_cubed.precision - 0.5).abs() < 1e-9);
        let apart = score(&["a", "a"], &[1, 2]);
        assert!(apart.pairs.recall.abs() < 1e-9 && (apart.b_cubed.recall - 0.5).abs() < 1e-9);
    }
}
