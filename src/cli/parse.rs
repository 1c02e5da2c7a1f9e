//! `wirewatch parse`: a feed as wirewatch reads it.

use std::path::Path;

use url::Url;

use super::{Outcome, ParseArgs, SelectorArgs, output};
use crate::{
    app::SystemClock,
    config::Settings,
    domain::{Clock as _, Document, Entry, ErrorCode, ListSelectors},
    fetch::{Ask, Fetched, Fetcher},
    pipeline::{discover, normalise, page, parse, shape},
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
    // As a poll would: what is larger costs more memory to read than a machine may have.
    if input.body.len() as u64 > settings.fetch.max_body_bytes {
        let most = settings.fetch.max_body_bytes;
        output::complain(&format!(
            "{}: {}: more than {most} bytes (fetch.max_body_bytes)",
            args.input,
            ErrorCode::TooLarge.as_str()
        ));
        return Ok(Outcome::SaidNo);
    }
    let content_type = input.content_type.as_deref();
    let read = if args.list {
        let Some(selectors) = selectors(&args.selectors, &input) else {
            output::complain(&format!(
                "{}: nothing on this page repeats as news do; name what to read, as in --item 'ul.news > li'",
                args.input
            ));
            return Ok(Outcome::SaidNo);
        };
        page::read(&input.body, content_type, &input.base, &selectors)
    } else {
        parse::parse(&input.body, content_type, &input.base)
    };
    let document = match read {
        Ok(document) => document,
        Err(error) => {
            output::complain(&format!("{}: {}: {}", args.input, error.code, error.detail));
            if error.code == ErrorCode::NotAFeed {
                advise(&input);
            }
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

/// The selectors named, or else suggested for the page, which is said.
fn selectors(args: &SelectorArgs, input: &Input) -> Option<ListSelectors> {
    if let Some(item) = &args.item {
        return Some(ListSelectors {
            item: item.clone(),
            title: args.title.clone(),
            link: args.link.clone(),
            date: args.date.clone(),
            summary: args.summary.clone(),
        });
    }
    let suggested = page::suggest(&input.body, input.content_type.as_deref())?;
    let date = suggested
        .date
        .as_ref()
        .map(|date| format!(" --date '{date}'"))
        .unwrap_or_default();
    output::complain(&format!("suggested: --item '{}'{date}", suggested.item));
    Some(suggested)
}

/// What to do with a page that is no feed: the feeds that it offers, or its list.
fn advise(input: &Input) {
    let offers = discover::offers(&input.body, input.content_type.as_deref(), &input.base);
    if !offers.is_empty() {
        output::complain("the page offers:");
    }
    for offer in &offers {
        let title = offer.title.as_deref().unwrap_or("(no title)");
        output::complain(&format!("  {}  {title}", offer.url));
    }
    if offers.is_empty() && page::suggest(&input.body, input.content_type.as_deref()).is_some() {
        output::complain("it names no feed, but seems to list news: try --list");
    }
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
