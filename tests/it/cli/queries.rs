//! `query` and `beat check`.

use serde_json::{Value, json};

use super::{file, run, run_with_input};

const BEAT: &str = r#"
format = 1
slug = "desk"
name = "A desk"

[[keywords]]
slug = "link"
name = "Link"
query = "@north NEAR/5 ship*"

[[concepts]]
slug = "north"
name = "The North"
terms = { en = ["north"], ko = ["북"] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_good_query_is_told_in_its_canonical_form_with_its_tree() {
    let good = run(&["query", "check", "  iran  NEAR/5 (sanction* OR embargo)"]).await;
    assert_eq!((good.code, good.err.as_str()), (0, ""));
    assert!(
        good.out
            .starts_with("iran NEAR/5 (sanction* OR embargo)\n\nNEAR/5\n  iran\n"),
        "{}",
        good.out
    );
    let canonical = good.out.lines().next().unwrap();
    let again = run(&["query", "check", "--json", canonical]).await;
    assert_eq!(again.json()["canonical"], canonical, "it stands for itself");
    assert_eq!(again.json()["warnings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_query_is_told_with_place_and_ways_out() {
    for (query, says) in [
        (
            "iran AND (dprk",
            "error at byte 9: this ( is never closed\n  iran AND (dprk\n           ^",
        ),
        ("이란 and dprk", "operators are written in capitals\n"),
        ("이란 AND NEAR/x b", "error at byte 11: "),
        ("iran or dprk", "  try: iran OR dprk\n"),
        (
            "@nowhere",
            "there is no concept @nowhere\n  @nowhere\n  ^^^^^^^^\n",
        ),
        ("", "error at byte 0: "),
    ] {
        for arguments in [
            &["query", "check", "--", query][..],
            &["query", "match", "--json", "--", query, "/nonexistent"],
        ] {
            let bad = run(arguments).await;
            assert_eq!((bad.code, bad.out.as_str()), (1, ""), "{arguments:?}");
            assert!(bad.err.contains(says), "{arguments:?}: {}", bad.err);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_judged_in_order_with_hits_in_the_bytes_of_the_plain_text() {
    let folder = tempfile::tempdir().unwrap();
    let beat = file(&folder, "beat.toml", BEAT);
    let rows = [
        json!({"id": 7, "title": "The <b>North</b> &amp; its ships", "summary": "<p>None</p>", "lang": "en"}),
        json!({"id": "no", "title": "Weather", "content": "north"}),
        json!({"id": null, "content": "<p>é 북 ships</p><script>north ship</script>"}),
    ];
    let jsonl = rows.map(|row| row.to_string()).join("\n\n");
    let jsonl = file(&folder, "texts.jsonl", &jsonl);
    let text = file(&folder, "text.txt", "Ships <of> the north\nA body & more\n");
    let query = [
        "query",
        "match",
        "keyword:link",
        &text,
        "--jsonl",
        &jsonl,
        "--beat",
        &beat,
    ];
    let told = run(&[&query[..], &["--json"]].concat()).await;
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    let verdicts: Vec<Value> = told
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<&Value> = verdicts.iter().map(|verdict| &verdict["id"]).collect();
    assert_eq!(ids, [&json!(text), &json!(7), &json!("no"), &Value::Null]);
    let matched: Vec<bool> = verdicts
        .iter()
        .map(|verdict| verdict["matched"].as_bool().unwrap())
        .collect();
    assert_eq!(matched, [true, true, false, true]);
    assert_eq!(verdicts[0]["fields"]["title"], "Ships <of> the north");
    assert_eq!(
        verdicts[1]["fields"],
        json!({"title": "The North & its ships", "summary": "None", "content": ""})
    );
    let mut hit_count = 0;
    for verdict in &verdicts {
        assert!(verdict.get("why").is_none());
        for hit in verdict["hits"].as_array().unwrap() {
            let field = verdict["fields"][hit["field"].as_str().unwrap()]
                .as_str()
                .unwrap();
            let at = |side: &str| usize::try_from(hit[side].as_u64().unwrap()).unwrap();
            assert_eq!(hit["text"], field[at("start")..at("end")], "{verdict}");
            hit_count += 1;
        }
    }
    assert_eq!(hit_count, 6, "{verdicts:?}");

    let told = run(&[&query[..], &["--json", "--why"]].concat()).await;
    let first: Value = serde_json::from_str(told.out.lines().next().unwrap()).unwrap();
    assert!(first["why"].as_str().unwrap().contains("NEAR/5"), "{first}");
    let told = run(&[&query[..], &["--why"]].concat()).await;
    assert!(
        told.out.contains("match     7  The North & its ships\n"),
        "{}",
        told.out
    );
    assert!(told.out.contains("no match  no  Weather\n"), "{}", told.out);
    assert!(told.out.contains("= The North\n"), "{}", told.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_matched_is_said_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let text = file(&folder, "text.txt", "Weather\nSunny\n");
    let told = run_with_input(&["query", "match", "iran", "--json"], &text).await;
    assert_eq!(told.code, 1);
    let verdict = told.json();
    assert_eq!(
        (&verdict["id"], &verdict["matched"]),
        (&json!("-"), &json!(false))
    );
    assert_eq!(
        run_with_input(&["query", "match", "sunny"], &text)
            .await
            .code,
        0
    );
    let broken = file(&folder, "broken.jsonl", "{\"id\": 1}\nnonsense\n");
    let told = run(&["query", "match", "iran", "--jsonl", &broken]).await;
    assert_eq!(told.code, 1);
    assert!(told.err.contains("broken.jsonl line 2"), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beat_is_checked_to_the_last_query_and_term() {
    let folder = tempfile::tempdir().unwrap();
    let good = run(&["beat", "check", &file(&folder, "good.toml", BEAT)]).await;
    assert_eq!((good.code, good.err.as_str()), (0, ""));
    assert!(
        good.out
            .contains("1 keyword, 1 concept with 2 terms, 0 sources"),
        "{}",
        good.out
    );
    let built_in = run(&["beat", "check", "config/beats/iran-dprk-sanctions.toml"]).await;
    assert_eq!(built_in.code, 0, "{}", built_in.err);

    let repeated = format!(
        "{BEAT}\n[[concepts]]\nslug = \"north\"\nname = \"Again\"\nterms = {{ en = [\"up\"] }}\n"
    );
    for (name, text, code, says) in [
        (
            "query.toml",
            BEAT.replace("@north NEAR/5", "@south NEAR/5"),
            1,
            "@south",
        ),
        (
            "term.toml",
            BEAT.replace("\"north\"]", "\"north AND (\"]"),
            1,
            "north",
        ),
        ("twice.toml", repeated, 1, "concept north is there twice"),
        (
            "format.toml",
            BEAT.replace("format = 1", "format = 9"),
            3,
            "format 9",
        ),
        (
            "key.toml",
            BEAT.replace("slug = \"desk\"", "slug = \"desk\"\nkeyword = 1"),
            3,
            "keyword",
        ),
        (
            "toml.toml",
            BEAT.replace("[[keywords]]", "[[keywords"),
            3,
            "toml.toml is no beat",
        ),
    ] {
        let told = run(&["beat", "check", &file(&folder, name, &text)]).await;
        assert_eq!(
            (told.code, told.out.as_str()),
            (code, ""),
            "{name}: {}",
            told.err
        );
        assert!(told.err.contains(says), "{name}: {}", told.err);
    }
}
