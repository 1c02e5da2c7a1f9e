//! Where to go after a sign-in: an address of this site, and of no other.

use url::Url;

/// A host that is nobody's (RFC 6761), to resolve against.
const BASE: &str = "http://wirewatch.invalid";

/// The path (with its query) of this site that `wanted` is, or the board: what a browser might read as another site is
/// never passed on.
pub(super) fn or_board(wanted: &str) -> String {
    checked(wanted).unwrap_or_else(|| "/".to_owned())
}

fn checked(wanted: &str) -> Option<String> {
    is_local(wanted).then_some(())?;
    let base: Url = BASE.parse().ok()?;
    let resolved = base.join(wanted).ok()?;
    let is_here = resolved.origin() == base.origin();
    let path = resolved.path();
    // `/x/..//e` is `//e` once resolved; `/%5ce` is `/\e` once decoded.
    let is_safe = is_here && is_local(path) && is_local(&decoded(path));
    is_safe.then(|| match resolved.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    })
}

fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
}

/// Percent-decoded once; bytes that are no UTF-8 are replaced.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| path.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_ours_are_kept() {
        for (wanted, path) in [
            ("/", "/"),
            ("/keywords/iran?before=7", "/keywords/iran?before=7"),
            ("/search?q=%22a%20b%22", "/search?q=%22a%20b%22"),
            ("/a/../feeds", "/feeds"),
            ("/keywords/이란", "/keywords/%EC%9D%B4%EB%9E%80"),
        ] {
            assert_eq!(or_board(wanted), path);
        }
    }

    #[test]
    fn whatever_leads_elsewhere_becomes_the_board() {
        for wanted in [
            "",
            "//e.example",
            "///e.example",
            "/\\e.example",
            "\\\\e.example",
            "/%5ce.example",
            "/%2f%2fe.example",
            "/%2fe.example",
            "/\t/e.example",
            "/\n/e.example",
            "/%09/e.example",
            "https:e.example",
            "https://e.example",
            "javascript:alert(1)",
            "/x//../\\e.example",
            "/x/..//e.example",
            "/.//e.example",
            "e.example",
            "?//e.example",
            "@e.example",
            "/%00",
        ] {
            assert_eq!(or_board(wanted), "/", "{wanted:?}");
        }
    }
}
