//! `wirewatch serve`: the service.

use std::{net::SocketAddr, sync::Arc};

use super::{Outcome, ServeArgs, output};
use crate::{
    app::{self, Database, Doors, Lifecycle, Listeners, SystemClock},
    auth::Token,
    config::Settings,
    domain::Clock as _,
    store::PgPool,
    web::{self, links},
};

pub(super) async fn run(args: ServeArgs, settings: Settings) -> anyhow::Result<Outcome> {
    let lifecycle = Lifecycle::with_signals()?;
    let listeners = Listeners::open(args.role, args.listen, &settings).await?;
    let database = Database::open_unless_stopped(&settings, &lifecycle.stop_token()).await?;
    database.keep_private_server(&lifecycle);
    let clock = Arc::new(SystemClock);
    let served = async {
        app::load_beat(&database.pool, &settings, clock.as_ref()).await?;
        if let Some(listener) = &listeners.web {
            offer_first_account(&database.pool, &settings, listener.local_addr()?).await?;
        }
        app::run(
            &database.pool,
            &settings,
            args.role,
            listeners,
            Doors::Accounts,
            clock.clone(),
            &lifecycle,
        )
        .await
    }
    .await;
    database.close().await;
    served.map(|()| Outcome::Done)
}

/// Tells the link that makes the first admin, while nobody administers. It goes to standard error,
/// past the log; of a service that is its journal, which administrators read.
async fn offer_first_account(
    db: &PgPool,
    settings: &Settings,
    listening: SocketAddr,
) -> anyhow::Result<()> {
    let base = links::base(&settings.web, listening);
    let token = Token::new(web::random()?);
    if let Some(link) = links::first_admin_link(db, &base, &token, SystemClock.now()).await? {
        output::complain(&format!(
            "wirewatch: nobody has an account yet. This link makes the first one, once, within 24 hours:\n\n    {link}\n"
        ));
    }
    Ok(())
}
