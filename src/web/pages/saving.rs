//! Saving what queries are made of: refused where keywords would break, tried again while others change the beat.

use crate::{
    domain::Timestamp,
    query::MAX_BYTES,
    store::{
        PgPool, StoreError,
        beat::{self, Dependants, EngineSource},
        concept_edits::{self, ConceptEdit},
        keyword_edits::{self, KeywordEdit, Saved},
    },
    web::{WebState, edited::Edit, error::WebError, reading, visitor::Visitor},
};

/// Times that an edit is tried again because the beat was changed meanwhile.
pub(super) const TRIES: usize = 5;

/// The largest form of what queries are made of: a query of the longest, each byte of it written as three (`%D0`), with
/// what stands beside it.
pub(in crate::web) const LARGEST_FORM: usize = 4 * MAX_BYTES;

/// What is to be saved.
#[derive(Clone, Copy)]
pub(super) enum Change<'a> {
    Keyword(KeywordEdit<'a>),
    Concept(ConceptEdit<'a>),
    Outlets {
        /// The version that was edited.
        edited: i32,
        names: &'a [String],
        reason: &'a str,
    },
}

impl Change<'_> {
    /// What cannot be found where there is nothing to change.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Keyword(_) => "keyword",
            Self::Concept(_) => "concept",
            Self::Outlets { .. } => "beat",
        }
    }

    async fn write(
        self,
        db: &PgPool,
        hanging: &Dependants,
        actor: &str,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        match self {
            Self::Keyword(edit) => keyword_edits::save(db, edit, hanging, actor, now).await,
            Self::Concept(edit) => concept_edits::save(db, edit, hanging, actor, now).await,
            Self::Outlets {
                edited,
                names,
                reason,
            } => concept_edits::save_outlets(db, edited, names, reason, hanging, actor, now).await,
        }
    }
}

/// Saves a change, which is `edit` to the engine, with what hangs on it. Gives its version, or what kept it from being
/// saved.
pub(super) async fn save(
    state: &WebState,
    visitor: &Visitor,
    edit: &Edit,
    change: Change<'_>,
) -> Result<Result<i32, String>, WebError> {
    let texts = reading::current().texts;
    for _ in 0..TRIES {
        let source = beat::engine_source(&state.db).await?;
        if let Some(problem) = broken(state, &source, edit).await {
            return Ok(Err(problem));
        }
        let hanging = edit.dependants(&source);
        let (actor, now) = (visitor.actor(), state.clock.now());
        match change.write(&state.db, &hanging, &actor, now).await? {
            Saved::As(version) => return Ok(Ok(version)),
            Saved::Same => return Ok(Err(texts.nothing_differs.to_owned())),
            Saved::Outdated(version) => {
                return Ok(Err(outdated(version)));
            }
            Saved::Unknown => return Err(WebError::NotFound(change.kind())),
            Saved::BeatMoved => {}
        }
    }
    Err(WebError::Conflict("the beat is being changed by others"))
}

/// That somebody else saved this version meanwhile, in words.
pub(super) fn outdated(version: i32) -> String {
    format!("{} {version}.", reading::current().texts.saved_meanwhile)
}

/// What would break if an edit was saved, in words.
pub(super) async fn broken(state: &WebState, source: &EngineSource, edit: &Edit) -> Option<String> {
    let (source, edit) = (source.clone(), edit.clone());
    let names = state.cores.work(move || edit.breaks(&source)).await;
    let texts = reading::current().texts;
    (!names.is_empty()).then(|| format!("{} {}.", texts.others_would_break, names.join(", ")))
}
