//! Every set, every baseline, one table; and whether what is promised holds.

use std::path::Path;

use wirewatch::story::measure::{Score, score};

use crate::{
    baselines::{self, Baseline, joined, joined_up_to},
    program,
    sets::{self, Labelled, LabelledPair},
};

/// What is promised of a set.
enum Promise {
    /// B³ F1 above that of the best baseline by so much.
    AboveBest(f64),
    /// Recall of pairs so many times that of the best baseline at the same number of joined pairs.
    RecallTimesBest(f64),
    /// B³ F1 at least so high.
    AtLeast(f64),
    /// Nothing; for information.
    Nothing,
}

pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    println!("| set | grouping | B³ P | B³ R | B³ F1 | pairs P | pairs R | pairs F1 | joined |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let sets: [(&str, Vec<Labelled>, Promise); 5] = [
        (
            "uci_headlines (en)",
            sets::uci_headlines(folder)?,
            Promise::AboveBest(0.03),
        ),
        (
            "google_news_2026 (en)",
            sets::google_news(folder, "en", true)?,
            Promise::RecallTimesBest(1.2),
        ),
        (
            "google_news_2026 (en), no dates",
            sets::google_news(folder, "en", false)?,
            Promise::RecallTimesBest(1.2),
        ),
        (
            "google_news_2026 (pl)",
            sets::google_news(folder, "pl", true)?,
            Promise::Nothing,
        ),
        (
            "basil_triplets (en)",
            sets::basil_triplets(folder)?,
            Promise::AtLeast(0.97),
        ),
    ];
    let mut kept = Vec::new();
    for (name, set, promise) in &sets {
        kept.push(clusters(name, set, promise)?);
    }
    println!();
    kept.extend(pairs(folder)?);
    println!();
    for (promise, holds) in &kept {
        println!("{} {promise}", if *holds { "holds: " } else { "BROKEN:" });
    }
    anyhow::ensure!(kept.iter().all(|(_, holds)| *holds), "a promise is broken");
    Ok(())
}

fn clusters(name: &str, set: &[Labelled], promise: &Promise) -> anyhow::Result<(String, bool)> {
    let labels: Vec<&str> = set.iter().map(|labelled| labelled.label.as_str()).collect();
    let ours = score(&labels, &program::cluster(set)?);
    line(name, "wirewatch", &ours);
    let baselines = baselines::all(set);
    let mut best: f64 = 0.0;
    for baseline in &baselines {
        let threshold = baseline
            .threshold
            .unwrap_or_else(|| best_threshold(baseline, &labels));
        let theirs = score(&labels, &joined(&baseline.pairs, threshold, set.len()));
        line(
            name,
            &format!("{} ({threshold:.2})", baseline.name),
            &theirs,
        );
        best = best.max(theirs.b_cubed.f1());
    }
    let mut best_recall: f64 = 0.0;
    let mut best_ranking: f64 = 0.0;
    for baseline in &baselines {
        let theirs = score(
            &labels,
            &joined_up_to(&baseline.pairs, ours.joined, set.len()),
        );
        line(name, &format!("{}, as many joined", baseline.name), &theirs);
        best_recall = best_recall.max(theirs.pairs.recall);
        let limit = usize::try_from(ours.joined).unwrap_or(usize::MAX);
        let right = baseline
            .pairs
            .iter()
            .take(limit)
            .filter(|(_, a, b)| labels[*a] == labels[*b])
            .count();
        best_ranking = best_ranking.max(right as f64 / ours.wanted.max(1) as f64);
    }
    println!(
        "| {name} | recall beside the best baseline at {} pairs: {:.2} × as groups, {:.2} × as a bare list of pairs | | | | | | | |",
        ours.joined,
        ours.pairs.recall / best_recall,
        ours.pairs.recall / best_ranking,
    );
    let f1 = ours.b_cubed.f1();
    Ok(match promise {
        Promise::AboveBest(margin) => (
            format!("{name}: B³ F1 {f1:.3}, at least {margin} above the best baseline's {best:.3}"),
            f1 >= best + margin,
        ),
        Promise::RecallTimesBest(times) => (
            format!(
                "{name}: recall of pairs {:.3}, at least {times} × {best_recall:.3}",
                ours.pairs.recall
            ),
            ours.pairs.recall >= times * best_recall,
        ),
        Promise::AtLeast(least) => (
            format!("{name}: B³ F1 {f1:.3}, at least {least}"),
            f1 >= *least,
        ),
        Promise::Nothing => (format!("{name}: B³ F1 {f1:.3}, for information"), true),
    })
}

/// The threshold with the best B³ F1 on every other label.
fn best_threshold(baseline: &Baseline, labels: &[&str]) -> f32 {
    let mut distinct: Vec<&str> = labels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let half: Vec<usize> = (0..labels.len())
        .filter(|at| {
            distinct
                .binary_search(&labels[*at])
                .is_ok_and(|number| number % 2 == 0)
        })
        .collect();
    let f1 = |threshold: f32| {
        let groups = joined(&baseline.pairs, threshold, labels.len());
        let (labels, groups): (Vec<&str>, Vec<usize>) =
            half.iter().map(|at| (labels[*at], groups[*at])).unzip();
        score(&labels, &groups).b_cubed.f1()
    };
    (5..=90)
        .map(|percent| percent as f32 / 100.0)
        .max_by(|a, b| f1(*a).total_cmp(&f1(*b)))
        .unwrap_or(0.5)
}

fn line(set: &str, grouping: &str, score: &Score) {
    println!(
        "| {set} | {grouping} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {} |",
        score.b_cubed.precision,
        score.b_cubed.recall,
        score.b_cubed.f1(),
        score.pairs.precision,
        score.pairs.recall,
        score.pairs.f1(),
        score.joined,
    );
}

fn pairs(folder: &Path) -> anyhow::Result<Vec<(String, bool)>> {
    println!("| pairs | label | copy | same story | different |");
    println!("|---|---|---|---|---|");
    let gold = sets::headline_pairs(folder)?;
    let verdicts = program::compare(&gold)?;
    table("headline_pairs_gold", &gold, &verdicts);
    let wrong = gold
        .iter()
        .zip(&verdicts)
        .filter(|(pair, (verdict, _))| pair.label == "0" && verdict == "copy")
        .count();
    let telegram = sets::telegram_pairs(folder)?;
    for language in ["ru", "en"] {
        let some: Vec<LabelledPair> = telegram
            .iter()
            .filter(|pair| pair.language == language)
            .map(|pair| LabelledPair {
                label: pair.label.clone(),
                language: pair.language.clone(),
                pair: pair.pair.clone(),
                score: pair.score,
            })
            .collect();
        table(
            &format!("telegram_pairs ({language})"),
            &some,
            &program::compare(&some)?,
        );
    }
    let sts = sets::sts_headlines(folder)?;
    let verdicts = program::compare(&sts)?;
    table("sts_headlines", &sts, &verdicts);
    let scores: Vec<f64> = sts.iter().map(|pair| pair.score).collect();
    let likeness: Vec<f64> = verdicts.iter().map(|(_, likeness)| *likeness).collect();
    println!(
        "\nsts_headlines: Spearman of likeness and score {:.3}",
        spearman(&scores, &likeness)
    );
    Ok(vec![(
        format!("headline_pairs_gold: {wrong} pairs labelled 0 folded as copies, none allowed"),
        wrong == 0,
    )])
}

fn table(name: &str, set: &[LabelledPair], verdicts: &[(String, f64)]) {
    let mut labels: Vec<&str> = set.iter().map(|pair| pair.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    for label in labels {
        let count = |wanted: &str| {
            set.iter()
                .zip(verdicts)
                .filter(|(pair, (verdict, _))| pair.label == label && verdict == wanted)
                .count()
        };
        println!(
            "| {name} | {label} | {} | {} | {} |",
            count("copy"),
            count("same_story"),
            count("different")
        );
    }
}

/// Rank correlation, ties shared.
fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let moment = |x: &[f64], y: &[f64]| {
        x.iter()
            .zip(y)
            .map(|(x, y)| (x - mean) * (y - mean))
            .sum::<f64>()
    };
    moment(&a, &b) / (moment(&a, &a) * moment(&b, &b)).sqrt()
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start;
        while end < order.len() && values[order[end]].total_cmp(&values[order[start]]).is_eq() {
            end += 1;
        }
        for at in &order[start..end] {
            ranks[*at] = (start + end - 1) as f64 / 2.0;
        }
        start = end;
    }
    ranks
}
