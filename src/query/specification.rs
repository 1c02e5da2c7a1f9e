//! The specification of the language as tables: each of its examples, both ways.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::{Engine, Lexicon, LexiconProblem, Purpose, QueryError, Scratch, explain, parse};
use crate::domain::{ArticleMatch, Concept, Facts, Field, Keyword, KeywordId, Subject, Tier};

pub(super) fn keyword(id: i64, slug: &str, query: &str) -> Keyword {
    Keyword {
        id: KeywordId::new(id),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        version: 3,
        query: query.to_owned(),
    }
}

fn concept(slug: &str, name: &str, terms: &[&str], anti_terms: &[&str]) -> Concept {
    let owned = |list: &[&str]| list.iter().map(|&term| term.to_owned()).collect();
    Concept {
        slug: slug.to_owned(),
        name: name.to_owned(),
        terms: owned(terms),
        anti_terms: owned(anti_terms),
    }
}

/// A small beat.
pub(super) fn lexicon() -> Lexicon {
    let concepts = [
        concept(
            "Iran",
            "Iran",
            &[
                "Iran",
                "Iranian*",
                "Tehran",
                "이란",
                "伊朗",
                "イラン",
                "إيران",
                "ایران",
            ],
            &["이란성", "イランイラン"],
        ),
        concept(
            "dprk",
            "North Korea",
            &[
                "North Korea",
                "cs(DPRK)",
                "\"Kim Jong Un\"",
                "북한",
                "朝鲜",
                "北朝鮮",
                "کره شمالی",
            ],
            &["朝鲜蓟", "朝鲜战争"],
        ),
        concept(
            "sanctions",
            "Sanctions",
            &["sanction*", "제재"],
            &["sanctioned by the court"],
        ),
    ];
    let outlets = [
        "Tehran Times".to_owned(),
        "Yonhap".to_owned(),
        "노동신문".to_owned(),
    ];
    let keywords = [
        keyword(1, "link", "@iran NEAR/10 @dprk"),
        keyword(2, "either", "iran OR korea"),
        keyword(3, "broken", "iran korea"),
        keyword(4, "ring-a", "iran AND keyword:ring-b"),
        keyword(5, "ring-b", "korea AND keyword:ring-a"),
        keyword(6, "self", "korea OR keyword:self"),
    ];
    let (lexicon, problems) = Lexicon::new(&concepts, &outlets, &keywords);
    assert_eq!(problems, []);
    lexicon
}

fn errors(query: &str) -> Vec<QueryError> {
    parse(query, &lexicon(), Purpose::SavedKeyword)
        .err()
        .unwrap_or_default()
}

fn judged(query: &str, subject: &Subject<'_>) -> Option<ArticleMatch> {
    let lexicon = lexicon();
    let (engine, problems) = Engine::compile(&[keyword(7, "test", query)], &lexicon);
    assert_eq!(problems, [], "{query}");
    let matched = engine.matches(subject, &mut Scratch::default()).pop();
    let parsed = parse(query, &lexicon, Purpose::SavedKeyword).unwrap();
    assert_eq!(
        explain(&parsed, &lexicon, subject).held,
        matched.is_some(),
        "why: {query}"
    );
    matched
}

fn in_content(content: &str) -> Subject<'_> {
    Subject {
        content,
        ..Subject::default()
    }
}

fn letters(matched: Option<ArticleMatch>) -> Option<Vec<String>> {
    matched.map(|matched| matched.hits.into_iter().map(|hit| hit.text).collect())
}

/// Checks texts that must match a query with exactly these letters, or must not match (none).
fn check(table: &[(&str, &str, Option<&[&str]>)]) {
    for (query, content, expected) in table {
        let found = letters(judged(query, &in_content(content)));
        let expected = expected.map(|letters| {
            letters
                .iter()
                .map(|&hit| hit.to_owned())
                .collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{query} in {content:?}");
    }
}

#[test]
fn terms_meet_words_by_their_script() {
    check(&[
        (
            "sanction*",
            "new sanctions, sanctioning",
            Some(&["sanctions", "sanctioning"]),
        ),
        ("sanction", "sanctions", None),
        ("iran", "Mohammad TIRANA", None),
        ("iran", "IRAN’s men", Some(&["IRAN"])),
        ("iran", "Iran-backed", Some(&["Iran"])),
        ("북한", "북한은 말했다", Some(&["북한"])),
        ("북한", "북한과의 대화", Some(&["북한"])),
        ("북한", "북한산 석탄", None),
        ("이란", "이란의 핵", Some(&["이란"])),
        ("이란", "전쟁이란 무엇인가", None),
        ("이란", "이란성 쌍둥이", None),
        ("이란", "북한·이란 협력", Some(&["이란"])),
        ("북한*", "북한산은", Some(&["북한산은"])),
        ("伊朗", "朝鲜与伊朗合作", Some(&["伊朗"])),
        ("伊朗", "伊、朗", None),
        ("北朝鮮", "北朝鮮の", Some(&["北朝鮮"])),
        ("北朝鮮", "北の朝鮮", None),
        ("朝鲜*", "朝鲜人", Some(&["朝鲜"])),
        ("イラン", "イランの核", Some(&["イラン"])),
        ("イラン", "イラン・イラク", Some(&["イラン"])),
        ("イラン", "トイランド", None),
        ("ｲﾗﾝ", "イラン", Some(&["イラン"])),
        ("إيران", "وإيران", Some(&["إيران"])),
        ("إيران", "لإيران", Some(&["إيران"])),
        ("إيران", "ايران", Some(&["ايران"])),
        ("إيران", "طهران", None),
        ("عقوبات", "للعقوبات والعقوبات", Some(&["عقوبات", "عقوبات"])),
        ("العقوبات", "للعقوبات", Some(&["للعقوبات"])),
        ("الإيراني*", "والإيرانية", Some(&["الإيرانية"])),
        ("إيراني*", "والإيرانية", Some(&["إيرانية"])),
        ("تحریم", "تحریم‌ها", Some(&["تحریم"])),
        ("تحریم", "تحریم ها", Some(&["تحریم"])),
        ("تحریم", "تحریمهای", Some(&["تحریم"])),
        ("تحریم‌ها", "تحریمها", Some(&["تحریمها"])),
        (
            "\"تحریم ثانویه\"",
            "تحریم‌های ثانویه",
            Some(&["تحریم‌های ثانویه"]),
        ),
        ("\"کره شمالی\"", "کرهٔ شمالی", Some(&["کرهٔ شمالی"])),
        ("\"کره شمالی\"", "کره‌شمالی", Some(&["کره‌شمالی"])),
        ("کره‌شمالی", "کره شمالی", Some(&["کره شمالی"])),
        ("\"قطعنامه ۲۲۳۱\"", "قطعنامه 2231", Some(&["قطعنامه 2231"])),
        ("อิหร่าน", "เกาหลีเหนือและอิหร่านร่วมมือ", Some(&["อิหร่าน"])),
        ("Иран*", "Ирана и иранские", Some(&["Ирана", "иранские"])),
        ("Семен", "Семён", Some(&["Семён"])),
        ("Hwasong", "Hwasŏng", Some(&["Hwasŏng"])),
    ]);
}

#[test]
fn words_are_parted_and_joined_as_specified() {
    check(&[
        ("ship-to-ship", "ship to ship", Some(&["ship to ship"])),
        (
            "\"ship to ship\"",
            "a ship-to-ship transfer",
            Some(&["ship-to-ship"]),
        ),
        ("Hwasong-14", "the Hwasong 14", Some(&["Hwasong 14"])),
        ("Hwasong-14", "Hwasong-140", None),
        ("\"hwasong 14\"", "Hwasong–14", Some(&["Hwasong–14"])),
        ("18형", "화성-18형은", Some(&["18형"])),
        ("화성-18", "화성-18형", Some(&["화성-18"])),
        ("KN23", "KN23형", Some(&["KN23"])),
        ("KN-23", "KN23", None),
        ("dprk", "the D.P.R.K. said", Some(&["D.P.R.K."])),
        ("us", "the U.S. said", Some(&["U.S."])),
        ("U.S.", "us", Some(&["us"])),
        ("cs(US)", "us", None),
        ("cs(US)", "the U.S.’s role", Some(&["U.S."])),
        ("cs(US)", "US", Some(&["US"])),
        ("cs(IRGC)", "irgc IRGC-linked", Some(&["IRGC"])),
        (
            "cs(\"Entity List\")",
            "the entity list, the Entity List",
            Some(&["Entity List"]),
        ),
        ("cs(MSMT)", "MŠMT", None),
        ("MSMT", "MŠMT", Some(&["MŠMT"])),
        ("missile", "mis\u{AD}sile", Some(&["mis\u{AD}sile"])),
        ("w?rd", "word wird weird", Some(&["word", "wird"])),
        ("*stan", "Pakistan stands", Some(&["Pakistan"])),
        ("*anct*", "sanctions", Some(&["sanctions"])),
        (
            "\"North Korean*\"",
            "North Koreans",
            Some(&["North Koreans"]),
        ),
        ("“North Korea”", "north Korea's", Some(&["north Korea"])),
    ]);
}

#[test]
fn phrases_and_distances() {
    check(&[
        ("\"north korea\"", "north of korea", None),
        ("\"north korea\"", "north, Korea", Some(&["north, Korea"])),
        ("\"north korea\"", "north\nkorea", None),
        ("\"a b\"~1", "b a x b a", Some(&["a x b"])),
        ("\"a b\"~1", "a x x b", None),
        ("\"a b c\"~2", "a x b x c", Some(&["a x b x c"])),
        ("\"a b c\"~1", "a x b x c", None),
        ("\"a b\"~5", "b a", None),
        ("aa NEAR/0 bb", "bb aa", Some(&["bb", "aa"])),
        ("aa NEAR/0 bb", "aa x bb", None),
        ("aa NEAR/2 bb", "aa x x bb x x x aa", Some(&["aa", "bb"])),
        ("aa NEAR/9 bb", "aa\nbb", None),
        ("aa ONEAR/3 bb", "bb aa", None),
        ("aa ONEAR/3 bb", "aa x bb", Some(&["aa", "bb"])),
        ("aa NEAR/3 aa", "aa", None),
        ("aa NEAR/3 aa", "aa aa", Some(&["aa", "aa"])),
        ("korea NEAR/3 \"north korea\"", "north korea", None),
        (
            "korea NEAR/3 \"north korea\"",
            "north korea, korea",
            Some(&["north korea", "korea"]),
        ),
        ("aa NOT NEAR/2 bb", "aa x bb", None),
        ("aa NOT NEAR/2 bb", "aa x bb x x x aa", Some(&["aa"])),
        (
            "sanction* NOT NEAR/2 \"sanctioned by the court\"",
            "sanctioned by the court",
            None,
        ),
        ("aa NEAR/S bb", "Aa x x. Bb", None),
        ("aa NEAR/S bb", "X. Aa x x bb", Some(&["Aa", "bb"])),
        ("aa NEAR/P bb", "Aa x. Bb", Some(&["Aa", "Bb"])),
        ("aa NEAR/P bb", "Aa x.\nBb", None),
        (
            "(aa OR cc) NEAR/1 (bb OR dd)",
            "cc x dd aa",
            Some(&["cc", "dd", "aa"]),
        ),
        (
            "(aa NEAR/1 bb) NEAR/1 cc",
            "aa bb x x aa bb x cc",
            Some(&["aa", "bb", "cc"]),
        ),
        ("伊朗 NEAR/1 朝鲜", "伊朗和朝鲜", Some(&["伊朗", "朝鲜"])),
        ("伊朗 NEAR/1 朝鲜", "伊朗以及朝鲜", None),
        ("ATLEAST/2 aa", "aa x aa", Some(&["aa", "aa"])),
        ("ATLEAST/2 aa", "aa", None),
        ("ATLEAST/2 (\"aa bb\" OR bb)", "aa bb", None),
        ("2 OF (aa, bb, cc)", "aa cc", Some(&["aa", "cc"])),
        ("2 OF (aa, bb, cc)", "cc cc", None),
        ("aa AND bb", "aa", None),
        ("aa OR bb AND cc", "aa", Some(&["aa"])),
        ("aa NOT bb", "aa bb", None),
        ("aa AND NOT bb", "aa cc", Some(&["aa"])),
        ("aa AND NOT (bb AND cc)", "aa bb", Some(&["aa"])),
        ("NOT bb AND aa", "aa", Some(&["aa"])),
        ("or AND not", "or is not", Some(&["or", "not"])),
    ]);
}

#[test]
fn concepts_and_what_consumes() {
    check(&[
        ("@IRAN", "Tehran spoke", Some(&["Tehran"])),
        ("@iran", "the Tehran Times reported", None),
        ("tehran", "the Tehran Times reported", None),
        (
            "\"Tehran Times\"",
            "the Tehran Times reported",
            Some(&["Tehran Times"]),
        ),
        ("@dprk", "朝鲜蓟", None),
        ("@dprk", "朝鲜蓟和朝鲜", Some(&["朝鲜"])),
        ("朝鲜", "朝鲜蓟", Some(&["朝鲜"])),
        (
            "@dprk",
            "North Korea, dprk, DPRK",
            Some(&["North Korea", "DPRK"]),
        ),
        ("@sanctions", "sanctioned by the court", None),
        (
            "sanction*",
            "sanctioned by the court",
            Some(&["sanctioned"]),
        ),
        ("@iran", "イランイラン", None),
        ("노동", "노동신문은", None),
        (
            "@iran NEAR/3 @dprk",
            "이란과 북한은",
            Some(&["이란", "북한"]),
        ),
        (
            "keyword:link",
            "Iran and North Korea",
            Some(&["Iran", "North Korea"]),
        ),
        ("keyword:LINK AND missile", "Iran and North Korea", None),
        (
            "keyword:either NEAR/1 missile",
            "a korea missile",
            Some(&["korea", "missile"]),
        ),
    ]);
}

#[test]
fn the_traps_of_the_beat_can_be_kept_out() {
    check(&[
        (
            "sanction* NOT NEAR/2 (officially OR event)",
            "officially sanctioned",
            None,
        ),
        (
            "sanction* NOT NEAR/2 (officially OR event)",
            "the sanctioned event and some more sanctions",
            Some(&["sanctions"]),
        ),
        ("이란", "사랑이란 무엇인가", None),
        ("화성 NEAR/5 (미사일 OR ICBM)", "화성시의 축제", None),
        ("화성 NEAR/5 (미사일 OR ICBM)", "화성 탐사", None),
        (
            "화성 NEAR/5 (미사일 OR ICBM)",
            "화성-18형 미사일을",
            Some(&["화성", "미사일"]),
        ),
        (
            "북한산 NEAR/1 (석탄 OR 무기)",
            "북한산 석탄을",
            Some(&["북한산", "석탄"]),
        ),
        ("노동 NEAR/2 미사일", "고용노동부 미사일", None),
        ("شاهد NEAR/3 صاروخ", "شاهد الفيديو", None),
        ("شاهد NEAR/3 صاروخ", "شاهد وصاروخ", Some(&["شاهد", "صاروخ"])),
        ("火星 NEAR/3 (導弾 OR ミサイル)", "火星の石", None),
        ("\"Green Pine\" NEAR/10 @dprk", "the Green Pine radar", None),
        ("cs(AIO)", "an aio cooler", None),
        ("resolution NEAR/1 (1718 OR 2231)", "in 1718", None),
        (
            "resolution NEAR/1 (1718 OR 2231)",
            "resolution 2231 (2015)",
            Some(&["resolution", "2231"]),
        ),
        (
            "ATLEAST/2 @dprk OR title:@dprk",
            "Related: North Korea",
            None,
        ),
        (
            "@iran",
            "according to the Tehran Times in Tehran",
            Some(&["Tehran"]),
        ),
        ("iran", "Ирана", None),
    ]);
}

#[test]
fn a_hit_of_a_concept_says_so() {
    let matched = judged("@dprk OR missile", &in_content("北朝鮮 missile")).unwrap();
    let glosses: Vec<_> = matched
        .hits
        .iter()
        .map(|hit| hit.concept.as_deref())
        .collect();
    assert_eq!(glosses, [Some("North Korea"), None]);
    assert_eq!(matched.version, 3);
    assert_eq!(matched.why, "@dprk OR missile");
}

#[test]
fn fields_bound_what_is_sought() {
    let long = format!("{} aa edge bb", "word ".repeat(48));
    let article = Subject {
        title: "Title aa",
        summary: "bb in summary",
        content: &long,
        ..Subject::default()
    };
    for (query, expected) in [
        ("title:aa", Some(vec![(Field::Title, 6)])),
        ("title:bb", None),
        ("title:(aa AND bb)", None),
        (
            "lead:aa",
            Some(vec![(Field::Title, 6), (Field::Content, 241)]),
        ),
        ("lead:edge", Some(vec![(Field::Content, 244)])),
        ("lead:bb", None),
        (
            "text:bb",
            Some(vec![(Field::Summary, 0), (Field::Content, 249)]),
        ),
        ("title:aa NEAR/5 bb", None),
        (
            "aa NEAR/5 bb",
            Some(vec![(Field::Content, 241), (Field::Content, 249)]),
        ),
        ("lead:(aa NEAR/5 bb)", None),
        (
            "ATLEAST/2 aa",
            Some(vec![(Field::Title, 6), (Field::Content, 241)]),
        ),
        ("title:ATLEAST/2 aa", None),
    ] {
        let found = judged(query, &article);
        let places = found.map(|found| {
            found
                .hits
                .iter()
                .map(|hit| (hit.field, hit.start))
                .collect::<Vec<_>>()
        });
        assert_eq!(places, expected, "{query}");
    }
    let headline_and_summary = Subject {
        title: "x",
        summary: "bb",
        ..Subject::default()
    };
    assert!(
        judged("lead:bb", &headline_and_summary).is_some(),
        "the summary where there is no content"
    );
    assert!(
        judged("lead:\"x bb\"", &headline_and_summary).is_none(),
        "nothing spans the seam"
    );
}

#[test]
fn facts_narrow_what_words_find() {
    let tags = ["think-tank".to_owned()];
    let article = Subject {
        title: "missile",
        facts: Facts {
            source: ["38north", "38 North"],
            domain: "38north.org",
            language: "en",
            tier: Some(Tier::Specialist),
            tags: &tags,
            ..Facts::default()
        },
        ..Subject::default()
    };
    for (query, expected) in [
        ("source:38north AND *", true),
        ("source:38north AND missile", true),
        ("source:\"38 North\" missile", true),
        ("missile AND lang:(ko OR en)", true),
        ("missile AND lang:ko", false),
        ("missile AND NOT tier:specialist", false),
        ("missile AND tag:think-tank", true),
        ("missile AND domain:38north.org", true),
        ("*", true),
    ] {
        let query = query.replace("\" missile", "\" AND missile");
        assert_eq!(judged(&query, &article).is_some(), expected, "{query}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_must_be_an_error_is_one() {
    let deep = format!("{}a{}", "(".repeat(33), ")".repeat(33));
    let deeper = format!("{}a{}", "(".repeat(30_000), ")".repeat(30_000));
    let nots = "NOT ".repeat(33) + "a";
    let wide = vec!["ab"; 2_001].join(" OR ");
    let long = "a".repeat(64 * 1024 + 1);
    let long_word = "a".repeat(501);
    let long_phrase = format!("\"{}\"", "aa ".repeat(200));
    let many_wildcards = "a*".repeat(300);
    for query in [
        "north korea",
        "NOT iran",
        "iran OR NOT korea",
        "NOT iran AND NOT korea",
        "lang:en NEAR/5 iran",
        "(iran AND korea) NEAR/5 missile",
        "* NEAR/3 iran",
        "(NOT iran) NEAR/3 korea",
        "aa NEAR/3 bb NEAR/3 cc",
        "nosuch:iran",
        "@nosuch",
        "keyword:nosuch",
        "keyword:broken",
        "keyword:ring-a",
        "keyword:self",
        "\"north korea",
        "(iran",
        "iran)",
        "((iran)",
        "i*",
        "*i",
        "??",
        "\"kim * un\"",
        "ATLEAST/0 iran",
        "ATLEAST/2 (iran AND korea)",
        "ATLEAST/2 lang:en",
        "0 OF (iran, korea)",
        "3 OF (iran, korea)",
        "1 OF ()",
        "iran NEAR/1001 korea",
        "iran NEAR/99999999999 korea",
        "\"north korea\"~1001",
        "ATLEAST/1001 iran",
        "iran NEAR korea",
        "iran NEAR/ korea",
        "iran NEAR/x korea",
        "iran NEAR/5",
        "NEAR/5 iran",
        "iran AND",
        "OR iran",
        "iran AND OR korea",
        "",
        "   ",
        "()",
        "\"\"",
        "- ",
        "-iran korea",
        "source:38north",
        "lang:ko AND tier:state",
        "source:38north AND NOT iran",
        "tier:nosuch AND iran",
        "cs(iran",
        "cs()",
        "cs(iran korea)",
        "cs(@iran)",
        "iran, korea",
        "title:source:x",
        "iran~3",
        "a iran or korea",
        &"a) ".repeat(20_000),
        &format!(
            "({}) {}",
            "ab OR ".repeat(5_000) + "ab",
            "OR NOT b ".repeat(3_000)
        ),
        &"title:".repeat(10_000),
        &"foo:".repeat(10_000),
        &"cs(".repeat(20_000),
        &deep,
        &deeper,
        &nots,
        &wide,
        &long,
        &long_word,
        &long_phrase,
        &many_wildcards,
    ] {
        let found = errors(query);
        let shown: String = query.chars().take(60).collect();
        assert!(!found.is_empty(), "{shown}");
        for error in found {
            assert!(
                error.start <= error.end && error.end <= query.len(),
                "{shown}: {error:?}"
            );
            assert!(
                query.get(error.start..error.end).is_some(),
                "{shown}: {error:?}"
            );
            assert!(!error.message.is_empty(), "{shown}");
        }
    }
}

#[test]
fn what_is_allowed_is_no_error() {
    let deep = format!("{}a{}", "(".repeat(32), ")".repeat(32));
    let nots = "NOT ".repeat(32) + "a";
    let wide = vec!["ab"; 2_000].join(" OR ");
    for query in [
        "*",
        "source:38north AND *",
        "iran OR source:38north",
        "“north korea” AND\u{A0}iran",
        "ship—to—ship",
        "iran NEAR/1000 korea",
        "\"north korea\"~1000",
        "title:iran NEAR/3 lead:korea",
        "(aa NEAR/3 bb) NEAR/3 cc",
        "Title:iran",
        "@Iran AND KEYWORD:either",
        "2 OF (iran, korea, NOT missile)",
        "NOT NOT iran",
        "cs(\"Entity List\")",
        "url:https://example.com/a AND iran",
        "AT&T",
        &deep,
        &nots,
        &wide,
    ] {
        let shown: String = query.chars().take(60).collect();
        assert_eq!(errors(query), [], "{shown}");
    }
}

#[test]
fn what_is_perhaps_not_meant_is_warned_of_at_its_place() {
    let lexicon = lexicon();
    for (query, place, reason) in [
        (
            "iran AND korea OR missile",
            "iran AND korea",
            "binds tighter",
        ),
        (
            "missile OR iran AND korea",
            "iran AND korea",
            "binds tighter",
        ),
        ("iran NEAR/51 korea", "iran NEAR/51 korea", "wide"),
        ("@iran OR tehran", "tehran", "a term of @iran"),
        (
            "@dprk OR \"North Korea\"",
            "\"North Korea\"",
            "a term of @dprk",
        ),
        ("iran OR korea OR IRAN", "IRAN", "twice"),
        ("iran AND NOT iran", "NOT iran", "never hold"),
        ("title:iran AND NOT iran", "NOT iran", "never hold"),
        ("sanction* OR sanctions", "sanctions", "sanction* finds"),
        (
            "\"North Korea\" OR \"North Korea*\"",
            "\"North Korea\"",
            "finds",
        ),
        ("iran AND lang:ko AND lang:en", "lang:en", "never hold"),
        (
            "title:iran NEAR/5 korea",
            "title:iran NEAR/5 korea",
            "headline alone",
        ),
        ("* OR iran", "*", "adds nothing"),
        ("* AND iran", "*", "adds nothing"),
        ("\"iran\"~5", "\"iran\"~5", "one word"),
        ("iran AND domain:example.com/a", "example.com/a", "no path"),
        (
            "iran OR source:38north",
            "iran OR source:38north",
            "facts alone",
        ),
        ("AT&T", "AT&T", "not sought"),
    ] {
        let parsed = parse(query, &lexicon, Purpose::SavedKeyword).unwrap();
        let found: Vec<_> = parsed
            .warnings()
            .iter()
            .map(|warning| (&query[warning.start..warning.end], &warning.message))
            .collect();
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        assert_eq!(found[0].0, place, "{query}");
        assert!(found[0].1.contains(reason), "{query}: {found:?}");
    }
}

#[test]
fn what_is_surely_meant_is_not_warned_of() {
    let lexicon = lexicon();
    for query in [
        "(iran AND korea) OR missile",
        "iran* AND iranian",
        "\"north ko*\" OR north OR \"north sea\"",
        "iran NEAR/50 korea",
        "source:38north AND *",
        "NOT iran AND * AND lang:ko",
        "@iran NEAR/5 tehran",
        "iran AND lang:zh AND lang:zh-Hant",
        "title:iran NEAR/5 title:korea",
        "\"north korea\"~5",
        "\"Hwasong-14\"~2",
        "tag:a1 AND tag:b1 AND iran",
        "2 OF (iran AND korea, missile, bomb)",
    ] {
        let parsed = parse(query, &lexicon, Purpose::SavedKeyword).unwrap();
        assert_eq!(parsed.warnings(), [], "{query}");
    }
}

#[test]
fn operators_in_small_letters_are_told_from_words() {
    for (query, way_out) in [
        ("iran or korea", "iran OR korea"),
        ("iran And korea", "iran AND korea"),
        ("iran near/5 korea", "iran NEAR/5 korea"),
    ] {
        assert_eq!(errors(query)[0].ways_out[0], way_out);
    }
}

#[test]
fn errors_come_all_at_once_with_place_and_ways_out() {
    let found = errors("north korea AND @irann AND foo:bar");
    let places: Vec<_> = found.iter().map(|error| (error.start, error.end)).collect();
    assert_eq!(places, [(0, 11), (16, 22), (27, 31)]);
    assert_eq!(
        found[0].ways_out,
        ["\"north korea\"", "north AND korea", "north OR korea"]
    );
    assert_eq!(found[1].ways_out, ["@iran"]);
    assert_eq!(errors("iran or korea")[0].ways_out[0], "iran OR korea");
    assert_eq!(
        errors("source:38north")[0].ways_out,
        ["source:38north AND *"]
    );
    assert_eq!(
        errors("iran OR NOT korea")[0].ways_out,
        ["iran AND NOT korea"]
    );
}

#[test]
fn the_search_box_joins_words_and_takes_facts_alone() {
    let lexicon = lexicon();
    for (query, canonical) in [
        ("north korea", "north AND korea"),
        ("north korea OR iran", "north AND korea OR iran"),
        ("source:38north", "source:38north"),
        ("lang:ko NOT iran", "lang:ko AND NOT iran"),
    ] {
        assert_eq!(
            parse(query, &lexicon, Purpose::Search).unwrap().canonical(),
            canonical
        );
    }
    assert!(parse("NOT iran", &lexicon, Purpose::Search).is_err());
}

#[test]
fn the_canonical_form_is_the_shortest_that_means_the_same() {
    let lexicon = lexicon();
    for (query, canonical) in [
        ("((iran))", "iran"),
        ("(a1 AND b1) OR (c1)", "a1 AND b1 OR c1"),
        ("(a1 OR b1) AND c1", "(a1 OR b1) AND c1"),
        ("a1 OR (b1 OR c1)", "a1 OR b1 OR c1"),
        ("a1 NOT b1", "a1 AND NOT b1"),
        ("a1 AND NOT (b1 OR c1)", "a1 AND NOT (b1 OR c1)"),
        ("“north   korea”~0", "\"north korea\""),
        ("title:(iran)", "title:iran"),
        ("TITLE:(iran OR korea)", "title:(iran OR korea)"),
        ("lang:(ko OR ja) AND iran", "(lang:ko OR lang:ja) AND iran"),
        ("@IRAN NEAR/3 (@DPRK)", "@iran NEAR/3 @dprk"),
        ("ATLEAST/2 (iran)", "ATLEAST/2 iran"),
        ("2 OF ( a1 , (b1 OR c1) )", "2 OF (a1, b1 OR c1)"),
        ("CS(iran)", "cs(iran)"),
        ("source:\"38 North\" AND *", "source:\"38 North\" AND *"),
        ("ship—to—ship", "ship-to-ship"),
        ("(a1 NEAR/2 b1) ONEAR/3 c1", "(a1 NEAR/2 b1) ONEAR/3 c1"),
        ("a1 NOT NEAR/2 b1", "a1 NOT NEAR/2 b1"),
    ] {
        let parsed = parse(query, &lexicon, Purpose::SavedKeyword).unwrap();
        assert_eq!(parsed.canonical(), canonical, "{query}");
        let again = parse(canonical, &lexicon, Purpose::SavedKeyword).unwrap();
        assert_eq!(again, parsed, "{query}");
    }
}

#[test]
fn entries_that_cannot_be_used_are_reported_with_their_concept() {
    let concepts = [concept(
        "iran",
        "Iran",
        &["Iran", "i*", "a, b", "", "\"open"],
        &["—"],
    )];
    let (lexicon, problems) = Lexicon::new(&concepts, &["***".to_owned()], &[]);
    let shown: Vec<_> = problems
        .iter()
        .map(|LexiconProblem { concept, term, .. }| (concept.as_deref(), term.as_str()))
        .collect();
    let of_iran = Some("iran");
    assert_eq!(
        shown,
        [
            (of_iran, "i*"),
            (of_iran, "a, b"),
            (of_iran, ""),
            (of_iran, "\"open"),
            (of_iran, "—"),
            (None, "***")
        ]
    );
    let (engine, _) = Engine::compile(&[keyword(1, "k", "@iran")], &lexicon);
    assert_eq!(
        engine
            .matches(&in_content("Iran"), &mut Scratch::default())
            .len(),
        1
    );
}

#[test]
fn keywords_with_errors_are_left_out_and_reported() {
    let keywords = [
        keyword(1, "good", "iran"),
        keyword(2, "bad", "north korea"),
        keyword(3, "ring", "korea OR keyword:ring"),
    ];
    let (lexicon, _) = Lexicon::new(&[], &[], &keywords);
    let (engine, problems) = Engine::compile(&keywords, &lexicon);
    assert_eq!(
        problems
            .iter()
            .map(|problem| problem.id.get())
            .collect::<Vec<_>>(),
        [2, 3]
    );
    let matches = engine.matches(&in_content("iran and korea"), &mut Scratch::default());
    assert_eq!(
        matches
            .iter()
            .map(|found| found.keyword_id.get())
            .collect::<Vec<_>>(),
        [1]
    );
}

#[test]
fn keywords_that_grow_by_naming_each_other_are_bounded() {
    let keywords: Vec<Keyword> = (0..60)
        .map(|n| {
            let query = match n {
                0 => "iran OR korea".to_owned(),
                _ => format!("keyword:k{0} OR keyword:k{0}", n - 1),
            };
            keyword(n, &format!("k{n}"), &query)
        })
        .collect();
    let (lexicon, _) = Lexicon::new(&[], &[], &keywords);
    let (engine, problems) = Engine::compile(&keywords, &lexicon);
    assert_eq!(engine.len(), 10, "2,000 leaves are the most");
    assert_eq!(problems.len(), 50);
}

#[test]
fn why_names_the_branches_that_held() {
    let why = |query: &str, text: &str| judged(query, &in_content(text)).unwrap().why;
    assert_eq!(
        why(
            "(iran AND korea) OR missile OR bomb",
            "a bomb on Iran and Korea"
        ),
        "iran AND korea OR bomb"
    );
    let long = (0..100)
        .map(|n| format!("iran{n} OR iran"))
        .collect::<Vec<_>>()
        .join(" OR ");
    assert!(why(&long, "iran").len() <= 300);
}

#[test]
fn why_not_gives_the_smallest_gap() {
    let lexicon = lexicon();
    let query = parse(
        "iran NEAR/2 korea AND missile",
        &lexicon,
        Purpose::SavedKeyword,
    )
    .unwrap();
    let tree = explain(
        &query,
        &lexicon,
        &in_content("Iran one two three Korea missile"),
    )
    .tree();
    assert_eq!(
        tree,
        "- AND\n  - NEAR/2 (smallest gap: 3 words)\n    + iran (1 mention)\n    + korea (1 mention)\n  + missile (1 mention)\n"
    );
}

#[test]
fn why_not_names_what_consumed_a_mention() {
    let lexicon = lexicon();
    for (query, text, note) in [
        (
            "@iran",
            "the Tehran Times said",
            "no mention: Tehran is part of the outlet \"Tehran Times\"",
        ),
        (
            "tehran",
            "the Tehran Times said",
            "no mention: Tehran is part of the outlet \"Tehran Times\"",
        ),
        (
            "@dprk",
            "朝鲜蓟",
            "no mention: 朝鲜 is part of the anti-term 朝鲜蓟",
        ),
        ("@dprk", "nothing here", "no mention"),
        (
            "title:@iran",
            "Tehran",
            "no mention here, 1 elsewhere in the article",
        ),
        ("title:@iran", "Seoul", "no mention"),
        ("lang:ko AND tehran", "Tehran", "not known"),
        ("@iran", "the Tehran Times reported in Tehran", "1 mention"),
    ] {
        let parsed = parse(query, &lexicon, Purpose::SavedKeyword).unwrap();
        let explained = explain(&parsed, &lexicon, &in_content(text));
        let leaf = explained.children.first().unwrap_or(&explained);
        assert_eq!(leaf.note, note, "{query} in {text}");
    }
}

#[test]
fn a_word_of_one_letter_is_judged_in_linear_time() {
    let text = "a".repeat(1_000_000);
    let tail = format!("*{}b*", "a".repeat(400));
    for (query, expected) in [("aa* AND *aaaa*", true), ("*aaab*", false), (&tail, false)] {
        let found = judged(query, &in_content(&text));
        assert_eq!(found.is_some(), expected, "{query}");
    }
}

#[test]
fn a_text_that_repeats_both_sides_is_judged_in_linear_time() {
    let text = "iran x korea ".repeat(10_000);
    let far = format!("{}{}", "iran ".repeat(20_000), "korea ".repeat(20_000));
    for query in [
        "iran NEAR/5 korea",
        "iran NOT NEAR/0 korea",
        "\"iran korea\"~3",
        "iran ONEAR/1000 korea",
        "(iran NEAR/3 korea) NEAR/3 iran",
        "ATLEAST/1000 (iran OR korea)",
        "iran NEAR/P korea",
    ] {
        assert!(judged(query, &in_content(&text)).is_some(), "{query}");
        let _ = judged(query, &in_content(&far));
    }
}

#[test]
fn a_search_is_judged_like_a_keyword_and_one_scratch_serves_all_engines() {
    let lexicon = lexicon();
    let mut scratch = Scratch::default();
    for (query, text, expected) in [
        ("north korea", "korea is north of here", true),
        ("@iran OR @dprk OR @sanctions OR missile", "a missile", true),
        ("lang:ko", "a missile", false),
        ("iran", "a missile", false),
    ] {
        let parsed = parse(query, &lexicon, Purpose::Search).unwrap();
        let engine = Engine::of_query(&parsed, &lexicon);
        let is_match = !engine.matches(&in_content(text), &mut scratch).is_empty();
        assert_eq!(is_match, expected, "{query}");
    }
}

#[test]
fn an_engine_is_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Engine>();
    is_shared::<Lexicon>();
}
