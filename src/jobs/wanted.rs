//! Reading pages that somebody asked for by their address: through the same guard as feeds, into the same articles.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    engine::{Compiled, LiveEngine},
    room::Room,
};
use crate::{
    domain::{ArticleMatch, Clock, Document, Entry, Facts, FeedId, Subject, Timestamp},
    fetch::{Ask, Fetched, Fetcher, Page},
    pipeline::{identify, normalise, page},
    query::Scratch,
    store::{
        self, PgPool, StoreError,
        search::SearchedSource,
        wanted_pages::{ReadPage, Wanted},
    },
};

/// Looks for pages this often.
const INTERVAL: Duration = Duration::from_secs(1);

/// A page that is not there and read by then is given up.
const WITHIN: Duration = Duration::from_mins(1);

/// Reads pages.
pub struct PageReader {
    /// The database.
    pub db: PgPool,
    /// The way out.
    pub fetcher: Fetcher,
    /// The keywords.
    pub engine: Arc<LiveEngine>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where documents are read.
    pub room: Arc<Room>,
}

impl PageReader {
    /// Reads until stopped.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.step(&stop).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a page that was asked for could not be stored; trying again"
                );
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Reads all pages that wait. Returns how many were read, or could not be.
    ///
    /// # Errors
    /// The database does not answer. A page that was taken is read again when its lease ends.
    pub async fn step(&self, stop: &CancellationToken) -> Result<usize, StoreError> {
        let mut count = 0;
        while !stop.is_cancelled()
            && let Some(wanted) = store::wanted_pages::take(&self.db, self.clock.now()).await?
        {
            count += usize::from(self.read(&wanted, stop).await?);
        }
        Ok(count)
    }

    /// False if it was stopped meanwhile: a page may take a minute, and is left to another process.
    async fn read(&self, wanted: &Wanted, stop: &CancellationToken) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let fetched = tokio::select! {
            () = stop.cancelled() => {
                store::wanted_pages::give_back(&self.db, wanted.id).await?;
                return Ok(false);
            }
            fetched = time::timeout(WITHIN, self.fetch(wanted, now)) => fetched,
        };
        let fetched = fetched.unwrap_or_else(|_| Err(format!("no answer within {WITHIN:?}")));
        match fetched {
            Ok((document, url)) => self.store(wanted, document, &url, now).await?,
            Err(why) => {
                tracing::info!(
                    url = wanted.url,
                    error = why,
                    "a page that was asked for was not read"
                );
                store::wanted_pages::fail(&self.db, wanted.id, &why).await?;
            }
        }
        Ok(true)
    }

    /// The page as a document of one entry, and where it was in the end; or why not, for people.
    async fn fetch(&self, wanted: &Wanted, now: Timestamp) -> Result<(Document, Url), String> {
        let url: Url = wanted
            .url
            .parse()
            .map_err(|_| "this is no address of a page".to_owned())?;
        let fetched = self.fetcher.fetch(Ask::for_document(&url), now).await;
        let page = match fetched {
            Ok(Fetched::Page(page)) => page,
            Ok(Fetched::NotModified { .. }) => {
                return Err("the server answered without a page".to_owned());
            }
            Err(failure) => return Err(format!("{}: {}", failure.code.as_str(), failure.detail)),
        };
        let memory = self.room.memory(page.body.len()).await;
        let seat = self.room.enter(memory).await;
        let reading = self.room.read(seat, move |_| {
            let Page {
                body,
                content_type,
                url,
                ..
            } = &page;
            page::article(body, content_type.as_deref(), url)
                .map(|document| (document, url.clone()))
                .map_err(|error| error.detail)
        });
        reading.await.map_err(|broken| broken.to_string())?
    }

    async fn store(
        &self,
        wanted: &Wanted,
        document: Document,
        url: &Url,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_prefix("www.").unwrap_or(host).to_owned();
        let name = document.title.as_deref().unwrap_or(&host).to_owned();
        let source =
            store::wanted_pages::source_of(&self.db, &host, &name, &wanted.asked_by, now).await?;
        self.engine.refresh().await?;
        let compiled = self.engine.current().await?;
        let judging = source.clone();
        let seat = self.room.enter(self.room.memory(0).await).await;
        let judged = self.room.read(seat, move |scratch| {
            judge(&document, &judging, &compiled, scratch)
        });
        let (entry, matches) = match judged.await {
            Ok(judged) => judged,
            Err(broken) => {
                return store::wanted_pages::fail(&self.db, wanted.id, &broken.to_string()).await;
            }
        };
        let entries = std::slice::from_ref(&entry);
        let prints = identify::fingerprints(entries);
        let Some(identified) = identify::identify(FeedId::new(0), entries, &prints, &[])
            .into_iter()
            .next()
        else {
            return store::wanted_pages::fail(&self.db, wanted.id, "the page tells nothing").await;
        };
        let page = ReadPage {
            identity: identified.known.identity,
            sort_at: normalise::sort_at(&entry, now),
            entry: &entry,
            source: source.id,
            matches: &matches,
        };
        store::wanted_pages::store(&self.db, wanted, &page, now).await?;
        Ok(())
    }
}

/// The entry of a page, with the keywords that find it.
fn judge(
    document: &Document,
    source: &SearchedSource,
    compiled: &Compiled,
    scratch: &mut Scratch,
) -> (Entry, Vec<ArticleMatch>) {
    let mut entries = normalise::entries(document, source.language.as_deref());
    normalise::tell_once(&mut entries);
    let entry = entries.into_iter().next().unwrap_or_default();
    let subject = Subject {
        title: &entry.title,
        summary: &entry.summary,
        content: &entry.content,
        facts: Facts {
            source: [&source.slug, &source.name],
            domain: &source.domain,
            url: entry.url.as_deref().unwrap_or_default(),
            language: entry.language.as_deref().unwrap_or_default(),
            country: source.country.as_deref().unwrap_or_default(),
            tier: Some(source.tier),
            authors: &entry.authors,
            tags: &source.tags,
            categories: &entry.categories,
        },
    };
    let matches = compiled.engine.matches(&subject, scratch);
    (entry, matches)
}
