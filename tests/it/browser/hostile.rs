//! Active content in every field of every format, through the whole river onto every page: it stays text.

use serde_json::json;
use wirewatch::domain::Role;

use super::Browser;
use crate::{
    feed_server::{Document, FeedServer},
    site::{PASSWORD, Site},
    worker::TestWorker,
};

/// Markup that does something where it is taken for markup.
const PAYLOADS: [&str; 12] = [
    "<script>window.hostile=1</script>",
    "<img src=x onerror=window.hostile=1>",
    "<svg onload=window.hostile=1>",
    "<svg></p><style><a id=\"</style><img src=1 onerror=window.hostile=1>\">",
    "<math><annotation-xml encoding=\"text/html\"><script>window.hostile=1</script></annotation-xml></math>",
    "<noscript><p title=\"</noscript><img src=x onerror=window.hostile=1>\"></noscript>",
    "<iframe srcdoc=\"<script>parent.hostile=1</script>\"></iframe>",
    "<meta http-equiv=refresh content=\"0;url=javascript:window.hostile=1\">",
    "<base href=\"https://news.example/\"><form action=//news.example><button>x</button></form>",
    "</textarea></title></script>--><script>window.hostile=1</script>",
    "\"'><body onpageshow=window.hostile=1>{{7*7}}${7*7}",
    "<a href=\"java&#10;script:window.hostile=1\" style=\"position:fixed;inset:0\">x</a>",
];

/// Escaped as many times as the text is unwrapped on its way.
fn escaped(text: &str, times: usize) -> String {
    (0..times).fold(text.to_owned(), |text, _| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
    })
}

/// A value that is markup in one reading and text in another.
fn value(place: usize, times: usize) -> String {
    escaped(&format!("Iran {}", PAYLOADS[place % PAYLOADS.len()]), times)
}

fn link(place: usize) -> &'static str {
    [
        "javascript:window.hostile=1",
        "data:text/html,<script>window.hostile=1</script>",
        "vbscript:x",
        "JaVaScRiPt:window.hostile=1",
    ][place % 4]
}

fn rss(place: usize, times: usize) -> String {
    let (value, link) = (value(place, times), escaped(link(place), 1));
    format!(
        "<rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\">
         <channel><title>{value}</title><link>{link}</link><description>{value}</description><language>{value}</language>
         <item><title>{value}</title><link>{link}</link><guid isPermaLink=\"false\">{value} rss {place} {times}</guid>
         <description>{value}</description><content:encoded>{value}</content:encoded><author>{value}</author>
         <dc:creator>{value}</dc:creator><category>{value}</category><comments>{link}</comments>
         <enclosure url=\"{link}\" type=\"{value}\" length=\"1\"/><pubDate>{value}</pubDate></item></channel></rss>"
    )
}

fn atom(place: usize, times: usize) -> String {
    let (value, link) = (value(place, times), escaped(link(place), 1));
    format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\"><title type=\"html\">{value}</title><id>urn:{place}</id>
         <updated>2026-11-23T09:00:00Z</updated><entry><title type=\"html\">{value}</title><id>{value} atom {place} {times}</id>
         <link href=\"{link}\"/><link rel=\"enclosure\" href=\"{link}\" type=\"{value}\"/><updated>2026-11-23T09:00:00Z</updated>
         <author><name>{value}</name><uri>{link}</uri></author><category term=\"{value}\" label=\"{value}\"/>
         <summary type=\"html\">{value}</summary><content type=\"html\">{value}</content><rights>{value}</rights></entry></feed>"
    )
}

fn rdf(place: usize, times: usize) -> String {
    let (value, link) = (value(place, times), escaped(link(place), 1));
    format!(
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\"
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel rdf:about=\"https://news.example/\"><title>{value}</title>
         <link>https://news.example/</link><description>{value}</description></channel>
         <item rdf:about=\"{link}\"><title>{value}</title><link>https://news.example/rdf/{place}/{times}</link>
         <description>{value}</description><dc:creator>{value}</dc:creator><dc:subject>{value}</dc:subject></item></rdf:RDF>"
    )
}

fn json_feed(place: usize, times: usize) -> String {
    let (value, link) = (value(place, times), link(place));
    json!({
        "version": "https://jsonfeed.org/version/1.1", "title": value, "language": value, "home_page_url": link,
        "items": [{"id": format!("{value} json {place} {times}"), "url": link, "external_url": link, "title": value,
            "content_html": value, "summary": value, "authors": [{"name": value, "url": link}], "tags": [value],
            "image": link, "attachments": [{"url": link, "mime_type": value}]}],
    })
    .to_string()
}

/// What must not be in a page: `[what is active, whether any of it ran]`.
const ACTIVE: &str = r#"
    const active = [];
    for (const element of document.querySelectorAll("*")) {
        const name = element.localName;
        if (["iframe", "object", "embed", "base", "math", "frame", "style", "template", "video", "audio", "img"].includes(name)) active.push(element.outerHTML);
        if (name === "script" && !(element.type === "module" && element.src.startsWith(`${location.origin}/static/`))) active.push(element.outerHTML);
        if (name === "meta" && element.httpEquiv) active.push(element.outerHTML);
        if (name === "form" && element.method !== "dialog" && new URL(element.action).origin !== location.origin) active.push(element.outerHTML);
        for (const { name: attribute, value } of element.attributes) {
            if (attribute.startsWith("on") || attribute === "srcdoc" || attribute === "style") active.push(element.outerHTML);
            const isLink = ["href", "src", "action", "formaction", "xlink:href"].includes(attribute);
            if (isLink && !/^(\/|#|https?:)/.test(value)) active.push(element.outerHTML);
        }
    }
    return [active, window.hostile ?? null];
"#;

#[tokio::test(flavor = "multi_thread")]
async fn active_content_in_every_field_of_every_format_is_text_on_every_page() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let publisher = FeedServer::start().await;
    let mut paths = Vec::new();
    for place in 0..PAYLOADS.len() {
        // Once: markup that the river takes away. Twice, thrice: text that says markup.
        for times in 1..=3 {
            for (name, document) in [
                ("rss", rss(place, times)),
                ("atom", atom(place, times)),
                ("rdf", rdf(place, times)),
                ("json", json_feed(place, times - 1)),
            ] {
                let path = format!("/{name}/{place}/{times}");
                publisher.put(&path, Document::feed(document));
                paths.push(publisher.url(&path));
            }
        }
    }
    // A feed that fails says why, in words that its publisher chose.
    publisher.put(
        "/broken",
        Document::feed("<html><script>window.hostile=1</script>"),
    );
    paths.push(publisher.url("/broken?<script>window.hostile=1</script>"));
    let worker = TestWorker::new(&paths, &[("iran", "iran")]).await;
    let site = Site::with(
        &worker.db,
        worker.clock.clone(),
        wirewatch::web::WebOptions::default(),
    )
    .await;
    site.account("admin", Role::Admin).await;
    sqlx::query("UPDATE users SET full_name = $1")
        .bind(PAYLOADS[1])
        .execute(&worker.db)
        .await
        .unwrap();
    sqlx::query("UPDATE keywords SET name = $1, note = $2")
        .bind(PAYLOADS[0])
        .bind(PAYLOADS[2])
        .execute(&worker.db)
        .await
        .unwrap();
    browser.goto(&site.url("/login")).await;
    browser.sign_in("admin", PASSWORD).await;
    browser.until_text(".who bdi", "admin").await;
    // Open before anything is stored, so that everything comes through the live stream as well.
    worker.pass().await;
    let has_lines = "return document.querySelectorAll('.line').length > 0";
    browser.until(has_lines, &json!(true)).await;
    let harmless = json!([[], null]);
    browser.press(".").await;
    browser.until(ACTIVE, &harmless).await;
    let stored = worker.count("articles").await;
    assert!(stored > 40, "{stored} articles were stored");
    let mut pages: Vec<String> = [
        "/",
        "/keywords/iran",
        "/feeds",
        "/account",
        "/admin/users",
        "/search?q=iran",
        "/search?q=%3Cscript%3Ewindow.hostile%3D1%3C%2Fscript%3E",
        "/keywords/%3Cscript%3Ewindow.hostile=1%3C%2Fscript%3E",
        "/welcome/%22%3E%3Cscript%3Ewindow.hostile=1%3C%2Fscript%3E",
    ]
    .map(str::to_owned)
    .into();
    pages.extend((1..=stored).map(|id| format!("/articles/{id}")));
    let broken = paths.len();
    pages.extend([1, 2, 3, 4, broken].map(|id| format!("/feeds/{id}")));
    let mut literal = 0;
    for page in pages {
        browser.goto(&site.url(&page)).await;
        let found = browser.run(ACTIVE).await;
        assert_eq!(found, harmless, "{page}");
        let shows = browser
            .run("return document.getElementById('main').textContent.includes('window.hostile=1')");
        literal += u32::from(shows.await == true && page.starts_with("/articles/"));
    }
    assert!(
        literal > 5,
        "{literal} pages show markup as the text that it is"
    );
    // What was text stays the text that it was: nothing is escaped twice.
    browser.goto(&site.url("/admin/users")).await;
    let shown = browser.text(".rows .what").await.unwrap();
    assert!(shown.contains(PAYLOADS[1]), "{shown}");
    // Unlike the address of the live stream, a page that is not there is told of by the console.
    browser.end_after(&["404", "410"]).await;
}
