//! Markup as a stream of tokens, however broken it is: nothing here fails, and every byte is looked at a bounded
//! number of times.

use std::{borrow::Cow, sync::LazyLock};

use memchr::{memchr, memmem::Finder, memrchr};

use crate::text::html;

/// What ends a section of text as it stands: sought so often that the search is made ready once.
static CDATA_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("]]>"));

/// A piece of markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A start tag.
    Open {
        /// Its name with its prefix.
        name: &'a str,
        /// What stands between name and `>`.
        attributes: &'a str,
        /// Whether it closes itself.
        is_empty: bool,
    },
    /// An end tag.
    Close(&'a str),
    /// Text with references; a `<` in it is a character.
    Text(&'a str),
    /// Text as it stands.
    Cdata(&'a str),
}

/// The tokens of a document. Comments, declarations, processing instructions and the document type, with whatever it
/// declares, are left out.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    last_close: Option<usize>,
    last_quotes: [Option<usize>; 2],
    document_type: Option<&'a str>,
    /// A bracket of a document type that never closed: brackets then say nothing any more.
    is_subset_open: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            last_close: memrchr(b'>', text.as_bytes()),
            last_quotes: [b'"', b'\''].map(|quote| memrchr(quote, text.as_bytes())),
            document_type: None,
            is_subset_open: false,
        }
    }

    /// Where the next token begins, in bytes.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// The first document type met so far, whole.
    pub(super) const fn document_type_met(&self) -> Option<&'a str> {
        self.document_type
    }

    /// Whether a `>` or a quote of this kind stands at or after a place: asked before looking for one, so that no
    /// document makes every tag search to its end.
    fn has_close(&self, from: usize) -> bool {
        self.last_close.is_some_and(|last| last >= from)
    }

    fn has_quote(&self, quote: u8, from: usize) -> bool {
        self.last_quotes[usize::from(quote == b'\'')].is_some_and(|last| last >= from)
    }

    /// The place after `end`, or the end of the document.
    fn after(&self, from: usize, end: &str) -> usize {
        self.text[from..]
            .find(end)
            .map_or(self.text.len(), |at| from + at + end.len())
    }

    /// Skips what begins with `<!` or `<?`, but for CDATA, which is a token.
    fn declaration(&mut self, start: usize) -> Option<Token<'a>> {
        const CDATA: &str = "<![CDATA[";
        let rest = &self.text[start..];
        if rest.starts_with(CDATA) {
            let begin = start + CDATA.len();
            let end = CDATA_END
                .find(&self.text.as_bytes()[begin..])
                .map_or(self.text.len(), |at| begin + at);
            self.at = (end + CDATA_END.needle().len()).min(self.text.len());
            return Some(Token::Cdata(&self.text[begin..end]));
        }
        self.at = if rest.starts_with("<!--") {
            self.after(start + 4, "-->")
        } else if rest.starts_with("<?") {
            self.after(start + 2, "?>")
        } else {
            self.document_type(start)
        };
        None
    }

    /// The place after a document type, whose internal subset stands in brackets.
    fn document_type(&mut self, start: usize) -> usize {
        if !self.is_subset_open {
            let mut depth = 0_usize;
            for (length, byte) in self.text.as_bytes()[start..].iter().enumerate() {
                match byte {
                    b'[' => depth += 1,
                    b']' => depth = depth.saturating_sub(1),
                    b'>' if depth == 0 => {
                        let end = start + length + 1;
                        self.document_type.get_or_insert(&self.text[start..end]);
                        return end;
                    }
                    _ => {}
                }
            }
            self.is_subset_open = true;
        }
        self.after(start, ">")
    }

    /// The tag that begins at `start`, if one does.
    fn tag(&mut self, start: usize) -> Option<Token<'a>> {
        let bytes = self.text.as_bytes();
        let is_close = bytes.get(start + 1) == Some(&b'/');
        let name_start = start + 1 + usize::from(is_close);
        let first = *bytes.get(name_start)?;
        if !(first.is_ascii_alphabetic() || first == b'_' || first >= 0x80)
            || !self.has_close(name_start)
        {
            return None;
        }
        let name_end = bytes[name_start..]
            .iter()
            .position(|&b| {
                b.is_ascii_whitespace() || matches!(b, b'>' | b'/' | b'<' | b'=' | b'"' | b'\'')
            })
            .map(|at| name_start + at)?;
        let end = self.tag_end(name_end)?;
        let name = &self.text[name_start..name_end];
        self.at = end + 1;
        if is_close {
            return Some(Token::Close(name));
        }
        let attributes = self.text[name_end..end].trim_end();
        let is_empty = attributes.ends_with('/');
        Some(Token::Open {
            name,
            attributes: attributes.strip_suffix('/').unwrap_or(attributes),
            is_empty,
        })
    }

    /// Where the `>` of a tag stands. A quote opens a value only after `=`; a `<` outside of values says that this is
    /// no tag.
    fn tag_end(&self, from: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = from;
        let mut is_value = false;
        loop {
            let byte = *bytes.get(at)?;
            match byte {
                b'>' => return Some(at),
                b'<' => return None,
                b'=' => is_value = true,
                b'"' | b'\'' if is_value => {
                    is_value = false;
                    if self.has_quote(byte, at + 1) {
                        at += 1 + bytes[at + 1..].iter().position(|&b| b == byte)?;
                    }
                }
                _ if byte.is_ascii_whitespace() => {}
                _ => is_value = false,
            }
            at += 1;
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let start = self.at;
            if !rest.starts_with('<') {
                let length = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
                self.at = start + length;
                return Some(Token::Text(&rest[..length]));
            }
            if rest.starts_with("<!") || rest.starts_with("<?") {
                match self.declaration(start) {
                    Some(token) => return Some(token),
                    None => continue,
                }
            }
            return Some(self.tag(start).unwrap_or_else(|| {
                self.at = start + 1;
                Token::Text("<")
            }));
        }
    }
}

/// The attributes of a tag, with their references resolved: names with prefixes, values.
pub(super) fn attributes(raw: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    attributes_as_written(raw).map(|(name, value)| (name, references(value)))
}

/// The attributes of a tag: names with prefixes, values.
pub(super) fn attributes_as_written(raw: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        let sign = memchr(b'=', rest.as_bytes())?;
        let (name, after) = (&rest[..sign], &rest[sign + 1..]);
        let name = name.trim_ascii_end();
        let begin = name
            .bytes()
            .rposition(|byte| byte.is_ascii_whitespace())
            .map_or(0, |space| space + 1);
        let name = &name[begin..];
        let after = after.trim_start();
        let value = if let Some(&quote @ (b'"' | b'\'')) = after.as_bytes().first() {
            let inner = &after[1..];
            let length = memchr(quote, inner.as_bytes()).unwrap_or(inner.len());
            rest = inner.get(length + 1..).unwrap_or_default();
            &inner[..length]
        } else {
            let length = after
                .find(|c: char| c.is_ascii_whitespace())
                .unwrap_or(after.len());
            rest = &after[length..];
            &after[..length]
        };
        Some((name, value))
    })
}

/// The value of an attribute.
pub(super) fn attribute<'a>(raw: &'a str, name: &str) -> Option<Cow<'a, str>> {
    attributes_as_written(raw)
        .find(|(found, _)| *found == name)
        .map(|(_, value)| references(value))
}

/// Text with its references resolved, once: those of XML, those of HTML, and numbers. A `&` that begins no reference
/// is a character.
pub(super) fn references(text: &str) -> Cow<'_, str> {
    /// Longer names than any reference has.
    const LONGEST: usize = 33;
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        resolved.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let length = after
            .bytes()
            .take(LONGEST)
            .position(|b| !(b.is_ascii_alphanumeric() || b == b'#'))
            .filter(|&length| after.as_bytes()[length] == b';');
        if let Some((length, letters)) =
            length.and_then(|length| Some((length, reference(&after[..length])?)))
        {
            resolved.push_str(&letters);
            rest = &after[length + 1..];
        } else {
            resolved.push('&');
            rest = after;
        }
    }
    resolved.push_str(rest);
    Cow::Owned(resolved)
}

/// What stands for the name or number of a reference.
fn reference(name: &str) -> Option<Cow<'static, str>> {
    let letter = |text: &'static str| Some(Cow::Borrowed(text));
    match name {
        "amp" => return letter("&"),
        "lt" => return letter("<"),
        "gt" => return letter(">"),
        "quot" => return letter("\""),
        "apos" => return letter("'"),
        _ => {}
    }
    let Some(number) = name.strip_prefix('#') else {
        return html::entity(name).map(Cow::Owned);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    Some(Cow::Owned(character(code.unwrap_or(0xfffd)).to_string()))
}

/// A character by its number. Publishers mean windows-1252 by 128 to 159, as browsers know.
pub(super) fn character(code: u32) -> char {
    if let Ok(byte @ 0x80..=0x9f) = u8::try_from(code) {
        return encoding_rs::WINDOWS_1252
            .decode_without_bom_handling(&[byte])
            .0
            .chars()
            .next()
            .unwrap_or('\u{fffd}');
    }
    char::from_u32(code).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn open<'a>(name: &'a str, attributes: &'a str) -> Token<'a> {
        Token::Open {
            name,
            attributes,
            is_empty: false,
        }
    }

    #[test]
    fn broken_markup_still_has_tokens() {
        use Token::{Cdata, Close, Text};
        for (markup, tokens) in [
            ("<a>x</a>", vec![open("a", ""), Text("x"), Close("a")]),
            ("<a b='1 > 2'>", vec![open("a", " b='1 > 2'")]),
            ("<a b=it's>x", vec![open("a", " b=it's"), Text("x")]),
            ("1 < 2", vec![Text("1 "), Text("<"), Text(" 2")]),
            ("<a <b>", vec![Text("<"), Text("a "), open("b", "")]),
            ("<![CDATA[<x>&]]>y", vec![Cdata("<x>&"), Text("y")]),
            ("<![CDATA[cut", vec![Cdata("cut")]),
            (
                "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY a 'b'>]><!-- <c> -->z",
                vec![Text("z")],
            ),
            (
                "<a b=\"cut>x</a>",
                vec![open("a", " b=\"cut"), Text("x"), Close("a")],
            ),
            ("<cut", vec![Text("<"), Text("cut")]),
        ] {
            assert_eq!(Tokens::new(markup).collect::<Vec<_>>(), tokens, "{markup}");
        }
        assert!(matches!(
            Tokens::new("<a b='c' />").next(),
            Some(Token::Open { is_empty: true, .. })
        ));
    }

    #[test]
    fn references_are_resolved_once_and_never_lose_text() {
        for (text, resolved) in [
            ("AT&T", "AT&T"),
            ("Tom & Jerry", "Tom & Jerry"),
            ("a&amp;lt;b", "a&lt;b"),
            ("caf&eacute;&nbsp;&hellip;", "café\u{a0}…"),
            ("&nosuch; &#x41;&#66; &#150;", "&nosuch; AB –"),
            ("&#0;&#xD800;&#99999999999;", "\0\u{fffd}\u{fffd}"),
            ("?a=1&copy=2&lt", "?a=1&copy=2&lt"),
            ("&\u{c774}란;", "&이란;"),
        ] {
            assert_eq!(references(text), resolved, "{text}");
        }
    }

    #[test]
    fn attributes_are_read_in_any_quotes() {
        let raw = " href='a&amp;b' rel=\"x y\" hidden type=z xml:lang = 'fa'";
        let read: Vec<_> = attributes(raw)
            .map(|(name, value)| (name, value.into_owned()))
            .collect();
        let expected = [
            ("href", "a&b"),
            ("rel", "x y"),
            ("type", "z"),
            ("xml:lang", "fa"),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name, value.to_owned())));
    }

    proptest! {
        #[test]
        fn any_text_has_tokens(text in "[<>&;!?/='\"a\\[\\]\\- é]{0,80}") {
            for token in Tokens::new(&text) {
                if let Token::Open { attributes: raw, .. } = token {
                    let _ = attributes(raw).count();
                }
            }
        }
    }
}
