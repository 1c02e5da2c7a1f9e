//! `wirewatch query diff`: what a changed query gains and loses on the desk's own data.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::{super::output, Outcome, complain};
use crate::{
    app::{Database, SystemClock},
    config::Settings,
    domain::{ArticleId, Clock as _, Hit, StoryId, Timestamp},
    query::{PartTally, QueryTally, Tally},
    web::{Changed, Difference, DifferenceError},
};

/// A text that changes sides.
#[derive(Serialize)]
struct Line<'a> {
    change: &'static str,
    /// The article; null for an entry of the backlog.
    article: Option<i64>,
    /// Its story; null for what is in none.
    story: Option<i64>,
    at: Timestamp,
    title: &'a str,
    url: Option<&'a str>,
    source: i64,
    hits: &'a [Hit],
    why: &'a str,
}

pub(super) async fn run(
    old: &str,
    new: &str,
    days: u16,
    as_json: bool,
    settings: &Settings,
) -> anyhow::Result<Outcome> {
    let database = Database::open_there(settings).await?;
    let span = Duration::from_secs(u64::from(days) * 86_400);
    let from = SystemClock.now().minus(span);
    let before = Some(old).filter(|old| !old.trim().is_empty());
    let outcome = match Difference::between(&database.pool, before, new, from).await {
        Ok(difference) => tell(difference, as_json).await,
        Err(DifferenceError::Before(errors)) => {
            complain(old, &errors);
            Ok(Outcome::SaidNo)
        }
        Err(DifferenceError::After(errors)) => {
            complain(new, &errors);
            Ok(Outcome::SaidNo)
        }
        Err(DifferenceError::Store(error)) => Err(error.into()),
    };
    database.close().await;
    outcome
}

async fn tell(mut difference: Difference, as_json: bool) -> anyhow::Result<Outcome> {
    while let Some(changed) = difference.next().await? {
        for one in &changed {
            tell_one(one, as_json)?;
        }
    }
    let (tally, stories) = (difference.tally(), difference.stories().whole());
    if as_json {
        output::json(&json!({"summary": summary(tally, stories)}))?;
    } else {
        show(tally, stories);
    }
    Ok(Outcome::Done)
}

fn tell_one(changed: &Changed, as_json: bool) -> anyhow::Result<()> {
    let Some(pair) = changed.compared.pairs.first() else {
        return Ok(());
    };
    let (change, found) = match (&pair.before, &pair.after) {
        (None, Some(after)) => ("gained", after),
        (Some(before), None) => ("lost", before),
        _ => return Ok(()),
    };
    let text = &changed.text.text;
    if as_json {
        return output::json(&Line {
            change,
            article: changed.text.article.map(ArticleId::get),
            story: changed.story.map(StoryId::get),
            at: changed.text.at,
            title: &text.title,
            url: text.url.as_deref(),
            source: text.source_id.get(),
            hits: &found.hits,
            why: &found.why,
        });
    }
    // Articles of one story are one line.
    if changed.folded.contains(&pair.query) {
        return Ok(());
    }
    let sign = if change == "gained" { '+' } else { '-' };
    output::line(&format!("{sign} {}  {}", changed.text.at, text.title));
    Ok(())
}

fn summary(tally: &Tally, stories: QueryTally) -> serde_json::Value {
    let clause =
        |part: &PartTally| json!({"clause": part.text, "hits": part.count, "sole": part.sole});
    let exclusion = |part: &PartTally| json!({"exclusion": part.text, "kept_out": part.count});
    let anti_term = |part: &PartTally| json!({"anti_term": part.text, "kept_out": part.count});
    let first = tally.first();
    json!({
        "read": tally.read,
        "before": first.before,
        "after": first.after,
        "gained": first.gained,
        "lost": first.lost,
        "stories": {
            "before": stories.before, "after": stories.after, "gained": stories.gained, "lost": stories.lost,
        },
        "clauses": tally.clauses.iter().map(clause).collect::<Vec<_>>(),
        "exclusions": tally.exclusions.iter().map(exclusion).collect::<Vec<_>>(),
        "anti_terms": tally.anti_terms.iter().map(anti_term).collect::<Vec<_>>(),
    })
}

fn show(tally: &Tally, stories: QueryTally) {
    let QueryTally {
        before,
        after,
        gained,
        lost,
    } = tally.first();
    output::line(&format!(
        "{} read, {before} matched before, {after} after: {gained} gained, {lost} lost",
        tally.read
    ));
    output::line(&format!(
        "in stories: {} before, {} after: {} gained, {} lost",
        stories.before, stories.after, stories.gained, stories.lost
    ));
    for part in &tally.clauses {
        output::line(&format!(
            "  {} found, {} by nothing else: {}",
            part.count, part.sole, part.text
        ));
    }
    for part in &tally.exclusions {
        output::line(&format!("  {} kept out by NOT {}", part.count, part.text));
    }
    for part in tally.anti_terms.iter().filter(|part| part.count > 0) {
        output::line(&format!(
            "  {} kept out by the anti-term {}",
            part.count, part.text
        ));
    }
}
