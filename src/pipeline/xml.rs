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

/// The first bytes of what XML forbids or gives a meaning. Of those that are not ASCII, 0xc2 begins the characters from
/// U+0080 to U+009F, and 0xef U+FFFE and U+FFFF, beside many that stay.
const IS_LOOKED_AT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = !matches!(byte, TAB | LINE_END);
        byte += 1;
    }
    let mut others = 0;
    while others < OTHERS.len() {
        table[OTHERS[others] as usize] = true;
        others += 1;
    }
    table
};
/// The same where `&`, `<` and `"` are signs like others: `>` may end a section.
const IS_LOOKED_AT_IN_CDATA: [bool; 256] = {
    let mut table = IS_LOOKED_AT;
    table[b'&' as usize] = false;
    table[b'<' as usize] = false;
    table[b'"' as usize] = false;
    table
};
/// The same for what is not written into XML at all.
const IS_FORBIDDEN: [bool; 256] = {
    let mut table = IS_LOOKED_AT_IN_CDATA;
    table[b'>' as usize] = false;
    table
};
const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";
const TAB: usize = 0x09;
const LINE_END: usize = 0x0a;
const OTHERS: [u8; 7] = [b'&', b'<', b'>', b'"', 0x7f, 0xc2, 0xef];

/// Appends the text of an element: as it is if XML gives nothing in it a meaning, else as CDATA, which readers take in one piece
/// where they meet each escaped sign by itself. Without the characters that XML forbids.
pub(super) fn write_text(text: &str, xml: &mut String) {
    let is_section = memchr::memchr3(b'&', b'<', b'>', text.as_bytes()).is_some();
    if is_section {
        xml.push_str(CDATA);
    }
    in_runs(text, &IS_LOOKED_AT_IN_CDATA, xml, |c, xml| {
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
    in_runs(text, &IS_FORBIDDEN, &mut whole, push_allowed);
    whole
}

/// Appends a text to XML: escaped, without the characters that XML forbids.
pub(super) fn escape(text: &str, xml: &mut String) {
    in_runs(text, &IS_LOOKED_AT, xml, |c, xml| match c {
        '&' => xml.push_str("&amp;"),
        '<' => xml.push_str("&lt;"),
        '>' => xml.push_str("&gt;"),
        '"' => xml.push_str("&quot;"),
        c => push_allowed(c, xml),
    });
}

/// Appends a text in runs: most of it stands as it is, and what begins with a byte of the table is for `push`.
fn in_runs(
    text: &str,
    is_looked_at: &[bool; 256],
    xml: &mut String,
    push: impl Fn(char, &mut String),
) {
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|byte| is_looked_at[usize::from(byte)])
    {
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
