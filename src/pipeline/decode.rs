//! Bytes of a body to text, whatever its publisher declared.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use memchr::memchr;

/// How far into a document its XML declaration is looked for, in bytes.
const DECLARATION_BYTES: usize = 1_024;

/// A body as text.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// What was wrong with its encoding, for people; none if it was what it was declared to be.
    pub fault: Option<String>,
}

/// The text of a body, as [`decode`] has it, and whether its publisher named the encoding rightly. Where nothing is
/// declared it is UTF-8 (XML 1.0 §4.3.3), and ASCII is right in every encoding.
#[must_use]
pub fn read<'a>(body: &'a [u8], content_type: Option<&str>) -> Decoded<'a> {
    let found = found(body, content_type);
    Decoded {
        fault: fault(&found, declared(body, content_type).next()),
        text: found.text,
    }
}

/// The text of a body. Never fails: what no encoding explains becomes U+FFFD.
///
/// The first of these that reads the bytes without a fault wins: a byte order mark, the shape of UTF-16, UTF-8 beyond
/// ASCII, the charset of the HTTP header, the XML declaration (RFC 7303 §3), ASCII, detection by content. The declaration itself stays in
/// the text, and no longer says anything: whoever reads the text must not heed it.
#[must_use]
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    found(body, content_type).text
}

/// A text and how it was come by.
struct Found<'a> {
    text: Cow<'a, str>,
    encoding: &'static Encoding,
    /// Whether bytes became U+FFFD.
    is_lossy: bool,
}

impl<'a> Found<'a> {
    const fn whole(text: Cow<'a, str>, encoding: &'static Encoding) -> Self {
        Self {
            text,
            encoding,
            is_lossy: false,
        }
    }

    fn by(encoding: &'static Encoding, body: &'a [u8]) -> Self {
        let (text, is_lossy) = encoding.decode_without_bom_handling(body);
        Self {
            text,
            encoding,
            is_lossy,
        }
    }
}

fn fault(found: &Found<'_>, declared: Option<&'static Encoding>) -> Option<String> {
    let name = found.encoding.name();
    let is_default = [UTF_8, UTF_16LE, UTF_16BE].contains(&found.encoding);
    match declared {
        _ if found.text.is_ascii() => None,
        Some(declared) if declared != found.encoding => Some(format!(
            "declared as {}, which it is not; read as {name}",
            declared.name()
        )),
        None if !is_default => Some(format!("no encoding is declared; read as {name}")),
        _ if found.is_lossy => Some(format!(
            "not all bytes are {name}; those are shown as \u{fffd}"
        )),
        _ => None,
    }
}

fn found<'a>(body: &'a [u8], content_type: Option<&str>) -> Found<'a> {
    if let Some(text) = utf_32(body) {
        // That is no encoding of the web, and whoever serves it names none that is.
        return Found::whole(Cow::Owned(text), UTF_8);
    }
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return Found::by(encoding, &body[mark..]);
    }
    if let Some(encoding) = shape_of_utf_16(body) {
        return Found::by(encoding, body);
    }
    if let Some(text) = UTF_8.decode_without_bom_handling_and_without_replacement(body)
        && !text.is_ascii()
    {
        // No text in another encoding happens to be UTF-8 throughout; declarations happen to be wrong.
        return Found::whole(text, UTF_8);
    }
    for encoding in declared(body, content_type) {
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(body) {
            return Found::whole(text, encoding);
        }
    }
    undeclared(body)
}

/// What is declared, what counts most first.
fn declared(
    body: &[u8],
    content_type: Option<&str>,
) -> impl Iterator<Item = &'static Encoding> + use<> {
    [
        content_type.and_then(http_charset),
        xml_encoding(body),
        meta_charset(body),
    ]
    .into_iter()
    .flatten()
}

/// UTF-32, with a mark or by its shape: no encoding of the web, so nothing else reads it.
fn utf_32(body: &[u8]) -> Option<String> {
    let (order, start): (fn([u8; 4]) -> u32, usize) = match body {
        [0xff, 0xfe, 0, 0, ..] => (u32::from_le_bytes, 4),
        [0, 0, 0xfe, 0xff, ..] => (u32::from_be_bytes, 4),
        [b'<' | b'{', 0, 0, 0, _, 0, 0, 0, ..] => (u32::from_le_bytes, 0),
        [0, 0, 0, b'<' | b'{', 0, 0, 0, _, ..] => (u32::from_be_bytes, 0),
        _ => return None,
    };
    let (characters, _) = body[start..].as_chunks::<4>();
    let character = |bytes: &[u8; 4]| char::from_u32(order(*bytes)).unwrap_or('\u{fffd}');
    Some(characters.iter().map(character).collect())
}

/// UTF-16 without a mark: markup and JSON both begin with an ASCII character.
fn shape_of_utf_16(body: &[u8]) -> Option<&'static Encoding> {
    match body {
        [b'<' | b'{', 0, second, 0, ..] if *second != 0 => Some(UTF_16LE),
        [0, b'<' | b'{', 0, second, ..] if *second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// The `charset` parameter of a `Content-Type` header.
fn http_charset(content_type: &str) -> Option<&'static Encoding> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| label(value.as_bytes()))?
    })
}

/// The `encoding` of an XML declaration, which is ASCII in every encoding that comes here.
fn xml_encoding(body: &[u8]) -> Option<&'static Encoding> {
    let head = &body[..body.len().min(DECLARATION_BYTES)];
    let start = find(head, b"<?xml")?;
    let end = start + find(&head[start..], b"?>")?;
    let declaration = &head[start..end];
    let after = &declaration[find(declaration, b"encoding")? + b"encoding".len()..];
    let after = after
        .trim_ascii_start()
        .strip_prefix(b"=")?
        .trim_ascii_start();
    let (quote, rest) = after.split_first()?;
    let length = rest.iter().position(|byte| byte == quote)?;
    label(&rest[..length])
}

/// The `charset` that an HTML page declares of itself, in either form of `<meta>`.
fn meta_charset(body: &[u8]) -> Option<&'static Encoding> {
    let head = &body[..body.len().min(DECLARATION_BYTES)];
    let lower = head.to_ascii_lowercase();
    let meta = find(&lower, b"<meta")?;
    let name = &lower[meta + find(&lower[meta..], b"charset=")? + b"charset=".len()..];
    let name = name.trim_ascii_start();
    let name = name
        .strip_prefix(b"\"")
        .or(name.strip_prefix(b"'"))
        .unwrap_or(name);
    let end = name.iter().position(|byte| {
        matches!(byte, b'"' | b'\'' | b';' | b'>' | b'/') || byte.is_ascii_whitespace()
    })?;
    label(&name[..end])
}

/// An encoding by its name. A document that could be read as ASCII so far is not UTF-16, whatever it says.
fn label(name: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(name)
        .filter(|&encoding| encoding != UTF_16LE && encoding != UTF_16BE)
}

/// Text whose declaration is missing or wrong.
fn undeclared(body: &[u8]) -> Found<'_> {
    const ESCAPE: u8 = 0x1b;
    let is_escaped = body.contains(&ESCAPE);
    if !is_escaped && let Ok(text) = std::str::from_utf8(body) {
        return Found::whole(Cow::Borrowed(text), UTF_8);
    }
    if is_mostly_utf_8(body) {
        return Found::by(UTF_8, body);
    }
    let escapes = if is_escaped {
        Iso2022JpDetection::Allow
    } else {
        Iso2022JpDetection::Deny
    };
    let mut detector = EncodingDetector::new(escapes);
    detector.feed(body, true);
    Found::by(detector.guess(None, Utf8Detection::Allow), body)
}

/// Whether stray bytes in UTF-8 explain the body better than another encoding does.
fn is_mostly_utf_8(body: &[u8]) -> bool {
    let (mut characters, mut faults) = (0_usize, 0_usize);
    for chunk in body.utf8_chunks() {
        characters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        faults += usize::from(!chunk.invalid().is_empty());
    }
    faults > 0 && characters > faults
}

/// Text that was UTF-8, taken for Latin-1, and encoded again, as it was meant.
///
/// Nothing but that mistake makes Latin-1 characters that are UTF-8 when taken as bytes.
#[must_use]
pub fn undoubled(text: &str) -> Cow<'_, str> {
    // The first byte of the letters from U+00C2 to U+00F4, which are the first bytes of UTF-8.
    let Some(first) = memchr(0xc3, text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    // Behind the first byte of a letter stands another, from 0x80 to 0xBF: a letter that is written with 0xc2.
    if text.as_bytes().get(first + 2) != Some(&0xc2) {
        return Cow::Borrowed(text);
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    match bytes.map(String::from_utf8) {
        Some(Ok(meant)) => Cow::Owned(meant),
        _ => Cow::Borrowed(text),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{BIG5, EUC_KR, GBK, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252, WINDOWS_1256};
    use proptest::prelude::*;

    use super::*;

    fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn a_declared_encoding_is_read() {
        for (encoding, text) in [
            (WINDOWS_1251, "Санкции против Ирана"),
            (WINDOWS_1252, "Sanções e relações"),
            (WINDOWS_1256, "ايران والعقوبات"),
            (EUC_KR, "북한 제재"),
            (SHIFT_JIS, "北朝鮮の制裁"),
            (GBK, "对伊朗的制裁"),
            (BIG5, "對伊朗的制裁"),
            (UTF_8, "تحریم‌های ایران"),
        ] {
            let name = encoding.name();
            let (bytes, _, _) = encoding.encode(text);
            assert_eq!(
                decode(&bytes, Some(&format!("text/xml; charset={name}"))),
                text,
                "{name} by header"
            );
            assert_eq!(
                decode(&bytes, Some(&format!("text/xml;Charset=\"{name}\""))),
                text,
                "{name} quoted"
            );
            for meta in [
                format!("<meta charset={name}>"),
                format!("<META http-equiv=Content-Type content=\"text/html; charset={name}\">"),
            ] {
                let page = format!("<!DOCTYPE html><html><head>{meta}</head>{text}</html>");
                let (bytes, _, _) = encoding.encode(&page);
                assert_eq!(decode(&bytes, Some("text/html")), page, "{name} by {meta}");
            }
            let document = format!("<?xml version='1.0' encoding='{name}'?><t>{text}</t>");
            let (bytes, _, _) = encoding.encode(&document);
            assert_eq!(decode(&bytes, None), document, "{name} by declaration");
            assert_eq!(
                decode(&bytes, Some("text/xml")),
                document,
                "{name} with a bare header"
            );
        }
    }

    #[test]
    fn utf_16_is_read_with_and_without_a_mark() {
        let text = "<?xml version='1.0' encoding='utf-16'?><t>制裁 санкции</t>";
        for (name, bytes) in [
            ("little", utf_16(text, u16::to_le_bytes)),
            ("big", utf_16(text, u16::to_be_bytes)),
        ] {
            assert_eq!(decode(&bytes, None), text, "{name} without a mark");
        }
        let marked = format!("\u{feff}{text}");
        assert_eq!(
            decode(
                &utf_16(&marked, u16::to_le_bytes),
                Some("text/xml; charset=iso-8859-1")
            ),
            text
        );
        assert_eq!(decode(&utf_16(&marked, u16::to_be_bytes), None), text);
    }

    #[test]
    fn a_wrong_declaration_does_not_spoil_the_text() {
        let text = "<?xml version='1.0' encoding='utf-16'?><t>제재</t>";
        assert_eq!(decode(text.as_bytes(), None), text, "says UTF-16, is UTF-8");
        let text = "<?xml version='1.0' encoding='x-nonsense'?><t>제재</t>";
        assert_eq!(
            decode(text.as_bytes(), Some("text/xml; charset=nonsense")),
            text
        );
        let (bytes, _, _) = WINDOWS_1251.encode(
            "<?xml version='1.0' encoding='utf-8'?><t>Министр иностранных дел Ирана прибыл в столицу на переговоры</t>",
        );
        assert!(
            decode(&bytes, None).contains("Министр иностранных дел"),
            "says UTF-8, is not"
        );
    }

    #[test]
    fn one_stray_byte_costs_one_character() {
        let body = [
            b"<t>\xd0\x98\xd1\x80\xd0\xb0\xd0\xbd ".as_slice(),
            b"\xff",
            b" talks</t>",
        ]
        .concat();
        assert_eq!(decode(&body, None), "<t>Иран \u{fffd} talks</t>");
    }

    #[test]
    fn what_is_not_as_declared_is_told() {
        let fault = |body: &[u8], header| read(body, header).fault.unwrap_or_default();
        let utf_8 = "<t>Müller</t>".as_bytes();
        let latin = b"<?xml version='1.0' encoding='iso-8859-1'?><t>M\xfcller</t>";
        for right in [
            fault(utf_8, None),
            fault(utf_8, Some("text/xml; charset=UTF-8")),
            fault(latin, Some("text/xml")),
            fault(b"<t>ASCII</t>", Some("text/xml; charset=euc-kr")),
            fault(
                &utf_16("\u{feff}<t>M\u{fc}ller</t>", u16::to_le_bytes),
                None,
            ),
        ] {
            assert_eq!(right, "");
        }
        assert_eq!(
            fault(utf_8, Some("text/xml; charset=iso-8859-1")),
            "declared as windows-1252, which it is not; read as UTF-8"
        );
        let cyrillic = WINDOWS_1251
            .encode("Министр иностранных дел прибыл на переговоры")
            .0;
        assert_eq!(
            fault(&cyrillic, None),
            "no encoding is declared; read as windows-1251"
        );
        let stray = ["<t>Müller, Öl, Übung, Äther</t>".as_bytes(), b"\xff"].concat();
        assert!(fault(&stray, None).starts_with("not all bytes are UTF-8"));
    }

    #[test]
    fn a_mark_wins_over_everything() {
        assert_eq!(
            decode(
                "\u{feff}<t>é</t>".as_bytes(),
                Some("text/xml; charset=windows-1251")
            ),
            "<t>é</t>"
        );
    }

    #[test]
    fn text_encoded_twice_is_told_from_text_in_latin_letters() {
        for (served, meant) in [
            ("ordenÃ³", "ordenó"),
            ("MÃ¼ller", "Müller"),
            ("Müller", "Müller"),
            ("São Paulo", "São Paulo"),
            ("Ã", "Ã"),
            ("ÇA VA, ÊTRE", "ÇA VA, ÊTRE"),
            ("Иран ordenÃ³", "Иран ordenÃ³"),
        ] {
            assert_eq!(undoubled(served), meant, "{served}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_become_text(body in prop::collection::vec(any::<u8>(), 0..200), header in "\\PC{0,30}") {
            let _ = decode(&body, Some(&header));
        }
    }
}
