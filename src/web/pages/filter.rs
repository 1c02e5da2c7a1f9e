//! Filters of the board: how they stand in the address, what can be chosen, and those that are saved under a name.

use std::time::Duration;

use axum::{extract::State, response::Redirect};
use serde::Deserialize;

use super::search::{
    Asked,
    form::{self, Choice, Filter as Choices},
};
use crate::{
    auth::Capability,
    domain::{SavedFilterId, Tier, Timestamp, desk::DeskState},
    store::{
        PgPool,
        board_filter::{BoardFilter, DEPTH, DEPTH_OF_ONE, DeskFilter},
        saved_filters::{self, SavedFilter},
        search::{SearchedKeyword, SearchedSource},
    },
    web::{
        error::WebError,
        extract::{Form, Path},
        state::WebClock,
        visitor::{Member, Visitor},
    },
};

/// Spans of time that can be chosen, in hours.
const SPANS: [(&str, u64); 6] = [
    ("1h", 1),
    ("6h", 6),
    ("24h", 24),
    ("3d", 72),
    ("7d", 168),
    ("30d", 720),
];

/// The longest name of a filter, in characters.
const LONGEST_NAME: usize = 60;

/// What the address of the board asks for. A part that is absent or empty asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    keyword: String,
    source: String,
    tier: String,
    country: String,
    lang: String,
    /// A state of the desk, or `mine`.
    state: String,
    /// How far back: `24h`.
    time: String,
    /// Whether the choices are to be shown, whatever is asked for.
    #[serde(rename = "filter")]
    shown: Option<String>,
}

/// A filter under a name, as the board offers it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SavedView {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) is_here: bool,
    pub(crate) is_of_desk: bool,
}

/// What the board shows of filters.
#[derive(Debug)]
pub(crate) struct FilterView {
    /// The choices; none while nothing is asked for.
    pub(crate) choices: Vec<Choices>,
    /// Whether anything is asked for.
    pub(crate) is_filtered: bool,
    /// The query string of what is asked for.
    pub(crate) asked: String,
    /// How many of the newest articles of each keyword are looked through.
    pub(crate) depth: i64,
    /// The same in the search, which goes further back.
    pub(crate) search: String,
    pub(crate) saved: Vec<SavedView>,
    pub(crate) may_save: bool,
    pub(crate) may_save_for_desk: bool,
}

impl Filter {
    fn fields(&self) -> [(&'static str, &str); 7] {
        [
            ("keyword", &self.keyword),
            ("source", &self.source),
            ("tier", &self.tier),
            ("country", &self.country),
            ("lang", &self.lang),
            ("state", &self.state),
            ("time", &self.time),
        ]
    }

    /// Whether anything is asked for.
    pub(crate) fn is_something(&self) -> bool {
        self.fields().iter().any(|(_, value)| !value.is_empty())
    }

    /// Whether the choices are shown.
    pub(crate) fn shows_choices(&self) -> bool {
        self.shown.is_some() || self.is_something()
    }

    /// The keyword that is asked for, if it is one alone.
    pub(crate) fn keyword(&self) -> Option<&str> {
        (!self.keyword.is_empty()).then_some(self.keyword.as_str())
    }

    /// The query string.
    pub(crate) fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields() {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    /// The address of the board through this filter.
    pub(crate) fn address(&self) -> String {
        if self.is_something() {
            format!("/?{}", self.query())
        } else {
            "/".to_owned()
        }
    }

    /// As the store is asked.
    ///
    /// # Errors
    /// A part is none of what can be chosen.
    pub(crate) fn asked(&self, visitor: &Visitor, now: Timestamp) -> Result<BoardFilter, WebError> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        if self.fields().iter().any(|(_, value)| value.len() > 100) {
            return Err(unknown("filter", "…"));
        }
        if !self.tier.is_empty() && self.tier.parse::<Tier>().is_err() {
            return Err(unknown("tier", &self.tier));
        }
        Ok(BoardFilter {
            keyword: some(&self.keyword),
            source: some(&self.source),
            tier: some(&self.tier),
            country: some(&self.country.to_ascii_uppercase()),
            language: some(&self.lang.to_ascii_lowercase()),
            state: match self.state.as_str() {
                "" => None,
                "mine" => Some(DeskFilter::Of(visitor.actor())),
                word => Some(DeskFilter::Is(
                    word.parse::<DeskState>()
                        .map_err(|_| unknown("state", word))?,
                )),
            },
            from: match self.time.as_str() {
                "" => None,
                span => SPANS
                    .iter()
                    .find(|(name, _)| *name == span)
                    .map(|(_, hours)| Some(now.minus(Duration::from_hours(*hours))))
                    .ok_or_else(|| unknown("span of time", span))?,
            },
        })
    }

    /// What the board shows of it.
    pub(crate) fn view(
        &self,
        visitor: &Visitor,
        known: Option<(&[SearchedSource], &[SearchedKeyword])>,
        saved: &[SavedFilter],
    ) -> FilterView {
        let query = self.query();
        let search = Asked {
            keyword: self.keyword.clone(),
            source: self.source.clone(),
            tier: self.tier.clone(),
            country: self.country.clone(),
            lang: self.lang.clone(),
            ..Asked::default()
        };
        let mut choices = known.map_or_else(Vec::new, |(sources, keywords)| {
            form::filters(&search, sources, keywords)
        });
        if !choices.is_empty() {
            choices.extend([self.states(visitor), self.spans()]);
        }
        FilterView {
            choices,
            is_filtered: self.is_something(),
            depth: if self.keyword.is_empty() {
                DEPTH
            } else {
                DEPTH_OF_ONE
            },
            search: search.address(),
            saved: saved
                .iter()
                .map(|saved| SavedView {
                    id: saved.id.get(),
                    name: saved.name.clone(),
                    address: format!("/?{}", saved.asked),
                    is_here: self.is_something() && saved.asked == query,
                    is_of_desk: saved.is_of_desk,
                })
                .collect(),
            may_save: visitor.member().is_some(),
            may_save_for_desk: visitor.may(Capability::WorkDesk),
            asked: query,
        }
    }

    fn states(&self, visitor: &Visitor) -> Choices {
        let mine = visitor.member().map(|_| ("mine", "yours"));
        let states = DeskState::ALL.map(|state| (state.as_str(), state.as_str()));
        choices(
            "state",
            "State",
            &self.state,
            states.into_iter().chain(mine),
        )
    }

    fn spans(&self) -> Choices {
        let spans = SPANS.map(|(name, _)| (name, name));
        choices("time", "Last", &self.time, spans)
    }
}

fn choices<'a>(
    name: &'static str,
    label: &'static str,
    chosen: &str,
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Choices {
    let choices = values.into_iter().map(|(value, label)| Choice {
        is_chosen: value == chosen,
        value: value.to_owned(),
        label: label.to_owned(),
    });
    Choices {
        name,
        label,
        choices: choices.collect(),
    }
}

fn unknown(filter: &str, value: &str) -> WebError {
    let shown: String = value.chars().take(60).collect();
    WebError::BadRequest(format!("There is no {filter} “{shown}” to filter by."))
}

/// A filter to be saved.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveForm {
    name: String,
    /// The query string.
    asked: String,
    /// `desk`, or nothing for the reader's own.
    #[serde(default)]
    of: String,
}

/// Saves a filter under a name.
pub(crate) async fn save(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    visitor: Visitor,
    member: Member,
    Form(form): Form<SaveForm>,
) -> Result<Redirect, WebError> {
    let now = clock.now();
    let name = form.name.trim();
    let is_name =
        (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !is_name {
        return Err(WebError::BadRequest(
            "A filter needs a name of at most 60 letters.".to_owned(),
        ));
    }
    // What cannot be asked cannot be saved, and what is saved has one spelling.
    let filter: Filter = read_query(&form.asked);
    filter.asked(&visitor, now)?;
    if !filter.is_something() {
        return Err(WebError::BadRequest(
            "This filter asks for nothing.".to_owned(),
        ));
    }
    let owner = match form.of.as_str() {
        "" => Some(member.id),
        "desk" if visitor.may(Capability::WorkDesk) => None,
        "desk" => return Err(WebError::NotYours(Capability::WorkDesk.least_role())),
        _ => {
            return Err(WebError::BadRequest(
                "“of” is to be desk or nothing.".to_owned(),
            ));
        }
    };
    let query = filter.query();
    let is_saved = saved_filters::save(&db, owner, name, &query, &visitor.actor(), now).await?;
    if !is_saved {
        return Err(WebError::Conflict(
            "there are 50 filters already; remove one",
        ));
    }
    Ok(Redirect::to(&filter.address()))
}

/// Removes a saved filter.
pub(crate) async fn remove(
    State(db): State<PgPool>,
    State(clock): State<WebClock>,
    visitor: Visitor,
    member: Member,
    Path(id): Path<SavedFilterId>,
) -> Result<Redirect, WebError> {
    let may_desk = visitor.may(Capability::WorkDesk);
    let now = clock.now();
    let is_removed =
        saved_filters::remove(&db, id, member.id, may_desk, &visitor.actor(), now).await?;
    if is_removed {
        Ok(Redirect::to("/?filter="))
    } else {
        Err(WebError::NotFound("filter"))
    }
}

/// Reads a query string; the parts that are no filters are left out.
fn read_query(query: &str) -> Filter {
    let mut filter = Filter::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let part = match name.as_ref() {
            "keyword" => &mut filter.keyword,
            "source" => &mut filter.source,
            "tier" => &mut filter.tier,
            "country" => &mut filter.country,
            "lang" => &mut filter.lang,
            "state" => &mut filter.state,
            "time" => &mut filter.time,
            _ => continue,
        };
        *part = value.replace('\0', "");
    }
    filter
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::web::{pages::line::tests::line, visitor::tests::an_editor};

    fn now() -> Timestamp {
        line().sort_at.plus(Duration::from_hours(2))
    }

    fn filter(query: &str) -> Filter {
        read_query(query)
    }

    #[test]
    fn an_address_holds_what_is_asked_and_nothing_else() {
        let asked = filter("time=6h&lang=ko&x=1&keyword=a%26b&source=");
        assert_eq!(asked.address(), "/?keyword=a%26b&lang=ko&time=6h");
        assert_eq!(filter("source=").address(), "/");
        assert!(!filter("").shows_choices());
    }

    #[test]
    fn what_cannot_be_chosen_is_refused() {
        let long = format!("source={}", "a".repeat(101));
        for query in ["tier=royal", "state=bored", "time=1y", &long] {
            assert!(filter(query).asked(&an_editor(), now()).is_err(), "{query}");
        }
    }

    #[test]
    fn filters_combine() {
        for (query, passes) in [
            ("", true),
            (
                "keyword=link&tier=wire&country=kr&lang=KO&state=new&time=6h",
                true,
            ),
            ("keyword=other", false),
            ("tier=press", false),
            ("lang=ko&country=JP", false),
            ("source=hanbit", true),
            ("source=other", false),
            ("time=1h", false),
            ("state=claimed", false),
            ("state=mine", false),
        ] {
            let asked = filter(query).asked(&an_editor(), now()).unwrap();
            assert_eq!(asked.takes(&line(), now()), passes, "{query}");
        }
    }
}
