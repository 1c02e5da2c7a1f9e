//! The versions of a thing that is edited, as its page lists them.

use serde::Deserialize;

use super::moments::Moment;
use crate::{domain::Timestamp, web::reading};

/// A version with what it changed.
#[derive(Debug)]
pub(super) struct VersionView {
    pub(super) version: i32,
    pub(super) when: Moment,
    pub(super) actor: String,
    pub(super) reason: String,
    pub(super) pieces: Vec<Piece>,
    /// The address that has it in the editor; none of the current one.
    pub(super) restore: Option<String>,
}

/// A piece of what two versions say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) is_gone: bool,
    pub(super) is_come: bool,
}

/// When a version was saved, by whom, and why.
pub(super) struct Saving<'a> {
    pub(super) version: i32,
    pub(super) at: Timestamp,
    pub(super) actor: &'a str,
    pub(super) reason: &'a str,
}

/// What the address of an editor asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// An earlier version, to be looked at in the editor.
    pub(super) version: Option<i32>,
    /// The version that was just saved.
    saved: Option<i32>,
}

impl Wanted {
    /// That something was saved, in words.
    pub(super) fn told(&self) -> Option<String> {
        let texts = reading::current().texts;
        self.saved
            .map(|version| format!("{} {version}.", texts.saved_as_version))
    }
}

/// The versions of what is edited at the address `page`, youngest first. `pieces` compares one with the version before it;
/// the first has none.
pub(super) fn views<V>(
    versions: &[V],
    page: &str,
    current: i32,
    now: Timestamp,
    saving: impl Fn(&V) -> Saving<'_>,
    pieces: impl Fn(Option<&V>, &V) -> Vec<Piece>,
) -> Vec<VersionView> {
    let earlier = versions.iter().skip(1).map(Some).chain([None]);
    versions
        .iter()
        .zip(earlier)
        .map(|(version, before)| {
            let saving = saving(version);
            VersionView {
                version: saving.version,
                when: Moment::clock(now, saving.at),
                actor: saving.actor.to_owned(),
                reason: saving.reason.to_owned(),
                pieces: pieces(before, version),
                restore: (saving.version != current)
                    .then(|| format!("{page}?version={}", saving.version)),
            }
        })
        .collect()
}
