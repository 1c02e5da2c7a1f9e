//! Mails as a mail program shows them: on a desk and on a phone, by day and by night.

use std::{collections::BTreeSet, time::Duration};

use jiff::tz::TimeZone;
use wirewatch::{
    digest::{
        compose::{Occasion, compose},
        notice,
        render::{self, Links, Rendered},
    },
    domain::{
        ArticleId, FeedId, Field, Hit, KeywordId, StoryId, SubscriptionId, Tier, Timestamp,
        delivery::IncidentNews,
        desk::{Desk, DeskState, PassReason},
        digest::{
            DigestFilter, DueArticle, DueMatch, DueNote, DueRevision, DueStory, Edition, FirstSeen,
            IssueKey, SubscribedKeyword, Subscription,
        },
    },
};

use super::{
    Browser,
    looks::{contrast, luminance},
    number,
};

const LINKS: Links<'_> = Links {
    base: "https://desk.example",
    unsubscribe: Some(
        "https://desk.example/unsubscribe/5f2c9d3a5f2c9d3a5f2c9d3a5f2c9d3a5f2c9d3a5f2c9d3a5f2c9d3a5f2c9d3a",
    ),
};

fn instant(text: &str) -> Timestamp {
    serde_json::from_value(text.into()).unwrap()
}

fn now() -> Timestamp {
    instant("2026-11-24T06:00:00Z")
}

fn subscription(name: &str, limit: u32) -> Subscription {
    let keyword = |id, slug: &str, name: &str| SubscribedKeyword {
        id: KeywordId::new(id),
        slug: slug.to_owned(),
        name: name.to_owned(),
    };
    Subscription {
        id: SubscriptionId::new(1),
        slug: "morning".to_owned(),
        name: name.to_owned(),
        keywords: vec![
            keyword(1, "link", "Iran–DPRK link"),
            keyword(2, "dprk-sanctions", "DPRK sanctions"),
            keyword(3, "designations", "Designations"),
            keyword(4, "evasion", "Evasion"),
        ],
        filter: DigestFilter::default(),
        limit,
        zone: "Europe/Berlin".to_owned(),
        several_a_day: false,
    }
}

/// Language, source, tier, country, headline, summary, the words that hit with what they stand for.
type Sample = (
    &'static str,
    &'static str,
    Tier,
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const SAMPLES: [Sample; 7] = [
    (
        "en",
        "Yonhap",
        Tier::Wire,
        "KR",
        "Seoul says technicians returned from Tehran after missile talks",
        "South Korea's intelligence service told lawmakers on Monday that a group of North Korean technicians had \
         returned from Tehran, where they had spent two weeks at a centre for solid-fuel engines, according to two \
         members of the committee who were briefed.",
        &[("technicians", ""), ("Tehran", "Iran")],
    ),
    (
        "ko",
        "연합뉴스",
        Tier::Wire,
        "KR",
        "북한 대표단, 이란 방문… 미사일 협력 논의한 듯",
        "북한 경제대표단이 23일 테헤란에 도착했다고 이란 관영 매체가 보도했다. 정보당국은 이번 방문이 미사일 기술 협력과 관련이 있을 가능성을 주시하고 있다.",
        &[("북한", "North Korea"), ("이란", "Iran")],
    ),
    (
        "fa",
        "خبرگزاری تسنیم",
        Tier::State,
        "IR",
        "هیئت اقتصادی کره‌شمالی وارد تهران شد؛ دیدار با وزیر صمت (IMIDRO)",
        "یک هیئت اقتصادی از کره‌شمالی روز دوشنبه وارد تهران شد. به گفته منابع آگاه، این هیئت ۱۴ نفره با مقام‌های وزارت صنعت دیدار خواهد کرد.",
        &[("کره‌شمالی", "North Korea"), ("تهران", "Iran")],
    ),
    (
        "zh",
        "新华社",
        Tier::State,
        "CN",
        "朝鲜代表团访问德黑兰，双方讨论扩大贸易",
        "据伊朗媒体报道，朝鲜经济代表团周一抵达德黑兰，将与伊朗工业部官员举行会谈。",
        &[("朝鲜", "North Korea"), ("德黑兰", "Iran")],
    ),
    (
        "ja",
        "共同通信",
        Tier::Wire,
        "JP",
        "北朝鮮の代表団がイランを訪問　ミサイル協力を協議か",
        "イランの国営メディアは、北朝鮮の経済代表団が23日にテヘランに到着したと伝えた。",
        &[("北朝鮮", "North Korea"), ("イラン", "Iran")],
    ),
    (
        "ar",
        "الجزيرة",
        Tier::Press,
        "QA",
        "وفد كوري شمالي يزور طهران لبحث «التعاون الصناعي»",
        "وصل وفد اقتصادي من كوريا الشمالية إلى طهران يوم الاثنين في زيارة تستمر أربعة أيام.",
        &[("طهران", "Iran")],
    ),
    (
        "ru",
        "ТАСС",
        Tier::State,
        "RU",
        "Экономическая делегация КНДР прибыла в Тегеран",
        "Делегация из 14 человек проведёт переговоры с министром промышленности Ирана.",
        &[("КНДР", "North Korea"), ("Тегеран", "Iran")],
    ),
];

fn hits(field: Field, text: &str, words: &[(&str, &str)]) -> Vec<Hit> {
    words
        .iter()
        .filter_map(|(word, concept)| {
            let start = text.find(word)?;
            let at = |byte: usize| u32::try_from(byte).unwrap();
            Some(Hit {
                field,
                start: at(start),
                end: at(start + word.len()),
                text: (*word).to_owned(),
                concept: (!concept.is_empty()).then(|| (*concept).to_owned()),
            })
        })
        .collect()
}

fn article(id: i64, keyword: i64, sample: &Sample) -> DueArticle {
    let (language, source, tier, country, title, summary, words) = *sample;
    let mut found = hits(Field::Title, title, words);
    found.extend(hits(Field::Summary, summary, words));
    DueArticle {
        id: ArticleId::new(id),
        title: title.to_owned(),
        summary: summary.to_owned(),
        content: String::new(),
        url: Some(format!("https://news.example/{language}/2026/11/24/{id}")),
        language: Some(language.to_owned()),
        source: source.to_owned(),
        tier,
        country: Some(country.to_owned()),
        published_at: Some(now().minus(Duration::from_mins(40 * u64::try_from(id).unwrap()))),
        first_seen_at: now().minus(Duration::from_mins(39 * u64::try_from(id).unwrap())),
        is_copy: false,
        matches: vec![DueMatch {
            keyword: KeywordId::new(keyword),
            version: 3,
            why: "(@iran NEAR/25 @dprk) NOT NEAR/5 football".to_owned(),
            hits: found,
        }],
    }
}

fn story(id: i64, article: DueArticle) -> DueStory {
    DueStory {
        id: StoryId::new(id),
        told_at: None,
        revisions: Vec::new(),
        revised: Vec::new(),
        copies: 0,
        independent: 1,
        first: None,
        desk: Desk::default(),
        notes: Vec::new(),
        articles: vec![article],
    }
}

fn composed(subscription: &Subscription, due: &[DueStory], collection: &str) -> Edition {
    let zone = TimeZone::get(&subscription.zone).unwrap();
    let occasion = Occasion {
        key: IssueKey {
            date: "2026-11-24".parse().unwrap(),
            slot: "07:00".parse().unwrap(),
            serial: 0,
        },
        zone: &zone,
        collection,
        now: now(),
    };
    compose(subscription, due, occasion).edition
}

fn mail(edition: &Edition) -> Rendered {
    render::mail(edition, &TimeZone::get(&edition.zone).unwrap(), LINKS).unwrap()
}

/// Seven languages, stories that develop, the desk's word, copies, a note of the editor.
fn morning() -> Rendered {
    let mut due: Vec<_> = (1..)
        .zip(&SAMPLES)
        .map(|(id, sample)| story(id, article(id, 1 + id % 2, sample)))
        .collect();
    due[0].copies = 14;
    due[0].independent = 3;
    due[0].first = Some(FirstSeen {
        source: "Yonhap".to_owned(),
        at: instant("2026-11-24T04:41:00Z"),
    });
    due[0].desk = Desk {
        state: DeskState::Claimed,
        by: "mara".to_owned(),
        reports: 2,
        ..Desk::default()
    };
    due[0].notes = vec![DueNote {
        author: "mara".to_owned(),
        text: "Ask the ministry whether the two weeks are confirmed; @ed has the number."
            .to_owned(),
    }];
    due[1].desk = Desk {
        state: DeskState::Used,
        by: "ed".to_owned(),
        link: Some("https://ours.example/2026/11/23/delegation".to_owned()),
        reports: 1,
        ..Desk::default()
    };
    due[3].desk = Desk {
        state: DeskState::Passed,
        by: "ed".to_owned(),
        reason: Some(PassReason::Known),
        reports: 1,
        ..Desk::default()
    };
    due[2].told_at = Some(instant("2026-11-23T06:00:00Z"));
    due[2].revisions = vec![DueRevision {
        article: ArticleId::new(3),
        revision: 1,
        source: "خبرگزاری تسنیم".to_owned(),
        before: "هیئت کره‌شمالی به تهران می‌آید".to_owned(),
        after: "هیئت اقتصادی کره‌شمالی وارد تهران شد".to_owned(),
        at: now(),
    }];
    due[5].told_at = Some(instant("2026-11-22T06:00:00Z"));
    due[5].independent = 2;
    let both = DueMatch {
        keyword: KeywordId::new(4),
        ..due[4].articles[0].matches[0].clone()
    };
    due[4].articles[0].matches.push(both);
    let mut edition = composed(
        &subscription("Iran–DPRK morning", 100),
        &due,
        "complete to 06:58 except Tasnim (nothing read since Tue 17 Nov), KCNA (gap of about 3 articles), KCNA Watch",
    );
    edition
        .note
        .push_str("The embargo on the panel's report ends at 10:00.");
    edition.repeated = 4;
    mail(&edition)
}

fn nothing_new() -> Rendered {
    let collection = "complete to 04:12 except Tasnim (unreachable since Mon 16:20), IRNA (unreachable since Mon 16:20), \
                      KCNA (silent for 3 days, norm 9 a day) and 4 more; nobody reads feeds since 04:12";
    mail(&composed(
        &subscription("Iran–DPRK morning", 100),
        &[],
        collection,
    ))
}

/// An alert whose cap turned a flood into one summary.
fn flood() -> Rendered {
    let due: Vec<_> = (1..=23)
        .map(|id| {
            let sample = &SAMPLES[usize::try_from(id).unwrap() % SAMPLES.len()];
            story(id, article(id, 1, sample))
        })
        .collect();
    let mut subscription = subscription("ALERT Iran–DPRK link", 12);
    subscription.several_a_day = true;
    mail(&composed(&subscription, &due, "complete to 06:58"))
}

/// Words that never break, markup, controls of direction.
fn hostile() -> Rendered {
    let texts = [
        "W".repeat(60_000),
        format!("https://long.example/{}", "path/".repeat(900)),
        "<script>alert(1)</script><img src=x onerror=alert(1)></div></td></table><h1>".to_owned(),
        "\u{202E}tfel ot thgir\u{2066} <b dir=rtl>\u{200F}".to_owned(),
        "م".repeat(60_000),
        "朝".repeat(60_000),
        "&amp;#0;&lt;".repeat(500),
    ];
    let due: Vec<_> = (1..)
        .zip(texts)
        .map(|(id, text)| {
            let mut article = article(id, 1, &SAMPLES[0]);
            article.title.clone_from(&text);
            article.summary.clone_from(&text);
            article.source.clone_from(&text);
            article.matches[0].why.clone_from(&text);
            article.matches[0].hits.clear();
            let mut story = story(id, article);
            story.notes = vec![DueNote {
                author: "mara".to_owned(),
                text: text.clone(),
            }];
            story.told_at = (id % 2 == 0).then(|| instant("2026-11-23T06:00:00Z"));
            story
        })
        .collect();
    let mut subscription = subscription(&"Morning".repeat(100), 100);
    for keyword in &mut subscription.keywords {
        keyword.name = "K".repeat(2_000);
    }
    mail(&composed(&subscription, &due, &"complete".repeat(1_000)))
}

fn many() -> Rendered {
    let due: Vec<_> = (1..=200)
        .map(|id| {
            let sample = &SAMPLES[usize::try_from(id).unwrap() % SAMPLES.len()];
            story(id, article(id, 1 + id % 3, sample))
        })
        .collect();
    mail(&composed(
        &subscription("Iran–DPRK morning", 1_000),
        &due,
        "complete to 06:58",
    ))
}

fn feeds() -> Rendered {
    let news = |id, source: &str, kind: &str, detail: &str, closed: Option<&str>| IncidentNews {
        id,
        feed: FeedId::new(id),
        source: source.to_owned(),
        trouble: kind.parse().unwrap(),
        detail: detail.to_owned(),
        opened_at: instant("2026-11-23T15:20:00Z"),
        closed_at: closed.map(instant),
    };
    let news = [
        news(
            1,
            "خبرگزاری تسنیم",
            "unreachable",
            "no answer within 20 s",
            None,
        ),
        news(
            2,
            "KCNA Watch",
            "stale",
            "nothing for 3 days, norm 9 a day",
            None,
        ),
        news(3, "Yonhap", "unreachable", "", Some("2026-11-24T05:30:00Z")),
    ];
    let notice = notice::of_incidents(&news, now()).unwrap();
    notice::mail(&notice, LINKS).unwrap()
}

fn mails() -> [(&'static str, Rendered); 6] {
    [
        ("morning", morning()),
        ("nothing-new", nothing_new()),
        ("flood", flood()),
        ("hostile", hostile()),
        ("many", many()),
        ("feeds", feeds()),
    ]
}

/// `[foreground, background]` of every element that holds text itself.
const COLOURS: &str = "
    const ground = (element) => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if (colour !== 'rgba(0, 0, 0, 0)') return colour;
        }
    };
    return [...document.body.querySelectorAll('*')]
        .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((element) => [getComputedStyle(element).color, ground(element), element.textContent.slice(0, 40)])";

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_read_on_a_desk_and_on_a_phone_by_day_and_by_night() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, mail) in mails() {
        let path = folder.path().join(format!("{name}.html"));
        std::fs::write(&path, &mail.html).unwrap();
        let url = format!("file://{}", path.display());
        for width in [600, 360] {
            browser.widen(width).await;
            for scheme in ["light", "dark"] {
                browser.prefer(scheme).await;
                browser.goto(&url).await;
                let wide = number(
                    &browser
                        .run("return document.documentElement.scrollWidth")
                        .await,
                );
                assert!(wide <= f64::from(width), "{name} at {width} is {wide} wide");
                let colours = browser.run(COLOURS).await;
                let colours = colours.as_array().unwrap();
                assert!(colours.len() > 3, "{name}");
                let mut grounds = BTreeSet::new();
                for colour in colours {
                    let (fore, ground) = (luminance(&colour[0]), luminance(&colour[1]));
                    let ratio = contrast(fore, ground);
                    assert!(ratio >= 4.5, "{name} {scheme} {colour}: {ratio}");
                    grounds.insert(colour[1].as_str().unwrap().to_owned());
                }
                let paper = luminance(
                    &browser
                        .run("return getComputedStyle(document.body).backgroundColor")
                        .await,
                );
                assert_eq!(paper < 0.05, scheme == "dark", "{name}: {grounds:?}");
            }
        }
    }
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_headline_of_a_mail_has_its_own_direction_and_hostile_ones_change_nothing_around_them()
{
    let Some(browser) = Browser::start().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let directions = "return [...document.querySelectorAll('.h')]
        .map((element) => element.lang + ' ' + getComputedStyle(element).direction)";
    let outline = "return [document.querySelectorAll('h1').length, document.querySelectorAll('script, img, b[dir]').length,
        document.querySelectorAll('table').length]";
    let open = async |name: &str, mail: &Rendered| {
        let path = folder.path().join(format!("{name}.html"));
        std::fs::write(&path, &mail.html).unwrap();
        browser.goto(&format!("file://{}", path.display())).await;
    };
    open("morning", &morning()).await;
    let plain = browser.run(outline).await;
    let found = browser.run(directions).await;
    let mut found: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "ar rtl", "en ltr", "fa rtl", "ja ltr", "ko ltr", "ru ltr", "zh ltr"
        ]
    );
    open("hostile", &hostile()).await;
    assert_eq!(browser.run(outline).await, plain);
    browser.end().await;
}
