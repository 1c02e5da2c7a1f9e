//! What analysts paste from other systems, judged by `query match --dialect`: each row of the table of dialects.

use serde_json::{Value, json};

use super::{file, run};

/// A dialect, what is pasted, texts that must match and texts that must not.
type Pasted = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const PASTED: &[Pasted] = &[
    (
        "google",
        "iran missile -football",
        &["missile of iran"],
        &["iran", "iran missile football"],
    ),
    (
        "google",
        "iran OR korea missile",
        &["korea missile"],
        &["korea"],
    ),
    (
        "google",
        "iran AROUND(1) korea",
        &["iran x korea"],
        &["iran x y korea"],
    ),
    (
        "meltwater",
        "iran NEAR korea",
        &["korea a b c d iran"],
        &["korea a b c d e iran"],
    ),
    (
        "meltwater",
        "iran NEAR/1 korea",
        &["iran x korea"],
        &["iran x y korea"],
    ),
    (
        "meltwater",
        "iran ONEAR/1 korea",
        &["iran x korea"],
        &["korea x iran"],
    ),
    (
        "brandwatch",
        "north korea OR iran",
        &["north korea", "iran"],
        &["korea north"],
    ),
    (
        "brandwatch",
        "iran NEAR/1f korea",
        &["iran x korea"],
        &["korea iran"],
    ),
    ("brandwatch", "raw:IRGC", &["the IRGC"], &["the irgc"]),
    ("brandwatch", "\"aa bb\"~1", &["aa x bb"], &["aa x y bb"]),
    (
        "factiva",
        "north korea and iran",
        &["north korea, iran"],
        &["north of korea and iran"],
    ),
    (
        "factiva",
        "iran near3 korea",
        &["korea x y iran"],
        &["korea x y z iran"],
    ),
    (
        "factiva",
        "iran adj2 korea",
        &["iran x korea"],
        &["korea x iran", "iran x y korea"],
    ),
    (
        "factiva",
        "iran w/2 korea",
        &["iran x korea"],
        &["iran x y korea"],
    ),
    ("factiva", "atleast2 iran", &["iran and iran"], &["iran"]),
    (
        "factiva",
        "iran same korea",
        &["Iran won. Korea lost."],
        &["<p>iran</p><p>korea</p>"],
    ),
    ("factiva", "sanction$3", &["sanctions"], &["sanct"]),
    (
        "nexis",
        "iran w/3 korea",
        &["korea x y iran"],
        &["korea x y z iran"],
    ),
    (
        "nexis",
        "iran pre/2 korea",
        &["iran x korea"],
        &["korea x iran"],
    ),
    (
        "nexis",
        "iran w/s korea",
        &["Iran met Korea."],
        &["Iran won. Korea lost."],
    ),
    (
        "nexis",
        "iran w/p korea",
        &["Iran won. Korea lost."],
        &["<p>iran</p><p>korea</p>"],
    ),
    (
        "nexis",
        "sanction! and not court",
        &["sanctioning"],
        &["sanctions in court"],
    ),
    ("nexis", "ATLEAST2(iran)", &["iran, iran"], &["iran"]),
    (
        "nexis",
        "iran or korea and missile",
        &["iran missile"],
        &["iran"],
    ),
    ("nexis", "ALLCAPS(irgc)", &["the IRGC"], &["the irgc"]),
    (
        "lines",
        "iran\nnorth korea\n",
        &["iran", "north korea"],
        &["north"],
    ),
    ("lines", "iran; korea", &["korea"], &["weather"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pasted_from_another_system_means_here_what_it_meant_there() {
    let folder = tempfile::tempdir().unwrap();
    for (dialect, pasted, good, bad) in PASTED {
        let texts = good.iter().chain(*bad);
        let rows: Vec<String> = texts
            .map(|text| json!({"content": text}).to_string())
            .collect();
        let rows = file(&folder, "texts.jsonl", &rows.join("\n"));
        let told = run(&[
            "query",
            "match",
            "--dialect",
            dialect,
            "--json",
            "--jsonl",
            &rows,
            "--",
            pasted,
        ])
        .await;
        let matched: Vec<bool> = told
            .out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["matched"] == true)
            .collect();
        let expected = [vec![true; good.len()], vec![false; bad.len()]].concat();
        assert_eq!(matched, expected, "{dialect}: {pasted}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_another_system_are_the_fields_here() {
    let folder = tempfile::tempdir().unwrap();
    let row =
        json!({"title": "Sanctions", "content": "Missile", "url": "https://www.reuters.com/x"});
    let rows = file(&folder, "texts.jsonl", &row.to_string());
    for (dialect, pasted, expected) in [
        ("google", "intitle:sanctions site:reuters.com", true),
        ("google", "intitle:missile", false),
        ("google", "missile -site:reuters.com", false),
        ("meltwater", "title:sanctions", true),
        ("meltwater", "ingress:missile", true),
        ("factiva", "hd=sanctions", true),
        ("factiva", "hd=missile", false),
        ("factiva", "hlp=missile", true),
        ("nexis", "HEADLINE(sanctions)", true),
        ("nexis", "HEADLINE(missile)", false),
        ("nexis", "HLEAD(missile)", true),
    ] {
        let told = run(&[
            "query",
            "match",
            "--dialect",
            dialect,
            "--json",
            "--jsonl",
            &rows,
            "--",
            pasted,
        ])
        .await;
        assert_eq!(
            told.json()["matched"],
            expected,
            "{dialect}: {pasted}: {told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_carried_over_is_told_beside_the_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let text = file(&folder, "text.txt", "Sanctions\n");
    let told = run(&[
        "query",
        "match",
        "--dialect",
        "factiva",
        "--json",
        "--",
        "sanction$3",
        &text,
    ])
    .await;
    assert_eq!((told.code, &told.json()["matched"]), (0, &json!(true)));
    assert!(told.err.starts_with("note: "), "{told:?}");
    let refused = run(&[
        "query",
        "match",
        "--dialect",
        "factiva",
        "--json",
        "--",
        "iran and (",
        &text,
    ])
    .await;
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.starts_with("error at byte "), "{refused:?}");
    let unknown = run(&["query", "match", "--dialect", "esperanto", "iran", &text]).await;
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
}
