//! A letter as bytes: a function of its parts alone, so that what is sent again is the same to the byte.

use std::time::{Duration, SystemTime};

use lettre::{
    Address, Message,
    message::{
        Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};
use thiserror::Error;

use crate::domain::{MailAddress, Timestamp};

/// Bytes of a header field that cannot be folded at most; a line has 998 (RFC 5322, section 2.1.1).
const LONGEST_FIELD: usize = 900;

/// A letter to one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter<'a> {
    /// Name of the sender for people, one line.
    pub from_name: &'a str,
    /// Address of the sender.
    pub from: &'a MailAddress,
    /// The recipient.
    pub to: &'a MailAddress,
    /// Subject, one line.
    pub subject: &'a str,
    /// When it was written.
    pub date: Timestamp,
    /// Unique and stable, without angle brackets: `edition-7-3@desk.example`.
    pub message_id: &'a str,
    /// The Message-ID that it follows, so that mail programs thread the issues.
    pub references: Option<&'a str>,
    /// Identifier of the list without angle brackets (RFC 2919): `morning.desk.example`.
    pub list_id: Option<&'a str>,
    /// Address that ends this recipient's subscription: by a POST alone where it is https (RFC 8058), else by the page
    /// that it leads to (RFC 2369).
    pub unsubscribe: Option<&'a str>,
    /// Plain text.
    pub text: &'a str,
    /// HTML.
    pub html: &'a str,
}

/// A letter that cannot be written. Sending it again would not help.
#[derive(Debug, Error)]
pub enum LetterError {
    /// A header field has letters that it must not have, or is too long.
    #[error(
        "the field {0} of the letter cannot be written: it must be one line of visible ASCII, at most 900 bytes"
    )]
    Field(&'static str),
    /// The library refuses it.
    #[error("the letter cannot be written")]
    Build(#[from] lettre::error::Error),
    /// An address that our own check took and the library does not.
    #[error("the address cannot be written")]
    Address(#[from] lettre::address::AddressError),
}

impl Letter<'_> {
    /// The letter as `multipart/alternative` (RFC 2046) with a plain text that is a whole letter by itself.
    ///
    /// # Errors
    /// A field cannot be written.
    pub(super) fn message(&self) -> Result<Message, LetterError> {
        let mut message = Message::builder()
            .from(Mailbox::new(name(self.from_name), address(self.from)?))
            .to(Mailbox::new(None, address(self.to)?))
            .date(system_time(self.date))
            .raw_header(subject(&one_line(self.subject)))
            .raw_header(field("Message-ID", &format!("<{}>", self.message_id))?)
            .raw_header(field("Auto-Submitted", "auto-generated")?);
        if let Some(references) = self.references {
            let id = format!("<{references}>");
            message = message
                .raw_header(field("In-Reply-To", &id)?)
                .raw_header(field("References", &id)?);
        }
        if let Some(list) = self.list_id {
            message = message.raw_header(field("List-Id", &format!("<{list}>"))?);
        }
        if let Some(unsubscribe) = self.unsubscribe {
            message = message.raw_header(field("List-Unsubscribe", &format!("<{unsubscribe}>"))?);
            if unsubscribe.starts_with("https://") {
                message = message.raw_header(field(
                    "List-Unsubscribe-Post",
                    "List-Unsubscribe=One-Click",
                )?);
            }
        }
        let part = |content_type, body: &str| {
            SinglePart::builder()
                .header(content_type)
                .body(encoded(body))
        };
        // A boundary of its own, not a random one, keeps repeats alike. It cannot stand in a part: quoted-printable turns
        // "=_" into "=3D_", and base64 has no "_" (RFC 2045, section 6.7).
        let parts = MultiPart::alternative()
            .boundary("=_wirewatch_alternative")
            .singlepart(part(ContentType::TEXT_PLAIN, self.text))
            .singlepart(part(ContentType::TEXT_HTML, self.html));
        Ok(message.multipart(parts)?)
    }

    /// The letter as it goes over the wire, before dots are stuffed.
    ///
    /// # Errors
    /// A field cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LetterError> {
        Ok(self.message()?.formatted())
    }
}

/// A part in base64 or quoted-printable, whichever is shorter; never as it is, since it could hold the boundary.
fn encoded(body: &str) -> Body {
    let shortest = Body::new(body.to_owned());
    if matches!(
        shortest.encoding(),
        ContentTransferEncoding::QuotedPrintable | ContentTransferEncoding::Base64
    ) {
        return shortest;
    }
    Body::new_with_encoding(body.to_owned(), ContentTransferEncoding::QuotedPrintable)
        .unwrap_or_else(Body::new)
}

/// A display name that cannot end its line: lettre panics on one that does.
fn name(name: &str) -> Option<String> {
    let name = one_line(name);
    (!name.is_empty()).then_some(name)
}

/// Letters of an encoded word at most (RFC 2047, section 2: 75), and of the line that it stands on less the field's name.
const ENCODED_WORD: usize = 65;

/// The subject. lettre leaves ASCII as it is; a text that looks encoded would be decoded then and say something else, so
/// it is encoded itself (RFC 2047, section 5: each word of whole letters).
fn subject(text: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Subject");
    if !text.contains("=?") {
        return HeaderValue::new(name, text.to_owned());
    }
    let mut words = vec![String::new()];
    for letter in text.chars() {
        let mut encoded = String::new();
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            match byte {
                b' ' => encoded.push('_'),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
                other => encoded.extend(["=".to_owned(), format!("{other:02X}")]),
            }
        }
        let room = ENCODED_WORD - "=?utf-8?q??=".len();
        if words
            .last()
            .is_none_or(|word| word.len() + encoded.len() > room)
        {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push_str(&encoded);
        }
    }
    let words: Vec<_> = words
        .iter()
        .map(|word| format!("=?utf-8?q?{word}?="))
        .collect();
    HeaderValue::dangerous_new_pre_encoded(name, text.to_owned(), words.join("\r\n "))
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                letter
            }
        })
        .collect::<String>()
        .trim()
        .to_owned()
}

fn address(address: &MailAddress) -> Result<Address, LetterError> {
    Ok(address.as_str().parse()?)
}

fn system_time(instant: Timestamp) -> SystemTime {
    let seconds = u64::try_from(instant.as_micros() / 1_000_000).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A field that is written as it is: encoded or folded it would mean something else.
fn field(name: &'static str, value: &str) -> Result<HeaderValue, LetterError> {
    let is_plain = value.len() <= LONGEST_FIELD
        && value
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !is_plain {
        return Err(LetterError::Field(name));
    }
    let header =
        HeaderName::new_from_ascii(name.to_owned()).map_err(|_| LetterError::Field(name))?;
    Ok(HeaderValue::dangerous_new_pre_encoded(
        header,
        value.to_owned(),
        value.to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn letter<'a>(from: &'a MailAddress, to: &'a MailAddress) -> Letter<'a> {
        Letter {
            from_name: "Desk, Iran\r\nBcc: x@example.org",
            from,
            to,
            subject: "朝鲜与伊朗: 3 new\r\nBcc: y@example.org — Di 24. Nov",
            date: Timestamp::from_jiff("2026-11-24T05:00:00Z".parse().unwrap()),
            message_id: "edition-7-3@desk.example",
            references: Some("edition-6-3@desk.example"),
            list_id: Some("morning.desk.example"),
            unsubscribe: Some(
                "https://desk.example/unsubscribe/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
            ),
            text: ".\r\n..\nبسم\n.",
            html: "<p dir=\"rtl\">ایران</p>",
        }
    }

    fn addresses() -> (MailAddress, MailAddress) {
        (
            "desk@desk.example".parse().unwrap(),
            "reader@example.org".parse().unwrap(),
        )
    }

    fn header<'a>(bytes: &'a str, name: &str) -> Vec<&'a str> {
        let head = bytes.split_once("\r\n\r\n").unwrap().0;
        head.split("\r\n")
            .filter_map(|line| line.strip_prefix(&format!("{name}: ")))
            .collect()
    }

    #[test]
    fn the_fields_are_those_of_a_list_that_can_be_left() {
        let (from, to) = addresses();
        let bytes = String::from_utf8(letter(&from, &to).to_bytes().unwrap()).unwrap();
        for (name, expected) in [
            ("To", "reader@example.org"),
            ("Date", "Tue, 24 Nov 2026 05:00:00 +0000"),
            ("Message-ID", "<edition-7-3@desk.example>"),
            ("References", "<edition-6-3@desk.example>"),
            ("In-Reply-To", "<edition-6-3@desk.example>"),
            ("List-Id", "<morning.desk.example>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Auto-Submitted", "auto-generated"),
            ("MIME-Version", "1.0"),
        ] {
            assert_eq!(header(&bytes, name), [expected], "{name}");
        }
        let unsubscribe = header(&bytes, "List-Unsubscribe");
        assert_eq!(
            unsubscribe,
            [format!("<{}>", letter(&from, &to).unsubscribe.unwrap())]
        );
        assert_eq!(header(&bytes, "From").len(), 1);
        assert_eq!(header(&bytes, "Subject").len(), 1);
        assert!(header(&bytes, "Bcc").is_empty());
    }

    #[test]
    fn a_subject_that_looks_encoded_is_encoded() {
        let (from, to) = addresses();
        let forged = Letter {
            subject: "=?utf-8?q?Bcc=3A?= 朝鲜: 3 new, and so many other things that it takes a second line",
            ..letter(&from, &to)
        };
        let bytes = String::from_utf8(forged.to_bytes().unwrap()).unwrap();
        let head = bytes.split_once("\r\n\r\n").unwrap().0;
        let at = head.find("Subject: ").unwrap();
        let (first, rest) = head[at..].split_once("\r\n").unwrap();
        let lines: Vec<_> = [first]
            .into_iter()
            .chain(rest.split("\r\n").take_while(|line| line.starts_with(' ')))
            .collect();
        assert_eq!(
            lines[0],
            "Subject: =?utf-8?q?=3D=3Futf=2D8=3Fq=3FBcc=3D3A=3F=3D_=E6=9C=9D=E9=B2=9C?="
        );
        assert!(lines[1].starts_with(" =?utf-8?q?=3A_3_new"), "{}", lines[1]);
        assert!(lines.iter().all(|line| line.len() <= 76));
    }

    #[test]
    fn one_click_is_offered_only_where_nobody_reads_along() {
        let (from, to) = addresses();
        let plain = Letter {
            unsubscribe: Some("http://desk.example/unsubscribe/abc"),
            ..letter(&from, &to)
        };
        let bytes = String::from_utf8(plain.to_bytes().unwrap()).unwrap();
        assert_eq!(
            header(&bytes, "List-Unsubscribe"),
            ["<http://desk.example/unsubscribe/abc>"]
        );
        assert!(header(&bytes, "List-Unsubscribe-Post").is_empty());
    }

    #[test]
    fn every_line_fits_and_ends_as_it_must() {
        let (from, to) = addresses();
        let long = "ایران ".repeat(20_000);
        let bytes = Letter {
            text: &long,
            html: &long,
            ..letter(&from, &to)
        }
        .to_bytes()
        .unwrap();
        for line in bytes.split(|byte| *byte == b'\n') {
            assert!(line.len() <= 998 + 1);
        }
        let bare = bytes
            .windows(2)
            .filter(|pair| pair[1] == b'\n' && pair[0] != b'\r')
            .count();
        assert_eq!(bare, 0);
    }

    #[test]
    fn no_text_is_a_boundary() {
        let (from, to) = addresses();
        for text in [
            "--=_wirewatch_alternative--",
            "a\r\n--=_wirewatch_alternative\r\nContent-Type: text/html\r\n\r\n<p>b",
            "ایران\n--=_wirewatch_alternative--\n",
        ] {
            let letter = Letter {
                text,
                html: text,
                ..letter(&from, &to)
            };
            let bytes = String::from_utf8(letter.to_bytes().unwrap()).unwrap();
            let body = bytes.split_once("\r\n\r\n").unwrap().1;
            assert_eq!(
                body.matches("--=_wirewatch_alternative").count(),
                3,
                "{bytes}"
            );
        }
    }

    #[test]
    fn the_same_letter_has_the_same_bytes() {
        let (from, to) = addresses();
        assert_eq!(
            letter(&from, &to).to_bytes().unwrap(),
            letter(&from, &to).to_bytes().unwrap()
        );
    }

    #[test]
    fn a_field_that_would_break_out_is_an_error() {
        let (from, to) = addresses();
        for unsubscribe in [
            "https://desk.example/\r\nBcc: x",
            "https://desk.example/ü",
            &"x".repeat(2_000),
        ] {
            let wrong = Letter {
                unsubscribe: Some(unsubscribe),
                ..letter(&from, &to)
            };
            assert!(matches!(
                wrong.to_bytes(),
                Err(LetterError::Field("List-Unsubscribe"))
            ));
        }
    }
}
