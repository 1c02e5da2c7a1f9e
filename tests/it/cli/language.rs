//! The keyword language as its specification gives it, through the command: each example and each rule that must be an
//! error.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{file, run};

const BEAT: &str = r#"
format = 1
slug = "desk"
name = "A desk"
outlets = ["Tehran Times", "Yonhap"]

[[keywords]]
slug = "link"
name = "Link"
query = "@iran NEAR/5 @dprk"

[[keywords]]
slug = "loop"
name = "Loop"
query = "iran AND keyword:back"

[[keywords]]
slug = "back"
name = "Back"
query = "korea OR keyword:LOOP"

[[concepts]]
slug = "iran"
name = "Iran"
terms = { en = ["Iran", "Tehran"], ko = ["이란"], ar = ["إيران"], zh = ["伊朗"], ja = ["イラン"] }

[[concepts]]
slug = "dprk"
name = "North Korea"
terms = { en = ["\"North Korea\"", "DPRK"], ko = ["북한"], zh = ["朝鲜"], ja = ["北朝鮮"], fa = ["\"کره شمالی\""] }
anti_terms = ["朝鲜蓟", "朝鲜战争"]

[[concepts]]
slug = "sanctions"
name = "Sanctions"
terms = { en = ["sanction*"] }
anti_terms = ["\"sanctioned by the court\""]
"#;

/// A query, and texts (HTML) as content with what must be found in each, parted by `|`; nothing where nothing matches.
type Example = (&'static str, &'static [(&'static str, &'static str)]);

const EXAMPLES: &[Example] = &[
    // scripts
    (
        "sanction*",
        &[("new sanctions, sanctioning", "sanctions|sanctioning")],
    ),
    ("iran", &[("Tirana", ""), ("IRAN", "IRAN"), ("Ирана", "")]),
    (
        "북한",
        &[
            ("북한은", "북한"),
            ("북한과의 대화", "북한"),
            ("북한산", ""),
        ],
    ),
    (
        "이란",
        &[
            ("이란의 핵", "이란"),
            ("전쟁이란", ""),
            ("이란성 쌍둥이", ""),
            ("이란측은, 이란으로부터", "이란|이란"),
        ],
    ),
    ("伊朗", &[("朝鲜与伊朗合作", "伊朗"), ("伊、朗", "")]),
    ("北朝鮮", &[("北朝鮮の", "北朝鮮")]),
    (
        "@dprk",
        &[
            ("朝鲜蓟", ""),
            ("朝鲜战争和朝鲜", "朝鲜"),
            ("北朝鮮", "北朝鮮"),
        ],
    ),
    (
        "イラン",
        &[
            ("イランの核、イラン・イラク", "イラン|イラン"),
            ("トイランド", ""),
            ("ｲﾗﾝ", "ｲﾗﾝ"),
        ],
    ),
    (
        "إيران",
        &[
            ("وإيران", "إيران"),
            ("لإيران", "إيران"),
            ("ايران", "ايران"),
            ("طهران", ""),
        ],
    ),
    (
        "عقوبات",
        &[(
            "والعقوبات بالعقوبات للعقوبات فالعقوبات",
            "عقوبات|عقوبات|عقوبات|عقوبات",
        )],
    ),
    (
        "تحریم",
        &[
            ("تحریم‌ها", "تحریم"),
            ("تحریم های", "تحریم"),
            ("تحریمها", "تحریم"),
            ("تحریمی", "تحریم"),
        ],
    ),
    (
        "\"کره شمالی\"",
        &[
            ("کرهٔ شمالی", "کرهٔ شمالی"),
            ("کره‌شمالی", "کره‌شمالی"),
            ("كره شمالي", "كره شمالي"),
        ],
    ),
    ("อิหร่าน", &[("เกาหลีเหนือและอิหร่านร่วมมือ", "อิหร่าน")]),
    ("Семен", &[("Семён", "Семён")]),
    ("Йод", &[("Иод", ""), ("йод", "йод")]),
    (
        "2231",
        &[
            ("قطعنامه ۲۲۳۱", "۲۲۳۱"),
            ("القرار ٢٢٣١", "٢٢٣١"),
            ("第２２３１号", "２２３１"),
        ],
    ),
    // folding
    (
        "iran",
        &[("ＩＲＡＮ", "ＩＲＡＮ"), ("I\u{301}ran", "I\u{301}ran")],
    ),
    (
        "ایران",
        &[
            ("إِيرَان", "إِيرَان"),
            ("ایـــران", "ایـــران"),
            ("أيران ٱیران", "أيران|ٱیران"),
        ],
    ),
    ("کره", &[("کرۀ شمالی", "کرۀ"), ("كرة", "كرة")]),
    ("هییت", &[("هيئت", "هيئت"), ("هىئت", "هىئت")]),
    ("κυρωσεις", &[("ΚΥΡΏΣΕΙΣ", "ΚΥΡΏΣΕΙΣ")]),
    ("부", &[("북", "")]),
    ("14", &[("Hwasong-14, 140, 14th", "14")]),
    // particles, proclitics, suffixes
    (
        "북한",
        &[
            (
                "북한은 북한는 북한이 북한가 북한을 북한를 북한의 북한에 북한에서 북한에게 북한께",
                "북한|북한|북한|북한|북한|북한|북한|북한|북한|북한|북한",
            ),
            (
                "북한와 북한과 북한도 북한만 북한로 북한으로 북한부터 북한까지 북한마저 북한조차",
                "북한|북한|북한|북한|북한|북한|북한|북한|북한|북한",
            ),
            (
                "북한보다 북한처럼 북한같은 북한라고 북한이라고 북한및 북한측 북한측은 북한측이 북한간",
                "북한|북한|북한|북한|북한|북한|북한|북한|북한|북한",
            ),
            (
                "북한에는 북한에도 북한과의 북한와의 북한으로부터",
                "북한|북한|북한|북한|북한",
            ),
        ],
    ),
    (
        "إيران",
        &[(
            "وإيران فإيران بإيران لإيران كإيران سإيران الإيران وبإيران",
            "إيران|إيران|إيران|إيران|إيران|إيران|إيران|إيران",
        )],
    ),
    ("ລາວ", &[("ປະເທດລາວຮ່ວມມື", "ລາວ")]),
    ("កូរ៉េ", &[("ប្រទេសកូរ៉េខាងជើង", "កូរ៉េ")]),
    // words
    ("iran AND backed", &[("Iran-backed", "Iran|backed")]),
    (
        "\"ship to ship\"",
        &[("a ship-to-ship transfer", "ship-to-ship")],
    ),
    (
        "hwasong-14",
        &[
            ("Hwasong-14", "Hwasong-14"),
            ("Hwasong–14", "Hwasong–14"),
            ("Hwasong-140", ""),
        ],
    ),
    ("18형", &[("화성-18형을", "18형")]),
    ("KN23", &[("KN23", "KN23"), ("KN-23", "")]),
    ("korea", &[("Korea’s, Korea's", "Korea|Korea")]),
    ("us", &[("the U.S. said", "U.S."), ("the US", "US")]),
    ("dprk", &[("D.P.R.K.", "D.P.R.K.")]),
    (
        "missile",
        &[
            ("mis<b>sile</b>", "missile"),
            ("<p>mis</p><p>sile</p>", ""),
            ("mis&shy;sile", "mis\u{ad}sile"),
            ("<script>missile</script>", ""),
            ("<style>missile</style>x", ""),
        ],
    ),
    ("\"AT T\"", &[("AT&amp;T", "AT&T"), ("AT&amp;amp;T", "")]),
    // constructs
    (
        "aa NEAR/2 bb",
        &[
            ("bb x y aa", "bb|aa"),
            ("aa x y z bb", ""),
            ("<p>aa</p><p>bb</p>", ""),
        ],
    ),
    ("aa NEAR/0 bb", &[("aa bb", "aa|bb"), ("aa x bb", "")]),
    ("(aa OR cc) NEAR/1 (bb OR dd)", &[("cc x dd", "cc|dd")]),
    ("aa NEAR/3 aa", &[("aa", ""), ("aa x aa", "aa|aa")]),
    ("aa ONEAR/2 bb", &[("bb aa", ""), ("aa x bb", "aa|bb")]),
    (
        "aa NOT NEAR/2 bb",
        &[("aa x bb", ""), ("aa x bb x x x aa", "aa")],
    ),
    (
        "aa NEAR/S bb",
        &[("Aa x. Bb", ""), ("X. Aa x bb.", "Aa|bb")],
    ),
    (
        "aa NEAR/P bb",
        &[("Aa x. Bb", "Aa|Bb"), ("<p>aa</p>bb", "")],
    ),
    (
        "\"aa bb\"",
        &[("aa bb", "aa bb"), ("aa x bb", ""), ("bb aa", "")],
    ),
    (
        "\"aa bb\"~2",
        &[
            ("aa x y bb", "aa x y bb"),
            ("aa x y z bb", ""),
            ("bb aa", ""),
        ],
    ),
    ("\"nort* korea\"", &[("Northern Korea", "Northern Korea")]),
    ("ATLEAST/2 aa", &[("aa", ""), ("aa <p>aa</p>", "aa|aa")]),
    ("2 OF (aa, bb, cc)", &[("cc x aa", "cc|aa"), ("cc cc", "")]),
    ("cs(IRGC)", &[("irgc", ""), ("IRGC-linked", "IRGC")]),
    ("cs(US)", &[("us", ""), ("the U.S. and US", "U.S.|US")]),
    ("wom?n", &[("woman women womaan", "woman|women")]),
    ("*stan", &[("Pakistan", "Pakistan")]),
    (
        "keyword:link",
        &[("이란과 북한", "이란|북한"), ("이란", "")],
    ),
    (
        "@sanctions",
        &[
            ("sanctioned by the court", ""),
            ("sanctioned", "sanctioned"),
        ],
    ),
    ("sanction*", &[("sanctioned by the court", "sanctioned")]),
    (
        "tehran",
        &[
            ("the Tehran Times", ""),
            ("Tehran Times in Tehran", "Tehran"),
        ],
    ),
    ("aa AND NOT bb", &[("aa", "aa"), ("aa bb", "")]),
    ("aa NOT bb", &[("aa bb", ""), ("aa", "aa")]),
    (
        "cc NOT aa NEAR/1 bb",
        &[("cc aa x bb", ""), ("cc aa x x bb", "cc")],
    ),
    ("*", &[("anything", "")]),
    ("@IRAN", &[("Tehran", "Tehran")]),
    (
        "keyword:LINK",
        &[("Iran and the DPRK", "Iran|DPRK"), ("Iran", "")],
    ),
    (
        "aa OR bb AND cc",
        &[("aa", "aa"), ("bb", ""), ("bb cc", "bb|cc")],
    ),
    ("or AND not", &[("or is not", "or|not")]),
    (
        "“aa bb”\u{a0}AND ship—to—ship",
        &[("aa bb ship to ship", "aa bb|ship to ship")],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_language_is_found_at_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let beat = file(&folder, "beat.toml", BEAT);
    let mut faults = String::new();
    for (query, texts) in EXAMPLES {
        let rows: Vec<String> = texts
            .iter()
            .map(|(text, _)| json!({"content": text}).to_string())
            .collect();
        let rows = file(&folder, "texts.jsonl", &rows.join("\n"));
        let told = run(&[
            "query", "match", "--json", "--jsonl", &rows, "--beat", &beat, "--", query,
        ])
        .await;
        let verdicts: Vec<Value> = told
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(verdicts.len(), texts.len(), "{query}: {told:?}");
        for ((text, expected), verdict) in texts.iter().zip(verdicts) {
            let found = slices(&verdict).join("|");
            let is_expected = !expected.is_empty() || *query == "*";
            if found != *expected || verdict["matched"] != is_expected {
                writeln!(faults, "{query} in {text:?}: {found:?}, not {expected:?}").unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

/// What the hits cut out of the fields they name.
fn slices(verdict: &Value) -> Vec<&str> {
    let hits = verdict["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| {
            let field = verdict["fields"][hit["field"].as_str().unwrap()].as_str();
            let at = |side: &str| usize::try_from(hit[side].as_u64().unwrap()).unwrap();
            let slice = &field.unwrap()[at("start")..at("end")];
            assert_eq!(hit["text"], slice, "{verdict}");
            slice
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_and_facts_narrow_as_the_language_says() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{} aa edge bb", "word ".repeat(48));
    let row = json!({"title": "Title &amp; aa", "summary": "cc", "content": long, "lang": "en",
        "source": "38north", "url": "https://www.38north.org/2025/x", "country": "KR", "tier": "specialist", "tags": ["think-tank"], "authors": ["Jo Doe"]});
    let rows = file(&folder, "texts.jsonl", &row.to_string());
    for (query, expected) in [
        ("title:aa", true),
        ("title:bb", false),
        ("lead:edge", true),
        ("lead:bb", false),
        ("lead:cc", false),
        ("text:cc", true),
        ("title:aa AND bb", true),
        ("aa AND lang:en", true),
        ("aa AND lang:ko", false),
        ("source:38north AND *", true),
        ("aa AND domain:38north.org", true),
        ("aa AND domain:north.org", false),
        ("aa AND url:2025", true),
        ("aa AND country:kr", true),
        ("aa AND country:us", false),
        ("aa AND tier:specialist", true),
        ("aa AND tier:wire", false),
        ("aa AND author:doe", true),
        ("aa AND author:\"jo doe\"", true),
        ("aa AND author:d", false),
        ("aa AND tag:think-tank", true),
        ("aa AND tag:tank", false),
        // Neither NEAR nor a phrase crosses fields; ATLEAST counts all of them together.
        ("title NEAR/5 cc", false),
        ("\"aa cc\"", false),
        ("title:(title NEAR/5 aa)", true),
        ("ATLEAST/2 aa", true),
        ("ATLEAST/3 aa", false),
        ("ATLEAST/2 title:aa", false),
    ] {
        let told = run(&["query", "match", "--json", "--jsonl", &rows, "--", query]).await;
        assert_eq!(told.json()["matched"], expected, "{query}: {told:?}");
    }
    // Without content the lead is taken from the summary, and nothing spans its seam with the title.
    let row = json!({"title": "up aa", "summary": format!("bb {} edge", "word ".repeat(49))});
    let rows = file(&folder, "summary.jsonl", &row.to_string());
    for (query, expected) in [
        ("lead:bb", true),
        ("lead:edge", false),
        ("lead:(aa AND bb)", true),
        ("lead:(aa NEAR/3 bb)", false),
    ] {
        let told = run(&["query", "match", "--json", "--jsonl", &rows, "--", query]).await;
        assert_eq!(told.json()["matched"], expected, "{query}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keywords_that_name_each_other_in_a_circle_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let beat = file(&folder, "beat.toml", BEAT);
    let told = run(&["query", "check", "--beat", &beat, "--", "keyword:loop"]).await;
    assert_eq!((told.code, told.out.as_str()), (1, ""), "{told:?}");
    assert!(told.err.starts_with("error at byte 0: "), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_language_calls_an_error_is_told_with_its_place() {
    let deep = format!("{}aa{}", "(".repeat(33), ")".repeat(33));
    let wide = vec!["aa"; 2_001].join(" OR ");
    for (query, place, way_out) in [
        ("north korea", Some((0, 11)), "\"north korea\""),
        ("north korea", Some((0, 11)), "north AND korea"),
        ("north korea", Some((0, 11)), "north OR korea"),
        ("NOT iran", None, ""),
        ("aa OR NOT bb", None, ""),
        ("lang:en NEAR/5 iran", None, ""),
        ("nosuch:iran", None, ""),
        ("@nosuch", Some((0, 7)), ""),
        ("keyword:nosuch", None, ""),
        ("\"north korea", None, ""),
        ("(iran", Some((0, 5)), "(iran)"),
        ("iran)", Some((4, 1)), ""),
        ("i*", Some((0, 2)), ""),
        ("ATLEAST/0 iran", None, ""),
        ("0 OF (iran, korea)", None, ""),
        ("3 OF (iran, korea)", None, ""),
        ("iran NEAR/1001 korea", None, ""),
        ("aa NEAR/3 bb NEAR/3 cc", None, ""),
        ("source:38north", None, "source:38north AND *"),
        ("ATLEAST/1001 iran", None, ""),
        ("\"aa bb\"~1001", None, ""),
        ("?ran OR ?*", None, ""),
        ("", None, ""),
        (&wide, None, ""),
        (&deep, None, ""),
    ] {
        let told = run(&["query", "check", "--", query]).await;
        let shown: String = query.chars().take(40).collect();
        assert_eq!((told.code, told.out.as_str()), (1, ""), "{shown}: {told:?}");
        assert!(told.err.starts_with("error at byte "), "{shown}: {told:?}");
        if let Some((start, length)) = place {
            let [first, _, marks] = [0, 1, 2].map(|line| told.err.lines().nth(line).unwrap());
            assert!(
                first.starts_with(&format!("error at byte {start}: ")),
                "{told:?}"
            );
            assert_eq!(marks.trim(), "^".repeat(length), "{told:?}");
        }
        assert!(
            way_out.is_empty() || told.err.contains(&format!("  try: {way_out}\n")),
            "{shown}: {told:?}"
        );
    }
}
