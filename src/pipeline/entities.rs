//! Entities that a document declares for itself, as far as they are harmless: short texts, put in once.
//!
//! Nothing is opened that is declared to stand elsewhere, an entity inside of an entity stays as it is written, and a
//! document gets a fixed room for all of it, so that no few bytes can grow.

use std::borrow::Cow;

/// Entities heeded of a document.
const MAX_ENTITIES: usize = 64;
/// Bytes of one entity; longer ones are left as they are written.
const MAX_VALUE_BYTES: usize = 256;
/// Bytes that all of them may put into a document.
const MAX_ADDED_BYTES: usize = 64 * 1_024;

/// The entities of a document type.
#[derive(Debug, Default)]
pub(super) struct Entities<'a> {
    declared: Vec<(&'a str, &'a str)>,
    added: usize,
}

impl<'a> Entities<'a> {
    /// What a document type declares.
    pub(super) fn declared(document_type: &'a str) -> Self {
        let declared = document_type
            .split("<!ENTITY")
            .skip(1)
            .filter_map(declaration)
            .take(MAX_ENTITIES)
            .collect();
        Self { declared, added: 0 }
    }

    /// A text with the entities put in, their references and those of XML still to be resolved.
    pub(super) fn put_in<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if self.declared.is_empty() || !text.contains('&') {
            return Cow::Borrowed(text);
        }
        let mut whole = String::with_capacity(text.len());
        for (place, piece) in text.split('&').enumerate() {
            if place == 0 {
                whole.push_str(piece);
                continue;
            }
            let found = piece.split_once(';').and_then(|(name, rest)| {
                let (_, value) = self.declared.iter().find(|(known, _)| *known == name)?;
                Some((*value, rest))
            });
            match found {
                Some((value, rest)) if self.added + value.len() <= MAX_ADDED_BYTES => {
                    self.added += value.len();
                    whole.push_str(value);
                    whole.push_str(rest);
                }
                _ => {
                    whole.push('&');
                    whole.push_str(piece);
                }
            }
        }
        Cow::Owned(whole)
    }
}

/// Name and value of what follows `<!ENTITY`; none for parameter entities and those that stand elsewhere.
fn declaration(after: &str) -> Option<(&str, &str)> {
    const PREDEFINED: [&str; 5] = ["amp", "lt", "gt", "quot", "apos"];
    let (name, rest) = after
        .trim_start()
        .split_once(|c: char| c.is_ascii_whitespace())?;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, _) = rest[1..].split_once(quote)?;
    let is_heeded = value.len() <= MAX_VALUE_BYTES && !PREDEFINED.contains(&name);
    is_heeded.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_entities_are_put_in_once_and_others_left() {
        let mut entities = Entities::declared(
            "<!DOCTYPE r [<!ENTITY desk 'Iran desk'><!ENTITY % p 'x'><!ENTITY out SYSTEM 'file:///etc/passwd'>\
             <!ENTITY amp 'no'><!ENTITY twice '&desk;&desk;'>]>",
        );
        for (text, read) in [
            ("at the &desk;", "at the Iran desk"),
            ("&out; &p; &amp; &desk", "&out; &p; &amp; &desk"),
            ("&twice;", "&desk;&desk;"),
            ("none", "none"),
        ] {
            assert_eq!(entities.put_in(text), read);
        }
    }

    #[test]
    fn no_document_grows_by_more_than_its_room() {
        let value = "x".repeat(MAX_VALUE_BYTES);
        let declared = format!("<!DOCTYPE r [<!ENTITY a '{value}'>]>");
        let mut entities = Entities::declared(&declared);
        let text = "&a;".repeat(100_000);
        assert!(entities.put_in(&text).len() <= text.len() + MAX_ADDED_BYTES);
        assert_eq!(entities.put_in("&a;"), "&a;");
    }
}
