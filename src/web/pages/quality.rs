//! Measured quality: how precise a keyword is by what the desk did with what it found, what is missed by a judged sample,
//! and words that would make it better.

use std::sync::Arc;

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{frame::Frame, line::outward, meanwhile};
use crate::{
    domain::{SampleId, Share},
    query::{Comparison, Purpose, Scratch, Suggestion, parse, suggest},
    store::{
        keyword_edits::{self, EditedKeyword},
        quality::{self, JudgedText, Sample, WeekShare},
        search::{self as stored, SearchedKeyword},
    },
    web::{
        WebState,
        error::WebError,
        extract::{Form, Path},
        reading,
        search::Sources,
        visitor::Visitor,
    },
};

/// Suggestions of each kind.
const MOST: usize = 8;

/// The page of a keyword.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "keyword_quality.html")]
pub(crate) struct KeywordQualityPage {
    frame: Frame,
    keyword: EditedKeyword,
    /// The seal of its name and its note.
    seen: String,
    versions: Vec<(i32, Measured)>,
    clauses: Vec<(String, Measured)>,
    for_kept: Vec<Offer>,
    for_noise: Vec<Offer>,
    judged: usize,
}

/// A share in words.
#[derive(Debug, PartialEq, Eq)]
struct Measured {
    of: String,
    point: String,
    interval: String,
}

/// A word with the query that takes it in or leaves it out.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    word: String,
    kept: u32,
    noise: u32,
    z: String,
    query: String,
}

/// The page of the sample.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "quality.html")]
pub(crate) struct QualityPage {
    frame: Frame,
    samples: Vec<SampleView>,
    weeks: Vec<WeekView>,
    keywords: Vec<SearchedKeyword>,
}

#[derive(Debug)]
struct SampleView {
    id: i64,
    source: String,
    original: Option<String>,
    title: String,
    summary: String,
    language: Option<String>,
    verdict: Option<String>,
}

#[derive(Debug)]
struct WeekView {
    week: String,
    missed: Measured,
    estimate: String,
    entries: i64,
    caught: i64,
}

/// What judges an entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    /// The keyword that should have caught it; empty: rightly not caught.
    #[serde(default)]
    keyword: String,
    /// Whether it should have been caught.
    missed: bool,
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn measured(share: Share) -> Measured {
    let (low, high) = share.interval();
    Measured {
        of: format!("{}/{}", share.hits, share.of),
        point: share.point().map(percent).unwrap_or_default(),
        interval: format!("{} – {}", percent(low), percent(high)),
    }
}

/// Answers with how good a keyword is.
pub(crate) async fn of_keyword(
    State(state): State<WebState>,
    Path(slug): Path<String>,
) -> Result<KeywordQualityPage, WebError> {
    let keyword = keyword_edits::find(&state.db, &slug)
        .await?
        .ok_or(WebError::NotFound("keyword"))?;
    let (versions, judged, sources, lexicon) = tokio::try_join!(
        quality::by_version(&state.db, keyword.id),
        quality::judged(&state.db, keyword.id),
        stored::sources(&state.db),
        state.words.lexicon(&state.db, &state.cores),
    )?;
    let count = judged.len();
    let sources: Sources = Arc::new(sources.into_iter().map(|it| (it.id, it)).collect());
    let query = keyword.query.clone();
    let measuring = state.cores.work(move || {
        let clauses = parse(&query, &lexicon, Purpose::SavedKeyword)
            .map(|query| by_clause(&Comparison::new(None, &query, &lexicon), &judged, &sources))
            .unwrap_or_default();
        (clauses, offers(&query, &judged))
    });
    let (clauses, (for_kept, for_noise)) = measuring.await;
    Ok(KeywordQualityPage {
        frame: Frame::bare(&keyword.name),
        seen: meanwhile::seal_of_names(&keyword.name, &keyword.note),
        keyword,
        versions: versions
            .into_iter()
            .map(|it| (it.version, measured(it.kept)))
            .collect(),
        clauses: clauses
            .into_iter()
            .map(|(text, share)| (text, measured(share)))
            .collect(),
        for_kept,
        for_noise,
        judged: count,
    })
}

/// How precise each clause is, on the texts that the desk judged.
fn by_clause(
    comparison: &Comparison,
    judged: &[JudgedText],
    sources: &Sources,
) -> Vec<(String, Share)> {
    let mut scratch = Scratch::default();
    let mut shares: Vec<(String, Share)> = comparison
        .clauses()
        .iter()
        .map(|text| (text.clone(), Share::default()))
        .collect();
    for one in judged {
        let compared = comparison.judge(&one.text.subject(sources), &mut scratch);
        for &number in compared.clauses() {
            if let Some((_, share)) = shares.get_mut(number as usize) {
                share.of += 1;
                share.hits += u32::from(one.is_kept);
            }
        }
    }
    shares
}

/// Words to take in and words to leave out, each with the query that would.
fn offers(query: &str, judged: &[JudgedText]) -> (Vec<Offer>, Vec<Offer>) {
    let whole = |one: &JudgedText| {
        format!(
            "{}\n{}\n{}",
            one.text.title, one.text.summary, one.text.content
        )
    };
    let texts = |is_kept: bool| -> Vec<String> {
        let of_side = judged.iter().filter(|one| one.is_kept == is_kept);
        of_side.map(whole).collect()
    };
    let (kept, noise) = (texts(true), texts(false));
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    let noise: Vec<&str> = noise.iter().map(String::as_str).collect();
    let (for_kept, for_noise) = suggest(&kept, &noise, MOST);
    let offer = |it: Suggestion, operator: &str| Offer {
        query: format!("({}) {operator} {}", query.trim(), it.word),
        word: it.word,
        kept: it.kept,
        noise: it.noise,
        z: format!("{:.1}", it.z.abs()),
    };
    (
        for_kept.into_iter().map(|it| offer(it, "OR")).collect(),
        for_noise
            .into_iter()
            .map(|it| offer(it, "AND NOT"))
            .collect(),
    )
}

/// Answers with the sample of the week and what earlier ones say.
pub(crate) async fn show(State(state): State<WebState>) -> Result<QualityPage, WebError> {
    let (samples, weeks, keywords) = tokio::try_join!(
        quality::samples(&state.db),
        quality::weeks(&state.db),
        stored::keywords(&state.db)
    )?;
    let texts = reading::current().texts;
    Ok(QualityPage {
        frame: Frame::bare(texts.quality),
        samples: samples.into_iter().map(sample_view).collect(),
        weeks: weeks.into_iter().map(week_view).collect(),
        keywords,
    })
}

fn sample_view(sample: Sample) -> SampleView {
    let texts = reading::current().texts;
    let by = sample.judged_by.unwrap_or_default();
    SampleView {
        id: sample.id.get(),
        source: sample.source,
        original: outward(sample.url.as_deref()),
        title: sample.title,
        summary: sample.summary,
        language: sample.language,
        verdict: sample.is_missed.map(|is_missed| {
            if is_missed {
                format!(
                    "{} {} · {by}",
                    texts.should_be_under,
                    sample.keyword.unwrap_or_default()
                )
            } else {
                format!("{} · {by}", texts.rightly_not)
            }
        }),
    }
}

fn week_view(week: WeekShare) -> WeekView {
    let (low, high) = week.missed.interval();
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let of_entries = |share: f64| (share * week.entries as f64).round();
    WeekView {
        estimate: format!("{:.0} – {:.0}", of_entries(low), of_entries(high)),
        missed: measured(week.missed),
        week: week.week,
        entries: week.entries,
        caught: week.caught,
    }
}

/// Judges an entry of the sample.
pub(crate) async fn judge(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<SampleId>,
    Form(verdict): Form<Verdict>,
) -> Result<Response, WebError> {
    let missed_by = verdict.missed.then_some(verdict.keyword.as_str());
    let (actor, now) = (visitor.actor(), state.clock.now());
    if !quality::judge(&state.db, id, missed_by, &actor, now).await? {
        return Err(WebError::NotFound("entry of a sample, or keyword"));
    }
    Ok(Redirect::to("/admin/quality").into_response())
}
