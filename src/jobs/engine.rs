//! The compiled engine that all polls share, rebuilt off their threads when the beat changes.

use std::sync::{Arc, PoisonError, RwLock};

use crate::{
    query::{Engine, Lexicon},
    store::{self, PgPool, StoreError},
};

/// The engine in use. Swapped as a whole: a poll that runs keeps the one it began with.
#[derive(Debug)]
pub struct LiveEngine {
    current: RwLock<Arc<Compiled>>,
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
    /// Compiles the engine from the beat in the database.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn load(db: &PgPool) -> Result<Self, StoreError> {
        let compiled = compile(store::beat::engine_source(db).await?).await;
        Ok(Self {
            current: RwLock::new(Arc::new(compiled)),
        })
    }

    /// The engine to match with now.
    pub fn current(&self) -> Arc<Compiled> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Rebuilds the engine if the beat has changed since.
    ///
    /// # Errors
    /// The database does not answer; the old engine stays.
    pub async fn refresh(&self, db: &PgPool) -> Result<(), StoreError> {
        let revision = store::beat::revision(db).await?.unwrap_or(0);
        if revision == self.current().revision {
            return Ok(());
        }
        let compiled = compile(store::beat::engine_source(db).await?).await;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(compiled);
        Ok(())
    }
}

/// A keyword or term that cannot be compiled is left out and told; the others work.
async fn compile(source: store::beat::EngineSource) -> Compiled {
    let compiling = tokio::task::spawn_blocking(move || {
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
    });
    match compiling.await {
        Ok(compiled) => compiled,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
