//! What a mail server's no means.

use std::fmt;

/// Whether, and for whom, a no is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Try again later: a 4xx answer, a connection that failed or was cut, a server that does not let us in, or does not
    /// take our sender: what is set up wrongly here is no recipient's fault.
    Temporary,
    /// This letter will not be taken.
    Letter,
    /// This recipient does not exist or takes no mail: nothing more must be sent there (RFC 3463, section 3.2 and 5.2.1;
    /// RFC 7505, 5.1.10).
    Recipient,
}

/// A letter that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it means.
    pub kind: RefusalKind,
    /// What the server or the connection said, one line, at most 500 letters.
    pub detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Refusal {
    pub(super) fn temporary(detail: &str) -> Self {
        Self {
            kind: RefusalKind::Temporary,
            detail: shorten(detail),
        }
    }

    pub(super) fn of(error: &lettre::transport::smtp::Error) -> Self {
        let detail = with_causes(error);
        let kind = error.status().map_or(RefusalKind::Temporary, |code| {
            kind(u16::from(code), &detail)
        });
        Self {
            kind,
            detail: shorten(&detail),
        }
    }
}

/// What a reply means, by its code (RFC 5321, section 4.2.3) and its enhanced code, if it has one (RFC 3463).
fn kind(code: u16, text: &str) -> RefusalKind {
    match (code, enhanced(text)) {
        // The server does not let us in, does not speak as it should, or does not take our sender, whoever is to read it:
        // no recipient's fault.
        (530 | 534 | 535 | 538, _) | (500..=504 | 521, None) | (500..=599, Some((1, 7 | 8))) => {
            RefusalKind::Temporary
        }
        (500..=599, Some((1, 1 | 2 | 3 | 6 | 10) | (2, 1))) => RefusalKind::Recipient,
        (500..=599, Some((1, 0))) if names(text, &["sender"]) => RefusalKind::Temporary,
        // "Other address status" does not say whose. Servers say a plain 550 for everything: that they relay for nobody, do
        // not like the sender, or the letter.
        (500..=599, Some((1, 0))) | (550 | 551 | 553, None) if is_of_the_recipient(text) => {
            RefusalKind::Recipient
        }
        (500..=599, _) => RefusalKind::Letter,
        _ => RefusalKind::Temporary,
    }
}

/// Whether a no that does not say so by a code is for whom the letter was meant, by the words that servers use.
fn is_of_the_recipient(text: &str) -> bool {
    let is_of_an_account = [
        "user",
        "mailbox",
        "recipient",
        "account",
        "no such",
        "does not exist",
    ];
    let is_of_another = ["relay", "sender", "block", "spam", "polic", "reputation"];
    names(text, &is_of_an_account) && !names(text, &is_of_another)
}

/// Whether a text has one of these words. Addresses are no words: anything may stand in them.
fn names(text: &str, words: &[&str]) -> bool {
    let said: Vec<_> = text
        .split_whitespace()
        .filter(|word| !word.contains('@'))
        .collect();
    let said = said.join(" ").to_lowercase();
    words.iter().any(|word| said.contains(word))
}

/// Subject and detail of the first enhanced status code of class 5.
fn enhanced(text: &str) -> Option<(u16, u16)> {
    text.split(|letter: char| !(letter.is_ascii_digit() || letter == '.'))
        .find_map(|word| {
            let (subject, detail) = word.strip_prefix("5.")?.split_once('.')?;
            Some((subject.parse().ok()?, detail.parse().ok()?))
        })
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}

fn shorten(detail: &str) -> String {
    detail
        .chars()
        .take(500)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_is_final_only_for_whom_it_is_meant() {
        for (code, text, expected) in [
            (421, "too busy", RefusalKind::Temporary),
            (450, "4.2.0 greylisted", RefusalKind::Temporary),
            (452, "4.2.2 mailbox full", RefusalKind::Temporary),
            (550, "5.1.1 no such user", RefusalKind::Recipient),
            (550, "no such user here", RefusalKind::Recipient),
            (550, "5.2.1 disabled", RefusalKind::Recipient),
            (553, "5.1.3 bad address", RefusalKind::Recipient),
            (550, "5.7.1 looks like spam", RefusalKind::Letter),
            (552, "5.3.4 too big", RefusalKind::Letter),
            (554, "5.7.1 rejected", RefusalKind::Letter),
            (554, "no", RefusalKind::Letter),
            (535, "5.7.8 bad credentials", RefusalKind::Temporary),
            (530, "5.7.0 STARTTLS first", RefusalKind::Temporary),
            (502, "not implemented", RefusalKind::Temporary),
            (550, "from 15.1.1.1: no", RefusalKind::Letter),
            (550, "relay not permitted", RefusalKind::Letter),
            (
                550,
                "Sender verify failed: no such user",
                RefusalKind::Letter,
            ),
            (550, "Mailbox unavailable", RefusalKind::Recipient),
            (551, "User not local", RefusalKind::Recipient),
            (
                550,
                "5.1.0 <user@desk.example>: Sender address rejected",
                RefusalKind::Temporary,
            ),
            (
                550,
                "5.1.0 <sender@x.example>: Recipient address rejected: User unknown",
                RefusalKind::Recipient,
            ),
            (550, "5.1.0 <user@x.example> rejected", RefusalKind::Letter),
            (
                550,
                "5.1.8 Access denied, bad outbound sender AS(42004)",
                RefusalKind::Temporary,
            ),
            (553, "5.1.7 no such user", RefusalKind::Temporary),
            (550, "5.1.2 no such host", RefusalKind::Recipient),
            (550, "5.1.6 mailbox has moved", RefusalKind::Recipient),
            (556, "5.1.10 null MX", RefusalKind::Recipient),
            (550, "5.1.4 ambiguous", RefusalKind::Letter),
        ] {
            assert_eq!(kind(code, text), expected, "{code} {text}");
        }
    }
}
