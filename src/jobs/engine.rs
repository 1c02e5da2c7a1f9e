//! The compiled engine that all polls share, rebuilt off their threads when the beat changes.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use super::task::off_thread;
use crate::{
    query::{Engine, Lexicon},
    store::{self, PgPool, StoreError},
};

/// The engine in use, compiled when it is first asked for. Swapped as a whole: a poll that runs keeps the one it began
/// with.
#[derive(Debug)]
pub struct LiveEngine {
    db: PgPool,
    current: RwLock<Option<Arc<Compiled>>>,
    /// Held by the one that compiles.
    turn: Mutex<()>,
}

/// An engine and the change of the beat that it knows.
#[derive(Debug)]
pub struct Compiled {
    /// The beat's revision.
    pub revision: i64,
    /// The engine.
    pub engine: Engine,
}

impl LiveEngine {
    /// An engine of the beat in the database.
    #[must_use]
    pub fn new(db: PgPool) -> Self {
        Self {
            db,
            current: RwLock::default(),
            turn: Mutex::default(),
        }
    }

    fn compiled(&self) -> Option<Arc<Compiled>> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The engine to match with now.
    ///
    /// # Errors
    /// There is none yet, and the database does not answer.
    pub async fn current(&self) -> Result<Arc<Compiled>, StoreError> {
        if let Some(compiled) = self.compiled() {
            return Ok(compiled);
        }
        let _turn = self.turn.lock().await;
        match self.compiled() {
            Some(compiled) => Ok(compiled),
            None => self.compile().await,
        }
    }

    /// Rebuilds the engine if the beat has changed since; not one that nobody asked for yet.
    ///
    /// # Errors
    /// The database does not answer; the old engine stays.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let Some(current) = self.compiled() else {
            return Ok(());
        };
        let revision = store::beat::revision(&self.db).await?.unwrap_or(0);
        if revision != current.revision {
            let _turn = self.turn.lock().await;
            self.compile().await?;
        }
        Ok(())
    }

    async fn compile(&self) -> Result<Arc<Compiled>, StoreError> {
        let source = store::beat::engine_source(&self.db).await?;
        let compiled = Arc::new(compile(source).await);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// A keyword or term that cannot be compiled is left out and told; the others work.
async fn compile(source: store::beat::EngineSource) -> Compiled {
    off_thread(move || {
        let (lexicon, term_problems) =
            Lexicon::new(&source.concepts, &source.outlets, &source.keywords);
        let (engine, keyword_problems) = Engine::compile(&source.keywords, &lexicon);
        for problem in term_problems {
            tracing::warn!(%problem, "a term of the beat cannot be used");
        }
        for problem in keyword_problems {
            tracing::error!(%problem, "a keyword cannot be used and matches nothing");
        }
        tracing::info!(
            beat.revision = source.revision,
            keywords = source.keywords.len(),
            concepts = source.concepts.len(),
            "compiled the keywords"
        );
        Compiled {
            revision: source.revision,
            engine,
        }
    })
    .await
}
