//! Grouping what was placed into stories: the window of one process, filled from the database when it takes over.

use std::sync::Arc;

use super::task::off_thread;
use crate::{
    domain::{ArticleId, StoryId, Timestamp},
    query::{ConceptFinder, Scratch},
    store::{
        self, PgPool, StoreError,
        stories::{Batch, Grouped, Memory, NewMember, Regrouping, State, Ungrouped},
    },
    story::{Change, Decisions, Report, Traits, Window},
};

/// Articles grouped in one transaction.
const BATCH: i64 = 200;

/// Articles that the window remembers: about 400 MB at the most.
const WINDOW: u32 = 100_000;

/// Articles between two second looks at their neighbours.
const LOOK_EVERY: usize = 50;

/// What this process remembers of stories between two steps.
#[derive(Default)]
pub(super) struct Grouping {
    kept: Option<Kept>,
    beat: Option<i64>,
    finder: Arc<ConceptFinder>,
}

struct Kept {
    window: Window,
    state: State,
}

/// What became of a batch.
struct Outcome {
    kept: Kept,
    members: Vec<NewMember>,
    changes: Vec<Regrouping>,
}

impl Grouping {
    /// Groups everything that was placed and is in no story. Returns the number of articles grouped.
    ///
    /// # Errors
    /// The database does not answer. What this process remembers is dropped then, and read anew the next time.
    pub(super) async fn step(&mut self, db: &PgPool, now: Timestamp) -> Result<u64, StoreError> {
        if !store::stories::are_waiting(db).await? {
            return Ok(0);
        }
        self.learn_concepts(db).await?;
        let mut total = 0;
        loop {
            let grouped = self.batch(db, now).await?;
            total += grouped;
            if grouped < BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    /// Groups all articles anew in order of arrival; the desk's decisions stay. Returns the number of articles.
    ///
    /// # Errors
    /// The database does not answer; stories are as they were then.
    pub(super) async fn regroup(&mut self, db: &PgPool, now: Timestamp) -> Result<u64, StoreError> {
        self.learn_concepts(db).await?;
        self.kept = None;
        let mut batch = store::stories::begin(db).await?;
        let memory = batch.memory(i64::MAX).await?;
        let finder = Arc::clone(&self.finder);
        let (members, state) = off_thread(move || again(&finder, &memory)).await;
        let count = members.len() as u64;
        batch.replace(&members, now, state).await?;
        Ok(count)
    }

    /// Fills the window that articles are compared with, if it is empty. Others may change stories meanwhile.
    ///
    /// # Errors
    /// The database does not answer.
    pub(super) async fn remember(&mut self, db: &PgPool) -> Result<(), StoreError> {
        if self.kept.is_none() {
            self.learn_concepts(db).await?;
            let mut batch = store::stories::begin(db).await?;
            let memory = batch.memory(i64::from(WINDOW)).await?;
            batch.give_up().await?;
            self.kept = Some(self.filled(memory).await);
        }
        Ok(())
    }

    async fn learn_concepts(&mut self, db: &PgPool) -> Result<(), StoreError> {
        let revision = store::beat::revision(db).await?;
        if revision.is_none() || revision == self.beat {
            return Ok(());
        }
        let source = store::beat::engine_source(db).await?;
        self.beat = revision;
        self.finder =
            off_thread(move || Arc::new(ConceptFinder::new(&source.concepts, &source.outlets)))
                .await;
        Ok(())
    }

    async fn batch(&mut self, db: &PgPool, now: Timestamp) -> Result<u64, StoreError> {
        let mut batch = store::stories::begin(db).await?;
        let articles = batch.ungrouped(BATCH).await?;
        if articles.is_empty() {
            return Ok(0);
        }
        let kept = self.remembered(&mut batch).await?;
        let finder = Arc::clone(&self.finder);
        let outcome = off_thread(move || group(&finder, kept, &articles)).await;
        let count = outcome.members.len() as u64;
        batch
            .write(&outcome.members, &outcome.changes, now, outcome.kept.state)
            .await?;
        self.kept = Some(outcome.kept);
        Ok(count)
    }

    /// What this process remembers, brought up to what the database says.
    async fn remembered(&mut self, batch: &mut Batch) -> Result<Kept, StoreError> {
        let state = batch.state;
        match self.kept.take() {
            Some(kept) if kept.state == state => Ok(kept),
            Some(mut kept) if kept.state.last_arrival == state.last_arrival => {
                let links = batch.links().await?;
                let standing = batch.standing(i64::from(WINDOW)).await?;
                kept.window
                    .follow(decisions(&links), state.last_story + 1, &standing);
                kept.state = state;
                Ok(kept)
            }
            _ => {
                let memory = batch.memory(i64::from(WINDOW)).await?;
                Ok(self.filled(memory).await)
            }
        }
    }

    async fn filled(&self, memory: Memory) -> Kept {
        let finder = Arc::clone(&self.finder);
        off_thread(move || fill(&finder, &memory)).await
    }
}

fn decisions(links: &[store::stories::Link]) -> Decisions {
    let mut decisions = Decisions::default();
    for link in links {
        if link.is_together {
            decisions.link(link.article, link.other);
        } else {
            decisions.part(link.article, link.other);
        }
    }
    decisions
}

fn traits(finder: &ConceptFinder, article: &Ungrouped, scratch: &mut Scratch) -> Traits {
    let text = if article.content.len() > article.summary.len() {
        &article.content
    } else {
        &article.summary
    };
    let concepts = finder.concepts_in(&article.title, text, scratch);
    Traits::of(&Report {
        title: &article.title,
        text,
        language: article.language.as_deref(),
        outlet: &article.source,
        at: Some(article.sort_at),
        concepts: &concepts,
    })
}

fn fill(finder: &ConceptFinder, memory: &Memory) -> Kept {
    let mut window = Window::new(
        WINDOW as usize,
        memory.state.last_story + 1,
        decisions(&memory.links),
    );
    let mut scratch = Scratch::default();
    for Grouped {
        article,
        story,
        copy_of,
    } in &memory.grouped
    {
        let traits = traits(finder, article, &mut scratch);
        let original = copy_of.map(ArticleId::get);
        window.restore(article.id.get(), traits, story.get(), original);
    }
    tracing::info!(articles = window.len(), "stories are in memory");
    Kept {
        window,
        state: memory.state,
    }
}

fn group(finder: &ConceptFinder, kept: Kept, articles: &[Ungrouped]) -> Outcome {
    let Kept {
        mut window,
        mut state,
    } = kept;
    let mut scratch = Scratch::default();
    let mut members = Vec::with_capacity(articles.len());
    let mut changes = Vec::new();
    for (number, article) in (1..).zip(articles) {
        members.push(member(finder, &mut window, article, &mut scratch));
        if number % LOOK_EVERY == 0 || number == articles.len() {
            changes.extend(window.revisit().into_iter().map(regrouping));
        }
        state.last_arrival = state.last_arrival.max(article.arrival);
    }
    state.last_story = window.last_story();
    Outcome {
        kept: Kept { window, state },
        members,
        changes,
    }
}

fn member(
    finder: &ConceptFinder,
    window: &mut Window,
    article: &Ungrouped,
    scratch: &mut Scratch,
) -> NewMember {
    let placement = window.place(article.id.get(), traits(finder, article, scratch));
    NewMember {
        article: article.id,
        story: StoryId::new(placement.story.unwrap_or_default()),
        copy_of: placement.copy_of.map(ArticleId::new),
        reason: serde_json::to_value(placement.reason).unwrap_or_default(),
    }
}

fn regrouping(change: Change) -> Regrouping {
    match change {
        Change::Merged { from, into, .. } => Regrouping::Merged {
            from: StoryId::new(from),
            into: StoryId::new(into),
        },
        Change::Left { key, into, .. } => Regrouping::Left {
            article: ArticleId::new(key),
            into: StoryId::new(into),
        },
    }
}

/// Places everything anew. A new story takes the number of the former one that most of its members come from.
fn again(finder: &ConceptFinder, memory: &Memory) -> (Vec<NewMember>, State) {
    let mut state = memory.state;
    let mut window = Window::new(
        WINDOW as usize,
        state.last_story + 1,
        decisions(&memory.links),
    );
    let mut scratch = Scratch::default();
    let mut members = Vec::with_capacity(memory.grouped.len());
    let mut changes = Vec::new();
    for (number, grouped) in (1..).zip(&memory.grouped) {
        members.push(member(finder, &mut window, &grouped.article, &mut scratch));
        if number % LOOK_EVERY == 0 || number == memory.grouped.len() {
            changes.extend(window.revisit());
        }
    }
    let former: Vec<(i64, i64)> = memory
        .grouped
        .iter()
        .map(|grouped| (grouped.article.id.get(), grouped.story.get()))
        .collect();
    let placed = members
        .iter()
        .map(|member| (member.article.get(), member.story.get()));
    let stories = crate::story::heirs(placed, &changes, &former);
    for member in &mut members {
        if let Some(story) = stories.get(&member.article.get()) {
            member.story = StoryId::new(*story);
        }
    }
    state.last_story = window.last_story();
    (members, state)
}
