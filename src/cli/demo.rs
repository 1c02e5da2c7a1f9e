//! `wirewatch demo`: everything to see without internet.
//!
//! The real service on a throw-away database, with the built-in beat's keywords and sample feeds that this process serves
//! itself on a loopback address. A database of the operator's is never touched, whatever the settings name.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{net::TcpListener, time};

use super::{
    DemoArgs, Outcome,
    demo_feeds::{self, DemoFeeds},
    output,
};
use crate::{
    app::{
        self, BUILT_IN_BEAT, Database, Doors, Lifecycle, Listeners, Role, SystemClock, WorkerParts,
    },
    config::{self, Settings},
    domain::{
        self, Beat, Clock as _, Timestamp, UserName,
        delivery::{Kind, Pace},
        digest::{DigestFilter, Schedule, Weekday},
    },
    pipeline::address::AllowedNetworks,
    store::{self, PgPool, beat::Merge, subscriptions::Wanted, workers},
};

/// The sample feeds publish every few seconds, so they are asked as often.
const INTERVAL: Duration = Duration::from_secs(3);

/// The first page waits no longer for what the sample feeds hold.
const FIRST_LOOK: Duration = Duration::from_secs(5);

pub(super) async fn run(args: DemoArgs, settings: Settings) -> anyhow::Result<Outcome> {
    let lifecycle = Lifecycle::with_signals()?;
    let listeners = Listeners::open(Role::All, args.listen, &settings).await?;
    let clock = Arc::new(SystemClock);
    let beat = serve_sample_feeds(&lifecycle, clock.clone()).await?;
    let settings = for_the_demo(settings)?;
    let database = Database::open_throw_away(&settings).await?;
    database.keep_private_server(&lifecycle);
    let served = async {
        store::beat::import(
            &database.pool,
            &beat,
            Merge::IfEmpty,
            "demo",
            clock.now(),
            &|_| {},
        )
        .await?;
        add_accounts(&database.pool, clock.now()).await?;
        add_digest(&database.pool, &beat, clock.now()).await?;
        read_the_past(&database.pool, &settings, clock.clone(), &lifecycle).await?;
        if let Some(listener) = &listeners.web {
            output::complain(&format!(
                "wirewatch demo: open http://{}/ - sample feeds, throw-away database; Ctrl-C ends it",
                listener.local_addr()?
            ));
        }
        app::run(
            &database.pool,
            &settings,
            Role::All,
            listeners,
            Doors::Demo,
            clock.clone(),
            &lifecycle,
        )
        .await
    }
    .await;
    database.close().await;
    served.map(|()| Outcome::Done)
}

/// Serves the sample feeds; returns the beat that follows them.
async fn serve_sample_feeds(
    lifecycle: &Lifecycle,
    clock: Arc<SystemClock>,
) -> anyhow::Result<Beat> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let feeds = DemoFeeds::new(clock.now(), &base).context("the sample feeds cannot be read")?;
    let beat = Beat {
        sources: feeds.sources()?,
        ..app::read_beat(BUILT_IN_BEAT)?
    };
    let router = demo_feeds::router(Arc::new(feeds), clock);
    let stop = lifecycle.stop_token();
    lifecycle.spawn("sample feeds", async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the sample feeds cannot be served"
            );
        }
    });
    Ok(beat)
}

/// Reads what the sample feeds hold before anybody looks: it is hours of news at once, and its first page would show each
/// report as a story of its own. Some of the feeds are slow or broken and keep nobody waiting for long.
async fn read_the_past(
    db: &PgPool,
    settings: &Settings,
    clock: Arc<SystemClock>,
    lifecycle: &Lifecycle,
) -> anyhow::Result<()> {
    let parts = WorkerParts::build(db, settings, clock, workers::Kind::Pass).await?;
    let enough = lifecycle.stop_token().child_token();
    let pass = Box::pin(parts.poller.pass(&enough, Arc::new(|_| {})));
    let stopped = async {
        time::sleep(FIRST_LOOK).await;
        enough.cancel();
        std::future::pending::<()>().await;
    };
    let pass = async {
        tokio::select! {
            _ = pass => {}
            () = stopped => {}
        }
    };
    parts.placer.beside(pass).await?;
    Ok(())
}

/// One account for each role, named like it. They have no passwords: the sign-in page of the demo needs none.
async fn add_accounts(db: &PgPool, now: Timestamp) -> anyhow::Result<()> {
    for role in domain::Role::ALL {
        let name: UserName = role.as_str().parse()?;
        store::users::add(db, &name, "", role, None, "demo", now).await?;
    }
    Ok(())
}

/// A digest of everything, to look at; it goes to nobody.
async fn add_digest(db: &PgPool, beat: &Beat, now: Timestamp) -> anyhow::Result<()> {
    let wanted = Wanted {
        name: "Morning".to_owned(),
        kind: Kind::Digest,
        schedule: Schedule {
            zone: "UTC".to_owned(),
            days: Weekday::ALL.into(),
            times: ["07:00".parse()?].into(),
            quiet: [].into(),
        },
        pace: Pace::default(),
        filter: DigestFilter::default(),
        story_limit: 40,
        sends_empty: true,
        review_minutes: 0,
        keywords: beat
            .keywords
            .iter()
            .map(|keyword| keyword.slug.clone())
            .collect(),
    };
    store::subscriptions::add(db, "morning", &wanted, "demo", now).await?;
    Ok(())
}

fn for_the_demo(mut settings: Settings) -> anyhow::Result<Settings> {
    settings.database.url.clear();
    settings.server.data_dir = config::temporary_dir("demo");
    settings.fetch.allow_networks = AllowedNetworks(vec!["127.0.0.1/32".parse()?]);
    settings.schedule.min_interval = INTERVAL;
    settings.schedule.max_interval = INTERVAL * 2;
    settings.schedule.failure_interval = INTERVAL * 2;
    settings.poll.per_host = settings.poll.concurrency;
    settings.web.anonymous_reading = true;
    settings.mail.server.clear();
    Ok(settings)
}
