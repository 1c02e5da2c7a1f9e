//! Texts and queries that are too much: a clear answer, in bounded time and memory.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{Told, file, told};
use crate::binary::wirewatch;

/// What the program may take of memory, in KiB of addresses: it is refused more and would end.
const MEMORY_KIB: u64 = 2_500_000;

/// Runs `wirewatch query match` with a bound on its memory.
async fn bounded(arguments: &[&str]) -> Told {
    let program = wirewatch(&[]);
    let mut command = std::process::Command::new("sh");
    command
        .args([
            "-c",
            &format!("ulimit -v {MEMORY_KIB} && exec \"$0\" \"$@\""),
        ])
        .arg(program.get_program())
        .args(["query", "match", "--json"])
        .args(arguments)
        .stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    told(command).await
}

/// The verdict on one text of plain letters.
async fn verdict(query: &str, text: &str) -> (Told, Value) {
    let folder = tempfile::tempdir().unwrap();
    let text = file(&folder, "text.txt", &format!("Title\n{text}\n"));
    let told = bounded(&["--", query, &text]).await;
    let verdict = serde_json::from_str(&told.out).unwrap_or_else(|_| {
        let err: String = told.err.chars().take(500).collect();
        panic!("{:?} {err}", told.code)
    });
    (told, verdict)
}

const MEGABYTE: usize = 1_000_000;

fn repeated(text: &str, bytes: usize) -> String {
    text.repeat(bytes / text.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_of_ten_megabytes_is_read_to_its_end() {
    let text = repeated("Weather in Iran today. ", 10 * MEGABYTE) + "A missile";
    let (_, verdict) = verdict("iran AND missile AND NOT korea", &text).await;
    assert_eq!(verdict["matched"], true);
    assert!(verdict.get("unread_from").is_none());
    assert_eq!(verdict["more_hits"], true, "there are 434,783");
    assert_eq!(verdict["hits"].as_array().unwrap().len(), 100_000);
    assert_eq!(verdict["hits"][99_999]["text"], "Iran");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_two_thousand_leaves_is_judged() {
    let terms: Vec<String> = (0..1_999).map(|number| format!("w{number}")).collect();
    let (any, all) = (terms.join(" OR "), terms[..600].join(" AND "));
    let text = repeated(&(terms.join(" ") + "\n"), 10 * MEGABYTE / 2);
    for (query, matched) in [
        (&any, true),
        (&all, true),
        (&format!("zz AND ({any})"), false),
    ] {
        let (_, verdict) = verdict(query, &text).await;
        assert_eq!(verdict["matched"], matched);
        assert!(verdict.get("unread_from").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_leaves_that_all_hit_every_word_stop_the_reading_at_a_place_that_is_told() {
    // Every way to put ? for some letters of aaaaaa, and every beginning of it.
    let wild = (1..57_u32).map(|bits| {
        let letter = |at: u32| if bits >> at & 1 == 1 { '?' } else { 'a' };
        (0..6).map(letter).collect::<String>()
    });
    let leaves: Vec<String> = wild
        .filter(|leaf| leaf.matches('a').count() > 1)
        .chain((2..6).map(|count| "a".repeat(count) + "*"))
        .collect();
    assert!(leaves.len() > 40);
    let text = repeated("aaaaaa ", MEGABYTE);
    let (told, verdict) = verdict(&leaves.join(" OR "), &text).await;
    assert_eq!(verdict["matched"], true);
    assert_eq!(verdict["unread_from"]["field"], "content");
    let start = verdict["unread_from"]["start"].as_u64().unwrap();
    assert!((100_000..900_000).contains(&start), "{start}");
    assert!(
        told.err.contains(&format!("ended at byte {start}")),
        "{}",
        told.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_one_repeated_character_is_judged() {
    for (letter, query, matched) in [
        ("a", "*aaa*", true),
        ("a", "aaa", false),
        ("a", "aa?a*", true),
        ("a", "*aa?a*b*", false),
        ("核", "\"核 核 核\"", true),
        ("核", "核", true),
        ("핵", "핵", false),
        ("ا", "ا", false),
        (" ", "aa", false),
        (".", "aa", false),
        ("<", "aa", false),
        ("\u{301}", "aa", false),
    ] {
        let text = repeated(letter, MEGABYTE);
        let (_, verdict) = verdict(query, &text).await;
        assert_eq!(verdict["matched"], matched, "{letter} {query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_over_texts_that_repeat_both_sides_are_judged() {
    let text = repeated("aa bb ", MEGABYTE);
    for (query, matched) in [
        ("aa NEAR/3 bb", true),
        ("aa NOT NEAR/3 bb", false),
        ("ATLEAST/1000 (aa OR bb)", true),
        ("\"aa bb\"~900", true),
        ("\"bb bb aa\"~900", true),
        ("aa NEAR/S bb", true),
        ("(aa NEAR/1 bb) AND zz", false),
    ] {
        let (_, verdict) = verdict(query, &text).await;
        assert_eq!(verdict["matched"], matched, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_64_kib_is_judged_and_a_longer_one_refused() {
    let terms: Vec<String> = (0..1_900)
        .map(|number| format!("term{number:026}"))
        .collect();
    let mut query = terms.join(" OR ");
    assert!(query.len() < 65_536);
    query.extend(std::iter::repeat_n(' ', 65_536 - query.len()));
    let (_, verdict) = verdict(&query, &format!("x {} y", terms[1_899])).await;
    assert_eq!(verdict["hits"][0]["text"], terms[1_899]);

    let folder = tempfile::tempdir().unwrap();
    let text = file(&folder, "text.txt", "Title\n");
    for (query, says) in [
        (query + " ", "65537 bytes"),
        ("(".repeat(65_536), "nested too deeply"),
        ("aa ".repeat(21_845), "leaves"),
        ("\"".repeat(65_535), "quote"),
    ] {
        let told = bounded(&["--", &query, &text]).await;
        let shown: String = told.err.chars().take(300).collect();
        assert_eq!((told.code, told.out.as_str()), (1, ""), "{shown}");
        assert!(told.err.starts_with("error at byte "), "{shown}");
        assert!(told.err.contains(says), "{says}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unpaired_surrogates_are_read_as_replacement_characters() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        r#"{"id":1,"title":"a \ud800 iran"}"#,
        r#"{"id":2,"title":"\udc00\ud83d iran","content":"<p>\ud83d</p>"}"#,
        r#"{"id":3,"title":"\ud83d\ude00 iran"}"#,
    ];
    let rows = file(&folder, "rows.jsonl", &rows.join("\n"));
    let told = bounded(&["--jsonl", &rows, "--", "iran"]).await;
    let verdicts: Vec<Value> = told
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let titles: Vec<&Value> = verdicts.iter().map(|it| &it["fields"]["title"]).collect();
    assert_eq!(
        titles,
        [
            &json!("a \u{fffd} iran"),
            &json!("\u{fffd}\u{fffd} iran"),
            &json!("😀 iran")
        ]
    );
    for verdict in &verdicts {
        assert_eq!(verdict["matched"], true, "{verdict}");
        let title = verdict["fields"]["title"].as_str().unwrap();
        let at = |side: &str| usize::try_from(verdict["hits"][0][side].as_u64().unwrap()).unwrap();
        assert_eq!(&title[at("start")..at("end")], "iran");
    }
}
