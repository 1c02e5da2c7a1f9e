//! A page as a tree that selectors run over, in time and memory linear in the page.
//!
//! The tree builder of browsers is quadratic in nesting, so this one is ours: it takes the tokens of HTML, nests them by
//! their tags alone, and stops at a depth and a number of elements that no list comes near.

use std::cell::{Cell, RefCell};

use ego_tree::NodeId;
use html5ever::{
    LocalName, QualName, ns,
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind::{Rawtext, Rcdata, ScriptData},
    },
};
use scraper::{
    Html, Node,
    node::{Element, Text},
};

/// Elements of a page that are looked at.
const MAX_ELEMENTS: usize = 50_000;
/// Elements deeper than this stand beside their parents.
const MAX_DEPTH: usize = 256;

/// Bytes given to the tokenizer at once.
const PIECE: usize = 256;
/// Comparisons of the attributes of one tag with each other, on a whole page: the tokenizer compares each with all before
/// it. The page ends where they are used up.
const MOST_COMPARED: usize = 300_000_000;

/// Elements without content.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements that end a paragraph left open (HTML, section 13.2.6.4.7).
const BLOCK: [&str; 41] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "li",
    "listing",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "plaintext",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "ul",
    "xmp",
];

/// Elements inside of which a paragraph stands for itself (HTML, section 13.2.4.2: "button scope").
const PARAGRAPH_SCOPE: [&str; 9] = [
    "applet", "button", "caption", "marquee", "object", "table", "td", "template", "th",
];

/// The tree of a page.
pub(super) fn build(html: &str) -> Html {
    let sink = Sink {
        builder: RefCell::new(Builder {
            html: Html::new_document(),
            open: Vec::new(),
            deeper: 0,
            elements: 0,
            is_hidden: false,
        }),
        names: Cell::new(0),
    };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    let (mut rest, mut compared) = (html, 0_usize);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        let names = tokenizer.sink.names.get() + attributes_at_most(piece);
        compared = compared.saturating_add(names * attributes_at_most(piece));
        if compared > MOST_COMPARED {
            break;
        }
        tokenizer.sink.names.set(names);
        input.push_back(StrTendril::from_slice(piece));
        // A sink that never asks to run a script is never interrupted: one call reads all of it.
        let _ = tokenizer.feed(&input);
        rest = after;
    }
    tokenizer.end();
    tokenizer.sink.builder.into_inner().html
}

/// How many attributes can begin in a piece of a tag: each stands behind white space, a slash or a quote.
fn attributes_at_most(piece: &str) -> usize {
    let parts = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'');
    let bytes = piece.as_bytes();
    1 + bytes
        .windows(2)
        .filter(|pair| parts(pair[0]) && !parts(pair[1]))
        .count()
}

struct Builder {
    html: Html,
    open: Vec<(LocalName, NodeId)>,
    /// Elements open beyond [`MAX_DEPTH`].
    deeper: usize,
    elements: usize,
    /// Inside of a script or style.
    is_hidden: bool,
}

struct Sink {
    builder: RefCell<Builder>,
    /// Attributes that the tag being read can have so far.
    names: Cell<usize>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        self.names.set(0);
        let mut builder = self.builder.borrow_mut();
        match token {
            Token::CharacterTokens(text) if !builder.is_hidden => builder.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return builder.start(tag),
            Token::TagToken(tag) => builder.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Builder {
    fn append(&mut self, node: Node) -> Option<NodeId> {
        Some(self.html.tree.get_mut(self.parent())?.append(node).id())
    }

    /// The element that what comes next stands in.
    fn parent(&self) -> NodeId {
        self.open
            .last()
            .map_or_else(|| self.html.tree.root().id(), |&(_, id)| id)
    }

    fn text(&mut self, text: &str) {
        if self.elements >= MAX_ELEMENTS {
            return;
        }
        // What comes in pieces is one text.
        if let Some(mut parent) = self.html.tree.get_mut(self.parent())
            && let Some(mut last) = parent.last_child()
            && let Node::Text(before) = last.value()
        {
            before.text.push_slice(text);
            return;
        }
        let text = scraper::StrTendril::from_slice(text);
        self.append(Node::Text(Text { text }));
    }

    fn start(&mut self, tag: Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        match name {
            "script" => {
                self.is_hidden = true;
                return TokenSinkResult::RawData(ScriptData);
            }
            "style" => {
                self.is_hidden = true;
                return TokenSinkResult::RawData(Rawtext);
            }
            _ => {}
        }
        let raw = matches!(name, "title" | "textarea");
        let is_void = VOID.contains(&name) || tag.self_closing && self.is_open("svg");
        self.end_implied(name);
        if name == "tr" && self.open.last().is_some_and(|(top, _)| &**top == "table") {
            // Browsers show one where none is written, and selectors are copied from browsers.
            self.push(LocalName::from("tbody"), Vec::new(), false);
        }
        self.push(tag.name, tag.attrs, is_void);
        if raw {
            return TokenSinkResult::RawData(Rcdata);
        }
        TokenSinkResult::Continue
    }

    fn push(&mut self, name: LocalName, attributes: Vec<html5ever::Attribute>, is_void: bool) {
        if self.elements >= MAX_ELEMENTS {
            return;
        }
        self.elements += 1;
        let element = Element::new(QualName::new(None, ns!(html), name.clone()), attributes);
        let id = self.append(Node::Element(element));
        if is_void {
            return;
        }
        if self.open.len() < MAX_DEPTH
            && let Some(id) = id
        {
            self.open.push((name, id));
        } else {
            self.deeper += 1;
        }
    }

    fn end(&mut self, name: &LocalName) {
        if matches!(&**name, "script" | "style") {
            self.is_hidden = false;
            return;
        }
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        if let Some(at) = self.open.iter().rposition(|(open, _)| open == name) {
            self.open.truncate(at);
        }
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|(open, _)| &**open == name)
    }

    /// Ends what the beginning of an element ends without saying so.
    fn end_implied(&mut self, name: &str) {
        let (ended, barriers): (&[&str], &[&str]) = match name {
            "li" => (&["li"], &["ul", "ol", "menu"]),
            "dt" | "dd" => (&["dt", "dd"], &["dl"]),
            "td" | "th" => (&["td", "th"], &["tr", "table"]),
            "tr" => (&["tr"], &["table"]),
            "thead" | "tbody" | "tfoot" => (&["thead", "tbody", "tfoot"], &["table"]),
            "option" => (&["option"], &["select"]),
            _ => (&[], &[]),
        };
        self.end_nearest(ended, barriers);
        // With it ends what is open inside of it, such as <b> and <font>. Browsers open a link again inside of the block; here
        // it stays around it.
        if BLOCK.contains(&name) && (name == "p" || !self.is_linked_in_paragraph()) {
            self.end_nearest(&["p"], &PARAGRAPH_SCOPE);
        }
    }

    /// Whether what comes next stands in a link of the paragraph that is open.
    fn is_linked_in_paragraph(&self) -> bool {
        let nearest = self.open.iter().rev().map(|(open, _)| &**open);
        nearest
            .take_while(|open| *open != "p")
            .any(|open| open == "a")
    }

    /// Ends the nearest open element of these, and what is open inside of it; none behind a barrier.
    fn end_nearest(&mut self, ended: &[&str], barriers: &[&str]) {
        let found = self
            .open
            .iter()
            .rposition(|(open, _)| ended.contains(&&**open) || barriers.contains(&&**open));
        if let Some(at) = found
            && ended.contains(&&*self.open[at].0)
        {
            self.open.truncate(at);
            self.deeper = 0;
        }
    }
}
