//! The PostgreSQL of the benchmark.

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
    throw_away: Option<TempDir>,
    server: PrivateServer,
}

/// The database on it.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) pool: PgPool,
}

impl Place {
    pub(crate) fn start(folder: Option<&Path>) -> anyhow::Result<Self> {
        // As root, the server runs as another account, which must be able to enter.
        let throw_away = match folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                None
            }
            None => Some(
                tempfile::Builder::new()
                    .prefix("wirewatch-pages-")
                    .permissions(Permissions::from_mode(0o755))
                    .tempdir()?,
            ),
        };
        let data_dir = match (folder, &throw_away) {
            (Some(folder), _) => folder.to_owned(),
            (None, Some(folder)) => folder.path().to_owned(),
            (None, None) => unreachable!("one of them is there"),
        };
        let server = PrivateServer::start(&PrivateServerOptions {
            data_dir,
            search_path: search_path(),
            durability: Durability::Kept,
        })?;
        Ok(Self { throw_away, server })
    }

    pub(crate) async fn database(&self) -> anyhow::Result<Database> {
        store::create_database(&self.server.url("postgres"), "pages").await?;
        let url = self.server.url("pages");
        let pool = store::connect(&url, 4).await?;
        store::migrate(&pool).await?;
        Ok(Database { url, pool })
    }

    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.server.stop()?;
        if let Some(folder) = self.throw_away {
            folder.close()?;
        }
        Ok(())
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
