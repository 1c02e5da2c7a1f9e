//! Text as it is written into XML.

use std::fmt;

use super::markup;

/// Text as XML: escaped, without the characters that XML forbids.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut xml = String::with_capacity(self.0.len());
        escape(self.0, &mut xml);
        f.write_str(&xml)
    }
}

/// Bytes that are looked at together.
const CHUNK: usize = 32;
const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";

/// Whether a byte may begin what XML forbids. Of those that are not ASCII, 0xc2 begins the characters from U+0080 to U+009F,
/// and 0xef U+FFFE and U+FFFF, beside many that stay.
const fn is_suspect(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t' && byte != b'\n') || byte == 0x7f || byte == 0xc2 || byte == 0xef
}

/// Whether a byte may begin what XML forbids or gives a meaning.
const fn is_sign(byte: u8) -> bool {
    is_suspect(byte) || byte == b'&' || byte == b'<' || byte == b'>' || byte == b'"'
}

/// Appends the text of an element: as it is if XML gives nothing in it a meaning, else as CDATA, which readers take in one piece
/// where they meet each escaped sign by itself. Without the characters that XML forbids.
pub(super) fn write_text(text: &str, xml: &mut String) {
    let is_section = memchr::memchr3(b'&', b'<', b'>', text.as_bytes()).is_some();
    if is_section {
        xml.push_str(CDATA);
    }
    let is_looked_at = |byte| is_suspect(byte) || byte == b'>';
    in_runs(text, is_looked_at, xml, |c, xml| {
        if c == '>' && xml.ends_with("]]") {
            // The end of a section cannot stand in one.
            xml.push_str(CDATA_END);
            xml.push_str(CDATA);
        }
        push_allowed(c, xml);
    });
    if is_section {
        xml.push_str(CDATA_END);
    }
}

/// A text as XML would give it back: without the characters that XML forbids.
pub(super) fn allowed(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    in_runs(text, is_suspect, &mut whole, push_allowed);
    whole
}

/// Appends a text to XML: escaped, without the characters that XML forbids.
pub(super) fn escape(text: &str, xml: &mut String) {
    in_runs(text, is_sign, xml, |c, xml| match c {
        '&' => xml.push_str("&amp;"),
        '<' => xml.push_str("&lt;"),
        '>' => xml.push_str("&gt;"),
        '"' => xml.push_str("&quot;"),
        c => push_allowed(c, xml),
    });
}

/// Appends a text in runs: most of it stands as it is, and what begins with a byte that is looked at is for `push`.
fn in_runs(
    text: &str,
    is_looked_at: impl Fn(u8) -> bool,
    xml: &mut String,
    push: impl Fn(char, &mut String),
) {
    let mut rest = text;
    while let Some(at) = first(rest.as_bytes(), &is_looked_at) {
        let (run, looked_at) = rest.split_at(at);
        xml.push_str(run);
        let Some(c) = looked_at.chars().next() else {
            return;
        };
        push(c, xml);
        rest = &looked_at[c.len_utf8()..];
    }
    xml.push_str(rest);
}

/// Where the first byte stands that is looked at. Chunks without one, which nearly all are, are passed as a whole.
fn first(bytes: &[u8], is_looked_at: impl Fn(u8) -> bool) -> Option<usize> {
    let has_none = |chunk: &&[u8]| {
        !chunk
            .iter()
            .fold(false, |found, &byte| found | is_looked_at(byte))
    };
    let passed = bytes.chunks_exact(CHUNK).take_while(has_none).count() * CHUNK;
    let rest = bytes[passed..].iter();
    rest.copied().position(is_looked_at).map(|at| passed + at)
}

/// Appends a character, or what stands for one that XML forbids.
fn push_allowed(c: char, xml: &mut String) {
    match c {
        '\r' | '\u{b}' | '\u{c}' => xml.push(' '),
        // XML forbids them, and some encodings have letters there.
        '\u{80}'..='\u{9f}' => xml.push(markup::character(c.into())),
        c if (c.is_ascii_control() && !matches!(c, '\t' | '\n'))
            || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
        c => xml.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_markup_is_one_section_whatever_it_holds() {
        for (text, xml) in [
            ("plain \"text\"", "plain \"text\""),
            ("<b>a & b</b>\tc\nd", "<![CDATA[<b>a & b</b>\tc\nd]]>"),
            ("a]]>b<", "<![CDATA[a]]]]><![CDATA[>b<]]>"),
            ("]]]>>", "<![CDATA[]]]]]><![CDATA[>>]]>"),
            ("&]\0]\u{b}>\u{ffff}\u{92}", "<![CDATA[&]] >’]]>"),
            ("&]\0]\0>", "<![CDATA[&]]]]><![CDATA[>]]>"),
        ] {
            let mut written = String::new();
            write_text(text, &mut written);
            assert_eq!(written, xml);
            let told = xml.replace(CDATA, "").replace(CDATA_END, "");
            assert_eq!(allowed(text), told);
        }
    }

    #[test]
    fn text_is_written_so_that_xml_gives_it_back() {
        for (text, xml) in [
            ("a < b & \"c\" > d", "a &lt; b &amp; &quot;c&quot; &gt; d"),
            ("nul\0l bell\u{7} form\u{c}feed", "null bell form feed"),
            ("제재 санкции\n", "제재 санкции\n"),
            ("]]>", "]]&gt;"),
            ("don\u{92}t", "don’t"),
            (
                "caf\u{e9}\u{a0}\u{fffd}\u{ffff}\u{feff}\u{7f}.",
                "caf\u{e9}\u{a0}\u{fffd}\u{feff}.",
            ),
        ] {
            assert_eq!(Escaped(text).to_string(), xml);
        }
    }
}
