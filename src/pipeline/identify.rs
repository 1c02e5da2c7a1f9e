//! Which article an entry is, and whether its feed carried it before.
//!
//! One article per canonical URL, whichever feed carries it. Publishers repeat URLs (home pages, live pages), churn
//! guids, move pages and edit texts, so a feed's ledger tells what is the same: of URL, guid and title, two that agree
//! make an entry the one that is known, and a known URL under which guid and title are both new is another article.

use std::collections::{BTreeSet, HashMap, HashSet};

use sha2::{Digest, Sha256};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

use super::{noise::essence, normalise::canonical_url};
use crate::{
    domain::{Entry, FeedId, Identified, Identity, Known, Lookup, Novelty},
    text::alone::{is_sign_alone, small_alone},
};

/// Characters of a text that stand in for a missing title.
const TITLE_SAMPLE: usize = 200;

/// What identifies an entry, as hashes: the first 8 bytes of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint {
    /// Of the canonical URL; none without one.
    pub url: Option<i64>,
    /// Of the guid; none without one.
    pub guid: Option<i64>,
    /// Of the title's letters and digits without case, or of the text where there is no title. Without URL and guid the same as
    /// `content`.
    pub title: i64,
    /// Of title, summary and content, without what their template wrote.
    pub content: i64,
    /// Whether the guid stands in the URL as a word: the publisher's own number of the page, whatever else is edited.
    pub is_page_number: bool,
}

/// SHA-256 of a body: the same bytes as last time hold nothing new.
#[must_use]
pub fn body_hash(body: &[u8]) -> Vec<u8> {
    Sha256::digest(body).to_vec()
}

/// The fingerprints of entries, in their order: what [`lookup`] and [`identify`] ask for. Worked out once, since it reads
/// every text.
#[must_use]
pub fn fingerprints(entries: &[Entry]) -> Vec<Fingerprint> {
    entries.iter().map(fingerprint).collect()
}

/// Which rows of the feed's ledger to give to [`identify`] with these entries.
#[must_use]
pub fn lookup(feed: FeedId, entries: &[Entry], prints: &[Fingerprint]) -> Lookup {
    let (mut urls, mut guids, mut identities) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (entry, print) in entries.iter().zip(prints) {
        urls.extend(print.url);
        guids.extend(print.guid);
        identities.insert(plainest(feed, entry, print));
        identities.extend(longer(feed, entry, print));
    }
    Lookup {
        urls: urls.into_iter().collect(),
        guids: guids.into_iter().collect(),
        identities: identities.into_iter().collect(),
    }
}

/// Identifies the entries of one document by their fingerprints, in their order, against what the feed's ledger knows of
/// them.
///
/// The answer does not depend on the order of entries or rows. Entries that agree in URL, guid and title are one article
/// told twice: one of them, always the same, stands for it, and the others are [`Novelty::Unchanged`]. Different
/// articles never share an identity.
#[must_use]
pub fn identify(
    feed: FeedId,
    entries: &[Entry],
    prints: &[Fingerprint],
    known: &[Known],
) -> Vec<Identified> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&at| prints[at]);
    let mut rows = known.to_vec();
    rows.sort_by_key(|row| row.identity);
    rows.dedup_by_key(|row| row.identity);

    let groups = groups(&order, prints);
    let mut ledger = Ledger::new(rows, groups.len());
    let mut found: Vec<Option<Known>> = vec![None; groups.len()];
    for tie in TIES.into_iter().filter(|_| !known.is_empty()) {
        for (group, row) in groups.iter().zip(&mut found) {
            if row.is_none() {
                *row = ledger.take(tie, &prints[group[0]]);
            }
        }
    }
    for (group, row) in groups.iter().zip(&mut found) {
        if row.is_none() && is_bare(&prints[group[0]]) {
            *row = ledger.take_identity(bare_identity(feed, &prints[group[0]]));
        }
    }

    let repeated = repeated_addresses(&groups, prints);
    let mut identified = vec![None; entries.len()];
    for (group, row) in groups.iter().zip(found) {
        let first = group[0];
        let print = &prints[first];
        let plainest = plainest(feed, &entries[first], print);
        let (known, novelty) = if let Some(row) = row {
            let novelty = if row.content == print.content {
                Novelty::Unchanged
            } else {
                Novelty::Changed
            };
            (renewed(&row, print), novelty)
        } else {
            let is_repeated = repeated.contains(&address_of(print));
            let longer = || longer(feed, &entries[first], print);
            let identity = ledger.name(plainest, longer, is_repeated);
            (row_of(identity, print), Novelty::New)
        };
        for (rank, &at) in group.iter().enumerate() {
            let novelty = if rank == 0 {
                novelty
            } else {
                Novelty::Unchanged
            };
            identified[at] = Some(Identified {
                known,
                novelty,
                identity_url: print.url.filter(|_| known.identity == plainest),
            });
        }
    }
    identified.into_iter().flatten().collect()
}

/// What ties an entry to a row, the surest first.
#[derive(Debug, Clone, Copy)]
enum Tie {
    /// URL, guid and title agree.
    All,
    /// URL and guid agree: the title was edited.
    UrlAndGuid,
    /// URL and title agree: the guid is new.
    UrlAndTitle,
    /// Guid and title agree: the page moved.
    GuidAndTitle,
    /// The URL agrees, and one side has no guid that could disagree.
    UrlAlone,
    /// The guid agrees, and one side has no URL that could disagree, or the guid is the number of the page.
    GuidAlone,
}

const TIES: [Tie; 6] = [
    Tie::All,
    Tie::UrlAndGuid,
    Tie::UrlAndTitle,
    Tie::GuidAndTitle,
    Tie::UrlAlone,
    Tie::GuidAlone,
];

/// What a tie compares; rows with the same key cannot be told apart by it.
type Key = (Option<i64>, Option<i64>, Option<i64>);

impl Tie {
    /// The key of an entry or row, or none if it has not what the tie compares.
    fn key(self, url: Option<i64>, guid: Option<i64>, title: i64) -> Option<Key> {
        match self {
            Self::All => (url.is_some() || guid.is_some()).then_some((url, guid, Some(title))),
            Self::UrlAndGuid => (url.is_some() && guid.is_some()).then_some((url, guid, None)),
            Self::UrlAndTitle => url.is_some().then_some((url, None, Some(title))),
            Self::GuidAndTitle => guid.is_some().then_some((None, guid, Some(title))),
            Self::UrlAlone => url.is_some().then_some((url, None, None)),
            Self::GuidAlone => guid.is_some().then_some((None, guid, None)),
        }
    }

    /// Whether what the tie leaves out does not contradict it.
    fn allows(self, print: &Fingerprint, row: &Known) -> bool {
        match self {
            Self::UrlAlone => print.guid.is_none() || row.guid.is_none(),
            Self::GuidAlone => print.is_page_number || print.url.is_none() || row.url.is_none(),
            Self::All | Self::UrlAndGuid | Self::UrlAndTitle | Self::GuidAndTitle => true,
        }
    }
}

/// The rows of a feed's ledger, each given to one entry at most.
struct Ledger {
    rows: Vec<Known>,
    is_taken: Vec<bool>,
    by_key: Vec<HashMap<Key, Vec<usize>>>,
    /// Identities of rows, and of entries named so far.
    names: HashSet<Identity>,
}

impl Ledger {
    /// With room for as many new names as there are groups.
    fn new(rows: Vec<Known>, groups: usize) -> Self {
        let by_key = TIES
            .iter()
            .map(|tie| {
                let mut index: HashMap<Key, Vec<usize>> = HashMap::new();
                for (at, row) in rows.iter().enumerate() {
                    if let Some(key) = tie.key(row.url, row.guid, row.title) {
                        index.entry(key).or_default().push(at);
                    }
                }
                index
            })
            .collect();
        let mut names = HashSet::with_capacity(rows.len() + groups);
        names.extend(rows.iter().map(|row| row.identity));
        Self {
            is_taken: vec![false; rows.len()],
            names,
            rows,
            by_key,
        }
    }

    /// Takes the one row that a tie leads to. Where it leads to several, it tells nothing.
    fn take(&mut self, tie: Tie, print: &Fingerprint) -> Option<Known> {
        let key = tie.key(print.url, print.guid, print.title)?;
        let &[at] = self.by_key[tie as usize].get(&key)?.as_slice() else {
            return None;
        };
        if self.is_taken[at] || !tie.allows(print, &self.rows[at]) {
            return None;
        }
        self.is_taken[at] = true;
        Some(self.rows[at])
    }

    fn take_identity(&mut self, identity: Identity) -> Option<Known> {
        let at = self
            .rows
            .binary_search_by_key(&identity, |row| row.identity)
            .ok()?;
        (!std::mem::replace(&mut self.is_taken[at], true)).then(|| self.rows[at])
    }

    /// Names a new article: by its address alone, unless the document repeats it or it names another one already.
    fn name(
        &mut self,
        plainest: Identity,
        longer: impl Fn() -> Vec<Identity>,
        is_repeated: bool,
    ) -> Identity {
        let mut name = plainest;
        if is_repeated || self.names.contains(&name) {
            for longer in longer() {
                name = longer;
                if !self.names.contains(&name) {
                    break;
                }
            }
        }
        self.names.insert(name);
        name
    }
}

/// Entries that are one article told twice, each group and all groups in order of their fingerprints.
fn groups(order: &[usize], prints: &[Fingerprint]) -> Vec<Vec<usize>> {
    let same = |one: &usize, other: &usize| {
        let (one, other) = (&prints[*one], &prints[*other]);
        (one.url, one.guid, one.title) == (other.url, other.guid, other.title)
            && (!is_bare(one) || one.content == other.content)
    };
    order.chunk_by(same).map(<[usize]>::to_vec).collect()
}

/// The URL, or else the guid, by which an article would be named alone.
fn address_of(print: &Fingerprint) -> (Option<i64>, Option<i64>) {
    (
        print.url,
        if print.url.is_some() {
            None
        } else {
            print.guid
        },
    )
}

/// Addresses that several articles of the document have.
fn repeated_addresses(
    groups: &[Vec<usize>],
    prints: &[Fingerprint],
) -> HashSet<(Option<i64>, Option<i64>)> {
    let mut met = HashSet::with_capacity(groups.len());
    groups
        .iter()
        .map(|group| &prints[group[0]])
        .filter(|print| !is_bare(print))
        .map(address_of)
        .filter(|address| !met.insert(*address))
        .collect()
}

/// Without URL and guid an entry is what it says.
fn is_bare(print: &Fingerprint) -> bool {
    print.url.is_none() && print.guid.is_none()
}

fn bare_identity(feed: FeedId, print: &Fingerprint) -> Identity {
    Identity(digest(&[
        b"text",
        &feed.get().to_be_bytes(),
        &print.content.to_be_bytes(),
    ]))
}

/// What an address is, whose it is, and the address; none for what has none.
fn named<'a>(
    entry: &'a Entry,
    feed: &'a [u8],
    guid: &'a str,
) -> Option<(&'static [u8], &'a [u8], &'a [u8])> {
    match &entry.canonical_url {
        Some(url) => Some((b"url", b"", url.as_bytes())),
        None if guid.is_empty() => None,
        None => Some((b"guid", feed, guid.as_bytes())),
    }
}

/// The name of an entry that shares its address with no other.
fn plainest(feed: FeedId, entry: &Entry, print: &Fingerprint) -> Identity {
    let feed_id = feed.get().to_be_bytes();
    let guid = match entry.canonical_url {
        Some(_) => None,
        None => guid_of(entry),
    };
    match named(entry, &feed_id, guid.as_deref().unwrap_or_default()) {
        Some((kind, scope, address)) => Identity(digest(&[kind, scope, address])),
        None => bare_identity(feed, print),
    }
}

/// The names that tell apart what shares an address, the plainer first.
fn longer(feed: FeedId, entry: &Entry, print: &Fingerprint) -> Vec<Identity> {
    let feed_id = feed.get().to_be_bytes();
    let guid = guid_of(entry).unwrap_or_default();
    let title = print.title.to_be_bytes();
    let content = print.content.to_be_bytes();
    let Some((kind, scope, address)) = named(entry, &feed_id, &guid) else {
        return Vec::new();
    };
    let guid = guid.as_bytes();
    vec![
        Identity(digest(&[kind, scope, address, guid, &title])),
        Identity(digest(&[kind, scope, address, guid, &title, &content])),
    ]
}

fn row_of(identity: Identity, print: &Fingerprint) -> Known {
    Known {
        identity,
        url: print.url,
        guid: print.guid,
        title: print.title,
        content: print.content,
    }
}

/// A row as the entry found for it says now; what the entry does not say stays.
fn renewed(row: &Known, print: &Fingerprint) -> Known {
    Known {
        url: print.url.or(row.url),
        guid: print.guid.or(row.guid),
        ..row_of(row.identity, print)
    }
}

fn fingerprint(entry: &Entry) -> Fingerprint {
    let (summary, text) = (essence(&entry.summary), essence(&entry.content));
    let content = [entry.title.as_bytes(), summary.as_bytes(), text.as_bytes()];
    let content = hash(&content);
    let url = entry.canonical_url.as_ref();
    let url = url.map(|url| hash(&[url.as_bytes()]));
    let guid = guid_of(entry).map(|guid| hash(&[guid.as_bytes()]));
    Fingerprint {
        // What is only what it says is not told apart by the noise that stands in for its title.
        title: if url.is_none() && guid.is_none() {
            content
        } else {
            hash(&[title_key(entry).as_bytes()])
        },
        url,
        guid,
        content,
        is_page_number: is_page_number(entry),
    }
}

/// Whether the guid is a number, perhaps with letters, that stands in the URL between other characters.
fn is_page_number(entry: &Entry) -> bool {
    /// Shorter ones stand in URLs by chance.
    const SHORTEST: usize = 5;
    let (Some(guid), Some(url)) = (entry.guid.as_deref(), entry.canonical_url.as_deref()) else {
        return false;
    };
    let is_number = guid.len() >= SHORTEST
        && guid.bytes().all(|b| b.is_ascii_alphanumeric())
        && guid.bytes().any(|b| b.is_ascii_digit());
    is_number
        && url
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| word == guid)
}

/// The guid without what publishers change at each edit: tracking parameters, and a fragment that only counts (`#3`).
/// Any other fragment tells entries of one page apart.
fn guid_of(entry: &Entry) -> Option<String> {
    let guid = entry.guid.as_deref()?;
    let (address, fragment) = guid.split_once('#').unwrap_or((guid, ""));
    let Some(canonical) = canonical_url(address) else {
        return Some(guid.to_owned());
    };
    let is_count = fragment.bytes().all(|b| b.is_ascii_digit());
    Some(if is_count {
        canonical
    } else {
        format!("{canonical}#{fragment}")
    })
}

/// The title as it is compared: letters and digits without case or presentation forms.
fn title_key(entry: &Entry) -> String {
    let fold = |text: &str| -> String {
        small_letters(text).unwrap_or_else(|| {
            if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
                letters_of(text.chars())
            } else {
                letters_of(text.nfkc())
            }
        })
    };
    let title = fold(&entry.title);
    if !title.is_empty() {
        return title;
    }
    let text = if entry.summary.is_empty() {
        &entry.content
    } else {
        &entry.summary
    };
    fold(&text.chars().take(TITLE_SAMPLE).collect::<String>())
}

/// Letters and numbers in lower case of a text whose letters all fold alone; none of another.
fn small_letters(text: &str) -> Option<String> {
    let mut letters = String::with_capacity(text.len());
    if text.is_ascii() {
        let alone = text.bytes().filter(u8::is_ascii_alphanumeric);
        letters.extend(alone.map(|byte| char::from(byte.to_ascii_lowercase())));
        return Some(letters);
    }
    for c in text.chars() {
        match small_alone(c) {
            Some(small) => letters.push(small),
            None if c.is_ascii_digit() => letters.push(c),
            None if c.is_ascii() || is_sign_alone(c) => {}
            None => return None,
        }
    }
    Some(letters)
}

/// Letters and numbers in lower case.
fn letters_of(text: impl Iterator<Item = char>) -> String {
    let mut letters = String::new();
    for c in text {
        match small_alone(c) {
            Some(small) => letters.push(small),
            None => letters.extend(c.to_lowercase().filter(|c| c.is_alphanumeric())),
        }
    }
    letters
}

fn hash(parts: &[&[u8]]) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest(parts)[..8]);
    i64::from_be_bytes(first)
}

/// The first 16 bytes of a SHA-256 over parts, each with its length before it, so that no two lists are the same bytes.
fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&sha.finalize()[..16]);
    first
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identified(feed: FeedId, entries: &[Entry], known: &[Known]) -> Vec<Identified> {
        identify(feed, entries, &fingerprints(entries), known)
    }

    const FEED: FeedId = FeedId::new(1);

    fn entry(url: &str, guid: &str, title: &str, summary: &str) -> Entry {
        Entry {
            guid: Some(guid.to_owned()).filter(|guid| !guid.is_empty()),
            url: Some(url.to_owned()).filter(|url| !url.is_empty()),
            canonical_url: canonical_url(url),
            title: title.to_owned(),
            summary: summary.to_owned(),
            ..Entry::default()
        }
    }

    /// Reads documents one after the other; the ledger keeps all it ever saw.
    fn read(documents: &[&[Entry]]) -> Vec<Vec<Identified>> {
        let mut ledger: HashMap<Identity, Known> = HashMap::new();
        documents
            .iter()
            .map(|entries| {
                let known: Vec<Known> = ledger.values().copied().collect();
                let identified = identified(FEED, entries, &known);
                for found in &identified {
                    ledger.insert(found.known.identity, found.known);
                }
                identified
            })
            .collect()
    }

    fn novelties(documents: &[&[Entry]]) -> Vec<Vec<Novelty>> {
        read(documents)
            .iter()
            .map(|found| found.iter().map(|one| one.novelty).collect())
            .collect()
    }

    #[test]
    fn what_two_of_url_guid_and_title_say_is_so() {
        use Novelty::{Changed, New, Unchanged};
        let page = "https://example.org/a";
        let cases = [
            ("nothing changed", entry(page, "1", "Title", "x"), Unchanged),
            ("text edited", entry(page, "1", "Title", "y"), Changed),
            (
                "title edited",
                entry(page, "1", "Another headline", "x"),
                Changed,
            ),
            ("guid churned", entry(page, "2", "Title", "x"), Unchanged),
            (
                "guid vanished, title edited",
                entry(page, "", "Another headline", "x"),
                Changed,
            ),
            (
                "page moved",
                entry("https://example.org/b", "1", "Title", "x"),
                Unchanged,
            ),
            ("link vanished", entry("", "1", "Title", "x"), Unchanged),
            (
                "only the scheme changed",
                entry("http://example.org/a?utm_source=rss", "1", "Title", "x"),
                Unchanged,
            ),
            (
                "guid reused",
                entry("https://example.org/b", "1", "Another headline", "x"),
                New,
            ),
            ("live page", entry(page, "2", "Another headline", "x"), New),
            (
                "title reused",
                entry("https://example.org/b", "2", "Title", "x"),
                New,
            ),
        ];
        for (what, second, novelty) in cases {
            let first = [entry(page, "1", "Title", "x")];
            let found = read(&[&first, std::slice::from_ref(&second)]);
            assert_eq!(found[1][0].novelty, novelty, "{what}");
            let is_same = found[0][0].known.identity == found[1][0].known.identity;
            assert_eq!(is_same, novelty != New, "{what}");
        }
    }

    #[test]
    fn a_guid_that_counts_edits_is_no_new_guid() {
        let page = "https://example.org/news/1";
        let first = [entry(
            page,
            "https://example.org/news/1#0",
            "Talks fail",
            "x",
        )];
        let second = [entry(
            page,
            "https://example.org/news/1#1",
            "Talks succeed",
            "y",
        )];
        assert_eq!(novelties(&[&first, &second])[1], [Novelty::Changed]);
    }

    #[test]
    fn a_page_keeps_its_number_when_title_and_address_are_edited() {
        let first = [entry(
            "https://example.org/old-words-p54lq0.html",
            "p54lq0",
            "Old words",
            "x",
        )];
        let second = [entry(
            "https://example.org/new-words-p54lq0.html",
            "p54lq0",
            "New words",
            "x",
        )];
        let found = read(&[&first, &second]);
        assert_eq!(found[1][0].novelty, Novelty::Changed);
        assert_eq!(found[0][0].known.identity, found[1][0].known.identity);
    }

    #[test]
    fn entries_on_a_home_page_are_told_apart() {
        let home = "https://example.org/";
        let one = entry(home, "1", "One", "");
        let two = entry(home, "2", "Two", "");
        let three = entry(home, "3", "Three", "");
        let found = novelties(&[
            &[one.clone(), two.clone()],
            &[two.clone(), one.clone()],
            &[three, two, one],
        ]);
        assert_eq!(found[0], [Novelty::New; 2]);
        assert_eq!(found[1], [Novelty::Unchanged; 2]);
        assert_eq!(
            found[2],
            [Novelty::New, Novelty::Unchanged, Novelty::Unchanged]
        );
    }

    #[test]
    fn one_guid_for_everything_tells_nothing() {
        let home = "https://example.org/";
        let [a, b, c, d] = ["A", "B", "C", "D"].map(|title| entry(home, "feed", title, ""));
        let found = novelties(&[&[a, b.clone(), c.clone()], &[b, c, d]]);
        assert_eq!(
            found[1],
            [Novelty::Unchanged, Novelty::Unchanged, Novelty::New]
        );
    }

    #[test]
    fn entries_without_address_that_differ_in_noise_alone_are_one_article() {
        let told = |noise: &str| entry("", "", "", &format!("{noise}\nOil is cheap."));
        let entries = [told("1,234 views"), told("Share on Facebook")];
        let first = identified(FEED, &entries, &[]);
        assert_eq!(first[0].known.identity, first[1].known.identity);
        let known: Vec<Known> = first.iter().map(|found| found.known).collect();
        let again = identified(FEED, &entries, &known);
        assert!(
            again
                .iter()
                .all(|found| found.novelty == Novelty::Unchanged)
        );
    }

    #[test]
    fn an_entry_told_twice_is_one_article() {
        let page = "https://example.org/a";
        let document = [
            entry(page, "1", "Title", "short"),
            entry(page, "1", "Title", "longer"),
        ];
        let found = read(&[&document, &document]);
        let new = found[0]
            .iter()
            .filter(|one| one.novelty == Novelty::New)
            .count();
        assert_eq!((new, found[0][0].known), (1, found[0][1].known));
        assert!(found[1].iter().all(|one| one.novelty == Novelty::Unchanged));
    }

    #[test]
    fn two_feeds_share_an_article_by_its_url_alone() {
        let page = [entry("https://example.org/a", "1", "Title", "x")];
        let other = [entry(
            "http://example.org/a?utm_medium=rss",
            "99",
            "Headline",
            "y",
        )];
        let identity = |feed, entries: &[Entry]| {
            identified(FeedId::new(feed), entries, &[])[0]
                .known
                .identity
        };
        assert_eq!(identity(1, &page), identity(2, &other));
        let bare = [entry("", "1", "Title", "x")];
        assert_ne!(
            identity(1, &bare),
            identity(2, &bare),
            "a guid is its feed's own"
        );
    }

    #[test]
    fn an_old_address_that_comes_back_is_another_article() {
        let first = [entry("https://example.org/a", "1", "Title", "x")];
        let moved = [entry("https://example.org/b", "1", "Title", "y")];
        let reused = [entry("https://example.org/a", "2", "Other", "z")];
        let found = read(&[&first, &moved, &reused]);
        assert_eq!(found[0][0].known.identity, found[1][0].known.identity);
        assert_eq!(found[2][0].novelty, Novelty::New);
        assert_ne!(found[2][0].known.identity, found[0][0].known.identity);
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        ("[ab]?", "[12]?", "[xy]?", "[st]?").prop_map(|(page, guid, title, summary)| {
            let url = if page.is_empty() {
                String::new()
            } else {
                format!("https://example.org/{page}")
            };
            entry(&url, &guid, &title, &summary)
        })
    }

    proptest! {
        #[test]
        fn order_changes_nothing(
            first in prop::collection::vec(any_entry(), 0..6),
            second in prop::collection::vec(any_entry(), 0..6),
        ) {
            let backwards = |entries: &[Entry]| entries.iter().rev().cloned().collect::<Vec<_>>();
            let forth = read(&[&first, &second]);
            let back = read(&[&backwards(&first), &backwards(&second)]);
            for (one, other) in forth.iter().zip(&back) {
                let count = |found: &[Identified], what| found.iter().filter(|one| one.novelty == what).count();
                for what in [Novelty::New, Novelty::Changed, Novelty::Unchanged] {
                    prop_assert_eq!(count(one, what), count(other, what));
                }
                let mut other: Vec<_> = other.iter().map(|found| found.known).collect();
                other.reverse();
                prop_assert_eq!(one.iter().map(|found| found.known).collect::<Vec<_>>(), other);
            }
        }

        #[test]
        fn a_document_read_again_holds_nothing_new(document in prop::collection::vec(any_entry(), 0..8)) {
            let found = novelties(&[&document, &document]);
            prop_assert!(found[1].iter().all(|novelty| *novelty == Novelty::Unchanged));
        }

        #[test]
        fn articles_of_one_document_never_share_an_identity(document in prop::collection::vec(any_entry(), 0..8)) {
            let found = identified(FEED, &document, &[]);
            let new: Vec<_> = found.iter().filter(|one| one.novelty == Novelty::New).collect();
            let identities: HashSet<_> = new.iter().map(|one| one.known.identity).collect();
            prop_assert_eq!(identities.len(), new.len());
        }

        #[test]
        fn the_lookup_names_every_row_that_is_found(document in prop::collection::vec(any_entry(), 1..6)) {
            let lookup = lookup(FEED, &document, &fingerprints(&document));
            for found in identified(FEED, &document, &[]) {
                prop_assert!(lookup.identities.contains(&found.known.identity));
            }
        }
    }
}
