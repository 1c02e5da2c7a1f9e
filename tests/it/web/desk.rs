//! The desk over HTTP: what may follow what, what colleagues hear of it, what survives, and what is taken back.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use wirewatch::{domain::Role, web::WebOptions};

use super::live::Listener;
use crate::{
    feed_server::FeedServer,
    headlines,
    site::{Answer, Site, ask},
    worker::{TestWorker, count},
};

/// Two editors and a viewer over some stories.
pub(super) struct Newsroom {
    pub(super) worker: TestWorker,
    pub(super) site: Site,
    pub(super) publisher: FeedServer,
    pub(super) ed: String,
    pub(super) mara: String,
    viewer: String,
}

impl Newsroom {
    pub(super) async fn open(stories: usize) -> Self {
        let publisher = FeedServer::start().await;
        publisher.put("/feed", headlines::document(stories));
        let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
        worker.pass().await;
        // What a feed holds when it is first read is history; what comes then is news.
        let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
        let session = async |name: &str, role| {
            let user = site.account(name, role).await;
            site.session_of(user).await
        };
        Self {
            ed: session("ed", Role::Editor).await,
            mara: session("mara", Role::Editor).await,
            viewer: session("vic", Role::Viewer).await,
            publisher,
            worker,
            site,
        }
    }

    pub(super) async fn publish(&self, stories: usize) {
        self.publisher.put("/feed", headlines::document(stories));
        self.worker.pass_a_day_later().await;
    }

    /// The story of a headline.
    pub(super) async fn story(&self, number: usize) -> i64 {
        sqlx::query_scalar(
            "SELECT m.story_id FROM story_members m JOIN articles a ON a.id = m.article_id WHERE a.title = $1",
        )
        .bind(headlines::HEADLINES[number])
        .fetch_one(&self.worker.db)
        .await
        .unwrap()
    }

    pub(super) async fn send(&self, who: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = self.site.form(path, fields).header("cookie", who);
        ask(form.header("accept", "application/json")).await
    }

    pub(super) async fn does(&self, who: &str, story: i64, fields: &[(&str, &str)]) -> Answer {
        let story = story.to_string();
        let fields: Vec<(&str, &str)> = [("story", story.as_str())]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        self.send(who, "/desk", &fields).await
    }

    pub(super) async fn page(&self, who: &str, path: &str) -> String {
        let request = self.site.bare_request(Method::GET, path);
        let answer = ask(request.header("cookie", who)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// The words of the desk about a story, as its page tells them.
    pub(super) async fn told(&self, story: i64) -> String {
        let page = self.page(&self.viewer, &format!("/stories/{story}")).await;
        let words = super::between(&page, "id=\"desk-state\" data-live>", "</div>")[0];
        // Without markup.
        words
            .split('<')
            .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text))
            .collect::<String>()
            .trim()
            .to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_keeps_others_out_until_it_is_released_or_runs_out() {
    let room = Newsroom::open(2).await;
    let story = room.story(0).await;
    assert_eq!(room.told(story).await, "new: nobody has it yet");
    let claimed = room.does(&room.ed, story, &[("do", "claim")]).await;
    assert_eq!(claimed.status, 200, "{}", claimed.body);
    assert!(room.told(story).await.starts_with("claimed ed until"));

    let pass = [("do", "pass"), ("reason", "old")];
    let refused = room.does(&room.mara, story, &pass).await;
    assert_eq!(refused.status, 409);
    let why = refused.json()["refused"][0]["why"].to_string();
    assert!(why.contains("ed has claimed it"), "{why}");
    assert!(room.told(story).await.starts_with("claimed ed"));

    // Whatever the job does, two hours later it is free; the job writes it down.
    room.worker.clock.advance(Duration::from_mins(119));
    assert_eq!(room.worker.release().await, 0);
    room.worker.clock.advance(Duration::from_mins(1));
    assert_eq!(room.told(story).await, "new: nobody has it yet");
    assert_eq!(room.worker.release().await, 1);
    assert_eq!(room.worker.release().await, 0);
    let audited = count(&room.worker.db, "audit WHERE action = 'expire'").await;
    assert_eq!(audited, 1);
    let passed = room.does(&room.mara, story, &pass).await;
    assert_eq!(passed.status, 200, "{}", passed.body);
    assert_eq!(room.told(story).await, "passed: old mara");

    room.does(&room.ed, story, &[("do", "claim")]).await;
    room.does(&room.mara, story, &[("do", "release")]).await;
    let link = ("link", "https://ours.example/a?b=1&c=2");
    let used = room.does(&room.mara, story, &[("do", "use"), link]).await;
    assert_eq!(used.status, 200, "{}", used.body);
    let page = room.page(&room.viewer, &format!("/stories/{story}")).await;
    assert!(
        page.contains("href=\"https://ours.example/a?b=1&#38;c=2\""),
        "{page}"
    );
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_taken_back_unless_something_else_was_decided_since() {
    let room = Newsroom::open(3).await;
    let story = room.story(0).await;
    let change = |answer: &Answer| answer.json()["done"][0]["change"].to_string();
    let watch = change(&room.does(&room.ed, story, &[("do", "watch")]).await);
    let claim = change(&room.does(&room.mara, story, &[("do", "claim")]).await);
    let give = [("do", "assign"), ("to", "ed")];
    let given = change(&room.does(&room.mara, story, &give).await);

    let early = room
        .send(&room.ed, "/desk/undo", &[("change", &watch)])
        .await;
    assert_eq!(early.status, 409, "{}", early.body);
    assert!(early.body.contains("something else was decided since"));
    // All of them together are taken back from the last one on.
    let all = [
        ("change", &*watch),
        ("change", &*claim),
        ("change", &*given),
    ];
    let undone = room.send(&room.ed, "/desk/undo", &all).await;
    assert_eq!(
        (
            undone.status,
            undone.json()["done"].as_array().map(Vec::len)
        ),
        (200, Some(3))
    );
    assert_eq!(room.told(story).await, "new: nobody has it yet");
    let again = room
        .send(&room.ed, "/desk/undo", &[("change", &claim)])
        .await;
    assert_eq!(again.status, 409, "{}", again.body);
    // Who takes JSON is refused in JSON.
    let unknown = room
        .send(&room.ed, "/desk/undo", &[("change", "999")])
        .await;
    assert_eq!(
        (unknown.status, unknown.header("content-type")),
        (404, "application/problem+json")
    );
    assert_eq!(unknown.json()["detail"], "There is no such change.");
    let rows = "audit WHERE subject_kind = 'story' AND before IS NOT NULL AND after IS NOT NULL";
    assert_eq!(count(&room.worker.db, rows).await, 6);

    // Many at once, and without script.
    let [one, two] = [
        room.story(1).await.to_string(),
        room.story(2).await.to_string(),
    ];
    let fields = [
        ("story", &*one),
        ("story", &*two),
        ("do", "pass"),
        ("reason", "noise"),
        ("next", "/keywords/iran"),
    ];
    let form = room.site.form("/desk", &fields).header("cookie", &room.ed);
    let passed = ask(form).await;
    assert_eq!(
        (passed.status, passed.header("location")),
        (303, "/keywords/iran")
    );
    let board = room.page(&room.viewer, "/").await;
    assert_eq!(board.matches("passed: noise").count(), 2, "{board}");
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_desk_decided_survives_merging_and_parting() {
    let room = Newsroom::open(3).await;
    let [one, two] = [room.story(0).await, room.story(1).await];
    room.does(&room.ed, one, &[("do", "use")]).await;
    let note = [("do", "note"), ("text", "ours since noon")];
    room.does(&room.ed, one, &note).await;
    room.does(&room.mara, two, &[("do", "pass"), ("reason", "known")])
        .await;

    let merge = format!("/stories/{two}/merge");
    let merged = room
        .send(&room.ed, &merge, &[("other", &one.to_string())])
        .await;
    assert_eq!(merged.status, 303, "{}", merged.body);
    // Of two, the one that asks more stands, with the notes of both.
    assert!(
        room.told(two).await.starts_with("used ed"),
        "{}",
        room.told(two).await
    );
    let page = room.page(&room.ed, &format!("/stories/{two}")).await;
    assert!(page.contains("ours since noon"));
    // An order to the number of the story that is no more goes to the one that took its members.
    let late = room.does(&room.ed, one, &[("do", "watch")]).await;
    assert_eq!(late.json()["done"][0]["story"], json!(two));
    assert!(room.told(two).await.starts_with("watched ed"));
    room.worker.regroup().await;
    assert!(
        room.told(two).await.starts_with("watched ed"),
        "after a regrouping"
    );

    let undone = room.send(&room.ed, "/stories/decisions/1/undo", &[]).await;
    assert_eq!(undone.status, 303, "{}", undone.body);
    for story in [one, two] {
        assert!(
            room.told(story).await.starts_with("watched ed"),
            "parted again"
        );
    }
    assert!(
        room.page(&room.ed, &format!("/stories/{one}"))
            .await
            .contains("ours since noon")
    );
    assert!(
        !room
            .page(&room.ed, &format!("/stories/{two}"))
            .await
            .contains("ours since noon")
    );
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_runs_out_in_a_merged_story_takes_nothing_else_with_it() {
    let room = Newsroom::open(4).await;
    let [watched, claimed] = [room.story(0).await, room.story(1).await];
    let [used, held] = [room.story(2).await, room.story(3).await];
    room.does(&room.ed, watched, &[("do", "watch")]).await;
    room.does(&room.mara, claimed, &[("do", "claim")]).await;
    room.does(&room.ed, used, &[("do", "use")]).await;
    room.does(&room.mara, held, &[("do", "claim")]).await;
    for (into, other) in [(claimed, watched), (held, used)] {
        let merge = format!("/stories/{into}/merge");
        let other = other.to_string();
        let merged = room.send(&room.ed, &merge, &[("other", &other)]).await;
        assert_eq!(merged.status, 303, "{}", merged.body);
    }
    room.worker.clock.advance(Duration::from_mins(121));
    assert_eq!(room.worker.release().await, 2);
    assert!(
        room.told(claimed).await.starts_with("watched ed"),
        "what stood beside it"
    );
    assert!(room.told(held).await.starts_with("used ed"));
    let audited = count(&room.worker.db, "audit WHERE action = 'expire'").await;
    assert_eq!(audited, 1, "of a used story no claim stood");
    let undone = room.send(&room.ed, "/stories/decisions/2/undo", &[]).await;
    assert_eq!(undone.status, 303, "{}", undone.body);
    assert_eq!(room.told(held).await, "new: nobody has it yet");
    assert!(room.told(used).await.starts_with("used ed"));
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_merge_leaves_alone_what_was_moved_out_since() {
    let room = Newsroom::open(2).await;
    let [one, two] = [room.story(0).await, room.story(1).await];
    let db = &room.worker.db;
    let moved: i64 = sqlx::query_scalar("SELECT article_id FROM story_members WHERE story_id = $1")
        .bind(one)
        .fetch_one(db)
        .await
        .unwrap();
    let merge = format!("/stories/{two}/merge");
    room.send(&room.ed, &merge, &[("other", &one.to_string())])
        .await;
    let parted = room
        .send(&room.ed, "/stories/out", &[("article", &moved.to_string())])
        .await;
    assert_eq!(parted.status, 303, "{}", parted.body);
    let story_of_it = async || -> i64 {
        sqlx::query_scalar("SELECT story_id FROM story_members WHERE article_id = $1")
            .bind(moved)
            .fetch_one(db)
            .await
            .unwrap()
    };
    let own = story_of_it().await;
    assert!(own != two);
    room.does(&room.mara, own, &[("do", "claim")]).await;
    let undone = room.send(&room.ed, "/stories/decisions/1/undo", &[]).await;
    assert_eq!(undone.status, 303, "{}", undone.body);
    assert_eq!(story_of_it().await, own, "the later decision stands");
    assert!(room.told(own).await.starts_with("claimed mara"));
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_back_a_change_of_merged_stories_gives_each_what_was_its_own() {
    let room = Newsroom::open(3).await;
    let [watched, passed, new] = [
        room.story(0).await,
        room.story(1).await,
        room.story(2).await,
    ];
    room.does(&room.ed, watched, &[("do", "watch")]).await;
    room.does(&room.mara, passed, &[("do", "pass"), ("reason", "old")])
        .await;
    for other in [watched, new] {
        let merge = format!("/stories/{passed}/merge");
        let merged = room
            .send(&room.ed, &merge, &[("other", &other.to_string())])
            .await;
        assert_eq!(merged.status, 303, "{}", merged.body);
    }
    let claimed = room.does(&room.mara, passed, &[("do", "claim")]).await;
    let change = claimed.json()["done"][0]["change"].to_string();
    assert!(room.told(passed).await.starts_with("claimed mara"));
    let undone = room
        .send(&room.mara, "/desk/undo", &[("change", &change)])
        .await;
    assert_eq!(undone.status, 200, "{}", undone.body);
    assert!(room.told(passed).await.starts_with("watched ed"));
    for decision in [2, 1] {
        let undo = format!("/stories/decisions/{decision}/undo");
        assert_eq!(room.send(&room.ed, &undo, &[]).await.status, 303);
    }
    assert!(room.told(watched).await.starts_with("watched ed"));
    assert_eq!(room.told(passed).await, "passed: old mara");
    assert_eq!(room.told(new).await, "new: nobody has it yet");
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_that_is_freed_has_those_that_were_merged_into_it_before() {
    let room = Newsroom::open(3).await;
    let [first, second, third] = [
        room.story(0).await,
        room.story(1).await,
        room.story(2).await,
    ];
    room.does(&room.ed, first, &[("do", "watch")]).await;
    for (from, into) in [(first, second), (second, third)] {
        let merge = format!("/stories/{into}/merge");
        let merged = room
            .send(&room.ed, &merge, &[("other", &from.to_string())])
            .await;
        assert_eq!(merged.status, 303, "{}", merged.body);
    }
    let leads_to = async |story: i64| {
        let request = room
            .site
            .bare_request(Method::GET, &format!("/stories/{story}"));
        let answer = ask(request.header("cookie", &room.ed)).await;
        answer.header("location").to_owned()
    };
    assert_eq!(leads_to(first).await, format!("/stories/{third}"));
    let undo = |decision: i64| format!("/stories/decisions/{decision}/undo");
    assert_eq!(room.send(&room.ed, &undo(2), &[]).await.status, 303);
    assert_eq!(leads_to(first).await, format!("/stories/{second}"));
    assert!(room.told(second).await.starts_with("watched ed"));
    assert_eq!(room.told(third).await, "new: nobody has it yet");
    // The other way round nothing that was freed is caught again.
    let merge = format!("/stories/{third}/merge");
    room.send(&room.ed, &merge, &[("other", &second.to_string())])
        .await;
    for decision in [1, 3] {
        assert_eq!(room.send(&room.ed, &undo(decision), &[]).await.status, 303);
    }
    for story in [first, second, third] {
        assert_eq!(leads_to(story).await, "", "{story} is its own");
    }
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_on_a_story_that_was_merged_meanwhile_is_told_what_stands() {
    let room = Newsroom::open(4).await;
    let [used, new] = [room.story(0).await, room.story(1).await];
    room.does(&room.ed, used, &[("do", "use")]).await;
    let heard: i64 = sqlx::query_scalar("SELECT last FROM desk_numbers")
        .fetch_one(&room.worker.db)
        .await
        .unwrap();
    let heard = heard.to_string();
    let merge = format!("/stories/{used}/merge");
    let merged = room
        .send(&room.ed, &merge, &[("other", &new.to_string())])
        .await;
    assert_eq!(merged.status, 303, "{}", merged.body);
    // The line of the story that is no more still says that it is new, with or without a script.
    for fields in [
        &[("do", "claim")][..],
        &[("do", "claim"), ("heard", &heard)],
        &[("do", "pass"), ("reason", "old")],
    ] {
        let refused = room.does(&room.mara, new, fields).await;
        assert_eq!(refused.status, 409, "{}", refused.body);
        assert_eq!(
            refused.json()["refused"][0],
            json!({"story": used, "why": "meanwhile it was used by ed, 1 independent report since"})
        );
    }
    assert!(room.told(used).await.starts_with("used ed"));

    // The line of the one that took it may be older than what came to it, too.
    let [third, into] = [room.story(2).await, room.story(3).await];
    room.does(&room.ed, third, &[("do", "watch")]).await;
    let merge = format!("/stories/{into}/merge");
    room.send(&room.ed, &merge, &[("other", &third.to_string())])
        .await;
    let refused = room
        .does(&room.mara, into, &[("do", "claim"), ("heard", &heard)])
        .await;
    assert!(
        refused.body.contains("meanwhile it was watched by ed"),
        "{}",
        refused.body
    );
    // Whoever has heard of it decides.
    let page = room.page(&room.mara, &format!("/stories/{into}")).await;
    let heard = super::between(&page, "name=\"heard\" value=\"", "\"")[0];
    let claimed = room
        .does(&room.mara, into, &[("do", "claim"), ("heard", heard)])
        .await;
    assert_eq!(claimed.status, 200, "{}", claimed.body);
    let own = room
        .does(&room.mara, third, &[("do", "watch"), ("heard", heard)])
        .await;
    assert_eq!(own.status, 200, "one's own decision: {}", own.body);
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_reaches_whom_it_mentions_and_its_author_alone_takes_it_back() {
    let room = Newsroom::open(1).await;
    let story = room.story(0).await;
    let text = "@mara and @nobody: <b>check</b> the ship, ed@example.org has it";
    let written = room
        .does(&room.ed, story, &[("do", "note"), ("text", text)])
        .await;
    assert_eq!(written.status, 200, "{}", written.body);
    let page = room.page(&room.mara, "/yours").await;
    assert!(
        page.contains("<strong class=\"mention\">@mara</strong>"),
        "{page}"
    );
    assert!(page.contains("&#60;b&#62;check") && !page.contains("<b>check"));
    let heads = room.page(&room.mara, "/feeds").await;
    assert!(heads.contains("<strong class=\"mentions\">1"), "{heads}");
    assert!(
        !room
            .page(&room.ed, "/feeds")
            .await
            .contains("class=\"mentions\"")
    );
    let read = room.send(&room.mara, "/yours/mentions", &[]).await;
    assert_eq!(read.status, 303);
    assert!(
        !room
            .page(&room.mara, "/feeds")
            .await
            .contains("class=\"mentions\"")
    );

    let change = written.json()["done"][0]["change"].to_string();
    let foreign = room
        .send(&room.mara, "/desk/undo", &[("change", &change)])
        .await;
    assert_eq!(foreign.status, 409, "{}", foreign.body);
    let own = room
        .send(&room.ed, "/desk/undo", &[("change", &change)])
        .await;
    assert_eq!(own.status, 200, "{}", own.body);
    assert!(!room.page(&room.mara, "/yours").await.contains("the ship"));
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_pages_hear_what_the_desk_does_and_one_that_was_away_catches_up() {
    let room = Newsroom::open(3).await;
    let story = room.story(0).await;
    let mut board = Listener::open_as(&room.site, "/events?after=0&desk=0", &room.mara).await;
    room.does(&room.ed, story, &[("do", "claim")]).await;
    let told = board.next_of("desk").await;
    assert_eq!(told["stories"][0]["ids"], json!([story]));
    assert_eq!(told["stories"][0]["state"], "claimed");
    let html = told["stories"][0]["html"].as_str().unwrap();
    assert!(html.contains("claimed <bdi>ed</bdi>"), "{html}");
    drop(board);

    let other = room.story(1).await;
    room.does(&room.ed, story, &[("do", "release")]).await;
    room.does(&room.ed, other, &[("do", "watch")]).await;
    let mut board = Listener::open_as(&room.site, "/events?after=0&desk=0", &room.mara).await;
    let mut states: Vec<(i64, String)> = Vec::new();
    while states.len() < 2 {
        let told = board.next_of("desk").await;
        for one in told["stories"].as_array().unwrap() {
            let id = one["ids"][0].as_i64().unwrap();
            states.push((id, one["state"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!(
        states,
        [(story, "new".to_owned()), (other, "watch".to_owned())]
    );

    // The page of a story hears of its own, and of who has seen it.
    let path = format!("/events?desk=0&story={other}");
    let mut page = Listener::open_as(&room.site, &path, &room.mara).await;
    let first = page.next_of("desk").await;
    assert_eq!(first["stories"].as_array().map(Vec::len), Some(1));
    let article: i64 =
        sqlx::query_scalar("SELECT article_id FROM story_members WHERE story_id = $1")
            .bind(other)
            .fetch_one(&room.worker.db)
            .await
            .unwrap();
    let seen = room
        .send(&room.ed, "/seen", &[("article", &article.to_string())])
        .await;
    assert_eq!(seen.status, 204);
    assert_eq!(page.next_of("seen").await, json!({}));
    let shown = room.page(&room.mara, &format!("/stories/{other}")).await;
    let seers = super::between(&shown, "id=\"desk-seers\" data-live>", "</p>")[0];
    assert!(
        seers.contains("<bdi>ed</bdi>") && !seers.contains("mara"),
        "{seers}"
    );
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_claim_at_once_are_told_apart() {
    let room = Newsroom::open(1).await;
    let story = room.story(0).await;
    for _ in 0..10 {
        let (one, two) = tokio::join!(
            room.does(&room.ed, story, &[("do", "claim")]),
            room.does(&room.mara, story, &[("do", "claim")]),
        );
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        room.does(&room.ed, story, &[("do", "release")]).await;
    }
    room.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handover_tells_what_the_desk_did_and_who_changed_the_beat() {
    let room = Newsroom::open(1).await;
    room.publish(6).await;
    let link = [("do", "use"), ("link", "https://ours.example/piece")];
    for (number, fields) in [
        (1, &[("do", "claim")][..]),
        (2, &link),
        (3, &[("do", "pass"), ("reason", "known")]),
        (4, &[("do", "note"), ("text", "ask the ministry")]),
    ] {
        let story = room.story(number).await;
        assert_eq!(room.does(&room.ed, story, fields).await.status, 200);
    }
    let user = room.site.account("ana", Role::Analyst).await;
    let ana = room.site.session_of(user).await;
    let edit = [
        ("name", "Iran"),
        ("edited", "1"),
        ("query", "iran OR tehran"),
    ];
    let saved = room.send(&ana, "/admin/keywords/iran", &edit).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let page = room.page(&room.viewer, "/handover?since=8h").await;
    let counts = super::between(&page, "<p class=\"counts\">", "</p>")[0];
    for says in [
        "<strong>1</strong> claimed",
        "<strong>1</strong> used",
        "<strong>1</strong> passed",
        "<strong>1</strong> note",
    ] {
        assert!(counts.contains(says), "{says}: {counts}");
    }
    assert!(page.contains("https://ours.example/piece") && page.contains("passed: known"));
    let beat = page.split("id=\"beat-title\"").nth(1).unwrap();
    assert!(
        beat.contains("ana") && beat.contains("changed 1 keyword"),
        "{beat}"
    );
    assert!(
        !beat.contains("session"),
        "who signs in is no news of the beat: {beat}"
    );
}
