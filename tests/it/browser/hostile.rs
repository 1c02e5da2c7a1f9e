//! Active content in every field of every format, through the whole river onto every page: it stays text.

use serde_json::json;
use wirewatch::domain::{ListSelectors, Role, UserId};

use super::Browser;
use crate::{
    database,
    feed_server::{Document, FeedServer},
    site::{PASSWORD, Site, ask},
    worker::{TestClock, TestWorker, beat},
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

fn rss(place: usize, times: usize, edition: usize) -> String {
    let (id, value) = (value(place, times), value(place + edition, times));
    let link = escaped(link(place), 1);
    format!(
        "<rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\">
         <channel><title>{value}</title><link>{link}</link><description>{value}</description><language>{value}</language>
         <item><title>{value}</title><link>{link}</link><guid isPermaLink=\"false\">{id} rss {place} {times}</guid>
         <description>{value}</description><content:encoded>{value}</content:encoded><author>{value}</author>
         <dc:creator>{value}</dc:creator><category>{value}</category><comments>{link}</comments>
         <enclosure url=\"{link}\" type=\"{value}\" length=\"1\"/><pubDate>{value}</pubDate></item></channel></rss>"
    )
}

fn atom(place: usize, times: usize, edition: usize) -> String {
    let (id, value) = (value(place, times), value(place + edition, times));
    let link = escaped(link(place), 1);
    format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\"><title type=\"html\">{value}</title><id>urn:{place}</id>
         <updated>2026-11-23T09:00:00Z</updated><entry><title type=\"html\">{value}</title><id>{id} atom {place} {times}</id>
         <link href=\"{link}\"/><link rel=\"enclosure\" href=\"{link}\" type=\"{value}\"/><updated>2026-11-23T09:00:00Z</updated>
         <author><name>{value}</name><uri>{link}</uri></author><category term=\"{value}\" label=\"{value}\"/>
         <summary type=\"html\">{value}</summary><content type=\"html\">{value}</content><rights>{value}</rights></entry></feed>"
    )
}

fn rdf(place: usize, times: usize, edition: usize) -> String {
    let value = value(place + edition, times);
    let link = escaped(link(place), 1);
    format!(
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\"
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel rdf:about=\"https://news.example/\"><title>{value}</title>
         <link>https://news.example/</link><description>{value}</description></channel>
         <item rdf:about=\"{link}\"><title>{value}</title><link>https://news.example/rdf/{place}/{times}</link>
         <description>{value}</description><dc:creator>{value}</dc:creator><dc:subject>{value}</dc:subject></item></rdf:RDF>"
    )
}

fn json_feed(place: usize, times: usize, edition: usize) -> String {
    let (id, value) = (value(place, times), value(place + edition, times));
    let link = link(place);
    json!({
        "version": "https://jsonfeed.org/version/1.1", "title": value, "language": value, "home_page_url": link,
        "items": [{"id": format!("{id} json {place} {times}"), "url": link, "external_url": link, "title": value,
            "content_html": value, "summary": value, "authors": [{"name": value, "url": link}], "tags": [value],
            "image": link, "attachments": [{"url": link, "mime_type": value}]}],
    })
    .to_string()
}

fn sitemap(place: usize, times: usize, edition: usize) -> String {
    let value = value(place + edition, times);
    format!(
        "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" xmlns:news=\"http://www.google.com/schemas/sitemap-news/0.9\">
         <url><loc>https://news.example/sitemap/{place}/{times}</loc><news:news><news:publication><news:name>{value}</news:name>
         <news:language>{value}</news:language></news:publication><news:publication_date>2026-11-23T09:00:00Z</news:publication_date>
         <news:title>{value}</news:title><news:keywords>{value}</news:keywords></news:news></url>
         <url><loc>{}</loc><news:news><news:title>{value} of a link</news:title></news:news></url></urlset>",
        escaped(link(place), 1)
    )
}

fn list(place: usize, times: usize, edition: usize) -> String {
    let (value, link) = (value(place + edition, times - 1), escaped(link(place), 1));
    format!(
        "<html lang=en><title>{value}</title><body><ul><li><h2><a href=\"https://news.example/list/{place}/{times}\">{value}</a></h2>
         <time datetime=\"2026-11-23\">{value}</time><p>{value}</p></li>
         <li><h2><a href=\"{link}\">{value} of a link</a></h2></li></ul></body></html>"
    )
}

/// The documents of all formats, by path: with other texts in each edition, by which publishers change what they said.
fn documents(edition: usize) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for place in 0..PAYLOADS.len() {
        // Once: markup that the river takes away. Twice, thrice: text that says markup.
        for times in 1..=3 {
            for (name, document) in [
                ("rss", rss(place, times, edition)),
                ("atom", atom(place, times, edition)),
                ("rdf", rdf(place, times, edition)),
                ("json", json_feed(place, times - 1, edition)),
                ("sitemap", sitemap(place, times, edition)),
                ("list", list(place, times, edition)),
            ] {
                all.push((format!("/{name}/{place}/{times}"), document));
            }
        }
    }
    all
}

/// What must not be in a page: `[what is active, whether any of it ran]`.
const ACTIVE: &str = r#"
    const active = [];
    for (const element of document.querySelectorAll("*")) {
        const name = element.localName;
        if (["iframe", "object", "embed", "base", "math", "frame", "style", "template", "video", "audio", "img"].includes(name)) active.push(element.outerHTML);
        if (name === "script" && !(element.type === "module" && element.src.startsWith(`${location.origin}/static/`))) active.push(element.outerHTML);
        if (name === "meta" && element.httpEquiv) active.push(element.outerHTML);
        if (name === "form" && element.method !== "dialog" && new URL(element.getAttribute("action") ?? "", location.href).origin !== location.origin) active.push(element.outerHTML);
        for (const { name: attribute, value } of element.attributes) {
            if (attribute.startsWith("on") || attribute === "srcdoc" || attribute === "style") active.push(element.outerHTML);
            const isLink = ["href", "src", "action", "formaction", "xlink:href"].includes(attribute);
            if (isLink && !/^(\/|#|https?:)/.test(value)) active.push(element.outerHTML);
        }
    }
    return [active, window.hostile ?? null];
"#;

/// Lets a colleague write markup wherever a desk writes: notes, links, filters, reasons, a page that is asked for. What
/// more there is to look at.
async fn desk_at_work(site: &Site, worker: &TestWorker, user: UserId) -> Vec<String> {
    let cookie = site.session_of(user).await;
    let [note, name, query] = [PAYLOADS[0], PAYLOADS[1], PAYLOADS[10]];
    let mut led_to = Vec::new();
    for (path, fields, expected) in [
        (
            "/desk",
            &[("story", "1"), ("do", "note"), ("text", note)][..],
            303,
        ),
        (
            "/desk",
            &[
                ("story", "1"),
                ("do", "use"),
                (
                    "link",
                    "https://ours.example/<script>window.hostile=1</script>",
                ),
            ],
            303,
        ),
        (
            "/desk",
            &[
                ("story", "1"),
                ("do", "use"),
                ("link", "javascript:window.hostile=1"),
            ],
            400,
        ),
        (
            "/desk",
            &[
                ("story", "2"),
                ("do", "note"),
                ("text", "@admin <img src=x onerror=window.hostile=1>"),
            ],
            303,
        ),
        (
            "/filters",
            &[("name", name), ("asked", "tier=wire"), ("of", "desk")],
            303,
        ),
        (
            "/admin/keywords/iran",
            &[
                ("name", "<script>window.hostile=1</script>"),
                ("edited", "1"),
                ("query", "iran OR \"<script>window.hostile=1\""),
                ("note", note),
                ("reason", name),
            ],
            303,
        ),
        (
            "/admin/keywords/new",
            &[
                ("name", query),
                ("slug", "odd"),
                ("query", "iran AND \"onerror\""),
                ("note", note),
            ],
            303,
        ),
        (
            "/articles/add",
            &[("url", "http://10.0.0.1/<script>window.hostile=1</script>")],
            303,
        ),
    ] {
        let form = site.form(path, fields).header("cookie", &cookie);
        let answer = ask(form).await;
        assert_eq!(
            answer.status, expected,
            "{path} {fields:?}: {}",
            answer.body
        );
        if path == "/articles/add" {
            led_to.push(answer.header("location").to_owned());
        }
    }
    assert_eq!(worker.read_pages().await, 1);
    led_to.push("/admin/keywords/odd".to_owned());
    led_to
}

/// A newsroom whose publishers send markup everywhere.
struct Newsroom {
    publisher: FeedServer,
    worker: TestWorker,
    site: Site,
    admin: UserId,
    feeds: usize,
}

impl Newsroom {
    async fn open() -> Self {
        let publisher = FeedServer::start().await;
        let mut paths = Vec::new();
        for (path, document) in documents(0) {
            publisher.put(&path, Document::feed(document));
            paths.push(publisher.url(&path));
        }
        // A feed that fails says why, in words that its publisher chose.
        publisher.put(
            "/broken",
            Document::feed("<html><script>window.hostile=1</script>"),
        );
        paths.push(publisher.url("/broken?<script>window.hostile=1</script>"));
        let mut beat = beat(&paths, &[("iran", "iran")]);
        for feed in &mut beat.sources[0].feeds {
            if feed.url.as_str().contains("/list/") {
                feed.list = Some(ListSelectors {
                    item: "li".to_owned(),
                    ..ListSelectors::default()
                });
            }
        }
        let (_, db) = database::fresh().await;
        let worker = TestWorker::on(db, &beat, TestClock::at("2026-11-23T10:00:00Z")).await;
        let site = Site::with(
            &worker.db,
            worker.clock.clone(),
            wirewatch::web::WebOptions::default(),
        )
        .await;
        let admin = site.account("admin", Role::Admin).await;
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
        Self {
            publisher,
            worker,
            site,
            admin,
            feeds: paths.len(),
        }
    }

    /// Articles of each format are stored.
    async fn has_read_all_formats(&self) {
        for format in ["rss", "atom", "rdf", "json", "sitemap", "list"] {
            let from = format!(
                "articles a JOIN sightings s ON s.article_id = a.id JOIN feeds f ON f.id = s.feed_id WHERE f.url LIKE '%/{format}/%'"
            );
            assert!(self.worker.count(&from).await > 5, "{format}");
        }
    }

    /// Every page that shows what was sent.
    async fn pages(&self, stored: i64, more: Vec<String>) -> Vec<String> {
        let mut pages: Vec<String> = [
            "/",
            "/?filter=",
            "/keywords/iran",
            "/stories",
            "/yours",
            "/handover?since=24h",
            "/feeds",
            "/feeds/league",
            "/account",
            "/digests",
            "/admin/users",
            "/admin/audit",
            "/admin/keywords",
            "/admin/keywords/iran",
            "/admin/keywords/new?query=%3Cscript%3Ewindow.hostile%3D1%3C%2Fscript%3E",
            "/admin/feeds/new",
            "/admin/grouping",
            "/admin/outbox",
            "/api/v1/articles",
            "/api/v1/feeds",
            "/search?q=iran",
            "/search?q=hostile+OR+script&in=backlog",
            "/search?q=%3Cscript%3Ewindow.hostile%3D1%3C%2Fscript%3E",
            "/keywords/%3Cscript%3Ewindow.hostile=1%3C%2Fscript%3E",
            "/welcome/%22%3E%3Cscript%3Ewindow.hostile=1%3C%2Fscript%3E",
            "/unsubscribe/%22%3E%3Cscript%3Ewindow.hostile=1%3C%2Fscript%3E",
        ]
        .map(str::to_owned)
        .into();
        pages.extend(more);
        // Marked up by a search for the markup itself, through texts and differences; explained by a keyword that one picks.
        let marked = "?q=script+OR+onerror+OR+window+OR+hostile&keyword=iran";
        pages.extend((1..=stored).map(|id| {
            let marked = if id % 2 == 0 { marked } else { "" };
            format!("/articles/{id}{marked}")
        }));
        let stories = self.worker.count("stories").await;
        pages.extend((1..=stories.min(12)).map(|id| format!("/stories/{id}")));
        let broken = self.feeds;
        pages.extend([1, 2, 3, 4, 5, 6, broken].map(|id| format!("/feeds/{id}")));
        pages
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn active_content_in_every_field_of_every_format_is_text_on_every_page() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let room = Newsroom::open().await;
    let (publisher, worker, site) = (&room.publisher, &room.worker, &room.site);
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
    room.has_read_all_formats().await;
    // Then everything says something else: what it said before stands beside it.
    for (path, document) in documents(1) {
        publisher.put(&path, Document::feed(document).without_etag());
    }
    worker.pass_a_day_later().await;
    let revised = worker
        .count("(SELECT DISTINCT article_id FROM revisions) AS r")
        .await;
    assert!(revised > 40, "{revised} articles were revised");
    let more = desk_at_work(site, worker, room.admin).await;
    let pages = room.pages(stored, more).await;
    let mut literal = 0;
    for page in pages {
        browser.goto(&site.url(&page)).await;
        let found = browser.run(ACTIVE).await;
        assert_eq!(found, harmless, "{page}");
        let shows = browser.run(
            "return document.getElementById('main')?.textContent.includes('window.hostile=1')",
        );
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
