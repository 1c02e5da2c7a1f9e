//! The desk beside a story: what stands, notes, who has seen it, what was decided, and the forms that decide.

use super::DeskView;
use crate::{
    domain::{
        Role, StoryId, Timestamp,
        desk::{DeskState, PassReason, mention_ranges},
        marks::Segment,
    },
    store::{
        PgPool, StoreError,
        desk::{self as stored, DeskChange, Note, StoryDesk},
        seen::{self, Seer},
    },
    web::{pages::moments::Moment, reading},
};

/// Changes that are listed.
const CHANGES: i64 = 20;

/// The desk beside a story.
#[derive(Debug)]
pub(crate) struct DeskPanel {
    pub(crate) story: i64,
    pub(crate) desk: DeskView,
    /// Where forms lead back to.
    pub(crate) next: String,
    state: DeskState,
    /// Whether the decision was the reader's.
    pub(crate) is_yours: bool,
    pub(crate) reasons: [&'static str; 5],
    pub(crate) colleagues: Vec<String>,
    pub(crate) notes: Vec<NoteView>,
    pub(crate) seers: Vec<SeerView>,
    pub(crate) changes: Vec<ChangeView>,
}

/// A note.
#[derive(Debug)]
pub(crate) struct NoteView {
    pub(crate) id: i64,
    pub(crate) change: i64,
    pub(crate) author: String,
    pub(crate) when: Moment,
    pub(crate) paragraphs: Vec<Vec<Segment>>,
    pub(crate) is_yours: bool,
}

/// Somebody who has seen the story.
#[derive(Debug)]
pub(crate) struct SeerView {
    pub(crate) name: String,
    pub(crate) when: Moment,
}

/// A decision.
#[derive(Debug)]
pub(crate) struct ChangeView {
    pub(crate) id: i64,
    pub(crate) actor: String,
    pub(crate) words: String,
    pub(crate) when: Moment,
    pub(crate) is_undone: bool,
    pub(crate) can_be_undone: bool,
}

impl DeskPanel {
    /// Reads it; none if there is no such story.
    pub(crate) async fn read(
        db: &PgPool,
        story: StoryId,
        next: String,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let asked = [story];
        let (told, notes, changes, seers, colleagues) = tokio::try_join!(
            stored::of_stories(db, &asked, now),
            stored::notes(db, story),
            stored::changes(db, story, CHANGES),
            seen::seers(db, story),
            stored::workers(db),
        )?;
        Ok(told
            .first()
            .map(|told| Self::new(told, &notes, &changes, &seers, colleagues, next, now)))
    }

    pub(crate) fn is_claimed(&self) -> bool {
        self.state == DeskState::Claimed
    }

    pub(crate) fn is_new(&self) -> bool {
        self.state == DeskState::New
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.state == DeskState::Watch
    }

    /// Beside a story of which nothing is known.
    #[cfg(test)]
    pub(crate) fn empty(story: StoryId, now: Timestamp) -> Self {
        let told = StoryDesk {
            story,
            group: vec![story.get()],
            desk: crate::domain::desk::Desk::default(),
            reports: 1,
            notes: 0,
        };
        Self::new(&told, &[], &[], &[], Vec::new(), "/".to_owned(), now)
    }

    fn new(
        told: &StoryDesk,
        notes: &[Note],
        changes: &[DeskChange],
        seers: &[Seer],
        colleagues: Vec<String>,
        next: String,
        now: Timestamp,
    ) -> Self {
        let visitor = reading::current().visitor;
        let you = visitor.actor();
        Self {
            story: told.story.get(),
            desk: DeskView::new(&told.desk, told.reports, told.notes, now),
            next,
            state: told.desk.state,
            is_yours: told.desk.by == you,
            reasons: PassReason::ALL.map(PassReason::as_str),
            colleagues,
            notes: notes
                .iter()
                .map(|note| note_view(note, &you, now))
                .collect(),
            seers: seers
                .iter()
                .map(|seer| SeerView {
                    name: seer.name.clone(),
                    when: Moment::clock(now, seer.seen_at),
                })
                .collect(),
            changes: changes
                .iter()
                .filter(|change| change.kind != "note")
                .map(|change| ChangeView {
                    id: change.id.get(),
                    actor: change.actor.clone(),
                    words: words(change),
                    when: Moment::clock(now, change.made_at),
                    is_undone: change.undone_at.is_some(),
                    can_be_undone: change.is_last
                        && change.kind != "expire"
                        && visitor.role().is_some_and(|role| role >= Role::Editor),
                })
                .collect(),
        }
    }
}

fn note_view(note: &Note, you: &str, now: Timestamp) -> NoteView {
    NoteView {
        id: note.id.get(),
        change: note.change.get(),
        author: note.author.clone(),
        when: Moment::clock(now, note.written_at),
        paragraphs: note
            .text
            .split('\n')
            .filter(|line| !line.trim().is_empty())
            .map(with_mentions)
            .collect(),
        is_yours: note.author == you,
    }
}

/// A line of a note, the names that it mentions marked.
pub(super) fn with_mentions(line: &str) -> Vec<Segment> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut push = |range: std::ops::Range<usize>, is_hit: bool| {
        if let Some(text) = line.get(range).filter(|text| !text.is_empty()) {
            pieces.push(Segment {
                text: text.to_owned(),
                is_hit,
                ..Segment::default()
            });
        }
    };
    for (range, _) in mention_ranges(line) {
        push(at..range.start, false);
        at = range.end;
        push(range, true);
    }
    push(at..line.len(), false);
    pieces
}

/// What a change was, for people.
pub(crate) fn words(change: &DeskChange) -> String {
    let after = change.after.clone().unwrap_or_default();
    match change.kind.as_str() {
        "claim" => "claimed it".to_owned(),
        "release" => "made it new again".to_owned(),
        "expire" => "released the claim: its time was over".to_owned(),
        "use" => "used it".to_owned(),
        "pass" => format!("passed it: {}", after.reason.map_or("", PassReason::as_str)),
        "watch" => "watches it".to_owned(),
        "assign" => after.assignee.map_or_else(
            || "gave it to nobody in particular".to_owned(),
            |name| format!("gave it to {name}"),
        ),
        kind => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_note_are_marked() {
        let told: Vec<(String, bool)> = with_mentions("see @mara, or a@b")
            .into_iter()
            .map(|piece| (piece.text, piece.is_hit))
            .collect();
        let piece = |text: &str, is_hit| (text.to_owned(), is_hit);
        assert_eq!(
            told,
            [
                piece("see ", false),
                piece("@mara", true),
                piece(", or a@b", false)
            ]
        );
    }
}
