//! The stories of whole days as a table: a row for each day of each keyword.

use std::{collections::HashMap, slice};

use axum::{extract::State, response::Response};

use super::{Wanted, number};
use crate::{
    store::{keyword_edits, trends},
    story::period::Period,
    web::{WebState, days, error::WebError, extract::Query, outputs::Table},
};

/// Answers with the table. Today is not in it: it is not over.
pub(in crate::web) async fn answer(
    State(state): State<WebState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    let count = wanted.days()?;
    let keywords = keyword_edits::all(&state.db).await?;
    let of = wanted.keyword_of(&keywords)?;
    let period = Period::of(count + 1, state.clock.now(), days::zone_of_reader());
    let mut edges = period.edges();
    edges.pop();
    let found = {
        let _place = state.place_to_count().await?;
        trends::stories_by_day(&state.db, of.map(|keyword| keyword.id), &edges).await?
    };
    let stories: HashMap<_, _> = found
        .iter()
        .map(|found| ((found.keyword, found.day), number(found.stories)))
        .collect();
    let (names, zone) = (period.names("%F"), days::zone_name());
    let mut table = Table::new(&["day", "zone", "keyword", "name", "stories"]);
    for keyword in of.map_or(&keywords[..], slice::from_ref) {
        for (day, name) in (0..count).zip(&names) {
            let stories = stories.get(&(keyword.id, day)).copied().unwrap_or_default();
            table.push([
                name.clone(),
                zone.clone(),
                keyword.slug.clone(),
                keyword.name.clone(),
                stories.to_string(),
            ]);
        }
    }
    Ok(table.answer("trends", false))
}
