//! A PostgreSQL of the benchmark's own, which waits for the disk at every commit as a real one does.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

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
pub(crate) struct Stored {
    pub(crate) articles: i64,
    pub(crate) backlog: i64,
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

    pub(crate) async fn stored(&self) -> anyhow::Result<Stored> {
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
