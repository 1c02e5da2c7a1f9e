//! Text as it is written into XML.

use std::fmt::{self, Write as _};

use super::markup;

/// Text as XML: escaped, without the characters that XML forbids.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What stands as it is goes out in runs: most of a text does.
        let mut written = 0;
        for (at, c) in self.0.char_indices() {
            let instead = match c {
                '\t'
                | '\n'
                | ' '
                | '!'
                | '#'..='%'
                | '\''..=';'
                | '='
                | '?'..='\u{7e}'
                | '\u{a0}'..='\u{fffd}'
                | '\u{10000}'.. => continue,
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\r' | '\u{b}' | '\u{c}' => " ",
                // XML forbids the rest, but that some encodings have letters there.
                _ => "",
            };
            f.write_str(self.0.get(written..at).unwrap_or_default())?;
            f.write_str(instead)?;
            if ('\u{80}'..='\u{9f}').contains(&c) {
                f.write_char(markup::character(c.into()))?;
            }
            written = at + c.len_utf8();
        }
        f.write_str(self.0.get(written..).unwrap_or_default())
    }
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
        ] {
            assert_eq!(Escaped(text).to_string(), xml);
        }
    }
}
