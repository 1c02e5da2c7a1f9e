//! A message of a few lines as mail.

use std::time::Duration;

use askama::Template;

use super::{
    clean,
    render::{Links, Rendered},
};
use crate::domain::{
    Timestamp, Weight,
    delivery::{IncidentNews, Notice},
};

/// Letters of a line at most.
const LINE: usize = 1_000;

#[derive(Template)]
#[template(path = "notice_mail.html")]
struct HtmlNotice<'a> {
    view: &'a View,
}

#[derive(Template)]
#[template(path = "notice_mail.txt")]
struct TextNotice<'a> {
    view: &'a View,
}

struct View {
    subject: String,
    lines: Vec<(String, Option<String>)>,
    unsubscribe: Option<String>,
}

/// Incidents told in one notice at most.
const TOLD: usize = 40;

/// What there is to say about incidents; none if that is nothing. Signs that cost no articles are not worth a message.
#[must_use]
pub fn of_incidents(news: &[IncidentNews], now: Timestamp) -> Option<Notice> {
    let (over, open): (Vec<_>, Vec<_>) = news
        .iter()
        .filter(|news| news.trouble.weight() != Weight::Oddity)
        .partition(|news| news.closed_at.is_some());
    if over.is_empty() && open.is_empty() {
        return None;
    }
    let subject = match (open.len(), over.len()) {
        (0, over) => format!("Feeds: {over} read again"),
        (open, 0) => format!("Feeds: {open} in trouble"),
        (open, over) => format!("Feeds: {open} in trouble, {over} read again"),
    };
    let mut lines: Vec<_> = open
        .iter()
        .chain(&over)
        .take(TOLD)
        .map(|news| (line(news), Some(format!("/feeds/{}", news.feed))))
        .collect();
    if open.len() + over.len() > TOLD {
        let more = open.len() + over.len() - TOLD;
        lines.push((format!("and {more} more"), Some("/feeds".to_owned())));
    }
    Some(Notice {
        subject,
        lines,
        at: now,
    })
}

/// What would be said of the feeds as they stand, marked as a test.
#[must_use]
pub fn test_of_incidents(open: &[IncidentNews], now: Timestamp) -> Notice {
    let told = of_incidents(open, now).unwrap_or_else(|| Notice {
        subject: "Feeds: none in trouble".to_owned(),
        lines: vec![(
            "Every feed is read as it should be. When one is not, for 10 minutes, it is told like this."
                .to_owned(),
            Some("/feeds".to_owned()),
        )],
        at: now,
    });
    Notice {
        subject: format!("[Test] {}", told.subject),
        ..told
    }
}

fn line(news: &IncidentNews) -> String {
    let since = news.opened_at.to_jiff().strftime("%a %-d %b %H:%M UTC");
    let what = format!("{}: {}", news.source, news.trouble.words());
    match news.closed_at {
        Some(closed) => {
            let lasted = lasted(closed.since(news.opened_at));
            format!("{what}: over after {lasted} (since {since})")
        }
        None if news.detail.is_empty() => format!("{what}, since {since}"),
        None => format!("{what}, since {since}: {}", news.detail),
    }
}

fn lasted(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

/// Renders a notice.
///
/// # Errors
/// A template fails to render; it writes to memory and is checked at compile time, so this is a fault of the program.
pub fn mail(notice: &Notice, links: Links<'_>) -> Result<Rendered, askama::Error> {
    let view = View {
        subject: clean::line(&notice.subject, clean::HEADLINE),
        lines: notice
            .lines
            .iter()
            .map(|(text, path)| {
                let link = path.as_ref().map(|path| format!("{}{path}", links.base));
                (clean::line(text, LINE), link)
            })
            .collect(),
        unsubscribe: links.unsubscribe.map(ToOwned::to_owned),
    };
    Ok(Rendered {
        subject: view.subject.clone(),
        text: TextNotice { view: &view }.render()?,
        html: HtmlNotice { view: &view }.render()?,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn a_notice_says_the_same_in_both_parts_and_runs_nothing() {
        let notice = Notice {
            subject: "Feed trouble\r\nBcc: x@example.org".to_owned(),
            lines: vec![
                (
                    "<script>Tasnim</script>: silent".to_owned(),
                    Some("/feeds/3".to_owned()),
                ),
                ("That is all.".to_owned(), None),
            ],
            at: Timestamp::from_micros(0),
        };
        let links = Links {
            base: "https://desk.example",
            unsubscribe: Some("https://desk.example/unsubscribe/ab"),
        };
        let found = mail(&notice, links).unwrap();
        assert_eq!(found.subject, "Feed trouble Bcc: x@example.org");
        for part in [&found.text, &found.html] {
            assert!(part.contains("https://desk.example/feeds/3") && part.contains("That is all."));
            assert!(part.contains("https://desk.example/unsubscribe/ab"));
        }
        assert!(!found.html.contains("<script"));
    }
}
