//! The labelled sets, each read into one form. Headlines belong to their publishers and are never part of the project.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde_json::{Value, json};

/// A report with its label.
pub(crate) struct Labelled {
    pub(crate) label: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) report: Value,
}

/// Two reports, and what people said of them.
pub(crate) struct LabelledPair {
    pub(crate) label: String,
    pub(crate) language: String,
    pub(crate) pair: Value,
    pub(crate) score: f64,
}

fn rows(file: &Path) -> anyhow::Result<Vec<Value>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("in {}", file.display())))
        .collect()
}

fn field(row: &Value, name: &str) -> String {
    row[name].as_str().unwrap_or_default().to_owned()
}

fn labelled(
    label: &str,
    title: &str,
    text: &str,
    published: &str,
    language: Option<&str>,
    source: &str,
) -> Labelled {
    Labelled {
        label: label.to_owned(),
        title: title.to_owned(),
        text: text.to_owned(),
        report: json!({"title": title, "text": text, "published": published, "lang": language, "source": source}),
    }
}

/// Headlines of coarse stories, in order of time.
pub(crate) fn uci_headlines(folder: &Path) -> anyhow::Result<Vec<Labelled>> {
    let rows = rows(&folder.join("uci_headlines.jsonl"))?;
    Ok(rows
        .iter()
        .map(|row| {
            let (story, title) = (field(row, "story"), field(row, "title"));
            labelled(
                &story,
                &title,
                "",
                &field(row, "published"),
                None,
                &field(row, "publisher"),
            )
        })
        .collect())
}

/// Headlines that were listed together in one language. Only the day is told: the minute would give the list away.
pub(crate) fn google_news(
    folder: &Path,
    language: &str,
    has_dates: bool,
) -> anyhow::Result<Vec<Labelled>> {
    let mut clusters: Vec<Value> = rows(&folder.join("google_news_2026.jsonl"))?
        .into_iter()
        .filter(|row| row["language"] == language)
        .collect();
    clusters.sort_by_key(|row| {
        field(row, "first_seen")
            .chars()
            .take(10)
            .collect::<String>()
    });
    // Items of one list must not follow each other: first the first of all lists of a day, then the second.
    let mut items: Vec<(String, usize, Labelled)> = Vec::new();
    for row in &clusters {
        let day: String = field(row, "first_seen").chars().take(10).collect();
        for (place, item) in row["items"].as_array().into_iter().flatten().enumerate() {
            let told = if has_dates { day.as_str() } else { "" };
            let title = field(item, "title");
            let one = labelled(
                &field(row, "cluster"),
                &title,
                "",
                told,
                Some(language),
                &field(item, "publisher"),
            );
            items.push((day.clone(), place, one));
        }
    }
    items.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    Ok(items.into_iter().map(|(_, _, one)| one).collect())
}

/// Fifty events as three outlets tell them, in order of time.
pub(crate) fn basil_triplets(folder: &Path) -> anyhow::Result<Vec<Labelled>> {
    let mut rows = rows(&folder.join("basil_triplets.jsonl"))?;
    rows.sort_by_key(|row| field(row, "published"));
    Ok(rows
        .iter()
        .map(|row| {
            let (title, text) = (field(row, "title"), field(row, "summary"));
            labelled(
                &field(row, "story"),
                &title,
                &text,
                &field(row, "published"),
                Some("en"),
                &field(row, "source"),
            )
        })
        .collect())
}

/// Pairs of headlines chosen to be hard: 2 one report, 1 one story, 0 neither.
pub(crate) fn headline_pairs(folder: &Path) -> anyhow::Result<Vec<LabelledPair>> {
    let rows = rows(&folder.join("headline_pairs_gold.jsonl"))?;
    Ok(rows
        .into_iter()
        .map(|row| LabelledPair {
            label: row["same"].to_string(),
            language: "en".to_owned(),
            score: 0.0,
            pair: json!({
                "a": {"title": row["a"], "source": row["a_pub"], "published": row["a_seen"], "lang": "en"},
                "b": {"title": row["b"], "source": row["b_pub"], "published": row["b_seen"], "lang": "en"},
            }),
        })
        .collect())
}

/// Pairs with text in Russian and English: `OK` one event, `BAD` not.
pub(crate) fn telegram_pairs(folder: &Path) -> anyhow::Result<Vec<LabelledPair>> {
    let rows = rows(&folder.join("telegram_pairs.jsonl"))?;
    Ok(rows
        .into_iter()
        .map(|row| LabelledPair {
            label: field(&row, "same_event"),
            language: field(&row, "language"),
            score: 0.0,
            pair: json!({
                "a": {"title": row["a_title"], "text": row["a_text"], "lang": row["language"]},
                "b": {"title": row["b_title"], "text": row["b_text"], "lang": row["language"]},
            }),
        })
        .collect())
}

/// Pairs of headlines with how alike their meaning is, 0 to 5.
pub(crate) fn sts_headlines(folder: &Path) -> anyhow::Result<Vec<LabelledPair>> {
    let rows = rows(&folder.join("sts_headlines.jsonl"))?;
    Ok(rows
        .into_iter()
        .map(|row| LabelledPair {
            label: format!("{:.0}", row["score"].as_f64().unwrap_or_default().round()),
            language: "en".to_owned(),
            score: row["score"].as_f64().unwrap_or_default(),
            pair: json!({"a": {"title": row["a"], "lang": "en"}, "b": {"title": row["b"], "lang": "en"}}),
        })
        .collect())
}
