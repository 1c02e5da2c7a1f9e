//! Merging a beat file or a list of feeds into the database, in one transaction, with an audit row for every change.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    domain::{
        Beat, BeatConcept, BeatFeed, BeatKeyword, BeatSource, Changing, ConceptId, FeedId, Keyword,
        KeywordId, ListSelectors, SourceId, Timestamp,
    },
    store::{
        PgPool, StoreError, audit, audit::Change, concept_edits, feed_edits, moves, rematches,
    },
};

/// Serialises imports: two processes that start on an empty database load the beat once.
const IMPORT_LOCK: i64 = 0x7769_7265_6265_6174;

/// Feeds written by one statement; progress is told in such steps.
const STEP: usize = 200;

/// Finds the keywords whose meaning changes with what of a beat does.
pub type Hangs = fn(&[Keyword], &[Changing<'_>]) -> Vec<KeywordId>;

/// What an import may do to what is there already.
#[derive(Debug, Clone, Copy)]
pub enum Merge {
    /// Nothing: only into a database without a beat.
    IfEmpty,
    /// Add what is missing, leave the rest.
    Add,
    /// Add what is missing, change what differs; remove nothing. Whether a known feed is paused stays the desk's choice. The
    /// past is matched anew with the keywords that hang on what changed.
    Update(Hangs),
    /// Add what is missing; change what differs from the file and was not edited since a file brought it. What was edited
    /// stays, and is told where the file changed it, too.
    Shipped(Hangs),
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Things added, by kind (`feed`, `source`, `concept`, `keyword`).
    pub added: BTreeMap<String, usize>,
    /// Things changed, by kind.
    pub changed: BTreeMap<String, usize>,
    /// Things that were there and stayed as they were, by kind.
    pub kept: BTreeMap<String, usize>,
    /// Things that were edited here and changed in the file, and stayed as they were here, by kind ([`Merge::Shipped`]).
    pub conflicts: BTreeMap<String, Vec<String>>,
    /// Whether the database had a beat and so was left alone ([`Merge::IfEmpty`]).
    pub was_loaded: bool,
}

/// Merges `beat` into the database. `progress` is told how many feeds are written so far.
///
/// # Errors
/// The database does not answer; nothing was written then.
pub async fn import(
    db: &PgPool,
    beat: &Beat,
    merge: Merge,
    actor: &str,
    now: Timestamp,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Imported, StoreError> {
    let mut tx = super::super::begin(db).await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", IMPORT_LOCK)
        .execute(&mut *tx)
        .await?;
    let is_loaded = is_loaded(&mut tx).await?;
    if matches!(merge, Merge::IfEmpty) && is_loaded {
        return Ok(Imported {
            was_loaded: true,
            ..Imported::default()
        });
    }
    let beat = &*at_todays_addresses(&mut tx, beat).await?;
    let current = super::read(&mut tx).await?;
    let bases = match merge {
        Merge::Shipped(_) => Some(bases(&mut tx, actor).await?),
        Merge::IfEmpty | Merge::Add | Merge::Update(_) => None,
    };
    let mut import = Import {
        bases,
        tx: &mut tx,
        actor,
        now,
        updates: matches!(merge, Merge::Update(_) | Merge::Shipped(_)),
        is_loaded,
        changes: Vec::new(),
        imported: Imported::default(),
    };
    let current = current.unwrap_or_else(|| Beat {
        outlets: Vec::new(),
        keywords: Vec::new(),
        concepts: Vec::new(),
        sources: Vec::new(),
        ..beat.clone()
    });
    import.beat(beat, &current).await?;
    import.concepts(&beat.concepts, &current.concepts).await?;
    import.keywords(&beat.keywords, &current.keywords).await?;
    let sources = import.sources(&beat.sources, &current.sources).await?;
    import
        .feeds(&beat.sources, &current.sources, &sources, progress)
        .await?;
    if let Merge::Update(hangs) | Merge::Shipped(hangs) = merge
        && is_loaded
    {
        import.raise_dependants(hangs).await?;
    }
    let (changes, imported) = (import.changes, import.imported);
    audit::record(&mut tx, actor, now, &changes).await?;
    if !changes.is_empty() {
        super::raise_revision(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(imported)
}

/// The beat with the addresses that its feeds have moved to, where their publishers redirect: at its old one a feed would be
/// added again beside itself.
async fn at_todays_addresses<'a>(
    tx: &mut PgConnection,
    beat: &'a Beat,
) -> Result<Cow<'a, Beat>, StoreError> {
    let moves = moves::adopted(tx).await?;
    if moves.is_empty() {
        return Ok(Cow::Borrowed(beat));
    }
    let mut beat = beat.clone();
    for feed in beat.sources.iter_mut().flat_map(|source| &mut source.feeds) {
        if let Some(today) = moves.get(feed.url.as_str()) {
            feed.url = today.clone();
        }
    }
    Ok(Cow::Owned(beat))
}

/// Things as a file last brought them, by kind and name.
type Bases = HashMap<(String, String), Value>;

/// Reads them from the audit: what files bring is written there whole.
async fn bases(tx: &mut PgConnection, actor: &str) -> Result<Bases, StoreError> {
    let importers = ["first start", "beat import", actor].map(str::to_owned);
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (subject_kind, subject) subject_kind, subject, after AS "after!"
             FROM audit
            WHERE actor = ANY($1)
              AND subject_kind IN ('keyword', 'concept', 'source', 'feed')
              AND jsonb_exists_any(after, ARRAY['slug', 'url'])
            ORDER BY subject_kind, subject, id DESC"#,
        &importers[..],
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.subject_kind, row.subject), row.after))
        .collect())
}

async fn is_loaded(tx: &mut PgConnection) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM beat) AS "exists!""#)
            .fetch_one(tx)
            .await?,
    )
}

/// What is to be done with one thing of the file.
enum Step<'a, T> {
    Add(&'a T),
    Change(&'a T, &'a T),
}

/// Why a thing stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// It was edited here, and the file is as before.
    Edited,
    /// It was edited here, and in the file.
    InConflict,
}

struct Import<'a> {
    tx: &'a mut PgConnection,
    /// What edits are told by; none: they do not count.
    bases: Option<Bases>,
    actor: &'a str,
    now: Timestamp,
    updates: bool,
    /// Whether there was a beat, and so a past to be matched.
    is_loaded: bool,
    changes: Vec<Change>,
    imported: Imported,
}

impl Import<'_> {
    /// Compares the things of the file with those of the database, counts, and notes each change for the audit.
    fn steps<'t, T, K>(
        &mut self,
        kind: &'static str,
        wanted: impl IntoIterator<Item = &'t T>,
        current: impl IntoIterator<Item = &'t T>,
        key: impl Fn(&T) -> K,
        same: impl Fn(&T, &T) -> bool,
    ) -> Vec<Step<'t, T>>
    where
        T: Serialize,
        K: std::hash::Hash + Eq + ToString,
    {
        let current: HashMap<K, &T> = current
            .into_iter()
            .map(|thing| (key(thing), thing))
            .collect();
        let mut taken = HashSet::new();
        let mut steps = Vec::new();
        for thing in wanted {
            if !taken.insert(key(thing).to_string()) {
                continue;
            }
            match current.get(&key(thing)) {
                None => {
                    *self.imported.added.entry(kind.to_owned()).or_default() += 1;
                    self.note("add", kind, key(thing).to_string(), None, Some(thing));
                    steps.push(Step::Add(thing));
                }
                Some(before) if self.updates && !same(before, thing) => {
                    if let Some(kept) =
                        self.kept_by_edit(kind, &key(thing).to_string(), *before, thing)
                    {
                        if kept == Kept::InConflict {
                            let conflicts = self.imported.conflicts.entry(kind.to_owned());
                            conflicts.or_default().push(key(thing).to_string());
                        } else {
                            *self.imported.kept.entry(kind.to_owned()).or_default() += 1;
                        }
                        continue;
                    }
                    *self.imported.changed.entry(kind.to_owned()).or_default() += 1;
                    self.note(
                        "change",
                        kind,
                        key(thing).to_string(),
                        Some(*before),
                        Some(thing),
                    );
                    steps.push(Step::Change(before, thing));
                }
                Some(_) => *self.imported.kept.entry(kind.to_owned()).or_default() += 1,
            }
        }
        steps
    }

    /// Why a thing that differs from the file stays as it is; none if it does not.
    fn kept_by_edit<T: Serialize>(
        &self,
        kind: &str,
        name: &str,
        current: &T,
        wanted: &T,
    ) -> Option<Kept> {
        let bases = self.bases.as_ref()?;
        let is_base = |thing: &T| {
            let base = bases.get(&(kind.to_owned(), name.to_owned()));
            let thing = serde_json::to_value(thing).ok();
            match (base, thing) {
                (Some(base), Some(thing)) => *base == without_what_feeds_say(kind, thing, base),
                _ => false,
            }
        };
        if is_base(current) {
            None
        } else if is_base(wanted) {
            Some(Kept::Edited)
        } else {
            Some(Kept::InConflict)
        }
    }

    fn note<T: Serialize>(
        &mut self,
        action: &'static str,
        subject_kind: &'static str,
        subject: String,
        before: Option<&T>,
        after: Option<&T>,
    ) {
        let json = |thing: Option<&T>| thing.and_then(|thing| serde_json::to_value(thing).ok());
        self.changes.push(Change {
            action,
            subject_kind,
            subject,
            before: json(before),
            after: json(after),
        });
    }

    async fn beat(&mut self, beat: &Beat, current: &Beat) -> Result<(), StoreError> {
        let known: HashSet<&String> = current.outlets.iter().collect();
        let added = beat
            .outlets
            .iter()
            .filter(|outlet| !known.contains(*outlet));
        let outlets: Vec<String> = current.outlets.iter().chain(added).cloned().collect();
        if outlets.len() > current.outlets.len() {
            self.changes.push(Change {
                action: "change",
                subject_kind: "outlets",
                subject: current.slug.clone(),
                before: Some(Value::from(current.outlets.clone())),
                after: Some(Value::from(outlets.clone())),
            });
        }
        let version = sqlx::query_scalar!(
            "INSERT INTO beat (slug, name, loaded_at, outlets_version) VALUES ($1, $2, $3, 0)
                 ON CONFLICT (id) DO UPDATE SET slug = beat.slug
             RETURNING outlets_version",
            beat.slug,
            beat.name,
            self.now as Timestamp,
        )
        .fetch_one(&mut *self.tx)
        .await?;
        if version == 0 || outlets.len() > current.outlets.len() {
            let (actor, now) = (self.actor, self.now);
            concept_edits::write_outlets(self.tx, version + 1, &outlets, "imported", actor, now)
                .await?;
        }
        Ok(())
    }

    async fn concepts(
        &mut self,
        wanted: &[BeatConcept],
        current: &[BeatConcept],
    ) -> Result<(), StoreError> {
        let steps = self.steps(
            "concept",
            wanted,
            current,
            |concept| concept.slug.clone(),
            |a, b| a == b,
        );
        for step in steps {
            let (Step::Add(concept) | Step::Change(_, concept)) = step;
            let terms = serde_json::to_value(&concept.terms).map_err(|error| {
                StoreError::Unexpected(format!("terms of @{}: {error}", concept.slug))
            })?;
            let row = sqlx::query!(
                r#"INSERT INTO concepts (slug, name, terms, anti_terms, note) VALUES ($1, $2, $3, $4, $5)
                       ON CONFLICT (slug) DO UPDATE
                      SET name = excluded.name, terms = excluded.terms, anti_terms = excluded.anti_terms,
                          note = excluded.note,
                          version = concepts.version + CASE WHEN concepts.terms <> excluded.terms
                                                              OR concepts.anti_terms <> excluded.anti_terms
                                                            THEN 1 ELSE 0 END
                   RETURNING id AS "id: ConceptId", version,
                             NOT EXISTS (SELECT FROM concept_versions v
                                          WHERE v.concept_id = concepts.id AND v.version = concepts.version)
                             AS "is_new!""#,
                concept.slug,
                concept.name,
                terms,
                &concept.anti_terms,
                concept.note,
            )
            .fetch_one(&mut *self.tx)
            .await?;
            if row.is_new {
                let (actor, now) = (self.actor, self.now);
                concept_edits::note_version(self.tx, row.id, row.version, "imported", actor, now)
                    .await?;
            }
        }
        Ok(())
    }

    async fn keywords(
        &mut self,
        wanted: &[BeatKeyword],
        current: &[BeatKeyword],
    ) -> Result<(), StoreError> {
        let mut position = i32::try_from(current.len()).unwrap_or(i32::MAX);
        let steps = self.steps(
            "keyword",
            wanted,
            current,
            |keyword| keyword.slug.clone(),
            |a, b| a == b,
        );
        for step in steps {
            match step {
                Step::Add(keyword) => {
                    position = position.saturating_add(1);
                    self.add_keyword(keyword, position).await?;
                }
                Step::Change(before, keyword) => self.change_keyword(before, keyword).await?,
            }
        }
        Ok(())
    }

    async fn add_keyword(
        &mut self,
        keyword: &BeatKeyword,
        position: i32,
    ) -> Result<(), StoreError> {
        let id = sqlx::query_scalar!(
            r#"WITH added AS (
                 INSERT INTO keywords (slug, name, query, note, position) VALUES ($1, $2, $3, $4, $5)
                 RETURNING id, version, query
             )
             INSERT INTO keyword_versions (keyword_id, version, query, saved_at, actor, reason)
             SELECT id, version, query, $6, $7, 'imported' FROM added
             RETURNING keyword_id AS "id: KeywordId""#,
            keyword.slug,
            keyword.name,
            keyword.query,
            keyword.note,
            position,
            self.now as Timestamp,
            self.actor,
        )
        .fetch_one(&mut *self.tx)
        .await?;
        if self.is_loaded {
            rematches::begin(self.tx, id, 1, self.now).await?;
        }
        Ok(())
    }

    async fn change_keyword(
        &mut self,
        before: &BeatKeyword,
        keyword: &BeatKeyword,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query!(
            r#"WITH changed AS (
                 UPDATE keywords
                    SET name = $2, query = $3, note = $4, version = version + $7
                  WHERE slug = $1
                 RETURNING id, version, query
             )
             INSERT INTO keyword_versions (keyword_id, version, query, saved_at, actor, reason)
             SELECT id, version, query, $5, $6, 'imported' FROM changed
                 ON CONFLICT (keyword_id, version) DO NOTHING
             RETURNING keyword_id AS "id: KeywordId", version"#,
            keyword.slug,
            keyword.name,
            keyword.query,
            keyword.note,
            self.now as Timestamp,
            self.actor,
            i32::from(before.query != keyword.query),
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        if let Some(row) = changed {
            rematches::begin(self.tx, row.id, row.version, self.now).await?;
        }
        Ok(())
    }

    /// Matches the past anew with the keywords that hang on what changed.
    async fn raise_dependants(&mut self, hangs: Hangs) -> Result<(), StoreError> {
        let touched: Vec<Changing<'_>> = self
            .changes
            .iter()
            .filter_map(|change| match change.subject_kind {
                "concept" => Some(Changing::Concept(&change.subject)),
                "keyword" => Some(Changing::Keyword(&change.subject)),
                "outlets" => Some(Changing::Outlets),
                "source" if change.action == "change" => Some(Changing::SourceFacts),
                _ => None,
            })
            .collect();
        if touched.is_empty() {
            return Ok(());
        }
        let keywords = sqlx::query_as!(
            Keyword,
            "SELECT id, slug, name, version, query FROM keywords ORDER BY position, id"
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let hanging = hangs(&keywords, &touched);
        super::raise(
            self.tx,
            &hanging,
            "the beat was imported",
            self.actor,
            self.now,
        )
        .await
    }

    /// Writes sources; returns the id of every source that the file names. A source of another name but the same domain
    /// takes the feeds of a list that only adds.
    async fn sources(
        &mut self,
        wanted: &[BeatSource],
        current: &[BeatSource],
    ) -> Result<HashMap<String, SourceId>, StoreError> {
        let domains: HashMap<&str, &str> = current
            .iter()
            .map(|source| (source.domain.as_str(), source.slug.as_str()))
            .collect();
        let stands_for: HashMap<&str, &str> = wanted
            .iter()
            .filter(|_| !self.updates)
            .filter_map(|source| {
                Some((source.slug.as_str(), *domains.get(source.domain.as_str())?))
            })
            .collect();
        let bare = |source: &BeatSource| BeatSource {
            feeds: Vec::new(),
            ..source.clone()
        };
        let wanted_bare: Vec<BeatSource> = wanted
            .iter()
            .filter(|source| !stands_for.contains_key(source.slug.as_str()))
            .map(bare)
            .collect();
        let current_bare: Vec<BeatSource> = current.iter().map(bare).collect();
        let steps = self.steps(
            "source",
            &wanted_bare,
            &current_bare,
            |source| source.slug.clone(),
            |a, b| a == b,
        );
        let written: Vec<&BeatSource> = steps
            .iter()
            .map(|(Step::Add(source) | Step::Change(_, source))| *source)
            .collect();
        self.write_sources(&written).await?;
        let slugs: Vec<String> = wanted
            .iter()
            .map(|source| {
                let slug = source.slug.as_str();
                (*stands_for.get(slug).unwrap_or(&slug)).to_owned()
            })
            .collect();
        let ids: HashMap<String, SourceId> =
            sqlx::query!("SELECT id, slug FROM sources WHERE slug = ANY($1)", &slugs)
                .fetch_all(&mut *self.tx)
                .await?
                .into_iter()
                .map(|row| (row.slug, row.id))
                .collect();
        Ok(wanted
            .iter()
            .zip(slugs)
            .filter_map(|(source, slug)| Some((source.slug.clone(), *ids.get(&slug)?)))
            .collect())
    }

    async fn write_sources(&mut self, sources: &[&BeatSource]) -> Result<(), StoreError> {
        for chunk in sources.chunks(STEP) {
            let column = |field: fn(&BeatSource) -> &str| -> Vec<String> {
                chunk
                    .iter()
                    .map(|source| field(source).to_owned())
                    .collect()
            };
            let countries: Vec<Option<String>> =
                chunk.iter().map(|source| source.country.clone()).collect();
            let languages: Vec<Option<String>> =
                chunk.iter().map(|source| source.language.clone()).collect();
            let tags: Vec<String> = chunk
                .iter()
                .map(|source| source.tags.join("\u{1f}"))
                .collect();
            sqlx::query!(
                "INSERT INTO sources (slug, name, domain, country, language, tier, tags, note, created_at)
                 SELECT slug, name, domain, country, language, tier, string_to_array(tags, E'\\x1f'), note, $9
                   FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                               $8::text[]) AS source (slug, name, domain, country, language, tier, tags, note)
                     ON CONFLICT (slug) DO UPDATE
                    SET name = excluded.name, domain = excluded.domain, country = excluded.country,
                        language = excluded.language, tier = excluded.tier, tags = excluded.tags, note = excluded.note",
                &column(|source| &source.slug),
                &column(|source| &source.name),
                &column(|source| &source.domain),
                &countries as &[Option<String>],
                &languages as &[Option<String>],
                &column(|source| source.tier.as_str()),
                &tags,
                &column(|source| &source.note),
                self.now as Timestamp,
            )
            .execute(&mut *self.tx)
            .await?;
        }
        Ok(())
    }

    async fn feeds(
        &mut self,
        wanted: &[BeatSource],
        current: &[BeatSource],
        ids: &HashMap<String, SourceId>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(), StoreError> {
        let owners: HashMap<&str, SourceId> = wanted
            .iter()
            .flat_map(|source| source.feeds.iter().map(move |feed| (source, feed)))
            .filter_map(|(source, feed)| Some((feed.url.as_str(), *ids.get(&source.slug)?)))
            .collect();
        let (wanted_feeds, current_feeds) = (placed_feeds(wanted), placed_feeds(current));
        let steps = self.steps(
            "feed",
            &wanted_feeds,
            &current_feeds,
            |placed| placed.feed.url.as_str().to_owned(),
            differs_in_nothing_of_the_file,
        );
        let written: Vec<&BeatFeed> = steps
            .iter()
            .map(|(Step::Add(placed) | Step::Change(_, placed))| placed.feed)
            .collect();
        let reselected: Vec<String> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Change(before, placed) => placed.reselects(before),
                Step::Add(_) => None,
            })
            .collect();
        for (index, chunk) in written.chunks(STEP).enumerate() {
            self.write_feeds(chunk, &owners).await?;
            progress(index * STEP + chunk.len());
        }
        self.read_anew(&reselected).await
    }

    /// Has the feeds at these addresses read as if they had not been read before.
    async fn read_anew(&mut self, urls: &[String]) -> Result<(), StoreError> {
        if urls.is_empty() {
            return Ok(());
        }
        let ids = sqlx::query_scalar!(
            r#"SELECT id AS "id: FeedId" FROM feeds WHERE url = ANY($1) ORDER BY id"#,
            urls,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        feed_edits::read_anew(self.tx, &ids, self.now).await
    }

    async fn write_feeds(
        &mut self,
        feeds: &[&BeatFeed],
        owners: &HashMap<&str, SourceId>,
    ) -> Result<(), StoreError> {
        let mut sources: Vec<SourceId> = Vec::new();
        let mut urls = Vec::new();
        let mut hosts = Vec::new();
        let mut titles = Vec::new();
        let mut languages = Vec::new();
        let mut lists = Vec::new();
        let mut categories = Vec::new();
        let mut notes = Vec::new();
        let mut paused = Vec::new();
        for feed in feeds {
            let Some(owner) = owners.get(feed.url.as_str()) else {
                continue;
            };
            sources.push(*owner);
            urls.push(feed.url.as_str().to_owned());
            hosts.push(feed.url.host().to_owned());
            titles.push(feed.title.clone());
            languages.push(feed.language.clone());
            lists.push(selectors(feed.list.as_ref())?);
            categories.push(feed.category.clone());
            notes.push(feed.note.clone());
            paused.push(feed.paused);
        }
        sqlx::query!(
            "INSERT INTO feeds (source_id, url, host, title, language, category, note, created_at, state, next_poll_at,
                                next_poll_reason, kind, selectors)
             SELECT source, url, host, title, language, category, note, $9::timestamptz,
                    CASE WHEN paused THEN 'paused' ELSE 'waiting' END,
                    CASE WHEN paused THEN NULL ELSE $9::timestamptz END,
                    CASE WHEN paused THEN 'paused' ELSE 'first read' END,
                    CASE WHEN list IS NULL THEN 'feed' ELSE 'list' END, list::jsonb
               FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                           $8::boolean[], $10::text[])
                    AS feed (source, url, host, title, language, category, note, paused, list)
                 ON CONFLICT (url) DO UPDATE
                SET source_id = excluded.source_id, title = coalesce(excluded.title, feeds.title),
                    language = excluded.language, category = excluded.category, note = excluded.note,
                    kind = CASE WHEN excluded.selectors IS NULL THEN feeds.kind ELSE excluded.kind END,
                    selectors = coalesce(excluded.selectors, feeds.selectors)",
            &sources as &[SourceId],
            &urls,
            &hosts,
            &titles as &[Option<String>],
            &languages as &[Option<String>],
            &categories,
            &notes,
            &paused,
            self.now as Timestamp,
            &lists as &[Option<String>],
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

/// A feed and the source that it stands under.
#[derive(Serialize)]
struct PlacedFeed<'a> {
    source: &'a str,
    #[serde(flatten)]
    feed: &'a BeatFeed,
}

impl PlacedFeed<'_> {
    /// Its address, if it is to be read with other selectors than before.
    fn reselects(&self, before: &PlacedFeed<'_>) -> Option<String> {
        let list = self.feed.list.as_ref()?;
        (before.feed.list.as_ref() != Some(list)).then(|| self.feed.url.as_str().to_owned())
    }
}

fn placed_feeds(sources: &[BeatSource]) -> Vec<PlacedFeed<'_>> {
    sources
        .iter()
        .flat_map(|source| {
            source.feeds.iter().map(|feed| PlacedFeed {
                source: &source.slug,
                feed,
            })
        })
        .collect()
}

/// A file without a title leaves the feed's own one, one without selectors those that there are, and whether it is paused is
/// the desk's choice.
fn differs_in_nothing_of_the_file(current: &PlacedFeed<'_>, wanted: &PlacedFeed<'_>) -> bool {
    let (is, to_be) = (current.feed, wanted.feed);
    current.source == wanted.source
        && (to_be.title.is_none() || to_be.title == is.title)
        && to_be.language == is.language
        && to_be.category == is.category
        && to_be.note == is.note
        && (to_be.list.is_none() || to_be.list == is.list)
}

/// A thing, less the title that a feed gave itself where its base has none: that is no edit.
fn without_what_feeds_say(kind: &str, mut thing: Value, base: &Value) -> Value {
    if kind == "feed"
        && base.get("title").is_none_or(Value::is_null)
        && let (Some(fields), Some(base)) = (thing.as_object_mut(), base.as_object())
    {
        match base.get("title") {
            Some(none) => fields.insert("title".to_owned(), none.clone()),
            None => fields.remove("title"),
        };
    }
    thing
}

/// Selectors as they are stored.
fn selectors(list: Option<&ListSelectors>) -> Result<Option<String>, StoreError> {
    list.map(serde_json::to_string)
        .transpose()
        .map_err(|error| StoreError::Unexpected(format!("selectors of a feed: {error}")))
}
