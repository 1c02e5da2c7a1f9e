//! Keywords edited in the admin pages: checked, compared on real data, saved, restored; each seen in the audit.

use wirewatch::{
    domain::{Clock as _, Role},
    store::{
        beat,
        keyword_edits::{self, KeywordEdit, Saved},
    },
    web::WebOptions,
};

use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{Answer, Site, ask},
    web::between,
    worker::{TestWorker, count},
};

async fn stocked() -> (TestWorker, Site, String) {
    let publisher = FeedServer::start().await;
    let entries = [
        ("a", "Iran ship", "x"),
        ("b", "Iran football", "x"),
        ("c", "Korea ship", "x"),
        ("d", "Korea football", "x"),
        ("e", "Weather", "x"),
    ];
    publisher.put("/feed", Document::feed(rss(&entries)));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("desk", "iran")]).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let user = site.account("anna", Role::Analyst).await;
    let cookie = site.session_of(user).await;
    (worker, site, cookie)
}

async fn get(site: &Site, cookie: &str, path: &str) -> Answer {
    let request = site.bare_request(reqwest::Method::GET, path);
    ask(request.header("cookie", cookie)).await
}

async fn send(site: &Site, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let basics = [("name", "Desk"), ("edited", "1")];
    let mut all: Vec<(&str, &str)> = fields.to_vec();
    for basic in basics {
        if !all.iter().any(|(name, _)| *name == basic.0) {
            all.push(basic);
        }
    }
    ask(site.form(path, &all).header("cookie", cookie)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_shown_on_the_desks_own_data_before_it_is_saved() {
    let (worker, site, cookie) = stocked().await;
    let query = "ship OR korea AND NOT football OR zeppelin";
    let page = send(
        &site,
        &cookie,
        "/admin/keywords/desk/try",
        &[("query", query)],
    )
    .await;
    assert_eq!(page.status, 200);
    let gained = between(&page.body, "<li class=\"line gained\"", "</li>");
    let lost = between(&page.body, "<li class=\"line lost\"", "</li>");
    assert_eq!((gained.len(), lost.len()), (1, 1), "{}", page.body);
    assert!(gained[0].contains("Korea") && lost[0].contains("football"));
    let outcome = between(&page.body, "<div class=\"outcome\"", "</section>")[0];
    // The article that goes is of a story that stays.
    assert!(outcome.contains("+1 −0 stories"), "{outcome}");
    assert!(outcome.contains("+1 −1 articles"), "{outcome}");
    let rows = between(outcome, "<tr", "</tr>");
    let row = |text: &str| *rows.iter().find(|row| row.contains(text)).unwrap();
    assert!(row(">ship<").contains("<td>2</td><td>1</td>"), "{outcome}");
    assert!(row(">korea AND NOT football<").contains("<td>1</td><td>0</td>"));
    assert!(
        row(">zeppelin<").contains("class=\"none\""),
        "a clause that finds nothing stands out"
    );
    assert!(row(">football<").contains("<td>1</td><td><bdi>Korea football</bdi>"));
    assert!(page.body.ends_with("</html>\n") || page.body.trim_end().ends_with("</html>"));
    assert_eq!(
        count(&worker.db, "keyword_versions").await,
        1,
        "nothing is saved"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_stand_at_their_place_and_a_click_repairs_them() {
    let (_worker, site, cookie) = stocked().await;
    let path = "/admin/keywords/desk/try";
    let page = send(&site, &cookie, path, &[("query", "iran and north korea")]).await;
    assert_eq!(page.status, 422);
    let ways = between(&page.body, "<button name=\"way\" value=\"", "\"");
    assert!(!ways.is_empty(), "{}", page.body);
    let mut query = "iran and north korea".to_owned();
    let mut page = page;
    for _ in 0..3 {
        let Some(way) = between(&page.body, "<button name=\"way\" value=\"", "\"")
            .first()
            .map(|way| {
                way.replace("&#34;", "\"")
                    .replace("&quot;", "\"")
                    .replace("&#39;", "'")
            })
        else {
            break;
        };
        page = send(&site, &cookie, path, &[("query", &query), ("way", &way)]).await;
        let area = between(&page.body, "<textarea id=\"keyword-query\"", "</textarea>")[0];
        query = area
            .split_once(">\n")
            .unwrap()
            .1
            .replace("&#34;", "\"")
            .replace("&quot;", "\"");
    }
    assert_eq!(page.status, 200, "{query}");
    assert!(query.contains("AND"), "{query}");
    // Nothing can be saved that has errors, and what was written stays.
    let refused = send(
        &site,
        &cookie,
        "/admin/keywords/desk",
        &[("query", "iran AND (")],
    )
    .await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("iran AND (</textarea>"));
    assert!(refused.body.contains("class=\"mistake\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pasted_from_another_system_becomes_our_query() {
    let (_worker, site, cookie) = stocked().await;
    let fields = [
        ("query", "north korea near3 iran and ship$2"),
        ("dialect", "factiva"),
    ];
    let page = send(&site, &cookie, "/admin/keywords/desk/try", &fields).await;
    assert_eq!(page.status, 200);
    let area = between(&page.body, "<textarea id=\"keyword-query\"", "</textarea>")[0];
    assert!(area.contains("NEAR/2 iran AND ship*"), "{area}");
    assert!(
        page.body.contains("class=\"lint\""),
        "what was widened is told"
    );
    let unknown = [("query", "iran"), ("dialect", "esperanto")];
    let refused = send(&site, &cookie, "/admin/keywords/desk/try", &unknown).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_keyword_is_a_version_that_can_be_taken_back() {
    let (worker, site, cookie) = stocked().await;
    let fields = [("query", "korea"), ("reason", "the <desk> moves")];
    let saved = send(&site, &cookie, "/admin/keywords/desk", &fields).await;
    assert_eq!(
        (saved.status, saved.header("location")),
        (303, "/admin/keywords/desk?saved=2")
    );
    let page = get(&site, &cookie, saved.header("location")).await;
    assert!(page.body.contains("Saved as version 2."));
    assert!(
        page.body.contains("<del>iran</del><ins>korea</ins>"),
        "{}",
        page.body
    );
    assert!(
        page.body.contains("<bdi>the &#60;desk&#62; moves</bdi>")
            || page.body.contains("the &lt;desk&gt; moves")
    );
    assert!(
        page.body.contains("<progress"),
        "the past waits to be matched"
    );
    // An editor that is behind is told so and loses nothing.
    let behind = send(&site, &cookie, "/admin/keywords/desk", &[("query", "ship")]).await;
    assert_eq!(behind.status, 422);
    assert!(behind.body.contains("ship</textarea>") && behind.body.contains("version 2."));
    // Restoring begins in the editor, with its difference, and ends in a version of its own.
    let earlier = get(&site, &cookie, "/admin/keywords/desk?version=1").await;
    assert!(earlier.body.contains("iran</textarea>"));
    assert!(earlier.body.contains("version 1 restored"));
    let fields = [
        ("query", "iran"),
        ("edited", "2"),
        ("reason", "version 1 restored"),
    ];
    let restored = send(&site, &cookie, "/admin/keywords/desk", &fields).await;
    assert_eq!(restored.header("location"), "/admin/keywords/desk?saved=3");
    assert_eq!(
        count(&worker.db, "keyword_versions WHERE query = 'iran'").await,
        2
    );
    let audited =
        "audit WHERE subject_kind = 'keyword' AND action = 'change' AND actor LIKE '%anna%'";
    assert_eq!(count(&worker.db, audited).await, 2);
    assert_eq!(
        get(&site, &cookie, "/admin/keywords/desk?version=9")
            .await
            .status,
        404
    );
    assert_eq!(
        get(&site, &cookie, "/admin/keywords/none").await.status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_as_long_as_they_may_be_is_edited_in_every_script() {
    let (_worker, site, cookie) = stocked().await;
    let phrases: Vec<String> = (0..52)
        .map(|at| format!("\"{} {at}\"", "제재를 ".repeat(120).trim_end()))
        .collect();
    let query = phrases.join(" OR ");
    assert!(
        (56 << 10..64 << 10).contains(&query.len()),
        "{}",
        query.len()
    );
    for path in ["/admin/keywords/desk/check", "/admin/keywords/desk"] {
        let answer = send(&site, &cookie, path, &[("query", &query)]).await;
        assert!(matches!(answer.status, 200 | 303), "{path} {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn near_misses_that_do_not_fit_are_left_out() {
    let (worker, site, cookie) = stocked().await;
    for (count, is_told) in [(900, true), (1_500, false)] {
        let words: Vec<String> = (0..count).map(|at| format!("word{at}")).collect();
        sqlx::query("UPDATE keywords SET query = $1 WHERE slug = 'desk'")
            .bind(words.join(" AND "))
            .execute(&worker.db)
            .await
            .unwrap();
        let page = get(&site, &cookie, "/admin/keywords/desk/near").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.body.contains("+0 −0"), is_told, "{}", page.body);
        assert_eq!(page.body.contains("is too large"), !is_told);
    }
}

/// The seal that an editor was given.
fn seal(page: &Answer) -> String {
    between(&page.body, "name=\"seen\" value=\"", "\"")[0].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_or_note_that_somebody_else_saved_meanwhile_is_not_lost() {
    let (worker, site, cookie) = stocked().await;
    let path = "/admin/keywords/desk";
    let opened = seal(&get(&site, &cookie, path).await);
    let save = async |seen: &str, note: &str| {
        let fields = [("query", "iran"), ("seen", seen), ("note", note)];
        send(&site, &cookie, path, &fields).await.status
    };
    assert_eq!(save(&opened, "written first").await, 303);
    assert_eq!(save(&opened, "written over it").await, 422);
    let kept = "keywords WHERE note = 'written first' AND version = 1";
    assert_eq!(count(&worker.db, kept).await, 1);
    let seen = seal(&get(&site, &cookie, path).await);
    assert_eq!(save(&seen, "written with it in sight").await, 303);

    let post = async |path: &str, fields: &[(&str, &str)]| {
        ask(site.form(path, fields).header("cookie", &cookie)).await
    };
    post("/admin/concepts", &[("slug", "place"), ("name", "Place")]).await;
    let path = "/admin/concepts/place";
    let opened = seal(&get(&site, &cookie, path).await);
    let save = async |seen: &str, name: &str| {
        let fields = [("name", name), ("edited", "1"), ("seen", seen)];
        post(path, &fields).await.status
    };
    assert_eq!(save(&opened, "Places").await, 303);
    assert_eq!(save(&opened, "Place of mine").await, 422);
    let kept = "concepts WHERE name = 'Places'";
    assert_eq!(count(&worker.db, kept).await, 1);

    // And once more while the row is locked: what the form was compared with may be older than that.
    let source = beat::engine_source(&worker.db).await.unwrap();
    let hanging = beat::Dependants {
        revision: source.revision,
        keywords: Vec::new(),
    };
    let edit = |seen| KeywordEdit {
        slug: "desk",
        edited: 1,
        seen: Some(seen),
        name: "Desk",
        query: "iran",
        note: "late",
        reason: "",
    };
    let now = worker.clock.now();
    let late = edit(("Desk", "written first"));
    let saved = keyword_edits::save(&worker.db, late, &hanging, "anna", now).await;
    assert_eq!(saved.unwrap(), Saved::Outdated(1));
    let in_time = edit(("Desk", "written with it in sight"));
    let saved = keyword_edits::save(&worker.db, in_time, &hanging, "anna", now).await;
    assert_eq!(saved.unwrap(), Saved::As(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_names_every_keyword() {
    let (_worker, site, cookie) = stocked().await;
    let page = get(&site, &cookie, "/admin/keywords").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("href=\"/admin/keywords/desk\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyword_that_others_name_cannot_be_changed_so_that_they_break() {
    let (worker, site, cookie) = stocked().await;
    let fields = [
        ("slug", "ships"),
        ("name", "Ships"),
        ("query", "ship OR keyword:desk"),
        ("edited", "0"),
    ];
    let added = send(&site, &cookie, "/admin/keywords/new", &fields).await;
    assert_eq!(added.header("location"), "/admin/keywords/ships?saved=1");
    assert_eq!(
        count(&worker.db, "rematches").await,
        1,
        "the past is matched with it"
    );
    // A keyword that another one names cannot be changed so that the other one breaks, nor lead back to itself.
    let broken = send(
        &site,
        &cookie,
        "/admin/keywords/desk",
        &[("query", "keyword:ships")],
    )
    .await;
    assert_eq!(broken.status, 422);
    let fine = send(
        &site,
        &cookie,
        "/admin/keywords/desk",
        &[("query", "korea")],
    )
    .await;
    assert_eq!(fine.status, 303);
    let hanging = "keyword_versions WHERE reason = 'keyword:desk changed'";
    assert_eq!(count(&worker.db, hanging).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_checked_and_what_each_part_did_is_told() {
    let (_worker, site, cookie) = stocked().await;
    let path = "/admin/keywords/desk/check";
    let checked = send(&site, &cookie, path, &[("query", "iran and ship")]).await;
    assert_eq!(checked.status, 200);
    assert!(checked.body.contains("class=\"mistake\"") && !checked.body.contains("<html"));
    let sound = send(&site, &cookie, path, &[("query", "iran ship* AND NOT (")]).await;
    assert!(
        sound
            .body
            .contains("formaction=\"/admin/keywords/desk/try\""),
        "{}",
        sound.body
    );
    let parts = get(&site, &cookie, "/admin/keywords/desk/parts").await;
    assert!(parts.body.contains("+0 −0"), "{}", parts.body);
    let clause = between(&parts.body, "<tr><td><code dir=\"auto\">iran", "</tr>")[0];
    assert!(
        clause.contains("<td>2</td><td>2</td><td><bdi>Iran"),
        "{clause}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concept_is_edited_with_its_difference_and_versions() {
    let (worker, site, cookie) = stocked().await;
    let post = async |path: &str, fields: &[(&str, &str)]| {
        ask(site.form(path, fields).header("cookie", &cookie)).await
    };
    let added = post("/admin/concepts", &[("slug", "place"), ("name", "Place")]).await;
    assert_eq!(added.header("location"), "/admin/concepts/place");
    let query = [("query", "@place AND ship")];
    assert_eq!(
        send(&site, &cookie, "/admin/keywords/desk", &query)
            .await
            .status,
        303
    );
    let page = get(&site, &cookie, "/admin/concepts/place").await;
    assert!(
        page.body.contains("href=\"/admin/keywords/desk\""),
        "who uses it"
    );
    let mut fields = vec![
        ("name", "Place"),
        ("edited", "1"),
        ("new_language", "en"),
        ("new_terms", "Iran\nKorea"),
        ("anti_terms", "Korea ship"),
    ];
    let tried = post("/admin/concepts/place/try", &fields).await;
    assert_eq!(tried.status, 200);
    assert!(tried.body.contains("+1 −0"), "{}", tried.body);
    let kept_out = between(&tried.body, "<tr><td><code dir=\"auto\">@place", "</tr>")[0];
    assert!(
        kept_out.contains("<td>1</td><td><bdi>Korea ship"),
        "{kept_out}"
    );
    fields[3].1 = "Iran\n*";
    let flawed = post("/admin/concepts/place", &fields).await;
    assert_eq!(flawed.status, 422);
    assert!(flawed.body.contains("*: "), "{}", flawed.body);
    fields[3].1 = "Iran\nKorea";
    fields[2].1 = "fa_IR";
    for path in ["/admin/concepts/place/try", "/admin/concepts/place"] {
        let flawed = post(path, &fields).await;
        assert_eq!(flawed.status, 422);
        for kept in ["fa_IR: ", "value=\"fa_IR\"", "\nIran\nKorea</textarea>"] {
            assert!(flawed.body.contains(kept), "{kept}: {}", flawed.body);
        }
    }
    fields[2].1 = "en";
    let saved = post("/admin/concepts/place", &fields).await;
    assert_eq!(saved.header("location"), "/admin/concepts/place?saved=2");
    assert_eq!(
        post("/admin/concepts/place", &fields).await.status,
        422,
        "it is outdated"
    );
    let page = get(&site, &cookie, "/admin/concepts/place").await;
    assert!(
        page.body.contains("<ins>+ <bdi>en: Korea</bdi></ins>"),
        "{}",
        page.body
    );
    let earlier = get(&site, &cookie, "/admin/concepts/place?version=1").await;
    assert!(earlier.body.contains("version 1 restored"));
    assert_eq!(
        count(
            &worker.db,
            "keyword_versions WHERE reason = '@place changed'"
        )
        .await,
        1
    );
    let audited = "audit WHERE subject_kind = 'concept' AND after ->> 'version' = '2'";
    assert_eq!(count(&worker.db, audited).await, 1);
    assert_eq!(
        post("/admin/concepts/place", &[("who", "x")]).await.status,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_becomes_the_draft_of_a_keyword_and_is_saved_only_when_somebody_says_so() {
    let (worker, site, cookie) = stocked().await;
    let before = count(&worker.db, "keywords").await;
    let found = get(&site, &cookie, "/search?q=korea+ship&lang=en").await;
    let draft = between(&found.body, "<p class=\"draft\"><a href=\"", "\"")[0].to_owned();
    assert!(draft.starts_with("/admin/keywords/new?query="), "{draft}");
    let editor = get(&site, &cookie, &draft).await;
    assert_eq!(editor.status, 200);
    let area = between(
        &editor.body,
        "<textarea id=\"keyword-query\"",
        "</textarea>",
    )[0];
    let query = area
        .split_once(">\n")
        .unwrap()
        .1
        .replace("&#34;", "\"")
        .replace("&quot;", "\"");
    assert!(
        query.contains("korea") && query.contains("lang:"),
        "{query}"
    );
    // What it would find is shown, and nothing is saved by that.
    let fields = [("query", &*query), ("name", "Korean ships")];
    let tried = send(&site, &cookie, "/admin/keywords/new/try", &fields).await;
    assert_eq!(tried.status, 200, "{}", tried.body);
    assert_eq!(
        between(&tried.body, "<li class=\"line gained\"", "</li>").len(),
        1
    );
    assert_eq!(count(&worker.db, "keywords").await, before);
    // It needs a name, and a short one that is free; what was written stays.
    for (name, slug, says) in [
        ("", "", "needs a name"),
        ("Korea", "desk", "of that short name"),
        ("Korea", "new", "A short name has"),
        ("\u{c81c}\u{c7ac}", "", "A short name has"),
        ("Korea", "../x", "A short name has"),
    ] {
        let fields = [("query", &*query), ("name", name), ("slug", slug)];
        let refused = send(&site, &cookie, "/admin/keywords/new", &fields).await;
        assert_eq!(refused.status, 422, "{name} {slug}");
        assert!(
            refused.body.contains(says) && refused.body.contains("lang:"),
            "{says}: {}",
            refused.body
        );
    }
    let wrong = [("query", "korea AND ("), ("name", "Korea")];
    assert_eq!(
        send(&site, &cookie, "/admin/keywords/new", &wrong)
            .await
            .status,
        422
    );
    assert_eq!(count(&worker.db, "keywords").await, before);

    let saved = send(&site, &cookie, "/admin/keywords/new", &fields).await;
    assert_eq!(
        (saved.status, saved.header("location")),
        (303, "/admin/keywords/korean-ships?saved=1")
    );
    let audited = "audit WHERE subject_kind = 'keyword' AND subject = 'korean-ships' AND action = 'add' AND actor = 'anna'";
    assert_eq!(count(&worker.db, audited).await, 1);
    // The past is matched with it, and so is what comes.
    worker.rematch().await;
    let open = "matches m JOIN keywords k ON k.id = m.keyword_id WHERE k.slug = 'korean-ships' AND m.closed_at IS NULL";
    assert_eq!(count(&worker.db, open).await, 1);
    assert_eq!(
        get(&site, &cookie, saved.header("location")).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_outlets_are_edited_with_their_difference_and_versions() {
    let (worker, site, cookie) = stocked().await;
    let post = async |path: &str, fields: &[(&str, &str)]| {
        ask(site.form(path, fields).header("cookie", &cookie)).await
    };
    let fields = [
        ("outlets", "Iran ship\n"),
        ("edited", "1"),
        ("reason", "a paper"),
    ];
    let tried = post("/admin/outlets/try", &fields).await;
    assert!(tried.body.contains("+0 −1"), "{}", tried.body);
    let saved = post("/admin/outlets", &fields).await;
    assert_eq!(saved.header("location"), "/admin/outlets?saved=2");
    let page = get(&site, &cookie, "/admin/outlets").await;
    assert!(page.body.contains("+ <bdi>Iran ship</bdi>"));
    assert_eq!(count(&worker.db, "rematches").await, 1);
    assert_eq!(post("/admin/outlets", &fields).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_edit_the_beat_is_offered_no_draft() {
    let (_worker, site, _) = stocked().await;
    for role in [Role::Viewer, Role::Editor] {
        let user = site.account(role.as_str(), role).await;
        let cookie = site.session_of(user).await;
        let found = get(&site, &cookie, "/search?q=korea").await;
        assert!(
            found.status == 200 && !found.body.contains("/admin/keywords"),
            "{role}"
        );
        assert_eq!(
            get(&site, &cookie, "/admin/keywords/new?query=korea")
                .await
                .status,
            403
        );
    }
}
