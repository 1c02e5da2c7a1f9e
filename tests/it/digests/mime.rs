//! A strict reader of mail (RFC 5322, 2045 to 2047): what it does not expect is an error, not a guess. What it reads is
//! compared with what the parser of others reads.

use base64::Engine as _;
use mail_parser::MessageParser;

/// A letter, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// Names in lower case with their values, unfolded, in order.
    headers: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Mail {
    /// Reads a letter.
    ///
    /// # Panics
    /// It breaks a rule.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        check_lines(bytes);
        assert!(bytes.is_ascii(), "every byte of the letter is ASCII");
        let letter = std::str::from_utf8(bytes).unwrap();
        let (headers, body) = entity(letter);
        let mail = Self {
            headers,
            text: String::new(),
            html: String::new(),
        };
        let kind = mail.one("content-type");
        let boundary = kind
            .strip_prefix("multipart/alternative;")
            .and_then(|rest| rest.trim().strip_prefix("boundary=\""))
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or_else(|| panic!("{kind}"));
        let parts = parts(body, boundary);
        assert_eq!(parts.len(), 2, "plain text and HTML");
        let read = |part: &str, expected: &str| {
            let (headers, body) = entity(part);
            let part = Self {
                headers,
                text: String::new(),
                html: String::new(),
            };
            assert_eq!(part.one("content-type"), expected);
            decoded(&part.one("content-transfer-encoding"), body)
        };
        let mail = Self {
            text: read(parts[0], "text/plain; charset=utf-8"),
            html: read(parts[1], "text/html; charset=utf-8"),
            ..mail
        };
        mail.compare(bytes);
        mail
    }

    /// What Stalwart's parser reads is the same.
    fn compare(&self, bytes: &[u8]) {
        let other = MessageParser::default().parse(bytes).expect("a message");
        assert_eq!(other.parts.len(), 3, "the whole and two parts");
        assert!(other.parts.iter().all(|part| !part.is_encoding_problem));
        assert_eq!((other.text_body_count(), other.html_body_count()), (1, 1));
        assert_eq!(other.attachment_count(), 0);
        assert_eq!(other.headers().len(), self.headers.len());
        assert_eq!(other.subject(), Some(self.words("subject").as_str()));
        let id = self.one("message-id");
        assert_eq!(other.message_id(), Some(id.trim_matches(['<', '>'])));
        assert!(other.date().is_some_and(mail_parser::DateTime::is_valid));
        let from = other.from().and_then(|from| from.first()).unwrap();
        assert!(from.address().is_some_and(|address| address.contains('@')));
        let plain = |text: Option<std::borrow::Cow<'_, str>>| text.unwrap().replace("\r\n", "\n");
        assert_eq!(plain(other.body_text(0)), self.text);
        assert_eq!(plain(other.body_html(0)), self.html);
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The value of a header that stands there once.
    pub(crate) fn one(&self, name: &str) -> String {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all[0].to_owned()
    }

    /// The names of its headers, sorted.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// A header with its encoded words decoded (RFC 2047).
    pub(crate) fn words(&self, name: &str) -> String {
        let value = self.one(name);
        let mut out = String::new();
        let mut after_encoded = false;
        for (number, word) in value.split(' ').enumerate() {
            let encoded = encoded_word(word);
            if number > 0 && !(after_encoded && encoded.is_some()) {
                out.push(' ');
            }
            out.push_str(encoded.as_deref().unwrap_or(word));
            after_encoded = encoded.is_some();
        }
        out
    }

    /// The addresses that its plain text leads to.
    pub(crate) fn links(&self) -> Vec<String> {
        links(&self.text)
    }
}

/// The web addresses in a text.
pub(crate) fn links(text: &str) -> Vec<String> {
    text.match_indices("http")
        .filter(|(at, _)| text[*at..].starts_with("http://") || text[*at..].starts_with("https://"))
        .map(|(at, _)| {
            let rest = &text[at..];
            let end = rest.find(|c: char| c.is_whitespace() || c == '"' || c == '<');
            rest[..end.unwrap_or(rest.len())].replace("&amp;", "&")
        })
        .collect()
}

fn check_lines(bytes: &[u8]) {
    assert!(bytes.ends_with(b"\r\n"));
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 998, "a line of {} bytes", line.len());
        assert!(!line.contains(&b'\r') && !line.contains(&0), "{line:?}");
    }
    let bare = bytes
        .windows(2)
        .any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
    assert!(!bare, "every line ends with CRLF");
}

/// Headers and body.
fn entity(text: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = text.split_once("\r\n\r\n").expect("an empty line");
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n") {
        if line.starts_with([' ', '\t']) {
            assert!(!line.trim().is_empty(), "no folded line is blank");
            let last = headers.last_mut().expect("a header before its fold");
            last.1.push(' ');
            last.1.push_str(line.trim_start());
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("{line:?}"));
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(is_name, "{line:?}");
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    (headers, body)
}

fn parts<'a>(body: &'a str, boundary: &str) -> Vec<&'a str> {
    let delimiter = format!("--{boundary}");
    let begin = body
        .find(&format!("{delimiter}\r\n"))
        .expect("a first part");
    assert_eq!(body[..begin].trim(), "", "nothing before the first part");
    let (inner, rest) = body[begin..]
        .split_once(&format!("\r\n{delimiter}--"))
        .expect("an end of the parts");
    assert_eq!(rest.trim(), "", "nothing after the last part");
    inner
        .strip_prefix(&format!("{delimiter}\r\n"))
        .unwrap()
        .split(&format!("\r\n{delimiter}\r\n"))
        .collect()
}

fn decoded(coding: &str, body: &str) -> String {
    let bytes = match coding {
        "7bit" => body.as_bytes().to_vec(),
        "quoted-printable" => quoted_printable(body),
        "base64" => {
            let digits: String = body.split_whitespace().collect();
            base64::engine::general_purpose::STANDARD
                .decode(digits)
                .unwrap()
        }
        other => panic!("no transfer encoding: {other}"),
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

fn quoted_printable(body: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, line) in body.split("\r\n").enumerate() {
        assert!(line.len() <= 76, "{line}");
        assert!(!line.ends_with([' ', '\t']), "no line ends with a space");
        if number > 0 && out.last() != Some(&b'\x01') {
            out.extend_from_slice(b"\r\n");
        }
        if out.last() == Some(&b'\x01') {
            out.pop();
        }
        let (line, is_soft) = match line.strip_suffix('=') {
            Some(line) => (line, true),
            None => (line, false),
        };
        let mut bytes = line.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'=' {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap();
                assert!(!digits.bytes().any(|digit| digit.is_ascii_lowercase()));
                out.push(u8::from_str_radix(digits, 16).unwrap());
            } else {
                assert!(byte == b'\t' || (b' '..=b'~').contains(&byte));
                out.push(byte);
            }
        }
        if is_soft {
            out.push(b'\x01');
        }
    }
    out
}

/// `=?utf-8?b?…?=` decoded; none if it is no encoded word.
fn encoded_word(word: &str) -> Option<String> {
    let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
    assert!(word.len() <= 75, "an encoded word of {} bytes", word.len());
    let (charset, rest) = inner.split_once('?')?;
    assert!(charset.eq_ignore_ascii_case("utf-8"), "{word}");
    let (coding, text) = rest.split_once('?')?;
    let bytes = match coding.to_ascii_lowercase().as_str() {
        "b" => base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap(),
        "q" => quoted_printable(&text.replace('_', "=20")),
        other => panic!("no such coding: {other}"),
    };
    // Each encoded word holds whole letters (RFC 2047, section 5).
    Some(String::from_utf8(bytes).unwrap())
}
