//! `wirewatch export`: the articles of a period as JSON Lines, into a file that goes on where it broke off.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use jiff::{civil::Date, tz::TimeZone};
use serde::Deserialize;

use super::{Outcome, output};
use crate::{
    app::Database,
    config::Settings,
    domain::Timestamp,
    store::{
        PgPool, arrivals,
        article_stream::{self, Selection},
        search,
    },
    web,
};

/// Articles read at a time.
const BATCH: i64 = 500;

/// The end of a file that is looked through for its last lines, in bytes. No article is larger.
const TAIL: u64 = 64 << 20;

/// What to export.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// First day (UTC), by the date that articles are sorted by.
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// Last day (UTC).
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// Only what matches this keyword now.
    #[arg(long, value_name = "SLUG")]
    keyword: Option<String>,
    /// Go on after the line with this `resume`.
    #[arg(long, value_name = "TOKEN")]
    resume: Option<String>,
    /// The file; what is there is kept, and gone on with after its last whole line. Without: standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    output: Option<PathBuf>,
}

pub(super) async fn run(wanted: Wanted, settings: &Settings) -> anyhow::Result<Outcome> {
    let database = Database::open_there(settings).await?;
    let outcome = export(&database.pool, &wanted).await;
    database.close().await;
    outcome
}

async fn export(db: &PgPool, wanted: &Wanted) -> anyhow::Result<Outcome> {
    let selection = selection(db, wanted).await?;
    let (mut sink, after): (Box<dyn Write + Send>, i64) = match &wanted.output {
        Some(path) => {
            let mut file = open(path)?;
            let (end, after) = last_line(&mut file, path)?;
            is_of_this_selection(db, after, &selection)
                .await
                .with_context(|| format!("{} is not gone on with", path.display()))?;
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            (Box::new(file), after)
        }
        None => (Box::new(io::stdout()), resumed(wanted.resume.as_deref())?),
    };
    is_of_this_database(db, after).await?;
    let written = write(db, &selection, after, sink.as_mut()).await?;
    output::complain(&format!("{written} articles"));
    Ok(Outcome::Done)
}

async fn write(
    db: &PgPool,
    selection: &Selection,
    mut after: i64,
    sink: &mut (dyn Write + Send),
) -> anyhow::Result<u64> {
    let mut written = 0;
    loop {
        let arrived = article_stream::arrived_after(db, after, BATCH, selection).await?;
        for article in arrived.articles {
            sink.write_all(web::export_line(article)?.as_bytes())
                .context("the export cannot be written")?;
            written += 1;
        }
        after = arrived.read_to;
        if !arrived.has_more {
            sink.flush().context("the export cannot be written")?;
            return Ok(written);
        }
    }
}

async fn selection(db: &PgPool, wanted: &Wanted) -> anyhow::Result<Selection> {
    let keyword = match &wanted.keyword {
        None => None,
        Some(slug) => Some(
            search::keywords(db)
                .await?
                .into_iter()
                .find(|keyword| keyword.slug == *slug)
                .with_context(|| format!("there is no keyword {slug:?}"))?
                .id,
        ),
    };
    Ok(Selection {
        keyword,
        from: wanted.from.map(midnight).transpose()?,
        before: wanted
            .to
            .map(|day| Ok::<_, anyhow::Error>(midnight(day)?.plus(Duration::from_hours(24))))
            .transpose()?,
        ..Selection::default()
    })
}

fn midnight(day: Date) -> anyhow::Result<Timestamp> {
    Ok(Timestamp::from_jiff(
        TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0))?,
    ))
}

fn resumed(token: Option<&str>) -> anyhow::Result<i64> {
    token.map_or(Ok(0), |token| {
        web::export_resumed(token)
            .with_context(|| format!("{token:?} is no resume token that a line of an export gave"))
    })
}

/// The part of a line that says where to go on.
#[derive(Deserialize)]
struct Resume {
    resume: String,
}

/// Whoever went on after a number that has not been given here would miss whatever comes until it is.
async fn is_of_this_database(db: &PgPool, after: i64) -> anyhow::Result<()> {
    anyhow::ensure!(
        after <= arrivals::last(db).await?,
        "what is to be gone on with is ahead of everything that has arrived here: the database was restored from a backup. \
         Begin a new file, or go on with --resume from a line that is there"
    );
    Ok(())
}

/// Whether the article with which a file ends, if it is still there, is one of those that are asked for.
async fn is_of_this_selection(
    db: &PgPool,
    after: i64,
    selection: &Selection,
) -> anyhow::Result<()> {
    let was_asked_for = article_stream::was_of(db, after, selection).await?;
    anyhow::ensure!(
        was_asked_for != Some(false),
        "it ends with an article that is none of those asked for now. Name another file, or ask for the period and the \
         keyword that it was begun with"
    );
    Ok(())
}

/// Opens the file, or makes it.
fn open(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
}

/// Where the last whole line of a file ends, in bytes, and after which number of arrival that is.
fn last_line(file: &mut File, path: &Path) -> anyhow::Result<(u64, i64)> {
    let shown = path.display();
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let whole = tail
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |place| place + 1);
    anyhow::ensure!(
        whole > 0 || start == 0,
        "{shown} ends in no line of an export"
    );
    let last = tail[..whole].split(|byte| *byte == b'\n').rev().nth(1);
    let after = match last {
        None => 0,
        Some(line) => {
            let resume: Resume = serde_json::from_slice(line)
                .with_context(|| format!("the last line of {shown} is no line of an export"))?;
            resumed(Some(&resume.resume))?
        }
    };
    Ok((start + u64::try_from(whole)?, after))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_broke_off_ends_with_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let last_line = || last_line(&mut open(&path).unwrap(), &path);
        assert_eq!(last_line().unwrap(), (0, 0));
        std::fs::write(&path, "{\"resume\":\"7\"}\n{\"resume\":\"9\"}\n{\"resu").unwrap();
        assert_eq!(last_line().unwrap(), (30, 9));
        std::fs::write(&path, "a letter\n").unwrap();
        assert!(last_line().is_err());
    }
}
