//! `wirewatch parse`: a feed as wirewatch reads it.

use std::path::Path;

use url::Url;

use super::{Outcome, ParseArgs, output};
use crate::{
    app::SystemClock,
    config::Settings,
    domain::{Clock as _, Document, Entry},
    fetch::{Ask, Fetched, Fetcher},
    pipeline::{normalise, parse, shape},
};

/// What relative links of a document without an address are resolved against.
const NOWHERE: &str = "http://localhost/";

struct Input {
    body: Vec<u8>,
    content_type: Option<String>,
    base: Url,
}

pub(super) async fn run(args: ParseArgs, settings: &Settings) -> anyhow::Result<Outcome> {
    let input = read(&args, settings).await?;
    let document = match parse::parse(&input.body, input.content_type.as_deref(), &input.base) {
        Ok(document) => document,
        Err(error) => {
            output::complain(&format!("{}: {}: {}", args.input, error.code, error.detail));
            return Ok(Outcome::SaidNo);
        }
    };
    let entries = normalise::entries(&document, None);
    if args.json {
        output::json(&shape::to_json(&document, &entries))?;
    } else {
        print(&document, &entries);
    }
    Ok(Outcome::Done)
}

async fn read(args: &ParseArgs, settings: &Settings) -> anyhow::Result<Input> {
    let base = args.base.clone();
    if let Ok(url) = Url::parse(&args.input)
        && matches!(url.scheme(), "http" | "https")
    {
        return download(url, base, args.content_type.clone(), settings).await;
    }
    Ok(Input {
        body: output::read(Path::new(&args.input))?,
        content_type: args.content_type.clone(),
        base: base.map_or_else(|| Url::parse(NOWHERE), Ok)?,
    })
}

async fn download(
    url: Url,
    base: Option<Url>,
    content_type: Option<String>,
    settings: &Settings,
) -> anyhow::Result<Input> {
    let fetcher = Fetcher::new(&settings.fetch)?;
    let answer = fetcher
        .fetch(Ask::for_document(&url), SystemClock.now())
        .await
        .map_err(|failure| anyhow::anyhow!("{url}: {}: {}", failure.code, failure.detail))?;
    match answer {
        Fetched::Page(page) => Ok(Input {
            body: page.body,
            content_type: content_type.or(page.content_type),
            base: base.unwrap_or(page.url),
        }),
        Fetched::NotModified { .. } => {
            anyhow::bail!("{url}: the server answered 304 to a request without conditions")
        }
    }
}

fn print(document: &Document, entries: &[Entry]) {
    output::line(document.title.as_deref().unwrap_or("(no title)"));
    output::line(&format!(
        "{} entries, {} skipped{}",
        entries.len(),
        document.skipped,
        if document.is_partial {
            ", the document ends early"
        } else {
            ""
        }
    ));
    for entry in entries {
        let date = entry
            .published
            .map_or_else(|| "(no date)".to_owned(), |date| date.to_string());
        output::line(&format!(
            "\n{}\n  {date}  {}",
            entry.title,
            entry.url.as_deref().unwrap_or("(no link)")
        ));
    }
}
