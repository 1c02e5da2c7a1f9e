//! Stories in the service: grouped as articles arrive, taken over by another process, decided by the desk.

use std::{sync::Arc, time::Duration};

use wirewatch::domain::{BeatFeed, BeatSource, Role, Tier};

use crate::{
    database,
    feed_server::{Document, FeedServer, rss},
    site::{Answer, Site, ask},
    worker::{TestClock, TestWorker, beat, count},
};

pub(crate) const WIRE: &str = "The coast guard detained the tanker Silver Heron on Tuesday eleven miles off Port Marlow after its \
    captain presented forged cargo papers. Officers who boarded the ship found 42,000 barrels of crude that had been \
    declared as palm oil, the agency said in a statement.";

pub(crate) const OWN: &str = "Investigators at Port Marlow are questioning the crew of the tanker Silver Heron, detained this week \
    with crude oil listed as palm oil on forged papers. Harbour records show who bought the ship in spring.";

pub(crate) const OTHER: &str = "The central bank raised its key rate by two points to fourteen percent, its fourth increase this \
    year, and the governor said prices would calm down by next summer.";

/// Two outlets of one report, one with a report of its own, and one with another event.
pub(crate) struct Desk {
    publisher: FeedServer,
    pub(crate) worker: TestWorker,
}

const OUTLETS: [(&str, Tier); 4] = [
    ("first-wire", Tier::Wire),
    ("copying-post", Tier::Press),
    ("own-paper", Tier::Press),
    ("money-daily", Tier::Press),
];

impl Desk {
    async fn start() -> Self {
        Self::with(&[("ships", "tanker OR rate")]).await
    }

    /// With these keywords, and outlets that were read before: what they publish is news.
    pub(crate) async fn following(keywords: &[(&str, &str)]) -> Self {
        let desk = Self::with(keywords).await;
        desk.worker.pass().await;
        desk
    }

    async fn with(keywords: &[(&str, &str)]) -> Self {
        let publisher = FeedServer::start().await;
        let mut beat = beat(&[], keywords);
        beat.sources = OUTLETS
            .iter()
            .map(|(slug, tier)| BeatSource {
                slug: (*slug).to_owned(),
                name: (*slug).to_owned(),
                domain: format!("{slug}.example"),
                country: Some("KR".to_owned()),
                language: Some("en".to_owned()),
                tier: *tier,
                tags: Vec::new(),
                note: String::new(),
                feeds: vec![BeatFeed::at(
                    publisher.url(&format!("/{slug}")).parse().unwrap(),
                )],
            })
            .collect();
        for (slug, _) in OUTLETS {
            publisher.put(&format!("/{slug}"), Document::feed(rss(&[])));
        }
        let (_, db) = database::fresh().await;
        let worker = TestWorker::on(db, &beat, TestClock::at("2026-11-23T10:00:00Z")).await;
        Self { publisher, worker }
    }

    /// One outlet publishes, and a few minutes go by.
    pub(crate) async fn publishes(&self, outlet: &str, title: &str, text: &str) {
        let id = format!("{outlet}-{}", title.len());
        self.publisher.put(
            &format!("/{outlet}"),
            Document::feed(rss(&[(&id, title, text)])),
        );
        self.worker.clock.advance(Duration::from_hours(1));
        sqlx::query("UPDATE feeds SET next_poll_at = 'epoch'")
            .execute(&self.worker.db)
            .await
            .unwrap();
        self.worker.pass().await;
    }

    async fn all_publish() -> Self {
        let desk = Self::start().await;
        desk.publishes(
            "first-wire",
            "Coast guard detains tanker off Port Marlow",
            WIRE,
        )
        .await;
        desk.publishes(
            "copying-post",
            "Tanker held near harbour - Copying Post",
            WIRE,
        )
        .await;
        desk.publishes(
            "own-paper",
            "Tanker Silver Heron: crude hidden as palm oil",
            OWN,
        )
        .await;
        desk.publishes("money-daily", "Bank lifts key rate to 14 percent", OTHER)
            .await;
        desk
    }

    /// Story and original of an outlet's article.
    pub(crate) async fn placed(&self, outlet: &str) -> (i64, Option<i64>) {
        sqlx::query_as(
            "SELECT m.story_id, m.copy_of
               FROM story_members m
               JOIN articles a ON a.id = m.article_id
               JOIN sources s ON s.id = a.source_id
              WHERE s.slug = $1",
        )
        .bind(outlet)
        .fetch_one(&self.worker.db)
        .await
        .unwrap()
    }

    pub(crate) async fn article(&self, outlet: &str) -> i64 {
        sqlx::query_scalar(
            "SELECT a.id FROM articles a JOIN sources s ON s.id = a.source_id WHERE s.slug = $1",
        )
        .bind(outlet)
        .fetch_one(&self.worker.db)
        .await
        .unwrap()
    }

    pub(crate) async fn site(&self) -> Site {
        Site::start(&self.worker.db, Arc::clone(&self.worker.clock) as _).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_and_independent_reports_of_an_event_share_a_story() {
    let desk = Desk::all_publish().await;
    let [wire, copy, own, other] = desk.stories().await;
    assert_eq!((wire, wire), (copy, own));
    assert_ne!(wire, other);
    assert_eq!(
        desk.placed("copying-post").await.1,
        Some(desk.article("first-wire").await)
    );
    assert_eq!(desk.placed("own-paper").await.1, None);
    let counted = format!("stories WHERE id = {wire} AND articles = 3 AND reports = 2");
    assert_eq!(desk.worker.count(&counted).await, 1);

    let site = desk.site().await;
    let page = site.get(&format!("/stories/{wire}")).await;
    assert_eq!(page.status, 200);
    for told in [
        "3 articles",
        "1 copy",
        "2 independent",
        "wire: <bdi>first-wire</bdi>",
        "+1 hour",
    ] {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    let board = site.get("/").await.body;
    assert!(board.contains("+1 copy · 2 independent"), "{board}");
    assert!(
        !board.contains("Tanker held near harbour"),
        "a copy is no line of its own"
    );
    let league = site.get("/feeds/league").await.body;
    assert!(league.contains("first-wire"), "{league}");
    let list = site.get("/stories").await.body;
    assert!(
        list.contains(&format!("/stories/{wire}"))
            && !list.contains(&format!("/stories/{other}\""))
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_goes_on_with_the_stories_of_the_first() {
    let desk = Desk::start().await;
    desk.publishes(
        "first-wire",
        "Coast guard detains tanker off Port Marlow",
        WIRE,
    )
    .await;
    let second = TestWorker::on(
        desk.worker.db.clone(),
        &beat(&[], &[]),
        Arc::clone(&desk.worker.clock),
    )
    .await;
    let Desk { publisher, worker } = desk;
    drop(worker);
    let desk = Desk {
        publisher,
        worker: second,
    };
    desk.worker.clock.advance(Duration::from_secs(16));
    desk.publishes("copying-post", "Tanker held near harbour", WIRE)
        .await;
    assert_eq!(
        desk.placed("copying-post").await.0,
        desk.placed("first-wire").await.0
    );
    assert!(desk.placed("copying-post").await.1.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_in_grouping_does_not_hold_up_arrivals() {
    let desk = Desk::start().await;
    let rename =
        |from: &str, to: &str| sqlx::AssertSqlSafe(format!("ALTER TABLE {from} RENAME TO {to}"));
    sqlx::query(rename("story_members", "away"))
        .execute(&desk.worker.db)
        .await
        .unwrap();
    desk.publishes(
        "first-wire",
        "Coast guard detains tanker off Port Marlow",
        WIRE,
    )
    .await;
    assert_eq!(desk.worker.count("articles WHERE arrival = 1").await, 1);
    sqlx::query(rename("away", "story_members"))
        .execute(&desk.worker.db)
        .await
        .unwrap();
    desk.worker.place().await;
    assert_eq!(
        desk.worker.count("story_members").await,
        1,
        "made up for later"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_desk_decides_survives_a_regrouping_and_can_be_taken_back() {
    let desk = Desk::all_publish().await;
    let site = desk.site().await;
    let [wire, .., other] = desk.stories().await;
    let own = desk.article("own-paper").await;

    let moved = desk_sends(&site, "/stories/out", &[("article", &own.to_string())]).await;
    assert_eq!(moved.status, 303, "{}", moved.body);
    let merge = format!("/stories/{wire}/merge");
    let merged = desk_sends(&site, &merge, &[("other", &format!("/stories/{other}"))]).await;
    assert_eq!(
        (merged.status, merged.header("location")),
        (303, format!("/stories/{wire}").as_str())
    );
    let check = async |when: &str| {
        let [wire_now, copy, own, rates] = desk.stories().await;
        assert_eq!((wire_now, copy, rates), (wire, wire, wire), "{when}");
        assert_ne!(own, wire, "{when}");
        let old = site.get(&format!("/stories/{other}")).await;
        assert_eq!(old.header("location"), format!("/stories/{wire}"), "{when}");
    };
    check("at once").await;
    assert_eq!(desk.worker.regroup().await, 4);
    check("after a full regrouping").await;
    desk.publishes("copying-post", "Tanker held, crew questioned", OWN)
        .await;
    check_own(&desk, own).await;

    for decision in [2, 1] {
        let audit = site.get("/admin/audit?kind=story").await.body;
        let undo = format!("/stories/decisions/{decision}/undo");
        assert!(audit.contains(&format!("action=\"{undo}\"")), "{audit}");
        let undone = desk_sends(&site, &undo, &[]).await;
        assert_eq!(undone.status, 303, "{}", undone.body);
    }
    let [wire_now, _, own, rates] = desk.stories().await;
    assert_eq!((wire_now, own, rates), (wire, wire, other));
    assert_eq!(site.get(&format!("/stories/{other}")).await.status, 200);
    assert_eq!(
        count(&desk.worker.db, "audit WHERE subject_kind = 'story'").await,
        4
    );
    let audit = site.get("/admin/audit?kind=story").await.body;
    assert!(
        audit.matches("<strong>undo</strong>").count() == 2
            && !audit.contains("/stories/decisions/"),
        "what was taken back is not offered again: {audit}"
    );
    for change in [
        "UPDATE audit SET actor = ''",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ] {
        let refused = sqlx::query(change)
            .execute(&desk.worker.db)
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("the audit only grows"),
            "{change}: {refused}"
        );
    }
    let measure = site.get("/admin/grouping").await.body;
    assert!(measure.contains("taken back"), "{measure}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_moved_out_is_a_copy_again_when_that_is_taken_back() {
    let desk = Desk::all_publish().await;
    let site = desk.site().await;
    let before = desk.placed("copying-post").await;
    assert_eq!(before.1, Some(desk.article("first-wire").await));
    let copy = desk.article("copying-post").await.to_string();
    let moved = desk_sends(&site, "/stories/out", &[("article", &copy)]).await;
    assert_eq!(moved.status, 303, "{}", moved.body);
    let apart = desk.placed("copying-post").await;
    assert_ne!(apart.0, before.0);
    assert_eq!(apart.1, None);
    let undone = desk_sends(&site, "/stories/decisions/1/undo", &[]).await;
    assert_eq!(undone.status, 303, "{}", undone.body);
    assert_eq!(desk.placed("copying-post").await, before);
    let counted = format!(
        "stories WHERE id = {} AND articles = 3 AND reports = 2",
        before.0
    );
    assert_eq!(desk.worker.count(&counted).await, 1);
    site.stop().await;
}

/// A form, sent by somebody who may decide.
pub(crate) async fn desk_sends(site: &Site, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = site.token_of(Role::Editor).await.unwrap();
    ask(site.form(path, fields).bearer_auth(token)).await
}

/// A new copy of the report that was moved out goes with it.
async fn check_own(desk: &Desk, own: i64) {
    let same = format!(
        "story_members a JOIN story_members b ON b.story_id = a.story_id
          WHERE a.article_id = {own} AND b.copy_of = {own}"
    );
    assert_eq!(desk.worker.count(&same).await, 1);
}

impl Desk {
    /// The story of each outlet's first article.
    async fn stories(&self) -> [i64; 4] {
        let mut stories = [0; 4];
        for (story, (outlet, _)) in stories.iter_mut().zip(OUTLETS) {
            *story = sqlx::query_scalar(
                "SELECT m.story_id
                   FROM story_members m
                   JOIN articles a ON a.id = m.article_id
                   JOIN sources s ON s.id = a.source_id
                  WHERE s.slug = $1
                  ORDER BY a.id
                  LIMIT 1",
            )
            .bind(outlet)
            .fetch_one(&self.worker.db)
            .await
            .unwrap();
        }
        stories
    }
}
