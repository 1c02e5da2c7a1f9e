//! The words of feed formats, and which word of the reader's two formats each one stands for.
//!
//! Publishers write RSS 0.90 to 2.0 with extensions and Atom 0.3 and 1.0 under several namespaces. Two formats are
//! enough to say all of it: RSS 2.0 and Atom 1.0.

/// The families of words, by namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// The format's own.
    Own,
    /// Atom inside RSS.
    Atom,
    /// Dublin Core elements and terms.
    Dublin,
    /// `content:encoded`.
    Content,
    /// `sy:updatePeriod`.
    Syndication,
    /// XHTML, as a body inside RSS.
    Xhtml,
    /// News in a sitemap.
    News,
    /// Media, which say things of their own.
    Media,
    /// Podcasts, which say some things that nothing else says.
    Podcast,
    /// Anything else: media, podcasts, comments.
    Foreign,
}

/// The two formats written for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// RSS 2.0.
    Rss,
    /// Atom 1.0.
    Atom,
}

/// Where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the feed.
    Feed,
    /// In an entry.
    Entry,
    /// In a person.
    Person,
}

/// What is done with an element's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Written under this name: text that may hold markup.
    Markup(&'static str),
    /// Written under this name: text without markup. The first one wins.
    Plain(&'static str),
    /// Written under this name, as often as it comes.
    Many(&'static str),
    /// The same as [`Word::Markup`] or [`Word::Plain`], where the format's own word is missing.
    Else(&'static str),
    /// Written under this name: text without markup. The last one wins.
    Last(&'static str),
    /// A summary beside which the description is the content.
    Summary,
    /// An Atom category, which is attributes.
    Category,
    /// An element around more of the same: `media:group`, `news:news`.
    Group,
    /// Labels in one text, parted by commas.
    Labels,
    /// A person: an element with a name and an address inside.
    Person,
    /// The name of an author as text, perhaps with an address.
    Byline,
    /// The address of the entry or feed, as text.
    Link,
    /// The address of the entry or feed, as attributes.
    AtomLink,
    /// A `guid`, which may be the address.
    Guid,
    /// The language.
    Language,
    /// Minutes that a document stays fresh.
    Ttl,
    /// `hourly` to `yearly`.
    UpdatePeriod,
    /// How often in a period.
    UpdateFrequency,
}

/// The family of a namespace address.
pub(super) fn family_of_namespace(address: &str) -> Family {
    let address = address.trim().to_ascii_lowercase();
    let address = address
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches(['/', '#']);
    match address {
        "purl.org/dc/elements/1.1" | "purl.org/dc/elements/1.0" | "purl.org/dc/terms" => {
            Family::Dublin
        }
        "purl.org/rss/1.0/modules/content" => Family::Content,
        "purl.org/rss/1.0/modules/syndication" => Family::Syndication,
        "www.w3.org/1999/xhtml" => Family::Xhtml,
        "www.google.com/schemas/sitemap-news/0.9" => Family::News,
        "search.yahoo.com/mrss" => Family::Media,
        "www.itunes.com/dtds/podcast-1.0.dtd" => Family::Podcast,
        "www.w3.org/2005/atom" | "purl.org/atom/ns" => Family::Atom,
        ""
        | "www.sitemaps.org/schemas/sitemap/0.9"
        | "www.google.com/schemas/sitemap/0.84"
        | "purl.org/rss/1.0"
        | "purl.org/rss/2.0"
        | "backend.userland.com/rss"
        | "backend.userland.com/rss2"
        | "blogs.law.harvard.edu/tech/rss"
        | "my.netscape.com/rdf/simple/0.9"
        | "channel.netscape.com/rdf/simple/0.9" => Family::Own,
        _ => Family::Foreign,
    }
}

/// The family that a prefix means where nothing declares it.
pub(super) fn family_of_prefix(prefix: &str) -> Family {
    match prefix.to_ascii_lowercase().as_str() {
        "" | "rss" | "rdf" => Family::Own,
        "dc" | "dcterms" => Family::Dublin,
        "content" => Family::Content,
        "sy" => Family::Syndication,
        "xhtml" => Family::Xhtml,
        "itunes" => Family::Podcast,
        "news" | "n" => Family::News,
        "media" => Family::Media,
        "atom" | "atom10" | "a10" => Family::Atom,
        _ => Family::Foreign,
    }
}

/// What an element means; none: nothing that is read. `name` is the local name in lower case.
pub(super) fn word(format: Format, place: Place, family: Family, name: &str) -> Option<Word> {
    match (format, place) {
        (Format::Rss, Place::Entry) => rss_entry(family, name),
        (Format::Rss, Place::Feed) => rss_feed(family, name),
        (Format::Atom, Place::Entry) => atom_entry(family, name),
        (Format::Atom, Place::Feed) => atom_feed(family, name),
        (format, Place::Person) => person(format, family, name),
    }
}

fn rss_entry(family: Family, name: &str) -> Option<Word> {
    Some(match (family, name) {
        (Family::Own | Family::News, "title") => Word::Markup("title"),
        (Family::Dublin | Family::Atom | Family::Media, "title") => Word::Else("title"),
        (Family::Own, "link" | "loc") => Word::Link,
        (Family::Own, "guid") => Word::Guid,
        (Family::Atom, "id") => Word::Else("guid"),
        (Family::Own | Family::Dublin, "description") => Word::Markup("description"),
        (Family::Own | Family::Atom, "summary") => Word::Summary,
        (Family::Podcast, "summary" | "subtitle") | (Family::Media, "description") => {
            Word::Else("description")
        }
        (Family::Media, "group") | (Family::News, "news" | "publication") => Word::Group,
        (Family::News, "keywords") => Word::Labels,
        (Family::Content, "encoded")
        | (Family::Xhtml, "body")
        | (Family::Own, "body" | "fullitem")
        | (Family::Own | Family::Atom, "content") => Word::Markup("content:encoded"),
        (Family::Own, "pubdate" | "published" | "date")
        | (Family::Dublin, "date" | "issued")
        | (Family::Atom, "published" | "issued")
        | (Family::News, "publication_date") => Word::Plain("pubDate"),
        (Family::Dublin | Family::Atom, "created") => Word::Else("pubDate"),
        (Family::Own, "lastmod")
        | (Family::Own | Family::Atom, "updated" | "modified")
        | (Family::Dublin, "modified") => Word::Plain("updated"),
        (Family::Own | Family::Dublin | Family::Podcast, "author")
        | (Family::Dublin, "creator") => Word::Byline,
        (Family::Atom, "author") => Word::Person,
        (Family::Own, "category") | (Family::Dublin, "subject") => Word::Many("category"),
        (Family::Own | Family::Dublin | Family::News, "language") => Word::Language,
        (Family::Atom, "link") => Word::AtomLink,
        _ => return None,
    })
}

fn rss_feed(family: Family, name: &str) -> Option<Word> {
    Some(match (family, name) {
        (Family::Own, "title") => Word::Markup("title"),
        (Family::Dublin | Family::Atom, "title") => Word::Else("title"),
        (Family::Own, "link") => Word::Link,
        (Family::Atom, "link") => Word::AtomLink,
        (Family::Own | Family::Dublin, "language") => Word::Language,
        (Family::Own, "ttl") => Word::Ttl,
        (Family::Syndication, "updateperiod") => Word::UpdatePeriod,
        (Family::Syndication, "updatefrequency") => Word::UpdateFrequency,
        _ => return None,
    })
}

fn atom_entry(family: Family, name: &str) -> Option<Word> {
    Some(match (family, name) {
        (Family::Own | Family::Atom, name) => match name {
            "title" => Word::Markup("title"),
            "link" => Word::AtomLink,
            "id" => Word::Plain("id"),
            "summary" | "description" => Word::Markup("summary"),
            "content" => Word::Markup("content"),
            "published" | "issued" | "pubdate" => Word::Plain("published"),
            "created" => Word::Else("published"),
            "updated" | "modified" => Word::Last("updated"),
            "author" => Word::Person,
            "category" => Word::Category,
            _ => return None,
        },
        (Family::Dublin | Family::Media, "title") => Word::Else("title"),
        (Family::Dublin | Family::Media, "description") => Word::Else("summary"),
        (Family::Media, "group") => Word::Group,
        (Family::Dublin, "date" | "issued" | "created") => Word::Else("published"),
        (Family::Dublin, "modified") => Word::Else("updated"),
        (Family::Dublin, "creator") => Word::Byline,
        (Family::Dublin, "language") => Word::Language,
        _ => return None,
    })
}

fn atom_feed(family: Family, name: &str) -> Option<Word> {
    Some(match (family, name) {
        (Family::Own | Family::Atom, "title") => Word::Markup("title"),
        (Family::Own | Family::Atom, "link") => Word::AtomLink,
        (Family::Own | Family::Atom, "author") => Word::Person,
        (Family::Dublin, "language") => Word::Language,
        (Family::Syndication, "updateperiod") => Word::UpdatePeriod,
        (Family::Syndication, "updatefrequency") => Word::UpdateFrequency,
        _ => return None,
    })
}

fn person(format: Format, family: Family, name: &str) -> Option<Word> {
    match (format, family, name) {
        // Authors are text in RSS.
        (Format::Rss, Family::Own | Family::Atom, "name") => Some(Word::Byline),
        (Format::Atom, Family::Own | Family::Atom, "name") => Some(Word::Plain("name")),
        (Format::Atom, Family::Own | Family::Atom, "email") => Some(Word::Plain("email")),
        _ => None,
    }
}

/// Which document a root element begins.
pub(super) fn format_of_root(local_name: &str) -> Option<(Format, crate::domain::DocumentKind)> {
    use crate::domain::DocumentKind::{Atom, Rdf, Rss, Sitemap};
    match local_name.to_ascii_lowercase().as_str() {
        "rss" | "channel" => Some((Format::Rss, Rss)),
        "rdf" => Some((Format::Rss, Rdf)),
        "feed" | "entry" => Some((Format::Atom, Atom)),
        "urlset" => Some((Format::Rss, Sitemap)),
        _ => None,
    }
}
