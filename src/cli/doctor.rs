//! `wirewatch doctor`: what is wrong with this installation, and what to do.

use std::{path::Path, time::Duration};

use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use super::{DoctorArgs, Outcome, output};
use crate::{
    app::{Database, SystemClock},
    config::Settings,
    domain::{Clock as _, FeedUrl},
    fetch::{Ask, Fetched, Fetcher},
    mail::Mailer,
    pipeline::parse,
    store::{self, PgPool, feeds::FeedProbe, schema::Fit},
};

/// A clock that differs by more from the database's shifts leases and dates.
const MAX_SKEW: Duration = Duration::from_secs(5);

/// Less free disk than this is trouble soon.
const MIN_FREE_BYTES: u64 = 2 << 30;

/// Feeds asked at a time.
const PROBES: usize = 16;

#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    /// `ok`, `advice` or `trouble`.
    state: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    advice: String,
}

fn finding(what: &str, state: &'static str, detail: String, advice: &str) -> Finding {
    Finding {
        what: what.to_owned(),
        state,
        detail,
        advice: advice.to_owned(),
    }
}

pub(super) async fn run(args: DoctorArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let mut findings = Vec::new();
    match Database::open_there_as_is(settings).await {
        Ok(database) => {
            let examined = examine(&database.pool, settings, !args.no_feeds, &mut findings).await;
            database.close().await;
            examined?;
        }
        Err(error) => findings.push(finding("database", "trouble", super::chain(&error), "")),
    }
    findings.push(disk(settings));
    findings.push(way_in(settings));
    findings.push(mail(settings).await);
    let is_well = findings.iter().all(|finding| finding.state != "trouble");
    if args.json {
        output::json(&findings)?;
    } else {
        for finding in &findings {
            print(finding);
        }
    }
    Ok(if is_well {
        Outcome::Done
    } else {
        Outcome::SaidNo
    })
}

/// Whether the mail server takes letters from here.
async fn mail(settings: &Settings) -> Finding {
    let trouble = |detail: String| {
        let advice =
            "digests and alerts by mail wait until this works; see [mail] in config/wirewatch.toml";
        finding("mail", "trouble", detail, advice)
    };
    match Mailer::new(&settings.mail) {
        Ok(None) => finding(
            "mail",
            "advice",
            "no mail server".to_owned(),
            "digests and alerts by mail wait until mail.server and mail.from are set",
        ),
        Ok(Some(mailer)) => match mailer.probe().await {
            Ok(()) => {
                let server = format!("{} lets us in", settings.mail.server);
                finding("mail", "ok", server, "")
            }
            Err(refusal) => trouble(refusal.to_string()),
        },
        Err(error) => trouble(super::chain(&error.into())),
    }
}

fn accounts(has_admin: bool) -> Finding {
    if has_admin {
        return finding("accounts", "ok", "somebody administers".to_owned(), "");
    }
    finding(
        "accounts",
        "advice",
        "nobody administers".to_owned(),
        "follow the link that the service prints at its start, or run wirewatch user add NAME --role admin",
    )
}

/// Whether people of other machines can sign in.
fn way_in(settings: &Settings) -> Finding {
    let web = &settings.web;
    let is_public = web.public_url.starts_with("https://");
    match (is_public, web.trusted_proxies.is_empty()) {
        (true, false) => finding("pages", "ok", format!("at {}", web.public_url), ""),
        (true, true) => finding(
            "pages",
            "trouble",
            format!("{} has a proxy that is not believed", web.public_url),
            "set web.trusted_proxies to the network that the proxy asks from, or nobody can sign in through it",
        ),
        (false, _) => finding(
            "pages",
            "ok",
            "for this machine alone".to_owned(),
            "for others, put a proxy with TLS before them and set web.public_url and web.trusted_proxies",
        ),
    }
}

async fn examine(
    db: &PgPool,
    settings: &Settings,
    with_feeds: bool,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    let facts = store::server_facts(db).await?;
    let megabytes = facts.bytes / (1 << 20);
    findings.push(finding(
        "database",
        "ok",
        format!("PostgreSQL {}, {megabytes} MiB", facts.version),
        "",
    ));
    let now = SystemClock.now();
    let skew = now.since(facts.now).max(facts.now.since(now));
    let detail = format!("{} ms from the database's", skew.as_millis());
    findings.push(if skew > MAX_SKEW {
        finding(
            "clock",
            "trouble",
            detail,
            "run a time service (chrony, systemd-timesyncd) on both machines",
        )
    } else {
        finding("clock", "ok", detail, "")
    });
    match store::schema::fit(db).await? {
        Fit::Good => findings.push(finding("schema", "ok", "up to date".to_owned(), "")),
        Fit::Behind(steps) => {
            findings.push(finding(
                "schema",
                "trouble",
                format!("{steps} steps behind"),
                "run wirewatch db migrate, or start the service, which does it",
            ));
            return Ok(());
        }
        Fit::Beyond => {
            findings.push(finding(
                "schema",
                "trouble",
                "changed by a newer wirewatch, so that this one cannot use it".to_owned(),
                "run that one; its wirewatch doctor says more",
            ));
            return Ok(());
        }
    }
    findings.push(accounts(store::users::has_admin(db).await?));
    if with_feeds {
        findings.extend(probe_feeds(store::feeds::list(db).await?, settings).await?);
    }
    Ok(())
}

async fn probe_feeds(feeds: Vec<FeedProbe>, settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    if feeds.is_empty() {
        let advice = "wirewatch serve loads the beat; wirewatch opml import adds feeds";
        return Ok(vec![finding(
            "feeds",
            "advice",
            "there are none".to_owned(),
            advice,
        )]);
    }
    let fetcher = Fetcher::new(&settings.fetch)?;
    let bar = super::fetch::progress_bar(feeds.len() as u64);
    let findings = stream::iter(feeds)
        .map(|feed| probe(&fetcher, feed))
        .buffered(PROBES)
        .inspect(|_| bar.inc(1))
        .collect()
        .await;
    bar.finish_and_clear();
    Ok(findings)
}

async fn probe(fetcher: &Fetcher, feed: FeedProbe) -> Finding {
    if feed.state == "paused" {
        return finding(&feed.url, "ok", "paused".to_owned(), "");
    }
    let Ok(url) = feed.url.parse::<FeedUrl>() else {
        return finding(
            &feed.url,
            "trouble",
            "no address of a feed".to_owned(),
            "remove it",
        );
    };
    let asked = fetcher
        .fetch(Ask::for_document(url.as_url()), SystemClock.now())
        .await;
    match asked {
        Ok(Fetched::NotModified { .. }) => finding(&feed.url, "ok", "answered 304".to_owned(), ""),
        Ok(Fetched::Page(page)) => {
            match parse::parse(&page.body, page.content_type.as_deref(), &page.url) {
                Ok(document) => finding(
                    &feed.url,
                    "ok",
                    format!("{} entries", document.entries.len()),
                    "",
                ),
                Err(error) => finding(
                    &feed.url,
                    "trouble",
                    format!("{}: {}", error.code, error.detail),
                    "open the address in a browser: it may have moved",
                ),
            }
        }
        Err(failure) => finding(
            &feed.url,
            "trouble",
            format!("{}: {}", failure.code, failure.detail),
            "",
        ),
    }
}

fn disk(settings: &Settings) -> Finding {
    let folder = &settings.server.data_dir;
    let folder = if folder.as_os_str().is_empty() {
        crate::config::default_data_dir()
    } else {
        folder.clone()
    };
    let existing = folder
        .ancestors()
        .find(|step| step.exists())
        .unwrap_or(Path::new("/"));
    match nix::sys::statvfs::statvfs(existing) {
        Ok(facts) => {
            let free = facts
                .blocks_available()
                .saturating_mul(facts.fragment_size());
            let detail = format!("{} GiB free at {}", free >> 30, existing.display());
            if free < MIN_FREE_BYTES {
                finding(
                    "disk",
                    "trouble",
                    detail,
                    "make room, or shorten backlog.window_days",
                )
            } else {
                finding("disk", "ok", detail, "")
            }
        }
        Err(error) => finding(
            "disk",
            "trouble",
            format!("{}: {error}", existing.display()),
            "",
        ),
    }
}

fn print(finding: &Finding) {
    output::line(&format!(
        "{:<8} {}: {}",
        finding.state, finding.what, finding.detail
    ));
    if !finding.advice.is_empty() {
        output::line(&format!("{:<8}   → {}", "", finding.advice));
    }
}
