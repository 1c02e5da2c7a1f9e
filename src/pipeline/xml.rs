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
const TAB: usize = 0x09;
const LINE_END: usize = 0x0a;
const OTHERS: [u8; 7] = [b'&', b'<', b'>', b'"', 0x7f, 0xc2, 0xef];

/// Appends a text to XML: escaped, without the characters that XML forbids.
pub(super) fn escape(text: &str, xml: &mut String) {
    let mut rest = text;
    // What stands as it is goes out in runs: most of a text does.
    while let Some(at) = rest
        .bytes()
        .position(|byte| IS_LOOKED_AT[usize::from(byte)])
    {
        let (run, looked_at) = rest.split_at(at);
        xml.push_str(run);
        let Some(c) = looked_at.chars().next() else {
            return;
        };
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' | '\u{b}' | '\u{c}' => xml.push(' '),
            // XML forbids them, and some encodings have letters there.
            '\u{80}'..='\u{9f}' => xml.push(markup::character(c.into())),
            c if c.is_ascii_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => xml.push(c),
        }
        rest = &looked_at[c.len_utf8()..];
    }
    xml.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

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
