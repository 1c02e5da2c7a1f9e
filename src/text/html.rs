//! HTML to plain text, tag by tag without a tree: linear in its input, whatever the nesting.

use std::cell::RefCell;

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind::{Rawtext, Rcdata},
    },
};
use memchr::memchr2;

use super::simple_html;

/// Elements whose content nobody sees. The tokenizer reads it as raw text, up to the end tag of the same name.
pub(super) const HIDDEN: [&str; 7] = [
    "noembed", "noframes", "noscript", "script", "style", "template", "xmp",
];

/// Elements that stand in a line of text. Every other element that is known ends the paragraph.
const INLINE: [&str; 44] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "blink", "cite", "code", "data", "del",
    "dfn", "em", "font", "i", "iframe", "img", "ins", "kbd", "label", "mark", "nobr", "q", "rb",
    "rp", "rt", "rtc", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "svg", "time", "tt", "u", "var", "wbr", "path",
];

/// Elements that end the paragraph before and after them.
pub(super) const BLOCK: [&str; 65] = [
    "address",
    "article",
    "aside",
    "audio",
    "blockquote",
    "body",
    "br",
    "button",
    "caption",
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
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "link",
    "main",
    "menu",
    "meta",
    "nav",
    "object",
    "ol",
    "optgroup",
    "option",
    "p",
    "pre",
    "search",
    "section",
    "select",
    "summary",
    "table",
    "tbody",
    "td",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "video",
    "embed",
    "param",
];

/// HTML as plain text: entities decoded once, tags gone, white space folded, paragraphs parted by one `\n`.
///
/// Free of control characters other than that `\n`, and of empty paragraphs. Linear in the length of `html`.
#[must_use]
pub fn plain(html: &str) -> String {
    if !has_markup(html) {
        return unmarked(html);
    }
    match simple_html::paragraphs(html) {
        Some(paragraphs) => paragraphs.whole(),
        None => tokenized(html),
    }
}

/// The same by the tokenizer.
pub(super) fn tokenized(html: &str) -> String {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    let sink = Sink::default();
    sink.0.borrow_mut().paragraphs = Paragraphs::with_capacity(html.len());
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    // A sink that never asks to run a script is never interrupted: one call reads all of it.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().paragraphs.whole()
}

fn has_markup(html: &str) -> bool {
    memchr2(b'<', b'&', html.as_bytes()).is_some()
}

/// A text without tags and references, which is one paragraph.
fn unmarked(text: &str) -> String {
    let mut paragraphs = Paragraphs::with_capacity(text.len());
    paragraphs.push(text);
    paragraphs.whole()
}

/// A title as one line of plain text.
///
/// Titles are text in which publishers put real tags and doubly encoded entities all the same: tags of HTML vanish,
/// entities are decoded, and any other `<` is a character ("profit < 5 %").
#[must_use]
pub fn title(text: &str) -> String {
    line(text, &[&INLINE, &BLOCK, &HIDDEN])
}

/// A person's name or a label as one line of plain text: links and other markup in a line vanish, the rest is text.
#[must_use]
pub fn name(text: &str) -> String {
    line(text, &[&INLINE, &HIDDEN])
}

/// Whether a text is HTML although nobody says so: it has the end of an element of HTML, or an element that has none.
#[must_use]
pub fn is_evident(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let after = &text[at + 1..];
        let is_end = after.starts_with('/');
        let is_alone = ["br", "p", "img", "hr"].iter().any(|name| {
            let rest = after
                .get(..name.len())
                .filter(|found| found.eq_ignore_ascii_case(name));
            rest.is_some() && after[name.len()..].starts_with(['>', '/', ' '])
        });
        (is_end || is_alone) && opens_tag_of(&[&INLINE, &BLOCK, &HIDDEN], after)
    })
}

/// One line of plain text, in which tags of these elements vanish.
fn line(text: &str, elements: &[&[&str]]) -> String {
    if !has_markup(text) {
        return unmarked(text);
    }
    let mut markup = String::with_capacity(text.len());
    let last_close = text.rfind('>').unwrap_or(0);
    let mut rest = 0;
    for (at, _) in text.match_indices('<') {
        markup.push_str(&text[rest..at]);
        markup.push_str(
            if at < last_close && opens_tag_of(elements, &text[at + 1..]) {
                "<"
            } else {
                "&lt;"
            },
        );
        rest = at + 1;
    }
    markup.push_str(&text[rest..]);
    plain(&markup).replace('\n', " ")
}

/// Plain text as HTML that [`plain`] reads back.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            _ => html.push(c),
        }
    }
    html
}

/// What a named reference of HTML stands for: `eacute` is `é`.
#[must_use]
pub fn entity(name: &str) -> Option<String> {
    // The table also holds every prefix, marked by zero, and names with their semicolon.
    let (first, second) = *html5ever::data::NAMED_ENTITIES.get(format!("{name};").as_str())?;
    let decoded: String = [first, second]
        .into_iter()
        .filter(|&code| code != 0)
        .filter_map(char::from_u32)
        .collect();
    (!decoded.is_empty()).then_some(decoded)
}

/// Whether the text after a `<` goes on as a tag of one of these elements.
fn opens_tag_of(elements: &[&[&str]], after: &str) -> bool {
    let after = after.strip_prefix('/').unwrap_or(after);
    // The longest name known has ten letters.
    let name_end = after
        .bytes()
        .take(12)
        .position(|b| !b.is_ascii_alphanumeric());
    let Some(end) = name_end else { return false };
    let name = after[..end].to_ascii_lowercase();
    let is_ended = matches!(
        after.as_bytes()[end],
        b'>' | b'/' | b' ' | b'\t' | b'\n' | b'\r'
    );
    is_ended && elements.iter().any(|names| names.contains(&name.as_str()))
}

/// Text under construction: folds white space and parts paragraphs.
#[derive(Default)]
pub(super) struct Paragraphs {
    text: String,
    owes_space: bool,
    owes_break: bool,
}

impl Paragraphs {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Ends the paragraph.
    pub(super) const fn end(&mut self) {
        self.owes_break = true;
    }

    pub(super) fn push(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let run = run(rest);
            if run > 0 {
                self.pay();
                self.text.push_str(&rest[..run]);
            }
            let Some(c) = rest[run..].chars().next() else {
                return;
            };
            self.owes_space |= c.is_whitespace();
            rest = &rest[run + c.len_utf8()..];
        }
    }

    /// The text, without the room of what was left out.
    pub(super) fn whole(mut self) -> String {
        self.text.shrink_to_fit();
        self.text
    }

    /// Writes what parts the next letter from the last one.
    fn pay(&mut self) {
        if !self.text.is_empty() {
            if self.owes_break {
                self.text.push('\n');
            } else if self.owes_space {
                self.text.push(' ');
            }
        }
        self.owes_space = false;
        self.owes_break = false;
    }
}

/// The length of what stands as it is at the beginning of a text: words parted by single spaces, in bytes.
fn run(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    loop {
        while bytes.get(end..=end + CHUNK).is_some_and(stands_as_it_is) {
            end += CHUNK;
        }
        // Most bytes are letters, and the first bytes of letters.
        while bytes
            .get(end)
            .is_some_and(|&byte| IS_OF_WORDS[usize::from(byte)])
        {
            end += 1;
        }
        let Some(c) = text[end..].chars().next() else {
            return end;
        };
        let is_parting = c == ' '
            && end > 0
            && bytes
                .get(end + 1)
                .is_some_and(|&byte| IS_OF_WORDS[usize::from(byte)]);
        let is_of_word = !c.is_whitespace() && !c.is_control() && c != '\u{feff}';
        if !is_parting && !is_of_word {
            return end;
        }
        end += c.len_utf8();
    }
}

/// Bytes that are looked at together.
const CHUNK: usize = 32;

/// Whether a chunk, told with the byte behind it, is words parted by single spaces; it may end within a character. One that
/// begins with a space is looked at byte by byte.
fn stands_as_it_is(chunk: &[u8]) -> bool {
    let nexts = chunk.iter().skip(1);
    let is_other = chunk
        .iter()
        .zip(nexts)
        .fold(false, |found, (&byte, &next)| {
            found | !(is_of_words(byte) | ((byte == b' ') & is_of_words(next)))
        });
    !is_other && chunk.first() != Some(&b' ')
}

/// Whether a byte is of visible ASCII or of another character, but for those with which white space, controls and U+FEFF begin
/// beside many that are neither.
const fn is_of_words(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && byte != 0xc2 && (byte < 0xe1 || byte > 0xe3) && byte != 0xef
}

/// [`is_of_words`] of each byte.
const IS_OF_WORDS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = u8::MIN;
    while byte < u8::MAX {
        table[byte as usize] = is_of_words(byte);
        byte += 1;
    }
    table[u8::MAX as usize] = is_of_words(u8::MAX);
    table
};

#[derive(Default)]
struct State {
    paragraphs: Paragraphs,
    /// Inside an element of [`HIDDEN`].
    is_hidden: bool,
}

#[derive(Default)]
struct Sink(RefCell<State>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) if !state.is_hidden => state.paragraphs.push(&text),
            Token::TagToken(tag) => return state.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl State {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if HIDDEN.contains(&name) {
            self.is_hidden = tag.kind == TagKind::StartTag;
            return if self.is_hidden {
                TokenSinkResult::RawData(Rawtext)
            } else {
                TokenSinkResult::Continue
            };
        }
        if BLOCK.contains(&name) {
            self.paragraphs.end();
        }
        if tag.kind == TagKind::StartTag && matches!(name, "title" | "textarea") {
            return TokenSinkResult::RawData(Rcdata);
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn html_becomes_paragraphs_of_text() {
        for (html, text) in [
            ("", ""),
            ("plain", "plain"),
            ("<p>One</p><p>Two</p>", "One\nTwo"),
            ("<p>One<p>Two", "One\nTwo"),
            ("<div><div><p> </p></div></div>x", "x"),
            ("a<br><br/>b", "a\nb"),
            ("sanc<b>tion</b>s", "sanctions"),
            ("<b>Bold</b> and<i> italic</i>", "Bold and italic"),
            ("Tom &amp; Jerry &eacute;t&eacute;", "Tom & Jerry été"),
            ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
            ("a&nbsp;b\u{3000}c\t\n d", "a b c d"),
            ("x<script>var a = '<p>no</p>';</script>y", "xy"),
            ("x<style>p { color: red }</style>y", "xy"),
            ("<noscript><img alt='no'>no</noscript>yes", "yes"),
            ("<!-- no --><![CDATA[no]]>yes", "yes"),
            ("<ul><li>One<li>Two</ul>", "One\nTwo"),
            ("<table><tr><td>1<td>2</table>", "1\n2"),
            ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
            ("nul\u{0}l be\u{7}ll \u{85}next", "null bell next"),
            (
                "<p>이란<b>산</b> 원유</p><p>ایران</p>",
                "이란산 원유\nایران",
            ),
            ("<a title='1 > 2' href=\"x\">link</a>", "link"),
            ("cut <a href=\"http://exam", "cut"),
            ("<img src=x onerror=alert(1)>", ""),
        ] {
            assert_eq!(plain(html), text, "{html:?}");
        }
    }

    #[test]
    fn a_title_is_one_line_without_tags_of_html() {
        for (served, line) in [
            ("Tom & Jerry", "Tom & Jerry"),
            ("Tom &amp; Jerry", "Tom & Jerry"),
            ("<b>Iran</b>: talks", "Iran: talks"),
            ("<p>One</p><p>Two</p>", "One Two"),
            ("profit < 5 %", "profit < 5 %"),
            ("a <b and no end", "a <b and no end"),
            ("if x<y then y>x", "if x<y then y>x"),
            ("<Iran> in brackets", "<Iran> in brackets"),
            ("&lt;b&gt; is a tag", "<b> is a tag"),
            ("  two\n lines ", "two lines"),
            ("<script>alert(1)</script>News", "News"),
            ("북한 &#39;미사일&#39;", "북한 '미사일'"),
            ("M&eacute;xico &middot; 制裁", "México · 制裁"),
        ] {
            assert_eq!(title(served), line, "{served:?}");
        }
    }

    #[test]
    fn entities_of_html_have_their_letters() {
        assert_eq!(entity("eacute").unwrap(), "é");
        assert_eq!(entity("nbsp").unwrap(), "\u{a0}");
        assert_eq!(entity("nosuch"), None);
        assert_eq!(entity("eacut"), None);
    }

    #[test]
    fn deep_nesting_is_read_like_shallow() {
        let deep = "<div>".repeat(100_000);
        assert_eq!(plain(&format!("a{deep}b")), "a\nb");
    }

    proptest! {
        #[test]
        fn long_runs_are_read_like_short_ones(text in "([a-zé]{1,40}|[ \u{a0}\u{3000}\u{feff}\n\u{7f}\u{1680}]|  |北한…。|\\PC|\\pC){0,24}") {
            let mut bit_by_bit = Paragraphs::default();
            for c in text.chars() {
                bit_by_bit.push(c.encode_utf8(&mut [0; 4]));
            }
            let mut at_once = Paragraphs::default();
            at_once.push(&text);
            prop_assert_eq!(at_once.whole(), bit_by_bit.whole());
        }

        #[test]
        fn plain_text_has_no_control_characters_and_no_empty_paragraphs(html in "(<[a-z/]{0,6}>|&[a-z#0-9]{0,5};|\\PC|\\pC){0,60}") {
            let text = plain(&html);
            prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
            prop_assert!(text.is_empty() || text.split('\n').all(|line| !line.trim().is_empty()));
            prop_assert!(!title(&html).contains('\n'));
        }

        #[test]
        fn escaped_text_is_read_back(text in "[a-z<>&;# ]{0,40}") {
            let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(plain(&escape(&text)), folded);
        }
    }
}
