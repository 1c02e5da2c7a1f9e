//! Searching: a question as it was asked, and the articles that answer it, read within bounds.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use super::{cores::Cores, error::WebError};
use crate::{
    domain::{ArticleId, ArticleMatch, SourceId, Timestamp},
    query::{
        self, Condition, Engine, Lexicon, Pace, Purpose, Query, QueryError, Scratch, SourceFacts,
        Step, Stop, TOKENS_VERSION,
    },
    store::{
        self, PgPool, StoreError, article_tokens,
        board::LineKey,
        search::{ArticleText, SearchedSource, Span, Text},
    },
};

/// Articles that may be missing in the index for it still to be asked: each search reads them.
const MOST_UNLISTED: i64 = 2_000;

/// What the names in queries stand for, as of the last change of the beat.
#[derive(Debug, Default)]
pub(super) struct Words {
    current: RwLock<Option<(i64, Arc<Lexicon>)>>,
}

impl Words {
    /// The lexicon of today.
    pub(super) async fn lexicon(
        &self,
        db: &PgPool,
        cores: &Cores,
    ) -> Result<Arc<Lexicon>, StoreError> {
        let revision = store::beat::revision(db).await?.unwrap_or(0);
        let known = self
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((known, lexicon)) = known
            && known == revision
        {
            return Ok(lexicon);
        }
        let source = store::beat::engine_source(db).await?;
        let revision = source.revision;
        let reading = cores.work(move || {
            // Terms that cannot be used are reported where the engine of the river is compiled.
            let (lexicon, _) = Lexicon::new(&source.concepts, &source.outlets, &source.keywords);
            Arc::new(lexicon)
        });
        let lexicon = reading.await;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) =
            Some((revision, Arc::clone(&lexicon)));
        Ok(lexicon)
    }
}

/// Publishers by number.
pub(super) type Sources = Arc<HashMap<SourceId, SearchedSource>>;

/// A question that can be answered.
#[derive(Clone)]
pub(super) struct Question {
    engine: Arc<Engine>,
    condition: Condition,
    cores: Cores,
}

/// A text with what was found in it.
pub(super) type Judged<T> = (T, ArticleMatch);

impl Question {
    /// Compiles a query, to be judged by on `cores`. A long one takes a while: no work for the threads that serve.
    pub(super) fn new(
        query: &Query,
        lexicon: &Lexicon,
        sources: &[SearchedSource],
        cores: Cores,
    ) -> Self {
        let facts: Vec<SourceFacts> = sources
            .iter()
            .map(|source| SourceFacts {
                id: source.id,
                slug: source.slug.clone(),
                name: source.name.clone(),
                domain: source.domain.clone(),
                country: source.country.clone(),
                tier: source.tier,
            })
            .collect();
        Self {
            engine: Arc::new(Engine::of_query(query, lexicon)),
            condition: Condition::of(query, lexicon, &facts),
            cores,
        }
    }

    /// The texts that match, in their order. Scanning is no work for the threads that serve.
    pub(super) async fn judge<T: Judgeable>(
        &self,
        texts: Vec<T>,
        sources: &Sources,
    ) -> Vec<Judged<T>> {
        let (engine, sources) = (Arc::clone(&self.engine), Arc::clone(sources));
        let judging = self.cores.work(move || {
            let mut scratch = Scratch::default();
            texts
                .into_iter()
                .filter_map(|text| {
                    let mut matches = engine.matches(&text.text().subject(&sources), &mut scratch);
                    matches.pop().map(|found| (text, found))
                })
                .collect()
        });
        judging.await
    }
}

/// What has a text.
pub(super) trait Judgeable: Send + 'static {
    fn text(&self) -> &Text;
}

impl Judgeable for ArticleText {
    fn text(&self) -> &Text {
        &self.text
    }
}

impl Judgeable for store::backlog::BacklogText {
    fn text(&self) -> &Text {
        &self.text
    }
}

/// What a search found.
pub(super) struct Found {
    /// The articles, newest first.
    pub(super) articles: Vec<Judged<ArticleText>>,
    /// Why it stopped.
    pub(super) stop: Stop,
    /// Everything from the start to here has been read.
    pub(super) read_to: LineKey,
    /// Whether the index is still being built, so that articles were read one after the other.
    pub(super) is_index_behind: bool,
}

/// Finds the newest `wanted` articles of a span that answer the question, or as many as can be within one request.
pub(super) async fn find(
    db: &PgPool,
    question: &Question,
    sources: &Sources,
    mut span: Span,
    wanted: usize,
) -> Result<Found, StoreError> {
    let (progress, oldest) =
        tokio::try_join!(article_tokens::progress(db), store::search::oldest(db))?;
    let is_index_behind =
        progress.version != TOKENS_VERSION || progress.last - progress.indexed_to > MOST_UNLISTED;
    let width = question.condition.width().filter(|_| !is_index_behind);
    let floor = span.from;
    // One more tells whether there is anything behind those that are wanted.
    let more = wanted.saturating_add(1);
    let mut pace = Pace::new(more, width, oldest.unwrap_or(floor).max(floor));
    let mut articles = Vec::new();
    let stop = loop {
        match pace.next(span.before.sort_at) {
            Step::Stop(stop) => break stop,
            Step::Walk(most) => {
                let batch = store::search::newest(db, &span, limit(most)).await?;
                let read = batch.texts.len();
                if let Some(last) = batch.texts.last() {
                    span.before = last.key();
                }
                // A batch that is cut by its size is no end.
                let most = if batch.is_cut { read } else { most };
                let judged = question.judge(batch.texts, sources).await;
                pace.walked(most, read, judged.len());
                articles.extend(judged);
            }
            Step::Look { epochs, most } => {
                let from = query::epoch_start(*epochs.start()).max(floor);
                let within = Span { from, ..span };
                let clauses = question.condition.in_epochs(&epochs);
                let places = store::search::proposed(db, &within, &clauses, limit(most)).await?;
                span.before = match places.last() {
                    Some(last) if places.len() == most => *last,
                    _ => just_before(from),
                };
                let judged = read_places(db, question, sources, &places).await?;
                pace.looked(&epochs, most, places.len(), judged.len());
                articles.extend(judged);
            }
        }
    };
    articles.truncate(wanted);
    let last = articles.last().map(|(article, _)| article.key());
    Ok(Found {
        read_to: match stop {
            Stop::Full => last.unwrap_or(span.before),
            Stop::End | Stop::Far => span.before,
        },
        articles,
        stop,
        is_index_behind,
    })
}

/// The articles at these places that answer the question, batch by batch.
async fn read_places(
    db: &PgPool,
    question: &Question,
    sources: &Sources,
    places: &[LineKey],
) -> Result<Vec<Judged<ArticleText>>, StoreError> {
    let mut judged = Vec::new();
    let mut ids: Vec<ArticleId> = places.iter().map(|place| place.article_id).collect();
    while !ids.is_empty() {
        let batch = store::search::articles(db, &ids).await?;
        let read: HashSet<ArticleId> = batch.texts.iter().map(|article| article.id).collect();
        ids.retain(|id| !read.contains(id));
        if !batch.is_cut || read.is_empty() {
            ids.clear();
        }
        judged.extend(question.judge(batch.texts, sources).await);
    }
    Ok(judged)
}

/// The place after every article that is not older than an instant.
fn just_before(instant: Timestamp) -> LineKey {
    LineKey {
        sort_at: Timestamp::from_micros(instant.as_micros().saturating_sub(1)),
        article_id: ArticleId::new(i64::MAX),
    }
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads a query of the search box with what the filters add to it. The filters are facts, so they are part of the one
/// language.
pub(super) fn read(
    text: &str,
    facts: &[String],
    lexicon: &Lexicon,
) -> Result<(Option<Query>, Query), Vec<QueryError>> {
    let asked = if text.trim().is_empty() {
        None
    } else {
        Some(query::parse(text, lexicon, Purpose::Search)?)
    };
    let words = asked.as_ref().map(Query::canonical);
    let whole: Vec<String> = words
        .map(|words| format!("({words})"))
        .into_iter()
        .chain(facts.iter().cloned())
        .collect();
    let whole = if whole.is_empty() {
        "*".to_owned()
    } else {
        whole.join(" AND ")
    };
    let whole = query::parse(&whole, lexicon, Purpose::Search)?;
    Ok((asked, whole))
}

pub(super) use crate::store::board::{FAR_FUTURE_MICROS, FAR_PAST_MICROS};

/// A place as it stands in an address.
pub(super) fn position(key: LineKey) -> String {
    format!("{}.{}", key.sort_at.as_micros(), key.article_id)
}

/// The place that an address names.
pub(super) fn place(position: &str) -> Result<LineKey, WebError> {
    Some(position)
        .filter(|position| !position.contains('+'))
        .and_then(|position| position.split_once('.'))
        .and_then(|(micros, article)| Some((micros.parse::<i64>().ok()?, article.parse().ok()?)))
        .map(|(micros, article)| LineKey {
            sort_at: Timestamp::from_micros(micros.clamp(FAR_PAST_MICROS, FAR_FUTURE_MICROS)),
            article_id: ArticleId::new(article),
        })
        .ok_or_else(|| {
            WebError::BadRequest(
                "“before” is not a position that a page of this list gave.".to_owned(),
            )
        })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_and_one_that_no_page_gave_is_refused() {
        let key = LineKey {
            sort_at: Timestamp::from_micros(1_795_435_200_000_000),
            article_id: ArticleId::new(7),
        };
        assert_eq!(place(&position(key)).unwrap(), key);
        for position in ["", ".", "1", "1.x", "1.2.3", "1,2", "+1.2"] {
            assert!(place(position).is_err(), "{position}");
        }
        let before_all = place(&format!("{}.1", i64::MIN)).unwrap();
        assert_eq!(before_all.sort_at.to_string(), "0001-01-01T00:00:00Z");
    }
}
