//! The board through a filter: which lines pass. Filters combine freely, so the statement is put together, with bound
//! values; it reads a bounded number of matches of each keyword.

use sqlx::{PgPool, Postgres, QueryBuilder};

use super::{
    StoreError,
    board::{self, BoardLine},
};
use crate::domain::{Timestamp, UserId, desk::DeskState};

/// The newest matches of each keyword that a filter looks through.
pub const DEPTH: i64 = 400;

/// The same, where one keyword is asked for.
pub const DEPTH_OF_ONE: i64 = 4_000;

/// The most stories in a state of the desk that a filter looks through.
const MOST_HELD: i64 = 1_000;

/// Which lines pass. What is absent asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoardFilter {
    /// Short name of the keyword.
    pub keyword: Option<String>,
    /// Short name of the source.
    pub source: Option<String>,
    /// Tier of the source.
    pub tier: Option<String>,
    /// Country of the source.
    pub country: Option<String>,
    /// Language of the article: its first subtag, in lower case.
    pub language: Option<String>,
    /// What the desk made of the story.
    pub state: Option<DeskFilter>,
    /// What was published before does not pass.
    pub from: Option<Timestamp>,
}

/// What the desk is to have made of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskFilter {
    /// This.
    Is(DeskState),
    /// Claimed by, or given to, this account.
    Of(String),
}

impl BoardFilter {
    /// Whether a line that has just arrived passes.
    #[must_use]
    pub fn takes(&self, line: &BoardLine, now: Timestamp) -> bool {
        let is = |asked: &Option<String>, known: Option<&str>| {
            asked.as_deref().is_none_or(|asked| known == Some(asked))
        };
        let language = line.language.as_deref().map(first_subtag);
        is(&self.keyword, Some(&line.keyword))
            && is(&self.source, Some(&line.source_slug))
            && is(&self.tier, Some(&line.tier))
            && is(&self.country, line.country.as_deref())
            && is(&self.language, language.as_deref())
            && self.from.is_none_or(|from| line.sort_at >= from)
            && self.state.as_ref().is_none_or(|state| {
                let desk = line.story.as_ref().map(|story| story.desk.clone().at(now));
                let desk = desk.unwrap_or_default();
                match state {
                    DeskFilter::Is(state) => desk.state == *state,
                    DeskFilter::Of(name) => {
                        desk.assignee.as_ref() == Some(name)
                            || (desk.state == DeskState::Claimed && desk.by == *name)
                    }
                }
            })
    }
}

fn first_subtag(language: &str) -> String {
    let subtag = language.split('-').next().unwrap_or(language);
    subtag.to_ascii_lowercase()
}

/// The lines that pass, one for each story of a keyword, at most `per_keyword` of each, newest first, in the order of
/// the keywords.
///
/// # Errors
/// The database does not answer.
pub async fn lines(
    db: &PgPool,
    reader: Option<UserId>,
    filter: &BoardFilter,
    per_keyword: i64,
    now: Timestamp,
) -> Result<Vec<BoardLine>, StoreError> {
    let mut query = statement(filter, per_keyword, now);
    let places: Vec<(i64, i64)> = query.build_query_as().fetch_all(db).await?;
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let (keywords, articles): (Vec<i64>, Vec<i64>) = places.into_iter().unzip();
    board::lines_at(db, reader, &keywords, &articles).await
}

/// Keywords and articles of the lines, in their order.
fn statement(filter: &BoardFilter, per_keyword: i64, now: Timestamp) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "WITH found AS (
             SELECT k.position, k.id AS keyword_id, m.article_id, m.sort_at,
                    row_number() OVER (PARTITION BY k.id, coalesce(sm.story_id, -m.article_id)
                                       ORDER BY sm.copy_of IS NOT NULL,
                                                CASE WHEN sm.copy_of IS NULL THEN m.sort_at END DESC,
                                                CASE WHEN sm.copy_of IS NOT NULL THEN m.article_id END,
                                                m.article_id DESC) AS place
               FROM keywords k CROSS JOIN LATERAL (",
    );
    candidates(&mut query, filter);
    query.push(
        ") AS m
               JOIN articles a ON a.id = m.article_id
               JOIN sources s ON s.id = a.source_id
               LEFT JOIN story_members sm ON sm.article_id = m.article_id
               LEFT JOIN LATERAL desk_of(sm.story_id) AS d ON ",
    );
    query.push(if filter.state.is_some() {
        "true"
    } else {
        "false"
    });
    query.push(" WHERE true");
    for (column, value) in [
        (" AND k.slug = ", &filter.keyword),
        (" AND s.slug = ", &filter.source),
        (" AND s.tier = ", &filter.tier),
        (" AND s.country = ", &filter.country),
        (
            " AND lower(split_part(a.language, '-', 1)) = ",
            &filter.language,
        ),
    ] {
        if let Some(value) = value {
            query.push(column).push_bind(value.clone());
        }
    }
    if let Some(state) = &filter.state {
        pass_state(&mut query, state, now);
    }
    query.push(
        "), lines AS (
             SELECT *, row_number() OVER (PARTITION BY keyword_id ORDER BY sort_at DESC, article_id DESC) AS line
               FROM found
              WHERE place = 1
         )
         SELECT keyword_id, article_id FROM lines WHERE line <= ",
    );
    query.push_bind(per_keyword);
    query.push(" ORDER BY position, keyword_id, line");
    query
}

/// The matches of a keyword that are looked through: its newest, or those of the stories that the desk has in a state.
fn candidates(query: &mut QueryBuilder<Postgres>, filter: &BoardFilter) {
    let depth = if filter.keyword.is_some() {
        DEPTH_OF_ONE
    } else {
        DEPTH
    };
    query.push("SELECT n.article_id, n.sort_at FROM ");
    let held = filter
        .state
        .as_ref()
        .filter(|state| **state != DeskFilter::Is(DeskState::New));
    if let Some(state) = held {
        query.push(
            "(SELECT DISTINCT coalesce(o.merged_into, o.id) AS id
                FROM (SELECT story_id FROM desk_states WHERE ",
        );
        match state {
            DeskFilter::Is(state) => {
                query.push("state = ").push_bind(state.as_str());
            }
            DeskFilter::Of(name) => {
                query
                    .push("assignee = ")
                    .push_bind(name.clone())
                    .push(" OR (state = 'claimed' AND by = ")
                    .push_bind(name.clone())
                    .push(")");
            }
        }
        query
            .push(" ORDER BY since DESC LIMIT ")
            .push_bind(MOST_HELD)
            .push(
                ") AS ds JOIN stories o ON o.id = ds.story_id) AS held
                 JOIN story_members hm ON hm.story_id = held.id
                 JOIN matches n ON n.article_id = hm.article_id AND n.keyword_id = k.id AND n.closed_at IS NULL WHERE true",
            );
    } else {
        query.push("matches n WHERE n.keyword_id = k.id AND n.closed_at IS NULL");
    }
    if let Some(from) = filter.from {
        query.push(" AND n.sort_at >= ").push_bind(from);
    }
    query
        .push(" ORDER BY n.sort_at DESC, n.article_id DESC LIMIT ")
        .push_bind(depth);
}

fn pass_state(query: &mut QueryBuilder<Postgres>, state: &DeskFilter, now: Timestamp) {
    match state {
        DeskFilter::Is(DeskState::New) => {
            query
                .push(" AND (d.state IS NULL OR d.state = 'new' OR d.until <= ")
                .push_bind(now)
                .push(")");
        }
        DeskFilter::Is(state) => {
            query
                .push(" AND d.state = ")
                .push_bind(state.as_str())
                .push(" AND (d.until IS NULL OR d.until > ")
                .push_bind(now)
                .push(")");
        }
        DeskFilter::Of(name) => {
            query
                .push(" AND (d.assignee = ")
                .push_bind(name.clone())
                .push(" OR (d.by = ")
                .push_bind(name.clone())
                .push(" AND d.until > ")
                .push_bind(now)
                .push("))");
        }
    }
}
