//! What goes to a webhook: the payload in its form, and the signature.
//!
//! Signed as Standard Webhooks 1.0 says: HMAC-SHA256 (RFC 2104) over `id.timestamp.body`, in base64 after `v1,`.

use std::convert::Infallible;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    clean,
    render::{Links, WHY, most},
};
use crate::domain::{
    delivery::{Content, Notice, WebhookForm},
    digest::{Edition, EditionLine},
};

/// Stories that a message in a chat shows.
const CHAT_STORIES: usize = 20;

/// Bytes of a message to Teams at most: it takes 28 KB.
const TEAMS_BYTES: usize = 25_000;

/// Letters of a message to Slack at most: what is longer is parted anywhere, and its marks with it.
const SLACK_LETTERS: usize = 4_000;

/// The block of SHA-256 in bytes.
const BLOCK: usize = 64;

/// HMAC-SHA256 (RFC 2104) of a message in parts.
#[must_use]
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        for (place, byte) in block.iter_mut().zip(Sha256::digest(key)) {
            *place = byte;
        }
    } else {
        for (place, byte) in block.iter_mut().zip(key) {
            *place = *byte;
        }
    }
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// The `webhook-signature` of a request with this `webhook-id` and `webhook-timestamp` (seconds after 1970).
#[must_use]
pub fn signature(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let head = format!("{id}.{timestamp}.");
    let tag = hmac(secret, &[head.as_bytes(), body.as_bytes()]);
    format!("v1,{}", STANDARD.encode(tag))
}

/// The secret as receivers are told it: `whsec_` and base64.
#[must_use]
pub fn secret_text(secret: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

/// The body in its form. The same content gives the same body.
#[must_use]
pub fn payload(form: WebhookForm, content: &Content, links: Links<'_>) -> String {
    match form {
        WebhookForm::Json => json(content, links),
        WebhookForm::Slack => fitted(&chat(content, links), |chat| {
            let text = slack_text(chat);
            let fits = text.chars().count() <= SLACK_LETTERS;
            (slack(&text), fits)
        }),
        WebhookForm::Teams => fitted(&chat(content, links), |chat| {
            let message = teams(chat);
            let fits = message.to_string().len() <= TEAMS_BYTES;
            (message, fits)
        }),
    }
    .to_string()
}

/// The message with as many lines as fit; `write` gives it, and whether it does.
fn fitted(chat: &Chat, write: impl Fn(&Chat) -> (Value, bool)) -> Value {
    let (message, fits) = write(chat);
    if fits {
        return message;
    }
    let fits = |lines| Ok::<_, Infallible>(write(&chat.first(lines)).1);
    let Ok(lines) = most(0, chat.lines.len(), fits);
    write(&chat.first(lines)).0
}

fn archive(edition: &Edition, links: Links<'_>) -> String {
    let place = format!("{}/digests/{}", links.base, edition.slug);
    if edition.is_test {
        format!("{place}/preview")
    } else {
        format!("{place}/{}", edition.key)
    }
}

fn json(content: &Content, links: Links<'_>) -> Value {
    match content {
        Content::Edition(edition) => json!({
            "type": if edition.is_test { "edition.test" } else { "edition" },
            "subscription": edition.slug,
            "issue": edition.key.to_string(),
            "subject": edition.subject,
            "url": archive(edition, links),
            "collection": edition.collection,
            "composed_at": edition.composed_at,
            "sections": edition.sections.iter().map(|section| json!({
                "keyword": section.slug,
                "name": section.name,
                "stories": section.lines.iter()
                    .filter(|line| !line.is_struck)
                    .map(|line| story(line, links))
                    .collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        }),
        Content::Notice(notice) => json!({
            "type": "notice",
            "subject": notice.subject,
            "at": notice.at,
            "lines": notice.lines.iter().map(|(text, path)| json!({
                "text": text,
                "url": path.as_ref().map(|path| format!("{}{path}", links.base)),
            })).collect::<Vec<_>>(),
        }),
    }
}

fn story(line: &EditionLine, links: Links<'_>) -> Value {
    json!({
        "id": line.story,
        "url": story_link(line, links),
        "headline": headline(line),
        "link": line.url,
        "language": line.language,
        "source": line.source,
        "at": line.at,
        "passage": line.passage.iter().map(|piece| piece.text.as_str()).collect::<String>(),
        "why": line.why,
        "copies": line.copies,
        "independent": line.independent,
        "first": line.first,
        "desk": line.desk,
        "piece": line.piece,
        "notes": line.notes,
        "told_on": line.told_on,
        "news": line.news,
        "is_left_out": line.is_left_out,
    })
}

fn headline(line: &EditionLine) -> String {
    line.headline
        .iter()
        .map(|piece| piece.text.as_str())
        .collect()
}

fn story_link(line: &EditionLine, links: Links<'_>) -> String {
    super::render::story_link(links.base, line.story)
}

/// A message as chats show it: a title with its link, and lines of text, each with its own.
#[derive(Clone)]
struct Chat {
    title: String,
    link: Option<String>,
    lines: Vec<(String, Option<String>, String)>,
    more: usize,
}

impl Chat {
    /// The same with the first lines alone; the others are counted.
    fn first(&self, lines: usize) -> Self {
        let shown = self.lines.len().min(lines);
        Self {
            title: self.title.clone(),
            link: self.link.clone(),
            lines: self.lines.iter().take(shown).cloned().collect(),
            more: self.more + self.lines.len() - shown,
        }
    }
}

fn chat(content: &Content, links: Links<'_>) -> Chat {
    match content {
        Content::Edition(edition) => {
            let shown = || edition.lines().filter(|line| line.is_shown());
            Chat {
                title: edition.subject.clone(),
                link: Some(archive(edition, links)),
                lines: shown()
                    .take(CHAT_STORIES)
                    .map(|line| (headline(line), Some(story_link(line, links)), about(line)))
                    .collect(),
                more: edition
                    .lines()
                    .filter(|line| !line.is_struck)
                    .count()
                    .saturating_sub(CHAT_STORIES.min(shown().count())),
            }
        }
        Content::Notice(Notice { subject, lines, .. }) => Chat {
            title: clean::line(subject, clean::HEADLINE),
            link: None,
            lines: lines
                .iter()
                .map(|(text, path)| {
                    let link = path.as_ref().map(|path| format!("{}{path}", links.base));
                    (clean::line(text, clean::PASSAGE), link, String::new())
                })
                .collect(),
            more: 0,
        },
    }
}

fn about(line: &EditionLine) -> String {
    let mut parts = vec![line.source.clone(), line.facts.clone()];
    if line.copies > 0 {
        parts.push(format!("+{}", line.copies));
    }
    parts.push(clean::line(&line.why, WHY));
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// The text of Slack's mrkdwn: three letters are escaped, and no text becomes a link or a mention.
fn mrkdwn(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn slack(text: &str) -> Value {
    json!({"text": text, "unfurl_links": false, "unfurl_media": false})
}

fn slack_text(chat: &Chat) -> String {
    let linked = |text: &str, link: &Option<String>| match link {
        Some(link) => format!(
            "<{}|{}>",
            mrkdwn(link).replace('|', "%7C"),
            mrkdwn(text).replace('|', "¦")
        ),
        None => mrkdwn(text),
    };
    let mut text = vec![format!("*{}*", linked(&chat.title, &chat.link))];
    text.extend(chat.lines.iter().map(|(line, link, about)| {
        let about = if about.is_empty() {
            String::new()
        } else {
            format!("\n    {}", mrkdwn(about))
        };
        format!("• {}{about}", linked(line, link))
    }));
    if chat.more > 0 {
        text.push(format!("and {} more", chat.more));
    }
    text.join("\n")
}

/// The text of an adaptive card, whose text blocks read Markdown: what would mark up is escaped.
fn markdown(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if "\\`*_{}[]()#+!<>|~".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

fn teams(chat: &Chat) -> Value {
    let linked = |text: &str, link: &Option<String>| match link {
        Some(link) => format!(
            "[{}]({})",
            markdown(text),
            link.replace('(', "%28")
                .replace(')', "%29")
                .replace(' ', "%20")
        ),
        None => markdown(text),
    };
    let block = |text: String, weight: &str| json!({"type": "TextBlock", "text": text, "wrap": true, "weight": weight});
    let mut body = vec![block(linked(&chat.title, &chat.link), "bolder")];
    for (line, link, about) in &chat.lines {
        body.push(block(linked(line, link), "default"));
        if !about.is_empty() {
            body.push(json!({"type": "TextBlock", "text": markdown(about), "wrap": true, "isSubtle": true, "spacing": "none"}));
        }
    }
    if chat.more > 0 {
        body.push(block(format!("and {} more", chat.more), "default"));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
            },
        }],
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{
        super::compose::tests::{article, composed, story, subscription},
        *,
    };
    use crate::domain::delivery::hexadecimal;

    const LINKS: Links<'_> = Links {
        base: "https://desk.example",
        unsubscribe: None,
    };

    #[test]
    fn the_code_is_that_of_rfc_4231() {
        let long = [0xaa; 131];
        for (key, text, expected) in [
            (
                &[0x0b; 20][..],
                "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &long,
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let (head, tail) = text.as_bytes().split_at(3);
            assert_eq!(hexadecimal(&hmac(key, &[head, tail])), expected, "{text}");
        }
    }

    #[test]
    fn every_form_tells_the_stories_and_lets_no_headline_mark_up() {
        let mut hostile = article(1, 1);
        hostile.title =
            "<!channel> *bold* [x](javascript:alert(1)) <https://evil.example|click>".to_owned();
        let edition = composed(&subscription(), &[story(1, vec![hostile])]).edition;
        let content = Content::Edition(edition);
        for form in WebhookForm::ALL {
            let body = payload(*form, &content, LINKS);
            assert_eq!(body, payload(*form, &content, LINKS));
            let value: Value = serde_json::from_str(&body).unwrap();
            assert!(body.contains("https://desk.example/stories/1"), "{body}");
            match form {
                WebhookForm::Json => {
                    let stories = &value["sections"][0]["stories"];
                    assert!(
                        stories[0]["headline"]
                            .as_str()
                            .unwrap()
                            .starts_with("<!channel>")
                    );
                }
                WebhookForm::Slack => {
                    let text = value["text"].as_str().unwrap();
                    assert!(text.contains("&lt;!channel&gt;") && !text.contains("<https://evil"));
                }
                WebhookForm::Teams => {
                    let text = value["attachments"][0]["content"]["body"][1]["text"]
                        .as_str()
                        .unwrap();
                    assert!(text.contains(r"\[x\]\(javascript:"), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_message_is_no_longer_than_its_chat_takes_it() {
        let persian = |id| {
            let mut article = article(id, 1);
            article.title = "«(سخنگوی) وزارت_خارجه» ".repeat(40);
            article
        };
        let due: Vec<_> = (1..=40).map(|id| story(id, vec![persian(id)])).collect();
        let mut edition = composed(&subscription(), &due).edition;
        for line in edition.sections.iter_mut().flat_map(|it| &mut it.lines) {
            line.why = "(ایران OR تهران) ".repeat(40);
        }
        let notice = Notice {
            subject: "1000 feeds fail".to_owned(),
            at: edition.composed_at,
            lines: (0..1_000)
                .map(|feed| {
                    let path = Some(format!("/feeds/{feed}"));
                    (format!("Feed {feed} fails: {}", "404 ".repeat(60)), path)
                })
                .collect(),
        };
        for (content, all) in [
            (Content::Edition(edition), 40),
            (Content::Notice(notice), 1_000),
        ] {
            let teams = payload(WebhookForm::Teams, &content, LINKS);
            assert!((15_000..28_000).contains(&teams.len()), "{}", teams.len());
            let slack = payload(WebhookForm::Slack, &content, LINKS);
            let text: Value = serde_json::from_str(&slack).unwrap();
            let letters = text["text"].as_str().unwrap().chars().count();
            assert!((2_500..=4_000).contains(&letters), "{letters}");
            // What is not told is counted.
            for body in [teams, slack] {
                let more = body.rsplit_once("and ").unwrap().1;
                let more: usize = more.split(' ').next().unwrap().parse().unwrap();
                let told = body.matches("https://desk.example/stories/").count()
                    + body.matches("https://desk.example/feeds/").count();
                assert_eq!(told + more, all, "{body}");
            }
        }
    }
}
