//! `wirewatch serve`: the service.

use std::sync::Arc;

use super::{Outcome, ServeArgs};
use crate::{
    app::{self, Database, Lifecycle, Role, SystemClock},
    config::Settings,
};

pub(super) async fn run(args: ServeArgs, settings: Settings) -> anyhow::Result<Outcome> {
    let lifecycle = Lifecycle::with_signals()?;
    let listener = match args.role {
        Role::Worker => None,
        Role::All | Role::Web => {
            Some(app::bind(args.listen.unwrap_or(settings.server.listen)).await?)
        }
    };
    let database = Database::open(&settings).await?;
    let clock = Arc::new(SystemClock);
    let served = async {
        app::load_beat(&database.pool, &settings, clock.as_ref()).await?;
        app::run(
            &database.pool,
            &settings,
            args.role,
            listener,
            clock.clone(),
            &lifecycle,
        )
        .await
    }
    .await;
    database.close().await;
    served.map(|()| Outcome::Done)
}
