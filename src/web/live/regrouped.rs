//! Stories that have other articles now, in another way than by arriving: merged, parted, or known later than the articles
//! were told. An open page gets the lines that stand for them in place of those that it shows.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{ArrivedLine, arrived_line};
use crate::{
    domain::{StoryId, Timestamp},
    store::{
        StoreError,
        board::{self, BoardLine},
        board_filter::BoardFilter,
        desk::StoryDesk,
        stories,
    },
    web::{WebState, pages::news::News, reading, reading::Reader},
};

/// Lines that are sent at a time.
const LINES: i64 = 400;

/// Articles that are named at a time.
const ARTICLES: i64 = 2_000;

/// What a page is to show of stories from now on.
#[derive(Serialize)]
pub(super) struct Regrouped {
    /// The stories, and those that were merged into them.
    ids: BTreeSet<i64>,
    /// Their articles: a page may show one without its story, or with the one that it left.
    articles: Vec<i64>,
    /// The lines that stand for them.
    lines: Vec<ArrivedLine>,
}

impl Regrouped {
    /// Reads it as this reader and this filter are to have it.
    pub(super) async fn read(
        state: &WebState,
        reader: &Reader,
        filter: &BoardFilter,
        told: &[StoryDesk],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let stories: Vec<StoryId> = told.iter().map(|told| told.story).collect();
        let news = News::read(&state.db, &reader.visitor, now).await?;
        let is_filtered = *filter != BoardFilter::default();
        let mut lines =
            board::lines_of_stories(&state.db, news.asked().reader, &stories, is_filtered, LINES)
                .await?;
        if is_filtered {
            lines = standing_of(lines, filter, now);
        }
        let articles = stories::articles_of(&state.db, &stories, ARTICLES).await?;
        let lines = reading::within(reader.clone(), || {
            lines
                .iter()
                .filter_map(|line| arrived_line(line, now, Some(&news)))
                .collect()
        });
        Ok(Self {
            ids: told
                .iter()
                .flat_map(|told| told.group.iter().copied())
                .collect(),
            articles,
            lines,
        })
    }
}

/// Of the lines that pass a filter, the first of each keyword and story.
fn standing_of(lines: Vec<BoardLine>, filter: &BoardFilter, now: Timestamp) -> Vec<BoardLine> {
    let mut told = BTreeSet::new();
    let mut standing: Vec<BoardLine> = Vec::new();
    for mut line in lines {
        let story = line.story.as_ref().map(|story| story.id);
        if filter.takes(&line, now) && told.insert((line.keyword.clone(), story)) {
            line.stands = true;
            standing.push(line);
        }
    }
    standing
}
