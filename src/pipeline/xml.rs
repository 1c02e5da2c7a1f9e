//! Text as it is written into XML.

use std::fmt::{self, Write as _};

use super::markup;

/// Text as XML: escaped, without the characters that XML forbids.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\u{80}'..='\u{9f}' => f.write_char(markup::character(c.into()))?,
                '\t' | '\n' | ' '..='\u{7e}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'.. => {
                    f.write_char(c)?;
                }
                '\r' | '\u{b}' | '\u{c}' => f.write_char(' ')?,
                // XML forbids the rest.
                _ => {}
            }
        }
        Ok(())
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
