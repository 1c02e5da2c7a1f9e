//! A PostgreSQL of the benchmark's own, which waits for the disk at every commit as a real one does.

use std::{
    collections::HashMap,
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::ensure;
use tempfile::TempDir;
use wirewatch::store::{
    self, PgPool,
    private::{Durability, PrivateServer, PrivateServerOptions},
};

/// The server with the folder that it lives in.
pub(crate) struct Place {
    folder: TempDir,
    server: PrivateServer,
}

/// A database on it.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) pool: PgPool,
}

/// What is stored.
#[derive(Debug, PartialEq, Eq)]
struct Stored {
    articles: i64,
    backlog: i64,
}

impl Place {
    pub(crate) fn start() -> anyhow::Result<Self> {
        // As root, the server runs as another account, which must be able to enter.
        let folder = tempfile::Builder::new()
            .prefix("wirewatch-bench-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()?;
        let server = PrivateServer::start(&PrivateServerOptions {
            data_dir: folder.path().to_owned(),
            search_path: search_path(),
            durability: Durability::Kept,
        })?;
        Ok(Self { folder, server })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn fresh(&self, number: usize) -> anyhow::Result<Database> {
        let name = format!("run_{number}");
        store::create_database(&self.server.url("postgres"), &name).await?;
        let url = self.server.url(&name);
        let pool = store::connect(&url, 1).await?;
        Ok(Database { url, pool })
    }

    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.server.stop()?;
        self.folder.close()?;
        Ok(())
    }
}

impl Database {
    /// Makes every feed due, and writes out what earlier rounds left in memory.
    pub(crate) async fn make_all_due(&self) -> anyhow::Result<()> {
        sqlx::query("UPDATE feeds SET next_poll_at = now() - interval '1 second'")
            .execute(&self.pool)
            .await?;
        self.settle().await
    }

    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        sqlx::query("CHECKPOINT").execute(&self.pool).await?;
        Ok(())
    }

    /// Makes the feeds due one after the other, evenly over this time from now on.
    pub(crate) async fn spread_due(&self, over: Duration) -> anyhow::Result<()> {
        sqlx::query(
            "UPDATE feeds
                SET next_poll_at = now() + make_interval(secs => $1 * turns.share)
               FROM (SELECT id, percent_rank() OVER (ORDER BY id) AS share FROM feeds) AS turns
              WHERE turns.id = feeds.id",
        )
        .bind(over.as_secs_f64())
        .execute(&self.pool)
        .await?;
        self.settle().await
    }

    /// Puts all polls off beyond any measurement.
    pub(crate) async fn make_none_due(&self) -> anyhow::Result<()> {
        sqlx::query("UPDATE feeds SET next_poll_at = now() + interval '1 day'")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether all articles are placed, stand in stories and can be searched for.
    pub(crate) async fn is_at_rest(&self) -> anyhow::Result<bool> {
        let is_placed: bool =
            sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM articles WHERE arrival IS NULL)")
                .fetch_one(&self.pool)
                .await?;
        let index = store::article_tokens::progress(&self.pool).await?;
        Ok(is_placed
            && index.indexed_to >= index.last
            && !store::stories::are_waiting(&self.pool).await?)
    }

    /// The numbers of articles, by address.
    pub(crate) async fn articles(&self, urls: &[&String]) -> anyhow::Result<HashMap<String, i64>> {
        let articles: Vec<(String, i64)> =
            sqlx::query_as("SELECT url, id FROM articles WHERE url = ANY ($1)")
                .bind(urls)
                .fetch_all(&self.pool)
                .await?;
        Ok(articles.into_iter().collect())
    }

    /// Nothing may be lost, and nothing stored twice.
    pub(crate) async fn check_stored(&self, expected: u64) -> anyhow::Result<()> {
        let stored = self.stored().await?;
        ensure!(
            u64::try_from(stored.articles + stored.backlog) == Ok(expected),
            "{expected} items were served, {stored:?} were stored"
        );
        ensure!(
            stored.articles > 0,
            "no item matched a keyword: matching was not measured"
        );
        Ok(())
    }

    async fn stored(&self) -> anyhow::Result<Stored> {
        let (articles, backlog) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM backlog)",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Stored { articles, backlog })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "PostgreSQL's programs are found on PATH"
)]
fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}
