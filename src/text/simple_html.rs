//! HTML as most feeds write it, read in one go: elements in small letters with quoted attributes, and the five references
//! that every writer knows.
//!
//! What is written in any other way is for the tokenizer, which reads the same text out of this, in three times the time.

use memchr::{memchr, memchr2};

use super::html::{BLOCK, HIDDEN, Paragraphs};

/// Elements in which the tokenizer reads on in another way.
const RAW: [&str; 3] = ["title", "textarea", "plaintext"];

/// References, and what they stand for.
const REFERENCES: [(&str, &str); 6] = [
    ("&amp;", "&"),
    ("&quot;", "\""),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&#39;", "'"),
    ("&nbsp;", "\u{a0}"),
];

/// The text of such HTML; none of any other.
pub(super) fn paragraphs(html: &str) -> Option<Paragraphs> {
    let mut paragraphs = Paragraphs::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = memchr2(b'<', b'&', rest.as_bytes()) {
        let (text, markup) = rest.split_at(at);
        paragraphs.push(text);
        rest = if markup.starts_with('<') {
            let Tag { name, after } = Tag::at_start(markup)?;
            if HIDDEN.contains(&name) || RAW.contains(&name) {
                return None;
            }
            if name == "p" || BLOCK.contains(&name) {
                paragraphs.end();
            }
            after
        } else {
            let (after, character) = REFERENCES.iter().find_map(|(reference, character)| {
                markup
                    .strip_prefix(reference)
                    .map(|after| (after, character))
            })?;
            paragraphs.push(character);
            after
        };
    }
    paragraphs.push(rest);
    Some(paragraphs)
}

/// A tag, and what follows it.
struct Tag<'a> {
    name: &'a str,
    after: &'a str,
}

impl<'a> Tag<'a> {
    fn at_start(markup: &'a str) -> Option<Self> {
        let named = markup
            .strip_prefix("</")
            .or_else(|| markup.strip_prefix('<'))?;
        let end = named
            .bytes()
            .position(|byte| !byte.is_ascii_alphanumeric())?;
        let (name, mut rest) = named.split_at(end);
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|byte| !byte.is_ascii_uppercase());
        if !is_name {
            return None;
        }
        while let Some(after) = rest.strip_prefix(' ') {
            rest = after_attribute(after).unwrap_or(after);
        }
        let after = rest.strip_prefix('/').unwrap_or(rest).strip_prefix('>')?;
        Some(Self { name, after })
    }
}

/// What follows an attribute with a value in double quotes.
fn after_attribute(text: &str) -> Option<&str> {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_lowercase() && !byte.is_ascii_digit() && byte != b'-')?;
    let value = text[end..].strip_prefix("=\"").filter(|_| end > 0)?;
    Some(&value[memchr(b'"', value.as_bytes())? + 1..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::html::tokenized;

    #[test]
    fn what_feeds_write_is_simple() {
        for (html, text) in [
            ("<p>One &amp; two</p>\n<p>Three</p>", "One & two\nThree"),
            (
                "<div class=\"a-b\" id=\"x>y\"><p >Iran&#39;s <a href=\"https://e.example/?a=1&b=2\" rel=\"nofollow\">oil</a></p></div>",
                "Iran's oil",
            ),
            ("a<br/>b<br />c&nbsp;&lt;d&gt;", "a\nb\nc <d>"),
            ("<img src=\"a.jpg\" alt=\"\" width=\"640\"/>", ""),
        ] {
            let read = paragraphs(html).map(Paragraphs::whole);
            assert_eq!(read.as_deref(), Some(text), "{html}");
        }
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_the_tokenizer() {
        for html in [
            "<P>a",
            "<p class=a>b",
            "<p class='a'>b",
            "<p\n>a",
            "a &eacute;",
            "a & b",
            "a < b",
            "<!-- a -->",
            "<script>a</script>",
            "<title>a",
            "<p",
            "<a href=\"b",
            "<o:p>a",
            "<p/ >",
            "<a href=\"b\"c=\"d\">",
        ] {
            assert!(paragraphs(html).is_none(), "{html}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z 이란&;#39<>/='\"\n\t!-]{0,6}",
            prop::sample::select(vec![
                "<p>",
                "</p>",
                "<br/>",
                "<br />",
                "<b>",
                "</b>",
                "<p class=\"a\">",
                "<a href=\"b>c\" rel=\"d\">",
                "&amp;",
                "&lt;",
                "&nbsp;",
                "&#39;",
                "&quot;",
                " ",
                "\u{a0}",
                "<div >",
                "<h1 id=\"x\"/>",
                "\r\n",
                "\0",
                "<a href=\"b\"",
                " c=\"d\">",
                "\u{feff}",
            ])
            .prop_map(str::to_owned),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]
        #[test]
        fn simple_html_is_read_as_the_tokenizer_reads_it(pieces in prop::collection::vec(piece(), 0..12)) {
            let html = pieces.concat();
            if let Some(read) = paragraphs(&html) {
                prop_assert_eq!(read.whole(), tokenized(&html), "{:?}", html);
            }
        }
    }
}
