//! Reports as feed documents: RSS 2.0, RSS 0.92, RSS 1.0 (RDF), Atom 1.0 and JSON Feed 1.1.

use std::fmt::Write as _;

use serde_json::json;

use crate::domain::Timestamp;

use super::writing::{Format, Outlet};

/// A report with its address.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) url: String,
    pub(super) title: &'a str,
    pub(super) text: &'a str,
    pub(super) written: Timestamp,
}

/// The `Content-Type` header for the outlet's documents.
pub(super) fn content_type(outlet: &Outlet) -> String {
    let essence = match outlet.format {
        Format::Rss2 | Format::Rss092 => "application/rss+xml",
        Format::Rdf => "application/rdf+xml",
        Format::Atom => "application/atom+xml",
        Format::Json => "application/feed+json",
    };
    format!("{essence}; charset={}", outlet.encoding)
}

/// The outlet's document with these items, in its encoding; what the encoding lacks becomes character references.
pub(super) fn render(outlet: &Outlet, base: &str, items: &[Item<'_>]) -> Vec<u8> {
    let text = match outlet.format {
        Format::Rss2 => rss2(outlet, base, items),
        Format::Rss092 => rss092(outlet, base, items),
        Format::Rdf => rdf(outlet, base, items),
        Format::Atom => atom(outlet, base, items),
        Format::Json => json_feed(outlet, base, items),
    };
    let encoding =
        encoding_rs::Encoding::for_label(outlet.encoding.as_bytes()).unwrap_or(encoding_rs::UTF_8);
    encoding.encode(&text).0.into_owned()
}

/// An instant as HTTP writes it (RFC 9110 §5.6.7).
pub(super) fn http_date(at: Timestamp) -> String {
    at.to_jiff()
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

fn mail_date(at: Timestamp) -> String {
    at.to_jiff()
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

fn rss2(outlet: &Outlet, base: &str, items: &[Item<'_>]) -> String {
    let mut out = rss_head(outlet, base, "2.0");
    for item in items {
        part(&mut out, "<item><title>", item.title, "</title>");
        part(&mut out, "<link>", &item.url, "</link>");
        part(
            &mut out,
            "<guid isPermaLink=\"true\">",
            &item.url,
            "</guid>",
        );
        part(
            &mut out,
            "<pubDate>",
            &mail_date(item.written),
            "</pubDate>",
        );
        part(
            &mut out,
            "<description>",
            &paragraph(item.text),
            "</description></item>\n",
        );
    }
    out.push_str("</channel></rss>\n");
    out
}

/// RSS 0.92 knows neither `guid` nor `pubDate` in an item.
fn rss092(outlet: &Outlet, base: &str, items: &[Item<'_>]) -> String {
    let mut out = rss_head(outlet, base, "0.92");
    for item in items {
        part(&mut out, "<item><title>", item.title, "</title>");
        part(&mut out, "<link>", &item.url, "</link>");
        part(
            &mut out,
            "<description>",
            item.text,
            "</description></item>\n",
        );
    }
    out.push_str("</channel></rss>\n");
    out
}

fn rss_head(outlet: &Outlet, base: &str, version: &str) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"{}\"?>\n<rss version=\"{version}\"><channel>",
        outlet.encoding
    );
    part(&mut out, "<title>", &outlet.name, "</title>");
    part(&mut out, "<link>", base, "</link>");
    part(
        &mut out,
        "<description>",
        "An invented outlet",
        "</description>",
    );
    part(&mut out, "<language>", &outlet.language, "</language>\n");
    out
}

fn rdf(outlet: &Outlet, base: &str, items: &[Item<'_>]) -> String {
    let mut out = format!("<?xml version=\"1.0\" encoding=\"{}\"?>\n", outlet.encoding);
    out.push_str(
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n",
    );
    part(&mut out, "<channel rdf:about=\"", base, "\">");
    part(&mut out, "<title>", &outlet.name, "</title>");
    part(
        &mut out,
        "<link>",
        base,
        "</link><description>An invented outlet</description>",
    );
    part(
        &mut out,
        "<dc:language>",
        &outlet.language,
        "</dc:language><items><rdf:Seq>",
    );
    for item in items {
        part(&mut out, "<rdf:li rdf:resource=\"", &item.url, "\"/>");
    }
    out.push_str("</rdf:Seq></items></channel>\n");
    for item in items {
        part(&mut out, "<item rdf:about=\"", &item.url, "\">");
        part(&mut out, "<title>", item.title, "</title>");
        part(&mut out, "<link>", &item.url, "</link>");
        part(&mut out, "<description>", item.text, "</description>");
        part(
            &mut out,
            "<dc:date>",
            &item.written.to_string(),
            "</dc:date></item>\n",
        );
    }
    out.push_str("</rdf:RDF>\n");
    out
}

fn atom(outlet: &Outlet, base: &str, items: &[Item<'_>]) -> String {
    let mut out = format!("<?xml version=\"1.0\" encoding=\"{}\"?>\n", outlet.encoding);
    part(
        &mut out,
        "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"",
        &outlet.language,
        "\">",
    );
    part(&mut out, "<title>", &outlet.name, "</title>");
    part(
        &mut out,
        "<id>tag:",
        &format!("{},2026:feed", outlet.domain),
        "</id>",
    );
    part(&mut out, "<link href=\"", base, "\"/>");
    part(&mut out, "<author><name>", &outlet.name, "</name></author>");
    if let Some(newest) = items.first() {
        part(
            &mut out,
            "<updated>",
            &newest.written.to_string(),
            "</updated>\n",
        );
    }
    for item in items {
        let date = item.written.to_string();
        part(&mut out, "<entry><title>", item.title, "</title>");
        part(&mut out, "<id>", &item.url, "</id>");
        part(&mut out, "<link href=\"", &item.url, "\"/>");
        part(&mut out, "<published>", &date, "</published>");
        part(&mut out, "<updated>", &date, "</updated>");
        part(
            &mut out,
            "<summary type=\"html\">",
            &paragraph(item.text),
            "</summary></entry>\n",
        );
    }
    out.push_str("</feed>\n");
    out
}

fn json_feed(outlet: &Outlet, base: &str, items: &[Item<'_>]) -> String {
    let items: Vec<_> = items
        .iter()
        .map(|item| {
            json!({
                "id": item.url,
                "url": item.url,
                "title": item.title,
                "content_html": paragraph(item.text),
                "date_published": item.written.to_string(),
            })
        })
        .collect();
    json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "home_page_url": base,
        "language": outlet.language,
        "items": items,
    })
    .to_string()
}

/// A text as HTML.
pub(super) fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
}

/// A text made safe between tags and inside double quotes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

fn part(out: &mut String, open: &str, text: &str, close: &str) {
    // writing to a string cannot fail
    let _ = write!(out, "{open}{}{close}", escape(text));
}
