//! Every script of the desk, as it is really written: each row a query, a text, and the letters that must be found, in
//! order, parted by `|`; nothing where there is no match. What is found is the text between its byte offsets.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::{
    Engine, Scratch,
    specification::{keyword, lexicon},
};
use crate::domain::Subject;

type Row = (&'static str, &'static str, &'static str);

/// What a query finds in a text as content, in order; each checked to be the slice of the text that it claims.
fn found(query: &str, content: &str) -> String {
    let (engine, problems) = Engine::compile(&[keyword(7, "test", query)], &lexicon());
    assert_eq!(problems, [], "{query}");
    let subject = Subject {
        content,
        ..Subject::default()
    };
    let Some(matched) = engine.matches(&subject, &mut Scratch::default()).pop() else {
        return String::new();
    };
    let hits: Vec<&str> = matched
        .hits
        .iter()
        .map(|hit| {
            let slice = content.get(hit.start as usize..hit.end as usize).unwrap();
            assert_eq!(slice, hit.text, "{query} in {content:?}");
            slice
        })
        .collect();
    hits.join("|")
}

fn check(rows: &[Row]) {
    let faults: Vec<String> = rows
        .iter()
        .filter_map(|&(query, text, expected)| {
            let found = found(query, text);
            (found != expected)
                .then(|| format!("{query} in {text:?}: {found:?} instead of {expected:?}"))
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The closed list of particles, and pairs of them that are common.
const PARTICLES: &str = "은 는 이 가 을 를 의 에 에서 에게 께 와 과 도 만 로 으로 부터 까지 마저 조차 보다 처럼 같은 라고 \
    이라고 및 측 측은 측이 간 에는 에도 과의 와의 으로부터 에서는 에서도 에서의 에게는 에게도 으로는 으로도 로는 로도 \
    과는 과도 와는 와도 만이 만을 만은 만의 까지도 까지는 부터는 부터의 까지의 보다는 보다도 측에 측의 측과 측도 측을 간의 \
    에만 에서만 에까지";

#[test]
fn korean_terms_bear_their_particles_and_nothing_else() {
    let mut faults = Vec::new();
    for particle in PARTICLES.split_whitespace() {
        for text in [
            format!("어제 이란{particle} 왔다"),
            format!("“이란{particle}”"),
        ] {
            if found("이란", &text) != "이란" {
                faults.push(text);
            }
        }
    }
    assert!(faults.is_empty(), "{faults:?}");
    check(&[
        ("이란", "“이란”은 나라다", "이란"),
        ("이란", "이란,북한", "이란"),
        ("이란", "(이란)", "이란"),
        ("이란", "북한-이란", "이란"),
        ("이란", "이란→북한", "이란"),
        ("이란", "이란發 위기", "이란"),
        ("이란", "對이란 제재", "이란"),
        ("이란", "이란 측은 부인했다", "이란"),
        ("이란", "이란/북한", "이란"),
        ("이란", "이란\u{a0}정부", "이란"),
        ("이란", "이란\u{3000}정부", "이란"),
        ("이란", "이란이란 나라", ""),
        ("이란", "대이란제재", ""),
        ("이란", "사랑이란", ""),
        ("이란", "이란인", ""),
        ("이란", "이란성", ""),
        ("이란", "이란격석", ""),
        ("이란", "이란산 원유", ""),
        ("이란산", "이란산은", "이란산"),
        ("이란*", "이란성 쌍둥이", "이란성"),
        ("이란*", "사랑이란", ""),
        ("북한", "북한산", ""),
        ("북한", "북한군은", ""),
        ("북한", "탈북한 사람", ""),
        ("북한", "월북한", ""),
        (
            "북한",
            "\u{1107}\u{116e}\u{11a8}\u{1112}\u{1161}\u{11ab}은",
            "\u{1107}\u{116e}\u{11a8}\u{1112}\u{1161}\u{11ab}",
        ),
        (
            "\u{1107}\u{116e}\u{11a8}\u{1112}\u{1161}\u{11ab}",
            "북한은",
            "북한",
        ),
        ("\"북한 선박\"", "북한의 선박이", "북한의 선박"),
        ("\"북한 선박\"", "북한산 선박이", ""),
        ("화성-18", "화성18은", "화성18"),
        ("화성", "화성18은", "화성"),
        ("18형", "화성-18형을", "18형"),
        ("OFAC", "OFAC은 말했다", "OFAC"),
        ("OFAC", "미OFAC가", "OFAC"),
        ("IAEA", "IAEA에서는", "IAEA"),
        ("cs(MSMT)", "MSMT가", "MSMT"),
        ("KN-23", "KN-23을 쐈다", "KN-23"),
        ("제재*", "제재를 제재안에", "제재를|제재안에"),
        ("평양", "평양에서의 회담, 평양시", "평양"),
        ("이란 ONEAR/0 북한", "이란·북한의", "이란|북한"),
        ("이란 NEAR/1 북한", "북한 그리고 이란은", "북한|이란"),
        ("\"IAEA 사찰\"", "IAEA의 사찰을", "IAEA의 사찰"),
        (
            "\"KN-23 발사\"",
            "KN-23을 발사했다, KN-23을 발사",
            "KN-23을 발사",
        ),
        ("\"1718 위원회\"", "1718의 위원회는", "1718의 위원회"),
        ("\"美 제재\"", "美의 제재", "美의 제재"),
        ("\"IAEA의 사찰\"", "IAEA의 사찰", "IAEA의 사찰"),
        ("\"IAEA의 사찰\"", "IAEA 사찰", ""),
        ("\"IAEA 사찰\"", "IAEA 의 사찰", ""),
        ("\"IAEA 사찰\"", "IAEA형 사찰", ""),
        ("\"3만 달러\"", "3만 달러, 3천 달러", "3만 달러"),
        ("\"IAEA 사찰\"~1", "IAEA가 특별 사찰을", "IAEA가 특별 사찰"),
        ("IAEA NEAR/0 사찰", "IAEA의 사찰", "IAEA|사찰"),
        ("IAEA NEAR/1 사찰", "사찰 뒤 OFAC는 IAEA가", ""),
        ("IAEA NEAR/2 사찰", "사찰 뒤 OFAC는 IAEA가", "사찰|IAEA"),
    ]);
}

#[test]
fn arabic_and_persian_terms_bear_proclitics_and_suffixes() {
    check(&[
        ("إيران", "وإيران", "إيران"),
        ("إيران", "فإيران", "إيران"),
        ("إيران", "بإيران", "إيران"),
        ("إيران", "لإيران", "إيران"),
        ("إيران", "كإيران", "إيران"),
        ("إيران", "وبإيران ولإيران", "إيران|إيران"),
        ("إيران", "إيـــران", "إيـــران"),
        ("إيران", "إِيرَان", "إِيرَان"),
        ("إيران", "\u{627}\u{655}يران", "\u{627}\u{655}يران"),
        ("إيران", "\u{200f}إيران\u{200e}،", "إيران"),
        ("إيران", "«إيران»", "إيران"),
        ("إيران", "دليران", ""),
        ("إيران", "حيران", ""),
        ("إيران", "إيرانيون", ""),
        ("إيران*", "والإيرانيون", "إيرانيون"),
        ("عقوبات", "العقوبات", "عقوبات"),
        (
            "عقوبات",
            "وعقوبات فعقوبات بعقوبات لعقوبات كعقوبات",
            "عقوبات|عقوبات|عقوبات|عقوبات|عقوبات",
        ),
        (
            "عقوبات",
            "والعقوبات بالعقوبات فالعقوبات كالعقوبات للعقوبات",
            "عقوبات|عقوبات|عقوبات|عقوبات|عقوبات",
        ),
        (
            "عقوبات",
            "وبالعقوبات وللعقوبات فبالعقوبات",
            "عقوبات|عقوبات|عقوبات",
        ),
        ("عقوبات", "سعقوبات", "عقوبات"),
        ("الحرس", "والحرس للحرس بالحرس", "الحرس|للحرس|الحرس"),
        ("\"كوريا الشمالية\"", "وكوريا الشمالية", "كوريا الشمالية"),
        ("\"كوريا الشمالية\"", "لكوريا الشماليه", "كوريا الشماليه"),
        ("\"كوريا الشمالية\"", "كوريا\nالشمالية", ""),
        ("مجلس", "المجلس والمجلس", "مجلس|مجلس"),
        ("اللجنة", "للجنة وللجنة واللجنة", "للجنة|للجنة|اللجنة"),
        ("اللاجئين", "للاجئين", "للاجئين"),
        ("الجنة", "للجنة", "للجنة"),
        ("اللاجئ*", "للاجئين وللاجئة واللاجئون", "للاجئين|للاجئة|اللاجئون"),
        ("العقوب*", "للعقوبات وللعقوبة", "للعقوبات|للعقوبة"),
        ("الل?نة", "للجنة", "للجنة"),
        ("العقوب*", "لعقوبات للعقود", ""),
        ("الحرس", "لحرس", ""),
        ("تحریم", "تحریم‌ها تحریم ها تحریمها", "تحریم|تحریم|تحریم"),
        ("تحریم", "تحریم‌های تحریم های تحریمهای", "تحریم|تحریم|تحریم"),
        ("تحریم", "تحریمی تحریم‌ی", "تحریم|تحریم"),
        ("تحریم", "تحريم‌های", "تحريم"),
        ("تحریم", "تحریمگر", ""),
        ("ایران", "ایرانی", "ایران"),
        ("ایران", "ايران", "ايران"),
        ("ایران", "ویران", ""),
        ("ایران", "ایران‌خودرو", "ایران"),
        (
            "\"کره شمالی\"",
            "کرهٔ شمالی کره‌ی شمالی کرة شمالی",
            "کرهٔ شمالی|کره‌ی شمالی|کرة شمالی",
        ),
        ("\"کره شمالی\"", "کرهٔ\u{200c}شمالی", "کرهٔ\u{200c}شمالی"),
        ("\"کره شمالی\"", "كره شمالي", "كره شمالي"),
        ("\"کره شمالی\"", "کره جنوبی", ""),
        ("\"کره شمالی\"", "کره‌شمالی‌ها", "کره‌شمالی"),
        ("\"قطعنامه ۲۲۳۱\"", "قطعنامه ٢٢٣١", "قطعنامه ٢٢٣١"),
        ("\"قطعنامه 2231\"", "قطعنامه‌ی ۲۲۳۱", "قطعنامه‌ی ۲۲۳۱"),
        ("2231", "القرار٢٢٣١", "٢٢٣١"),
        ("خامنه‌ای", "خامنه ای خامنه‌ای", "خامنه ای|خامنه‌ای"),
        ("سپاه", "سپاهِ پاسداران", "سپاهِ"),
        ("هسته‌ای", "هستهٔ‌ای", "هستهٔ‌ای"),
        ("OFAC", "ستعلن OFAC، وOFAC", "OFAC|OFAC"),
        ("موشک", "موشک‌های", "موشک"),
        ("موشک NEAR/1 ایران", "موشک‌های ایران", "موشک|ایران"),
    ]);
}

#[test]
fn chinese_and_japanese_terms_are_found_without_spaces() {
    check(&[
        ("伊朗", "中伊朗俄", "伊朗"),
        ("北朝鮮", "北朝\u{E0101}鮮は", "北朝\u{E0101}鮮"),
        ("朝\u{FE00}鮮", "北朝鮮は", "朝鮮"),
        ("cs(朝鮮)", "朝\u{FE00}鮮", "朝\u{FE00}鮮"),
        ("朝鲜", "在朝鲜。", "朝鲜"),
        ("朝鲜", "今朝鲜花", "朝鲜"),
        ("朝鲜", "朝\n鲜", ""),
        ("北朝鮮", "\u{f963}朝鮮は", "\u{f963}朝鮮"),
        ("@dprk", "朝鲜战争与朝鲜", "朝鲜"),
        ("@dprk", "朝鲜蓟", ""),
        ("@dprk NEAR/5 @iran", "朝鲜蓟和伊朗", ""),
        ("@iran NEAR/1 @dprk", "伊朗、朝鲜", "伊朗|朝鲜"),
        ("伊朗 NEAR/0 朝鲜", "伊朗朝鲜", "伊朗|朝鲜"),
        ("伊朗 NEAR/2 朝鲜", "伊朗以及朝鲜", "伊朗|朝鲜"),
        ("制裁", "被制裁者的制裁", "制裁|制裁"),
        ("2231", "第2231号决议", "2231"),
        ("2231", "第２２３１号", "２２３１"),
        ("\"火星-17\"", "火星-17型", "火星-17"),
        ("\"火星-17\"", "火星17", "火星17"),
        ("\"火星-17\"", "火星－17", "火星－17"),
        ("\"火星-17\"", "火星-170", ""),
        ("IAEA", "与IAEA合作", "IAEA"),
        ("イラン", "イランは", "イラン"),
        ("イラン", "対イラン制裁", "イラン"),
        ("イラン", "ｲﾗﾝは", "ｲﾗﾝ"),
        ("イラン", "イラン・イラク", "イラン"),
        ("イラン", "イラク･ｲﾗﾝ", "ｲﾗﾝ"),
        ("イラン", "イランー", ""),
        ("イラン", "イラニアン", ""),
        ("イラン", "トイランド", ""),
        ("イラン", "イラン／イラク", "イラン"),
        ("イラン", "イラン＝イラク", "イラン"),
        ("イラン", "「イラン」", "イラン"),
        ("イラン", "イランいらん", "イラン"),
        ("@iran", "イランイランの香り", ""),
        ("イラン*", "イランイラン", "イランイラン"),
        ("ミサイル", "弾道ミサイル2発", "ミサイル"),
        ("ミサイル", "ミサイルズ", ""),
        ("ガザ", "ｶﾞｻﾞ地区", "ｶﾞｻﾞ"),
        ("ガザ", "カ\u{3099}サ\u{3099}", "カ\u{3099}サ\u{3099}"),
        (
            "テヘラン",
            "テヘラン・タイムズ紙とテヘラン",
            "テヘラン|テヘラン",
        ),
        ("ハメネイ", "アリー・ハメネイ師", "ハメネイ"),
        ("スナップバック", "スナップ・バック", ""),
        (
            "\"スナップ バック\"",
            "スナップ・バック",
            "スナップ・バック",
        ),
        ("瀬取り", "瀬取りを", "瀬取り"),
        ("いらん", "もういらんよ", "いらん"),
        ("北の", "北の核", "北の"),
        ("OFACは", "OFACは発表", "OFACは"),
        ("OFAC", "OFACは発表", "OFAC"),
        ("テポドン2号", "テポドン２号", "テポドン２号"),
        ("อิหร่าน", "รัฐบาลอิหร่านกล่าว", "อิหร่าน"),
    ]);
}

#[test]
fn latin_greek_and_cyrillic_words_are_whole_however_they_are_typed() {
    check(&[
        ("iran", "IRAN", "IRAN"),
        ("iran", "İran", "İran"),
        ("iran", "I\u{307}ran", "I\u{307}ran"),
        ("iran", "ＩＲＡＮ", "ＩＲＡＮ"),
        ("iran", "Ira\u{ad}n", "Ira\u{ad}n"),
        ("iran", "Ira\u{2060}n", "Ira\u{2060}n"),
        ("iran", "Ira\u{feff}n", "Ira\u{feff}n"),
        ("iran", "\u{202a}Iran\u{202c}", "Iran"),
        ("iran", "\u{2067}Iran\u{2069}", "Iran"),
        ("iran", "\u{feff}Iran", "Iran"),
        ("iran", "𝐈𝐫𝐚𝐧", "𝐈𝐫𝐚𝐧"),
        ("iran", "Tirana Iranian Miran", ""),
        (
            "iran",
            "#Iran @Iran (Iran) “Iran” Iran…",
            "Iran|Iran|Iran|Iran|Iran",
        ),
        (
            "iran",
            "Iran's Iran’s IRAN’S Iran＇s",
            "Iran|Iran|IRAN|Iran",
        ),
        ("iran", "Iran’", "Iran"),
        (
            "iran",
            "Iran-backed pro-Iran Iran‐Iraq Iran‑Iraq Iran–Iraq Iran—Iraq",
            "Iran|Iran|Iran|Iran|Iran|Iran",
        ),
        ("iran", "Iran/Iraq US/Iran", "Iran|Iran"),
        ("iran", "Iran:talks Iran;x Iran&Iraq", "Iran|Iran|Iran"),
        ("iran", "he said.Iran denied", "Iran"),
        ("iran", "l'Iran d’Iran", "Iran|Iran"),
    ]);
}

#[test]
fn names_numbers_and_wildcards_are_found_however_they_are_typed() {
    check(&[
        (
            "north-korea",
            "North Korea North–Korea",
            "North Korea|North–Korea",
        ),
        ("\"North Korea\"", "North Korea's", "North Korea"),
        (
            "\"North Korea\"",
            "North\u{a0}Korea North\u{2009}Korea",
            "North\u{a0}Korea|North\u{2009}Korea",
        ),
        ("\"North Korea\"", "North Korean", ""),
        ("\"North Korea*\"", "North Koreans", "North Koreans"),
        ("\"North Korea\"~1", "North and Korea", "North and Korea"),
        ("US", "the U.S. the US the U.S.'s", "U.S.|US|U.S."),
        ("cs(US)", "the U.S. tells us US", "U.S.|US"),
        ("USA", "U.S.A.", "U.S.A."),
        ("UN", "U.N.-backed", "U.N."),
        ("UN", "the U.N", "U.N"),
        ("DPRK", "D.P.R.K.’s D.P.R.K", "D.P.R.K.|D.P.R.K"),
        ("U.S.", "US", "US"),
        ("US", "U. S.", ""),
        (
            "Hwasong-14",
            "Hwasong‑14 Hwasong 14 HWASONG–14",
            "Hwasong‑14|Hwasong 14|HWASONG–14",
        ),
        ("Hwasong-14", "Hwasong14 Hwasong-140 Hwasong-14A", ""),
        ("KN23", "KN23", "KN23"),
        ("14", "Hwasong-14 14th 140 14", "14|14"),
        ("1–2", "1-2 1—2 12", "1-2|1—2"),
        ("\"1,000\"", "1,000 ships", "1,000"),
        ("3.5", "3.5 million", "3.5"),
        ("20", "20%", "20"),
        ("P'yongyang", "P’yongyang", "P’yongyang"),
        ("café", "CAFE\u{301} cafe", "CAFE\u{301}|cafe"),
        ("strasse", "Straße", "Straße"),
        ("finance", "ﬁnance", "ﬁnance"),
        (
            "Hwasong",
            "Hwasŏng HWASO\u{306}NG",
            "Hwasŏng|HWASO\u{306}NG",
        ),
        ("κυρώσεις", "ΚΥΡΩΣΕΙΣ", "ΚΥΡΩΣΕΙΣ"),
        ("Иран", "ИРАН Ира́н", "ИРАН|Ира́н"),
        ("Иран", "Ирана Тирана", ""),
        ("Иран*", "Ираном, иранский; Тиран", "Ираном|иранский"),
        (
            "Йонбён",
            "Йонбен И\u{306}онбе\u{308}н",
            "Йонбен|И\u{306}онбе\u{308}н",
        ),
        ("Йонбён", "Ионбен", ""),
        ("КНДР", "КНДР-Иран", "КНДР"),
        (
            "северокорейск*",
            "северо-корейский северокорейская",
            "северокорейская",
        ),
        ("санкции", "санкций", ""),
        ("США", "С.Ш.А.", "С.Ш.А."),
        (
            "sanction*",
            "sanctions-busting Sanctioned",
            "sanctions|Sanctioned",
        ),
        ("*sanction*", "unsanctioned", "unsanctioned"),
        ("wom?n", "woman women womn womean", "woman|women"),
        ("*ran", "Tehran Iran ran", "Tehran|Iran|ran"),
        ("s??ctions", "sanctions", "sanctions"),
        ("cs(Rouhani)", "ROUHANI Rouhani", "Rouhani"),
        ("cs(\"Bank Melli\")", "bank melli Bank Melli", "Bank Melli"),
        ("iran NEAR/0 iraq", "Iran-Iraq", "Iran|Iraq"),
        ("iran NEAR/3 iran", "Iran", ""),
        ("iran NEAR/S korea", "In Iran, the U.S. said. In Korea", ""),
        (
            "iran NEAR/S korea",
            "Iran, says the U.S. envoy to Korea.",
            "Iran|Korea",
        ),
        (
            "iran NEAR/S (\"nuclear talks\"~5 OR oil)",
            "Iran nuclear oil exports stopped. Talks go on.",
            "Iran|oil",
        ),
        ("tehran", "Tehran Times: Tehran", "Tehran"),
    ]);
}
