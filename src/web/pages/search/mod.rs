//! Search: everything stored, asked in the keyword language, newest first.

mod asked;
mod backlog;
pub(crate) mod form;

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use jiff::tz::TimeZone;

pub(crate) use asked::{Asked, Within};
use form::{Filter, Mistake, Way};
pub(crate) use form::{MISTAKES, excerpt, shown, unshown};

use super::{
    desk::DeskView,
    frame::{Frame, Place},
    line::{Line, facts, headline, language_tag, outward},
    moments::Moment,
};
use crate::{
    domain::{
        ArticleMatch, Timestamp,
        marks::{glosses, passage},
    },
    query::{Query as ParsedQuery, QueryError, Stop},
    store::{
        feed_health::{self, Collection},
        search::{self as stored, ArticleText, SearchedKeyword, SearchedSource, Text},
    },
    web::{
        WebState, days,
        error::WebError,
        extract::Query,
        peer::Peer,
        reading,
        search::{self, Found, Question, Sources, position},
        seats::Holder,
        visitor::Visitor,
    },
};

/// Articles of a page.
pub(crate) const ARTICLES: usize = 30;

/// The place in the page where results come.
const RESULTS: &str = "<!-- results -->";

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "search.html")]
pub(crate) struct SearchPage {
    frame: Frame,
    asked: Asked,
    /// Whose days the filters name.
    days_of: String,
    filters: Vec<Filter>,
    /// The address without filters, if there are any.
    without_filters: Option<String>,
    mistakes: Vec<Mistake>,
    /// Mistakes that are not shown.
    more_mistakes: usize,
    /// The query as it was understood.
    understood: Option<String>,
    warnings: Vec<String>,
    /// Warnings that are not shown.
    more_warnings: usize,
    examples: Vec<Way>,
    /// The editor with a keyword that finds this, for who may save one.
    draft: Option<String>,
    outcome: Option<Outcome>,
    /// Whether results of the backlog are to come.
    is_reading_backlog: bool,
}

/// What a search came to.
#[derive(Debug)]
struct Outcome {
    lines: Vec<Line>,
    is_first: bool,
    is_index_behind: bool,
    /// From where on nothing has been read, if not everything has been.
    read_to: Option<Moment>,
    /// The next page.
    next: Option<String>,
    backlog: String,
}

/// What searches need to know of the beat.
pub(crate) struct Known {
    lexicon: Arc<crate::query::Lexicon>,
    sources: Arc<[SearchedSource]>,
    keywords: Vec<SearchedKeyword>,
}

/// A search that can be made.
pub(crate) struct Readied {
    /// The query with all filters that a keyword can have.
    whole: String,
    /// As it was understood; none if nothing but filters was asked for.
    pub(crate) understood: Option<ParsedQuery>,
    pub(crate) question: Question,
    pub(crate) sources: Sources,
}

impl Known {
    /// Reads it.
    pub(crate) async fn read(state: &WebState) -> Result<Self, WebError> {
        let (lexicon, sources, keywords) = tokio::try_join!(
            state.words.lexicon(&state.db, &state.cores),
            stored::sources(&state.db),
            stored::keywords(&state.db),
        )?;
        Ok(Self {
            lexicon,
            sources: sources.into(),
            keywords,
        })
    }

    /// Readies a search, or says what is wrong with its query. A long query is no work for the threads that serve.
    pub(crate) async fn ready(
        &self,
        state: &WebState,
        asked: &Asked,
    ) -> Result<Result<Readied, Vec<QueryError>>, WebError> {
        let facts = asked.facts(&self.sources)?;
        let (text, cores) = (asked.q.clone(), state.cores.clone());
        let (lexicon, sources) = (Arc::clone(&self.lexicon), Arc::clone(&self.sources));
        let readying = state.cores.work(move || {
            let (understood, whole) = search::read(&text, &facts, &lexicon)?;
            let draft = if facts.is_empty() {
                text.trim().to_owned()
            } else {
                whole.canonical()
            };
            let by_id = sources.iter().map(|source| (source.id, source.clone()));
            Ok(Readied {
                whole: draft,
                understood,
                question: Question::new(&whole, &lexicon, &sources, cores),
                sources: Arc::new(by_id.collect::<HashMap<_, _>>()),
            })
        });
        Ok(readying.await)
    }

    /// Whether the keyword and the source that are asked for are there.
    pub(crate) fn look_up(&self, asked: &Asked) -> Result<(), WebError> {
        let keyword = |known: &SearchedKeyword| known.slug == asked.keyword;
        if !asked.keyword.is_empty() && !self.keywords.iter().any(keyword) {
            return Err(WebError::NotFound("keyword"));
        }
        let source = |known: &SearchedSource| known.slug == asked.source;
        if !asked.source.is_empty() && !self.sources.iter().any(source) {
            return Err(WebError::NotFound("source"));
        }
        Ok(())
    }

    /// The articles that may be read, with days of `zone`; a filter that names nothing is refused.
    pub(crate) fn span(&self, asked: &Asked, zone: &TimeZone) -> Result<stored::Span, WebError> {
        asked.facts(&self.sources)?;
        asked.span(&self.keywords, zone)
    }

    /// Finds a page of articles, with days of `zone`.
    pub(crate) async fn find(
        &self,
        state: &WebState,
        asked: &Asked,
        readied: &Readied,
        zone: &TimeZone,
        wanted: usize,
    ) -> Result<Found, WebError> {
        let span = asked.span(&self.keywords, zone)?;
        Ok(search::find(&state.db, &readied.question, &readied.sources, span, wanted).await?)
    }
}

/// Answers with what was found, or with what is wrong with the query.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    peer: Peer,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let now = state.clock.now();
    let (known, collection) = tokio::try_join!(Known::read(&state), async {
        Ok(feed_health::collection(&state.db).await?)
    })?;
    let mut page = SearchPage::new(&asked, &known, &collection, now);
    if !asked.is_something() {
        let concepts = stored::concepts(&state.db).await?;
        page.examples = form::examples(&concepts, &known.keywords);
        return Ok(page.into_response());
    }
    let readied = match known.ready(&state, &asked).await? {
        Ok(readied) => readied,
        Err(errors) => {
            page.mistakes = form::mistakes(&asked, &errors);
            page.more_mistakes = errors.len() - page.mistakes.len();
            return Ok(page.into_response());
        }
    };
    page.understand(&readied);
    if asked.is_in_backlog() {
        page.is_reading_backlog = true;
        return backlog::answer(state, Holder::of(&visitor, peer), &page, readied);
    }
    let zone = days::zone_of_reader();
    let found = known
        .find(&state, &asked, &readied, &zone, ARTICLES)
        .await?;
    page.outcome = Some(Outcome::new(&asked, &found, &readied.sources, now));
    Ok(page.into_response())
}

impl SearchPage {
    fn new(asked: &Asked, known: &Known, collection: &Collection, now: Timestamp) -> Self {
        let title = match asked.q.trim() {
            "" => "Search".to_owned(),
            text => {
                let shown: String = text.chars().take(60).collect();
                format!("{shown} – Search")
            }
        };
        Self {
            frame: Frame::new(&title, Place::Search, collection, now),
            days_of: days::zone_name(),
            filters: form::filters(asked, &known.sources, &known.keywords),
            without_filters: asked
                .has_filters()
                .then(|| Asked::default().with_query(&asked.q).address()),
            mistakes: Vec::new(),
            more_mistakes: 0,
            understood: None,
            warnings: Vec::new(),
            more_warnings: 0,
            examples: Vec::new(),
            draft: None,
            outcome: None,
            is_reading_backlog: false,
            asked: asked.clone(),
        }
    }

    fn understand(&mut self, readied: &Readied) {
        if let Some(query) = &readied.understood {
            self.understood = Some(query.canonical());
            let warnings = query.warnings();
            self.warnings = shown(warnings).map(ToString::to_string).collect();
            self.more_warnings = unshown(warnings);
        }
        if self.frame.may_edit {
            self.draft = Some(draft_address(&readied.whole));
        }
    }
}

impl Outcome {
    fn new(asked: &Asked, found: &Found, sources: &Sources, now: Timestamp) -> Self {
        Self {
            lines: found
                .articles
                .iter()
                .map(|(article, matched)| Line {
                    asked: asked.of_article(),
                    ..article_line(article, matched, sources, now)
                })
                .collect(),
            is_first: asked.before.is_empty(),
            is_index_behind: found.is_index_behind,
            read_to: (found.stop == Stop::Far).then(|| Moment::exact(found.read_to.sort_at)),
            next: (found.stop != Stop::End).then(|| asked.address_before(&position(found.read_to))),
            backlog: Asked {
                within: Within::Backlog,
                keyword: String::new(),
                ..asked.clone()
            }
            .address(),
        }
    }
}

/// The editor with a keyword of this query, not saved.
fn draft_address(query: &str) -> String {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    format!("/admin/keywords/new?query={query}")
}

fn article_line(
    article: &ArticleText,
    matched: &ArticleMatch,
    sources: &Sources,
    now: Timestamp,
) -> Line {
    line(article.id.get(), &article.text, matched, sources, now)
}

/// A line of a text that was found.
pub(crate) fn line(
    article: i64,
    text: &Text,
    matched: &ArticleMatch,
    sources: &Sources,
    now: Timestamp,
) -> Line {
    let lang = language_tag(text.language.as_deref());
    let source = sources.get(&text.source_id);
    let (tier, country) = source.map_or(("", None), |source| {
        (source.tier.as_str(), source.country.as_deref())
    });
    Line {
        texts: reading::current().texts,
        story: None,
        desk: DeskView::default(),
        can_be_chosen: false,
        asked: String::new(),
        article,
        sort: text.sort_at.as_micros(),
        is_new: false,
        headline: headline(&text.title, &matched.hits),
        passage: passage(&text.summary, &text.content, &matched.hits),
        glosses: glosses(&matched.hits),
        why: matched.why.clone(),
        original: outward(text.url.as_deref()),
        source: source.map(|source| source.name.clone()).unwrap_or_default(),
        facts: facts(tier, country, lang.as_deref()),
        lang,
        when: Moment::age(now, text.sort_at),
        changed: None,
    }
}
