//! Any XML feed, however broken, as a document in which feed-rs loses nothing.
//!
//! feed-rs refuses or silently drops what it does not expect: one bare `&` costs a title or the whole feed. So it never
//! sees what was served: the tokens of the document are written anew as well-formed RSS 2.0 or Atom 1.0 that holds only
//! what is read. What neither format can say stands beside, entry by entry, and so do the long texts, which feed-rs would
//! copy four times and give back as they are.

use std::{borrow::Cow, mem, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use url::Url;

use super::{
    decode::undoubled,
    dialect::{self, Family, Format, Place, Word},
    entities::Entities,
    markup::{Token, Tokens, attribute, attributes, attributes_as_written, references},
    plain_address::PlainAddress,
    xml::{allowed, escape, write_text},
};
use crate::{domain::DocumentKind, text::html};

/// Entries kept of a document; the rest is counted.
pub(super) const MAX_ENTRIES: usize = 2_000;
/// Bytes kept of one field; longer ones are cut.
pub(super) const MAX_FIELD_BYTES: usize = 256 * 1_024;
/// Bytes of an address or of a base; longer ones are dropped, for each entry below would be joined to them anew.
pub(super) const MAX_URL_BYTES: usize = 2_048;
/// Bytes of a language; longer ones name none.
const MAX_LANGUAGE_BYTES: usize = 100;
/// How far into a document its root is looked for, in bytes.
const ROOT_WITHIN: usize = 64 * 1_024;
/// Elements deeper than this are counted, not remembered.
const MAX_DEPTH: usize = 64;
/// Namespace declarations in force at once; more are ignored.
const MAX_NAMESPACES: usize = 64;

/// A document written anew.
#[derive(Debug)]
pub(super) struct Repaired {
    /// What it was.
    pub(super) kind: DocumentKind,
    /// What feed-rs is to read.
    pub(super) xml: String,
    /// What the feed says beside.
    pub(super) feed: Beside,
    /// What each entry in `xml` says beside, in order.
    pub(super) entries: Vec<Beside>,
    /// Entries beyond [`MAX_ENTRIES`].
    pub(super) beyond: u32,
    /// Whether the markup ended early.
    pub(super) is_partial: bool,
    /// `ttl`, or the period of `sy:updatePeriod`.
    pub(super) ttl: Option<Duration>,
}

/// What feed-rs does not hand over.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    /// The address, resolved.
    pub(super) url: Option<String>,
    /// The declared language.
    pub(super) language: Option<String>,
    /// Names from bylines: feed-rs takes those apart by bytes, and panics on some.
    pub(super) bylines: Vec<String>,
    /// The description of RSS, or the summary of Atom.
    pub(super) description: Option<Told>,
    /// The content.
    pub(super) content: Option<Told>,
    /// A summary beside the description, as HTML.
    pub(super) summary: Option<String>,
    /// How good the address found is; the best stays.
    rank: u8,
}

/// A long text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) text: String,
    /// Whether it is just text; else it is HTML.
    pub(super) is_plain: bool,
}

/// Writes an XML document anew; none if no feed begins in it.
pub(super) fn repair(text: &str, base: &Url) -> Option<Repaired> {
    let mut tokens = Tokens::new(text);
    while let Some(token) = tokens.next() {
        if let Token::Open {
            name,
            attributes: raw,
            is_empty,
        } = token
            && let Some((format, kind)) = dialect::format_of_root(local(name))
        {
            let mut writer = Writer::new(format, kind, base);
            writer.entities = Entities::declared(tokens.document_type_met().unwrap_or_default());
            writer.root(name, raw, is_empty);
            for token in tokens {
                writer.token(token);
            }
            return Some(writer.finish());
        }
        if tokens.position() > ROOT_WITHIN {
            return None;
        }
    }
    None
}

/// What an open element is.
enum Role {
    /// The root, or the channel.
    Feed,
    Entry,
    /// An element around more of an entry.
    Group,
    Person,
    /// An element whose text is read.
    Field(Word),
    /// Nothing that is read.
    Other,
}

/// An open element.
struct Frame<'a> {
    name: &'a str,
    role: Role,
    base: Option<Box<Url>>,
    language: Option<String>,
    /// Namespaces in force before it.
    namespaces: usize,
}

/// How the text of a field stands for its content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// HTML, escaped: the text is the markup.
    Html,
    /// Just text, as its publisher says.
    Plain,
    /// Just text, unless it is evidently HTML: its publisher does not say.
    Unsaid,
    /// Markup as elements.
    Xml,
}

/// How the text of a field is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    /// As base64.
    Base64,
    /// As base64, or not at all.
    Unsure,
}

/// What a text is said to be where it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What the format has it be: in RSS, HTML.
    Unsaid,
    Html,
    Plain,
}

impl Kind {
    const fn attribute(self) -> &'static str {
        match self {
            Self::Unsaid => "",
            Self::Html => " type=\"html\"",
            Self::Plain => " type=\"text\"",
        }
    }
}

/// What stands for a word that the open entry or feed may yet bring itself.
struct Fallback {
    name: &'static str,
    kind: Kind,
    text: String,
}

/// The field under construction.
struct Field {
    text: String,
    form: Form,
    packing: Packing,
    /// Open elements of the field's own name inside of it.
    nested: u32,
    is_permalink: bool,
    has_elements: bool,
}

struct Writer<'a> {
    format: Format,
    kind: DocumentKind,
    base: Url,
    entities: Entities<'a>,
    xml: String,
    frames: Vec<Frame<'a>>,
    /// Elements open beyond [`MAX_DEPTH`].
    deeper: u32,
    namespaces: Vec<(&'a str, Family)>,
    field: Option<Field>,
    /// Memory for the text of the next field.
    spare: String,
    feed: Beside,
    entries: Vec<Beside>,
    entry: Beside,
    /// Where the open entry begins in `xml`.
    entry_start: Option<usize>,
    /// Fields of which the first wins, met in the feed.
    met_in_feed: Vec<&'static str>,
    /// The same in the open entry.
    met_in_entry: Vec<&'static str>,
    fallbacks_of_feed: Vec<Fallback>,
    fallbacks_of_entry: Vec<Fallback>,
    beyond: u32,
    is_root_closed: bool,
    ttl: Option<Duration>,
    period: Option<Duration>,
    frequency: Option<u32>,
}

impl<'a> Writer<'a> {
    fn new(format: Format, kind: DocumentKind, base: &Url) -> Self {
        Self {
            format,
            kind,
            base: base.clone(),
            entities: Entities::default(),
            xml: String::new(),
            frames: Vec::new(),
            deeper: 0,
            namespaces: Vec::new(),
            field: None,
            spare: String::new(),
            feed: Beside::default(),
            entries: Vec::new(),
            entry: Beside::default(),
            entry_start: None,
            met_in_feed: Vec::new(),
            met_in_entry: Vec::new(),
            fallbacks_of_feed: Vec::new(),
            fallbacks_of_entry: Vec::new(),
            beyond: 0,
            is_root_closed: false,
            ttl: None,
            period: None,
            frequency: None,
        }
    }

    fn root(&mut self, name: &'a str, raw: &'a str, is_empty: bool) {
        self.xml.push_str(match self.format {
            Format::Rss => "<rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel>",
            Format::Atom => "<feed xmlns=\"http://www.w3.org/2005/Atom\">",
        });
        if self.names_entry(name) {
            // An Atom entry document: a feed of one.
            self.open(name, raw, is_empty);
            return;
        }
        self.push(name, Role::Feed, raw);
        self.feed.language = self.language().map(str::to_owned);
        if is_empty {
            self.close(name);
        }
    }

    fn token(&mut self, token: Token<'a>) {
        if self.is_root_closed {
            return;
        }
        match token {
            Token::Open {
                name,
                attributes,
                is_empty,
            } => self.open(name, attributes, is_empty),
            Token::Close(name) => self.close(name),
            Token::Text(text) => {
                let text = self.entities.put_in(text);
                self.text(&references(&text));
            }
            Token::Cdata(text) => self.text(text),
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(field) = &mut self.field {
            if field.form == Form::Xml {
                field.push(&html::escape(text));
            } else {
                field.push(text);
            }
        }
    }

    fn open(&mut self, name: &'a str, raw: &'a str, is_empty: bool) {
        let starts_entry = self.names_entry(name) && self.family(name, raw) != Family::Foreign;
        if starts_entry && self.entry_start.is_some() && self.is_entry_of_feed(name) {
            // The one before never ended.
            self.close_entry();
        }
        if self.field.is_some()
            && is_unmistakable(name)
            && !self.frames.last().is_some_and(|top| same(top.name, name))
        {
            self.pop();
        }
        if let Some(field) = &mut self.field {
            let frame_name = self.frames.last().map(|frame| frame.name);
            field.element(name, raw, is_empty, frame_name);
            return;
        }
        if self.frames.len() >= MAX_DEPTH {
            self.deeper += u32::from(!is_empty);
            return;
        }
        let role = self.role(name, raw, starts_entry);
        self.push(name, role, raw);
        self.begin(raw);
        if is_empty {
            self.close(name);
        }
    }

    /// Whether `name` is that of an entry.
    fn names_entry(&self, name: &str) -> bool {
        let name = local(name);
        if self.kind == DocumentKind::Sitemap {
            return name.eq_ignore_ascii_case("url");
        }
        name.eq_ignore_ascii_case("item") || name.eq_ignore_ascii_case("entry")
    }

    /// Whether `name` opens an entry as the entries of this document are opened.
    fn is_entry_of_feed(&self, name: &str) -> bool {
        self.frames
            .iter()
            .rev()
            .any(|frame| matches!(frame.role, Role::Entry) && frame.name == name)
    }

    fn role(&self, name: &str, raw: &str, starts_entry: bool) -> Role {
        let place = match self.frames.last().map(|frame| &frame.role) {
            None | Some(Role::Feed) => Place::Feed,
            Some(Role::Entry | Role::Group) => Place::Entry,
            Some(Role::Person) => Place::Person,
            Some(_) => return Role::Other,
        };
        if place == Place::Feed && starts_entry {
            return Role::Entry;
        }
        let local = local(name);
        let lower = if local.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(local.to_ascii_lowercase())
        } else {
            Cow::Borrowed(local)
        };
        let family = self.family(name, raw);
        if place == Place::Feed && family == Family::Own && lower == "channel" {
            return Role::Feed;
        }
        match dialect::word(self.format, place, family, &lower) {
            Some(Word::Person) => Role::Person,
            Some(Word::Group) => Role::Group,
            Some(word) => Role::Field(word),
            None => Role::Other,
        }
    }

    /// Begins what the element on top of the stack is.
    fn begin(&mut self, raw: &'a str) {
        match self.frames.last().map(|frame| &frame.role) {
            Some(Role::Entry) => {
                self.entry_start = Some(self.xml.len());
                self.met_in_entry.clear();
                self.fallbacks_of_entry.clear();
                self.entry = Beside {
                    language: self.language().map(str::to_owned),
                    ..Beside::default()
                };
                self.xml.push_str(match self.format {
                    Format::Rss => "<item>",
                    Format::Atom => "<entry>",
                });
                if self.kind == DocumentKind::Rdf
                    && let Some((_, about)) =
                        attributes(raw).find(|(name, _)| local(name) == "about")
                {
                    self.write("guid", "", &about);
                    self.offer(&about, 1);
                }
            }
            Some(Role::Person) if self.format == Format::Atom => {
                self.met().retain(|name| !matches!(*name, "name" | "email"));
                self.xml.push_str("<author>");
            }
            Some(&Role::Field(word)) => self.begin_field(word, raw),
            _ => {}
        }
    }

    fn begin_field(&mut self, word: Word, raw: &str) {
        match word {
            Word::AtomLink => {
                let relation = attribute(raw, "rel").unwrap_or("alternate".into());
                if let Some(address) = attribute(raw, "href")
                    && matches!(relation.trim(), "alternate" | "")
                {
                    // The page rather than another form of it.
                    let kind = attribute(raw, "type").unwrap_or_default();
                    let is_page = kind.is_empty() || kind.contains("html");
                    let rank = if self.format == Format::Atom {
                        4 + u8::from(is_page)
                    } else {
                        2
                    };
                    self.offer(&address, rank);
                }
            }
            Word::Link => {
                if attribute(raw, "rel").is_none_or(|relation| relation.trim() == "alternate")
                    && let Some(address) = attribute(raw, "href")
                {
                    self.offer_last(&address, 3);
                }
            }
            Word::Category => {
                let term = attribute(raw, "term").or_else(|| attribute(raw, "label"));
                if let Some(term) = term.filter(|term| !term.trim().is_empty()) {
                    let label = attribute(raw, "label").unwrap_or_default();
                    self.xml.push_str("<category term=\"");
                    escape(&term, &mut self.xml);
                    if !label.trim().is_empty() {
                        self.xml.push_str("\" label=\"");
                        escape(&label, &mut self.xml);
                    }
                    self.xml.push_str("\"/>");
                }
            }
            _ => {}
        }
        let (form, packing) = match self.format {
            Format::Rss => (Form::Html, Packing::None),
            Format::Atom => {
                let (mode, kind) = mode_and_type(raw);
                (form(&mode, &kind), packing(&mode, &kind))
            }
        };
        self.field = Some(Field {
            text: mem::take(&mut self.spare),
            form,
            packing,
            nested: 0,
            is_permalink: attribute(raw, "isPermaLink")
                .is_none_or(|value| value.trim().eq_ignore_ascii_case("true")),
            has_elements: false,
        });
    }

    fn push(&mut self, name: &'a str, role: Role, raw: &'a str) {
        let namespaces = self.namespaces.len();
        let mut base = None;
        let mut language = None;
        for (attribute, value) in attributes_as_written(raw) {
            match attribute {
                "xml:base" => base = self.joined(references(value).trim()).map(Box::new),
                "xml:lang" => {
                    let value = references(value);
                    let value = value.trim();
                    if (1..=MAX_LANGUAGE_BYTES).contains(&value.len()) {
                        language = Some(value.to_owned());
                    }
                }
                "xmlns" => self.declare("", &references(value)),
                _ => {
                    if let Some(prefix) = attribute.strip_prefix("xmlns:") {
                        self.declare(prefix, &references(value));
                    }
                }
            }
        }
        self.frames.push(Frame {
            name,
            role,
            base,
            language,
            namespaces,
        });
    }

    fn declare(&mut self, prefix: &'a str, address: &str) {
        if self.namespaces.len() < MAX_NAMESPACES {
            self.namespaces
                .push((prefix, dialect::family_of_namespace(address)));
        }
    }

    /// The family of an element, by what is declared on it or above.
    fn family(&self, name: &str, raw: &str) -> Family {
        let prefix = &name[..(name.len() - local(name).len()).saturating_sub(1)];
        let declaration = |attribute: &str| match attribute.strip_prefix("xmlns") {
            Some("") => prefix.is_empty(),
            Some(rest) => rest.strip_prefix(':') == Some(prefix),
            None => false,
        };
        let here = (!raw.is_empty() && raw.contains("xmlns"))
            .then(|| attributes_as_written(raw).find(|(name, _)| declaration(name)))
            .flatten()
            .map(|(_, address)| dialect::family_of_namespace(&references(address)));
        let above = || {
            self.namespaces
                .iter()
                .rev()
                .find(|(known, _)| *known == prefix)
                .map(|&(_, family)| family)
        };
        let family = here
            .or_else(above)
            .unwrap_or_else(|| dialect::family_of_prefix(prefix));
        let is_of_document = prefix.is_empty() && here.is_none();
        match (family, self.format) {
            (Family::Atom, Format::Atom) => Family::Own,
            // What the whole document declares as its own is its own, even where RSS says that it is Atom.
            (Family::Foreign | Family::Atom, _) if is_of_document => Family::Own,
            _ => family,
        }
    }

    fn close(&mut self, name: &str) {
        let is_structure_end = self.is_structure_end(name);
        if let Some(field) = &mut self.field {
            if !self
                .frames
                .last()
                .is_some_and(|frame| same(name, frame.name))
            {
                if !is_structure_end {
                    field.end_tag(name);
                    return;
                }
            } else if field.nested > 0 {
                field.nested -= 1;
                field.end_tag(name);
                return;
            }
        }
        if self.deeper > 0 && !is_structure_end {
            self.deeper -= 1;
            return;
        }
        // Elements between here and the one that ends never ended; an end without a beginning says nothing. What is
        // open inside of an entry cannot be ended from outside.
        let Some(at) = self.frames.iter().rposition(|frame| same(name, frame.name)) else {
            return;
        };
        while self.frames.len() > at {
            self.pop();
        }
        self.deeper = 0;
    }

    /// Whether an end tag ends a structure around what is open.
    fn is_structure_end(&self, name: &str) -> bool {
        self.frames.iter().any(|frame| {
            matches!(frame.role, Role::Feed | Role::Entry | Role::Person) && same(name, frame.name)
        })
    }

    fn close_entry(&mut self) {
        if let Some(at) = self
            .frames
            .iter()
            .rposition(|frame| matches!(frame.role, Role::Entry))
        {
            while self.frames.len() > at {
                self.pop();
            }
        }
        self.deeper = 0;
    }

    /// Ends the innermost element.
    fn pop(&mut self) {
        // The field's frame still gives the base of what it says.
        if let Some(&Role::Field(word)) = self.frames.last().map(|frame| &frame.role)
            && let Some(field) = self.field.take()
        {
            self.end_field(word, &field);
            self.spare = field.text;
            self.spare.clear();
        }
        let Some(frame) = self.frames.pop() else {
            return;
        };
        self.namespaces.truncate(frame.namespaces);
        match frame.role {
            Role::Entry => self.end_entry(),
            Role::Person if self.format == Format::Atom => self.xml.push_str("</author>"),
            Role::Feed if self.frames.is_empty() => self.is_root_closed = true,
            _ => {}
        }
    }

    fn end_entry(&mut self) {
        for fallback in mem::take(&mut self.fallbacks_of_entry) {
            self.fall_back(&fallback);
        }
        let Some(start) = self.entry_start.take() else {
            return;
        };
        if self.entries.len() >= MAX_ENTRIES {
            self.xml.truncate(start);
            self.beyond += 1;
            return;
        }
        self.xml.push_str(match self.format {
            Format::Rss => "</item>",
            Format::Atom => "</entry>",
        });
        self.entries.push(mem::take(&mut self.entry));
        if self.frames.is_empty() {
            self.is_root_closed = true;
        }
    }

    fn end_field(&mut self, word: Word, field: &Field) {
        let Some(text) = field.unpacked() else {
            return;
        };
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match word {
            Word::Markup(name) => {
                if self.is_first(name) {
                    let (kind, text) = self.marked(name, field, text);
                    self.tell(name, kind, &text);
                }
            }
            Word::Else(name) => {
                // One of each name, for only the first is written: a document may hold hundreds of thousands.
                if self.fallbacks().iter().all(|other| other.name != name) {
                    let (kind, text) = self.marked(name, field, text);
                    let text = text.into_owned();
                    self.fallbacks().push(Fallback { name, kind, text });
                }
            }
            Word::Last(name) => {
                let last = Fallback {
                    name,
                    kind: Kind::Unsaid,
                    text: text.to_owned(),
                };
                let fallbacks = self.fallbacks();
                match fallbacks.iter_mut().find(|other| other.name == name) {
                    Some(known) => *known = last,
                    None => fallbacks.push(last),
                }
            }
            Word::Summary => self.beside().summary = Some(undoubled(text).into_owned()),
            Word::Plain(name) => self.write_first(name, text),
            Word::Many(name) => self.write(name, "", text),
            Word::Byline => self.beside().bylines.push(byline(text)),
            Word::Link => self.offer_last(text, 3),
            Word::Guid => {
                self.write_first("guid", text);
                if field.is_permalink {
                    self.offer_absolute(text);
                }
            }
            Word::Language => self.beside().language = Some(text.to_owned()),
            Word::Ttl => {
                let minutes: Option<u32> = text.parse().ok();
                self.ttl = minutes.map(|minutes| Duration::from_mins(u64::from(minutes)));
            }
            Word::UpdatePeriod => self.period = period(text),
            Word::UpdateFrequency => self.frequency = text.parse().ok(),
            Word::AtomLink => self.offer(text, 1),
            Word::Labels => {
                for label in text
                    .split(',')
                    .map(str::trim)
                    .filter(|label| !label.is_empty())
                {
                    self.write("category", "", label);
                }
            }
            Word::Category | Word::Person | Word::Group => {}
        }
    }

    /// The text of a field as it is to be written, and what it is.
    fn marked<'t>(&self, name: &str, field: &Field, text: &'t str) -> (Kind, Cow<'t, str>) {
        let text = undoubled(text);
        if self.format == Format::Rss || !matches!(name, "title" | "summary" | "content") {
            return (Kind::Unsaid, text);
        }
        let is_html = match field.form {
            Form::Html | Form::Xml => true,
            Form::Plain => field.has_elements,
            Form::Unsaid => field.has_elements || (name != "title" && html::is_evident(&text)),
        };
        match (is_html, field.form) {
            (true, _) => (Kind::Html, text),
            // Where it is said, `<b>` in a title is what it says. Where it is not, publishers mean HTML.
            (false, Form::Plain) if name == "title" => {
                (Kind::Html, Cow::Owned(html::escape(&text)))
            }
            (false, _) => (Kind::Plain, text),
        }
    }

    fn fallbacks(&mut self) -> &mut Vec<Fallback> {
        if self.entry_start.is_some() {
            &mut self.fallbacks_of_entry
        } else {
            &mut self.fallbacks_of_feed
        }
    }

    fn fall_back(&mut self, fallback: &Fallback) {
        if self.is_first(fallback.name) {
            self.tell(fallback.name, fallback.kind, &fallback.text);
        }
    }

    /// Writes a field, or puts it beside the entry if it is a long text. Nobody asks for that of a feed.
    fn tell(&mut self, name: &str, kind: Kind, text: &str) {
        let is_content = match name {
            "description" | "summary" => false,
            "content:encoded" | "content" => true,
            _ => return self.write(name, kind.attribute(), text),
        };
        if self.entry_start.is_some() {
            let told = Some(Told {
                text: allowed(text),
                is_plain: kind == Kind::Plain,
            });
            if is_content {
                self.entry.content = told;
            } else {
                self.entry.description = told;
            }
        }
    }

    fn write_first(&mut self, name: &'static str, text: &str) {
        if self.is_first(name) {
            self.write(name, "", text);
        }
    }

    fn is_first(&mut self, name: &'static str) -> bool {
        let met = self.met();
        let is_first = !met.contains(&name);
        if is_first {
            met.push(name);
        }
        is_first
    }

    fn met(&mut self) -> &mut Vec<&'static str> {
        if self.entry_start.is_some() {
            &mut self.met_in_entry
        } else {
            &mut self.met_in_feed
        }
    }

    fn write(&mut self, name: &str, attributes: &str, text: &str) {
        for piece in ["<", name, attributes, ">"] {
            self.xml.push_str(piece);
        }
        write_text(text, &mut self.xml);
        for piece in ["</", name, ">"] {
            self.xml.push_str(piece);
        }
    }

    fn beside(&mut self) -> &mut Beside {
        if self.entry_start.is_some() {
            &mut self.entry
        } else {
            &mut self.feed
        }
    }

    /// Takes an address if no better one is known: of several links the last counts, as other readers have it.
    fn offer_last(&mut self, address: &str, rank: u8) {
        let beside = self.beside();
        if beside.rank <= rank {
            beside.rank = rank - 1;
            self.offer(address, rank);
        }
    }

    /// Takes an address if none as good is known.
    fn offer(&mut self, address: &str, rank: u8) {
        let address = address.trim();
        if address.is_empty() || address.len() > MAX_URL_BYTES || self.beside().rank >= rank {
            return;
        }
        let url = if PlainAddress::of(address).is_some() {
            Some(address.to_owned())
        } else {
            match Url::parse(address) {
                Err(url::ParseError::RelativeUrlWithoutBase) => {
                    self.joined(address).map(String::from)
                }
                Ok(_) => Some(address.to_owned()),
                Err(_) => None,
            }
        };
        if url.is_some() {
            let beside = self.beside();
            beside.url = url;
            beside.rank = rank;
        }
    }

    /// A guid is an address only if it looks like one.
    fn offer_absolute(&mut self, text: &str) {
        const RANK: u8 = 1;
        if self.beside().rank < RANK
            && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        {
            self.offer(text, RANK);
        }
    }

    /// An address on the base in force, unless it is too long.
    fn joined(&self, address: &str) -> Option<Url> {
        if address.len() > MAX_URL_BYTES {
            return None;
        }
        let url = self.current_base().join(address).ok()?;
        (url.as_str().len() <= MAX_URL_BYTES).then_some(url)
    }

    fn current_base(&self) -> &Url {
        self.frames
            .iter()
            .rev()
            .find_map(|frame| frame.base.as_deref())
            .unwrap_or(&self.base)
    }

    fn language(&self) -> Option<&str> {
        self.frames
            .iter()
            .rev()
            .find_map(|frame| frame.language.as_deref())
    }

    fn finish(mut self) -> Repaired {
        let is_partial = !self.is_root_closed;
        if self.is_cut_in_content() {
            // Everything that tells the entry and is told of it stands: only the text beside its summary is half.
            self.field = None;
            self.close_entry();
        }
        if let Some(start) = self.entry_start.take() {
            // An entry that never ended may be half of one.
            self.xml.truncate(start);
        }
        if self
            .frames
            .iter()
            .any(|frame| matches!(frame.role, Role::Person))
            && self.xml.ends_with("<author>")
        {
            self.xml.truncate(self.xml.len() - "<author>".len());
        }
        for fallback in mem::take(&mut self.fallbacks_of_feed) {
            self.fall_back(&fallback);
        }
        self.xml.push_str(match self.format {
            Format::Rss => "</channel></rss>",
            Format::Atom => "</feed>",
        });
        let period = self
            .period
            .map(|period| period / self.frequency.unwrap_or(1).max(1));
        Repaired {
            kind: self.kind,
            xml: self.xml,
            feed: self.feed,
            entries: self.entries,
            beyond: self.beyond,
            is_partial,
            ttl: self.ttl.or(period),
        }
    }
}

impl Writer<'_> {
    /// Whether the document ends inside of the content of an entry whose title, address, date and summary are whole.
    fn is_cut_in_content(&self) -> bool {
        let is_in_content = matches!(
            self.frames.last().map(|frame| &frame.role),
            Some(Role::Field(Word::Markup("content:encoded" | "content")))
        );
        let has = |names: &[&str]| {
            let fallbacks = self.fallbacks_of_entry.iter().map(|other| &other.name);
            let mut met = self.met_in_entry.iter().chain(fallbacks);
            met.any(|name| names.contains(name))
        };
        is_in_content
            && self.field.is_some()
            && self.entry.url.is_some()
            && has(&["title"])
            && has(&["pubDate", "published", "updated"])
            && has(&["description", "summary"])
    }
}

impl Field {
    fn push(&mut self, text: &str) {
        let room = MAX_FIELD_BYTES.saturating_sub(self.text.len());
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
    }

    /// The text as it was meant; none if it is nothing readable.
    fn unpacked(&self) -> Option<Cow<'_, str>> {
        if self.packing == Packing::None {
            return Some(Cow::Borrowed(&self.text));
        }
        let packed: String = self.text.split_whitespace().collect();
        let Ok(bytes) = BASE64.decode(packed.trim_end_matches('=')) else {
            return (self.packing == Packing::Unsure).then_some(Cow::Borrowed(&self.text));
        };
        let text = String::from_utf8(bytes).ok()?;
        let is_readable = !text.contains(|c: char| c.is_control() && !c.is_whitespace());
        is_readable.then_some(Cow::Owned(text))
    }

    /// An element inside of the field becomes a tag in its text.
    fn element(&mut self, name: &str, raw: &str, is_empty: bool, own_name: Option<&str>) {
        self.has_elements = true;
        if !is_empty && own_name.is_some_and(|own| same(name, own)) {
            self.nested += 1;
        }
        self.push("<");
        self.push(local(name));
        self.push(raw);
        self.push(if is_empty { "/>" } else { ">" });
    }

    fn end_tag(&mut self, name: &str) {
        // An end without a beginning is a slip of the publisher's.
        if self.has_elements {
            self.push("</");
            self.push(local(name));
            self.push(">");
        }
    }
}

/// How the text of an Atom construct is to be read; in RSS it is HTML.
fn form(mode: &str, kind: &str) -> Form {
    match (mode, kind) {
        (_, "text" | "text/plain") | ("base64", "") => Form::Plain,
        ("escaped" | "base64", _) | (_, "html" | "text/html") => Form::Html,
        (_, "xhtml") => Form::Xml,
        (_, kind) if kind.ends_with("xml") => Form::Xml,
        (_, kind) if kind.contains('/') => Form::Html,
        _ => Form::Unsaid,
    }
}

fn packing(mode: &str, kind: &str) -> Packing {
    if mode == "base64" {
        Packing::Base64
    } else if mode.is_empty() && is_binary(kind) {
        // RFC 4287 §4.1.3.3 says so, and not everybody knows.
        Packing::Unsure
    } else {
        Packing::None
    }
}

fn is_binary(kind: &str) -> bool {
    let (family, _) = kind.split_once('/').unwrap_or_default();
    matches!(family, "image" | "audio" | "video") || kind == "application/octet-stream"
}

/// Atom 0.3 says `mode` beside the type.
fn mode_and_type(raw: &str) -> (String, String) {
    let value = |name| {
        let value = attribute(raw, name).unwrap_or_default();
        value.trim().to_ascii_lowercase()
    };
    (value("mode"), value("type"))
}

/// The period of `sy:updatePeriod`.
fn period(text: &str) -> Option<Duration> {
    let hours = match text.to_ascii_lowercase().as_str() {
        "hourly" => 1,
        "daily" => 24,
        "weekly" => 24 * 7,
        "monthly" => 24 * 30,
        "yearly" => 24 * 365,
        _ => return None,
    };
    Some(Duration::from_secs(hours * 3_600))
}

/// The name in a byline: `jane@example.org (Jane Roe)`, `Jane Roe <jane@example.org>`, or a name or address alone.
fn byline(text: &str) -> String {
    let bare = text.replace(['(', ')', '<', '>'], " ");
    let (addresses, names): (Vec<&str>, Vec<&str>) =
        bare.split_whitespace().partition(|word| word.contains('@'));
    if addresses.is_empty() {
        text.to_owned()
    } else if names.is_empty() {
        addresses.join(" ")
    } else {
        names.join(" ")
    }
}

/// Elements of entries that no HTML has: inside of a field they say that it was never ended.
fn is_unmistakable(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "pubdate",
        "guid",
        "description",
        "author",
        "category",
        "published",
        "updated",
        "id",
        "comments",
        "enclosure",
        "content:encoded",
    ];
    NAMES.iter().any(|known| same(known, name))
}

fn local(name: &str) -> &str {
    // Names are short: to begin a search costs more than the search.
    let colon = name.bytes().rposition(|byte| byte == b':');
    colon.map_or(name, |at| &name[at + 1..])
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// What is written of a document that breaks off after `text`.
    fn broken_off(format: Format, kind: DocumentKind, text: &str) -> Writer<'_> {
        let base = Url::parse("https://news.example/").unwrap();
        let mut writer = Writer::new(format, kind, &base);
        writer.root("root", "", false);
        for token in Tokens::new(text) {
            writer.token(token);
        }
        writer
    }

    #[test]
    fn one_fallback_of_each_name_is_kept_however_many_a_document_holds() {
        let thousand = |element: &str| element.repeat(1_000);
        let titles = thousand("<dc:title>A</dc:title><atom:title>B</atom:title>");
        let of_feed = format!("<channel>{titles}");
        let feed = broken_off(Format::Rss, DocumentKind::Rss, &of_feed);
        assert_eq!(feed.fallbacks_of_feed.len(), 1);
        assert_eq!(feed.fallbacks_of_feed[0].text, "A", "the first");

        let of_entry = format!(
            "<channel><item>{titles}{}",
            thousand("<media:description>x</media:description>")
        );
        let entry = broken_off(Format::Rss, DocumentKind::Rss, &of_entry);
        assert_eq!(
            (
                entry.fallbacks_of_feed.len(),
                entry.fallbacks_of_entry.len()
            ),
            (0, 2)
        );

        let changed = format!(
            "<entry>{}<updated>last</updated>",
            thousand("<updated>x</updated>")
        );
        let entry = broken_off(Format::Atom, DocumentKind::Atom, &changed);
        assert_eq!(entry.fallbacks_of_entry.len(), 1);
        assert_eq!(entry.fallbacks_of_entry[0].text, "last");
    }
}
