//! The past, newest first: stored articles and the backlog, judged by a query as it was and as it is to be.

use std::{collections::VecDeque, sync::Arc};

use super::{
    cores::Cores,
    edited::Edit,
    search::{FAR_FUTURE_MICROS, Sources},
};
use crate::{
    domain::{ArticleId, Identity, StoryId, Timestamp},
    query::{
        Compared, Comparison, Lexicon, Purpose, Query, QueryError, Scratch, StoryTally, Tally,
        parse,
    },
    store::{
        PgPool, StoreError,
        backlog::{self, BacklogKey, BacklogText},
        board::LineKey,
        search::{self as stored, ArticleText, Span, Text},
        story_page,
    },
};

/// Rows read at a time of each kind: few at first, so that the first are judged at once.
const FIRST_BATCH: i64 = 250;
const BATCH: i64 = 4_000;

/// Reads the past.
#[derive(Debug)]
struct Past {
    db: PgPool,
    from: Timestamp,
    limit: i64,
    articles: VecDeque<ArticleText>,
    entries: VecDeque<BacklogText>,
    /// Where to go on; none after the last.
    articles_before: Option<LineKey>,
    entries_before: Option<BacklogKey>,
}

/// A text of the past.
#[derive(Debug, Clone)]
pub struct PastText {
    /// The article; none for an entry of the backlog.
    pub article: Option<ArticleId>,
    /// When it was published, or for an entry of the backlog came.
    pub at: Timestamp,
    /// What it says.
    pub text: Text,
}

impl Past {
    fn new(db: PgPool, from: Timestamp) -> Self {
        let end = Timestamp::from_micros(FAR_FUTURE_MICROS);
        Self {
            db,
            from,
            limit: FIRST_BATCH,
            articles: VecDeque::new(),
            entries: VecDeque::new(),
            articles_before: Some(LineKey {
                sort_at: end,
                article_id: ArticleId::new(i64::MAX),
            }),
            entries_before: Some(BacklogKey {
                first_seen_at: end,
                identity: Identity([0xFF; 16]),
            }),
        }
    }

    /// The next texts; none after the last.
    async fn next(&mut self) -> Result<Vec<PastText>, StoreError> {
        let mut out = Vec::new();
        loop {
            if self.articles.is_empty() || self.entries.is_empty() {
                if !out.is_empty() && self.is_to_be_read() {
                    return Ok(out);
                }
                self.read_on().await?;
            }
            let article_at = self.articles.front().map(|article| article.text.sort_at);
            let entry_at = self.entries.front().map(|entry| entry.key.first_seen_at);
            if article_at.is_none() && entry_at.is_none() {
                return Ok(out);
            }
            let is_article = article_at >= entry_at;
            if is_article && let Some(article) = self.articles.pop_front() {
                out.push(PastText {
                    article: Some(article.id),
                    at: article.text.sort_at,
                    text: article.text,
                });
            } else if let Some(entry) = self.entries.pop_front() {
                out.push(PastText {
                    article: None,
                    at: entry.key.first_seen_at,
                    text: entry.text,
                });
            }
        }
    }

    /// Whether a list that is empty has more to come.
    fn is_to_be_read(&self) -> bool {
        (self.articles.is_empty() && self.articles_before.is_some())
            || (self.entries.is_empty() && self.entries_before.is_some())
    }

    async fn read_on(&mut self) -> Result<(), StoreError> {
        let limit = self.limit;
        let goes_on = |read: usize| i64::try_from(read).unwrap_or(i64::MAX) >= limit;
        if self.articles.is_empty()
            && let Some(before) = self.articles_before
        {
            let span = Span {
                before,
                from: self.from,
                keyword: None,
            };
            let batch = stored::newest(&self.db, &span, limit).await?;
            let is_more = batch.is_cut || goes_on(batch.texts.len());
            let last = batch.texts.last().map(ArticleText::key);
            self.articles_before = last.filter(|_| is_more);
            self.articles = batch.texts.into();
        }
        if self.entries.is_empty()
            && let Some(before) = self.entries_before
        {
            let batch = backlog::newest(&self.db, before, self.from, limit).await?;
            let is_more = batch.is_cut || goes_on(batch.texts.len());
            let last = batch.texts.last().map(|entry| entry.key);
            self.entries_before = last.filter(|_| is_more);
            self.entries = batch.texts.into();
        }
        self.limit = BATCH;
        Ok(())
    }
}

/// A change of a beat compared with what is saved, on the past, piece by piece.
#[derive(Debug)]
pub struct Difference {
    past: Past,
    /// Texts that were read already.
    ahead: Option<Vec<PastText>>,
    comparison: Arc<Comparison>,
    /// The keywords that are compared.
    keywords: Vec<Named>,
    sources: Sources,
    cores: Cores,
    tally: Tally,
    stories: StoryTally,
    read_to: Option<Timestamp>,
}

/// A keyword that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its short name; empty for a query that is none.
    pub slug: String,
    /// Its name for people.
    pub name: String,
}

/// A text that changes sides, or that a part keeps out.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The text.
    pub text: PastText,
    /// What became of it.
    pub compared: Compared,
    /// Its story; none for what is not placed in one, as entries of the backlog.
    pub story: Option<StoryId>,
    /// The queries that gain or lose it as they did a newer article of its story, by number.
    pub folded: Vec<usize>,
}

/// What went wrong with a difference.
#[derive(Debug, thiserror::Error)]
pub enum DifferenceError {
    /// The old query has errors.
    #[error("the old query has errors")]
    Before(Vec<QueryError>),
    /// The new query has errors.
    #[error("the new query has errors")]
    After(Vec<QueryError>),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Difference {
    /// Compares two queries that the beat's names may stand in, over what came at `from` or later. No old query matches
    /// nothing.
    ///
    /// # Errors
    /// One of them has errors, or the database does not answer.
    pub async fn between(
        db: &PgPool,
        before: Option<&str>,
        after: &str,
        from: Timestamp,
    ) -> Result<Self, DifferenceError> {
        let cores = Cores::of_this_machine();
        let source = crate::store::beat::engine_source(db).await?;
        let (old, new) = (before.map(str::to_owned), after.to_owned());
        let comparing = cores.work(move || {
            let lexicon = Lexicon::new(&source.concepts, &source.outlets, &source.keywords).0;
            let read = |text: &str| parse(text, &lexicon, Purpose::SavedKeyword);
            let after = read(&new).map_err(DifferenceError::After)?;
            let before: Option<Query> = old
                .as_deref()
                .map(read)
                .transpose()
                .map_err(DifferenceError::Before)?;
            Ok::<_, DifferenceError>(Comparison::new(before.as_ref(), &after, &lexicon))
        });
        let keywords = vec![Named {
            slug: String::new(),
            name: String::new(),
        }];
        Self::of(db, comparing.await?, keywords, cores, from).await
    }

    /// Compares an edit with what is saved, under every keyword that it touches, over what came at `from` or later. What
    /// has errors matches nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn of_edit(db: &PgPool, edit: Edit, from: Timestamp) -> Result<Self, StoreError> {
        Self::of_edit_on(db, Cores::of_this_machine(), edit, from).await
    }

    /// The same on these cores.
    pub(super) async fn of_edit_on(
        db: &PgPool,
        cores: Cores,
        edit: Edit,
        from: Timestamp,
    ) -> Result<Self, StoreError> {
        let source = crate::store::beat::engine_source(db).await?;
        let comparing = cores.work(move || edit.comparison(&source));
        let (comparison, keywords) = comparing.await;
        Self::of(db, comparison, keywords, cores, from)
            .await
            .map_err(|error| match error {
                DifferenceError::Store(error) => error,
                other => StoreError::Unexpected(other.to_string()),
            })
    }

    async fn of(
        db: &PgPool,
        comparison: Comparison,
        keywords: Vec<Named>,
        cores: Cores,
        from: Timestamp,
    ) -> Result<Self, DifferenceError> {
        let sources = stored::sources(db).await?;
        Ok(Self {
            past: Past::new(db.clone(), from),
            ahead: None,
            tally: Tally::new(&comparison),
            stories: StoryTally::new(keywords.len()),
            comparison: Arc::new(comparison),
            keywords,
            sources: Arc::new(sources.into_iter().map(|it| (it.id, it)).collect()),
            cores,
            read_to: None,
        })
    }

    /// The next piece: the texts in it that change sides or that one part alone keeps out, newest first. None after the
    /// last piece. While it is judged, the next is read.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn next(&mut self) -> Result<Option<Vec<Changed>>, StoreError> {
        let texts = match self.ahead.take() {
            Some(texts) => texts,
            None => self.past.next().await?,
        };
        if texts.is_empty() {
            return Ok(None);
        }
        self.read_to = texts.last().map(|text| text.at);
        let (comparison, sources) = (Arc::clone(&self.comparison), Arc::clone(&self.sources));
        let (db, cores, mut tally) = (self.past.db.clone(), self.cores.clone(), self.tally.clone());
        let judging = async move {
            let judging = cores.work(move || {
                let mut scratch = Scratch::default();
                let mut touched = Vec::new();
                for text in texts {
                    let compared = comparison.judge(&text.text.subject(&sources), &mut scratch);
                    tally.add(&compared);
                    if !compared.pairs.is_empty() || compared.is_kept_out() {
                        touched.push((text, compared));
                    }
                }
                (tally, touched)
            });
            let (tally, touched) = judging.await;
            let articles: Vec<_> = touched.iter().filter_map(|(it, _)| it.article).collect();
            let stories = story_page::stories_of(&db, &articles).await?;
            Ok::<_, StoreError>((tally, touched, stories))
        };
        let (judged, ahead) = tokio::join!(judging, self.past.next());
        let (tally, touched, stories) = judged?;
        self.tally = tally;
        self.ahead = Some(ahead?);
        let mut told = Vec::new();
        for (text, compared) in touched {
            let story = text.article.and_then(|it| stories.get(&it).copied());
            let folded = self.stories.add(&compared, story);
            let is_sole = compared.clauses().len() == 1;
            if compared.is_changed() || compared.is_kept_out() || is_sole {
                told.push(Changed {
                    text,
                    compared,
                    story,
                    folded,
                });
            }
        }
        Ok(Some(told))
    }

    /// What came of it so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The same in stories.
    #[must_use]
    pub const fn stories(&self) -> &StoryTally {
        &self.stories
    }

    /// How far back it has read.
    #[must_use]
    pub const fn read_to(&self) -> Option<Timestamp> {
        self.read_to
    }

    /// The keywords that are compared, in the order of the queries of [`Compared`].
    #[must_use]
    pub fn keywords(&self) -> &[Named] {
        &self.keywords
    }

    /// The publishers.
    pub(super) const fn sources(&self) -> &Sources {
        &self.sources
    }
}
