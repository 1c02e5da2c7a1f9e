//! `wirewatch serve`: the service.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;

use super::{Outcome, ServeArgs};
use crate::{
    app::{self, BUILT_IN_BEAT, Database, Lifecycle, Role, SystemClock},
    config::Settings,
    domain::Beat,
};

pub(super) async fn run(args: ServeArgs, settings: Settings) -> anyhow::Result<Outcome> {
    let lifecycle = Lifecycle::with_signals()?;
    let listener = match args.role {
        Role::Worker => None,
        Role::All | Role::Web => Some(app::bind(args.listen.unwrap_or(settings.server.listen)).await?),
    };
    let beat = configured_beat(&settings.beat.file)?;
    let database = Database::open(&settings).await?;
    let clock = Arc::new(SystemClock);
    let served = async {
        app::load_beat(&database.pool, &beat, clock.as_ref()).await?;
        app::run(&database.pool, &settings, args.role, listener, clock.clone(), &lifecycle).await
    }
    .await;
    database.close().await;
    served.map(|()| Outcome::Done)
}

fn configured_beat(file: &Path) -> anyhow::Result<Beat> {
    if file.as_os_str().is_empty() {
        return app::read_beat(BUILT_IN_BEAT);
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the beat in {}", file.display()))?;
    app::read_beat(&text).with_context(|| format!("the beat in {} cannot be used", file.display()))
}
