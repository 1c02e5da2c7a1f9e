//! `wirewatch db`: the database itself.

use super::{DbCommand, Outcome, output};
use crate::{app::Database, config::Settings};

pub(super) async fn run(command: &DbCommand, settings: &Settings) -> anyhow::Result<Outcome> {
    match command {
        DbCommand::Migrate { .. } => {
            Database::open(settings).await?.close().await;
            output::line("the schema is up to date");
        }
        DbCommand::Url { .. } => {
            let database = Database::open_as_is(settings).await?;
            output::line(&database.url);
            database.close().await;
        }
    }
    Ok(Outcome::Done)
}
