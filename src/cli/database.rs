//! `wirewatch db`: the database itself.

use std::path::Path;

use super::{DbCommand, Outcome, output};
use crate::{
    app::{self, Database},
    config::{self, Settings},
    store::{
        self,
        dump::{self, DumpError},
    },
};

pub(super) async fn run(command: &DbCommand, settings: &Settings) -> anyhow::Result<Outcome> {
    match command {
        DbCommand::Migrate { .. } => {
            app::refuse_second(settings)?;
            Database::open(settings).await?.close().await;
            output::line("the schema is up to date");
        }
        DbCommand::Url { .. } => {
            let database = Database::open_there_as_is(settings).await?;
            output::line(&database.url);
            database.close().await;
        }
        DbCommand::Backup { file, .. } => {
            let database = Database::open_there_as_is(settings).await?;
            let written = backup(&database, file).await;
            database.close().await;
            let bytes = written?;
            output::line(&format!("{bytes} bytes in {}", file.display()));
        }
        DbCommand::Restore { file, .. } => {
            // First, so that a wrong file makes no database.
            check(file).await?;
            app::refuse_second(settings)?;
            let database = Database::open_as_is(settings).await?;
            let restored = restore(&database, file).await;
            database.close().await;
            restored?;
            output::line(&format!("restored from {}", file.display()));
        }
    }
    Ok(Outcome::Done)
}

async fn backup(database: &Database, file: &Path) -> anyhow::Result<u64> {
    let (url, file) = (database.url.clone(), file.to_owned());
    let writing =
        tokio::task::spawn_blocking(move || dump::backup(&url, &file, &config::search_path()));
    Ok(writing.await??)
}

async fn check(file: &Path) -> anyhow::Result<()> {
    let file = file.to_owned();
    let checking = tokio::task::spawn_blocking(move || dump::check(&file, &config::search_path()));
    Ok(checking.await??)
}

async fn restore(database: &Database, file: &Path) -> anyhow::Result<()> {
    let tables = dump::tables(&database.pool).await?;
    if tables > 0 {
        return Err(DumpError::NotEmpty { tables }.into());
    }
    let (url, file) = (database.url.clone(), file.to_owned());
    let reading =
        tokio::task::spawn_blocking(move || dump::restore(&url, &file, &config::search_path()));
    reading.await??;
    // A backup of an older version is brought up to date like any other database.
    store::migrate(&database.pool).await?;
    store::installation::leave_numbers_out(&database.pool).await?;
    Ok(())
}
