//! The table of the specification, row by row, and the queries that analysts keep.

use super::*;

fn lexicon() -> Lexicon {
    Lexicon::default()
}

fn canonical(dialect: Dialect, text: &str) -> String {
    match read(text, dialect, &lexicon(), Purpose::SavedKeyword) {
        Ok((query, _)) => query.canonical(),
        Err(errors) => format!("error: {errors:?}"),
    }
}

fn check(dialect: Dialect, table: &[(&str, &str)]) {
    for (pasted, expected) in table {
        assert_eq!(canonical(dialect, pasted), *expected, "{dialect}: {pasted}");
    }
}

fn notes(dialect: Dialect, text: &str) -> Vec<(String, String)> {
    let translation =
        translate(text, dialect).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let slice = |note: &Warning| text.get(note.start..note.end).unwrap_or("?").to_owned();
    translation
        .notes
        .iter()
        .map(|note| (slice(note), note.message.clone()))
        .collect()
}

#[test]
fn google_joins_by_and_with_or_tighter() {
    check(
        Dialect::Google,
        &[
            ("iran sanctions", "iran AND sanctions"),
            ("iran OR tehran sanctions", "(iran OR tehran) AND sanctions"),
            ("iran | tehran", "iran OR tehran"),
            ("iran -football", "iran AND NOT football"),
            (
                "iran -\"world cup\" -site:espn.com",
                "iran AND NOT \"world cup\" AND NOT domain:espn.com",
            ),
            (
                "iran -(football OR soccer)",
                "iran AND NOT (football OR soccer)",
            ),
            ("site:reuters.com iran", "domain:reuters.com AND iran"),
            ("intitle:sanctions iran", "title:sanctions AND iran"),
            (
                "intitle:\"north korea\" iran",
                "title:\"north korea\" AND iran",
            ),
            ("iran AROUND(5) missile", "iran NEAR/5 missile"),
            ("\"north * missile\" iran", "\"north missile\"~1 AND iran"),
            ("not and near", "not AND and AND near"),
            (
                "(“North Korea” OR DPRK) (Iran OR Tehran) intitle:missile\u{a0}–football site:reuters.com",
                "(\"North Korea\" OR DPRK) AND (Iran OR Tehran) AND title:missile AND NOT football AND domain:reuters.com",
            ),
        ],
    );
}

#[test]
fn meltwater_counts_words_between() {
    check(
        Dialect::Meltwater,
        &[
            ("iran NEAR korea", "iran NEAR/4 korea"),
            ("iran NEAR/10 korea", "iran NEAR/10 korea"),
            ("iran ONEAR korea", "iran ONEAR/4 korea"),
            ("iran ONEAR/2 korea", "iran ONEAR/2 korea"),
            (
                "title:iran and ingress:(korea or dprk)",
                "title:iran AND lead:(korea OR dprk)",
            ),
            (
                "(\"North Korea\" OR DPRK OR Pyongyang) NEAR/10 (Iran* OR Tehran) NOT (football OR soccer OR \"World Cup\")",
                "(\"North Korea\" OR DPRK OR Pyongyang) NEAR/10 (Iran* OR Tehran) AND NOT (football OR soccer OR \"World Cup\")",
            ),
            ("iran NOT NEAR/3 football", "iran NOT NEAR/3 football"),
        ],
    );
    let errors = read(
        "north korea",
        Dialect::Meltwater,
        &lexicon(),
        Purpose::SavedKeyword,
    );
    assert!(errors.is_err_and(|errors| {
        errors
            .iter()
            .any(|error| error.ways_out.contains(&"\"north korea\"".to_owned()))
    }));
}

#[test]
fn brandwatch_reads_words_side_by_side_as_a_phrase() {
    check(
        Dialect::Brandwatch,
        &[
            ("north korea", "\"north korea\""),
            ("north korea OR iran", "\"north korea\" OR iran"),
            ("north \"korea missile\"", "\"north korea missile\""),
            ("iran NEAR/5 korea", "iran NEAR/5 korea"),
            ("iran NEAR/5f korea", "iran ONEAR/5 korea"),
            ("raw:IRGC AND iran", "cs(IRGC) AND iran"),
            (
                "raw:(RGB OR SHIG) AND iran",
                "(cs(RGB) OR cs(SHIG)) AND iran",
            ),
            ("\"iran missile\"~5", "\"iran missile\"~5"),
            (
                "iran NEAR/2 korea NEAR/3 missile",
                "(iran NEAR/2 korea) NEAR/3 missile",
            ),
            (
                "((shell company OR front compan*) NEAR/15 (iran* OR raw:DPRK)) AND title:(sanction* OR designat*) NOT (site:espn.com OR fantasy football)",
                "(\"shell company\" OR \"front compan*\") NEAR/15 (iran* OR cs(DPRK)) AND title:(sanction* OR designat*) AND NOT (domain:espn.com OR \"fantasy football\")",
            ),
        ],
    );
}

#[test]
fn factiva_counts_one_more_than_the_words_between() {
    check(
        Dialect::Factiva,
        &[
            ("north korea and iran", "\"north korea\" AND iran"),
            ("iran near5 korea", "iran NEAR/4 korea"),
            ("iran NEAR1 korea", "iran NEAR/0 korea"),
            ("iran adj3 korea", "iran ONEAR/2 korea"),
            ("iran w/5 korea", "iran ONEAR/4 korea"),
            ("hd=sanctions and iran", "title:sanctions AND iran"),
            (
                "hd=(north korea or iran)",
                "title:(\"north korea\" OR iran)",
            ),
            ("hlp=iran", "lead:iran"),
            ("atleast3 iran", "ATLEAST/3 iran"),
            (
                "atleast3 north korea and iran",
                "ATLEAST/3 \"north korea\" AND iran",
            ),
            ("iran same korea", "iran NEAR/P korea"),
            ("sanction$3 and iran", "sanction* AND iran"),
            ("iran and la=en", "iran AND lang:en"),
            ("iran not ns=gspo", "iran"),
            ("iran and wc>300", "iran"),
            ("north (korea or korean)", "north ONEAR/0 (korea OR korean)"),
            (
                "(\"north korea\" or dprk) near10 (iran or tehran) not (soccer or world cup) and hd=(missile$1 or centrifuge$1)",
                "(\"north korea\" OR dprk) NEAR/9 (iran OR tehran) AND NOT (soccer OR \"world cup\") AND title:(missile* OR centrifuge*)",
            ),
        ],
    );
    assert_eq!(
        notes(Dialect::Factiva, "iran and ns=gspo and ship$3"),
        [
            (
                "ship$3".to_owned(),
                "$ limits the letters of an ending; * is any ending: wider".to_owned()
            ),
            (
                "ns=gspo".to_owned(),
                "ns=gspo has no counterpart and is left out".to_owned()
            ),
        ]
    );
}

#[test]
fn nexis_binds_or_tighter_than_and() {
    check(
        Dialect::Nexis,
        &[
            ("iran w/10 korea", "iran NEAR/9 korea"),
            ("iran PRE/3 korea", "iran ONEAR/2 korea"),
            ("iran w/s korea", "iran NEAR/S korea"),
            ("iran W/P korea", "iran NEAR/P korea"),
            ("iran and not sport!", "iran AND NOT sport*"),
            ("iran or korea and missile", "(iran OR korea) AND missile"),
            (
                "iran or tehran w/5 korea or dprk",
                "(iran OR tehran) NEAR/4 (korea OR dprk)",
            ),
            ("ATLEAST3(iran)", "ATLEAST/3 iran"),
            ("HEADLINE(sanctions) and iran", "title:sanctions AND iran"),
            (
                "hlead(north korea w/10 iran)",
                "lead:(\"north korea\" NEAR/9 iran)",
            ),
            ("CAPS(AIDS) and iran", "cs(AIDS) AND iran"),
            (
                "allcaps(rgb or shig) and iran",
                "(cs(RGB) OR cs(SHIG)) AND iran",
            ),
            ("wom*n and iran", "wom?n AND iran"),
            ("iran not w/5 football", "iran NOT NEAR/4 football"),
            ("(iran)", "iran"),
            (
                "hlead((north korea or dprk) w/25 (iran! or tehran)) and ATLEAST2(sanction!) and not (soccer or world cup)",
                "lead:((\"north korea\" OR dprk) NEAR/24 (iran* OR tehran)) AND ATLEAST/2 sanction* AND NOT (soccer OR \"world cup\")",
            ),
        ],
    );
}

#[test]
fn a_list_is_any_of_its_items() {
    check(
        Dialect::Lines,
        &[
            (
                "iran\nnorth korea\r\nDPRK\n\n",
                "iran OR \"north korea\" OR DPRK",
            ),
            (
                "iran, north korea; \"kim, jong un\"",
                "iran OR \"north korea\" OR \"kim, jong un\"",
            ),
            ("• iran\n• tehran", "iran OR tehran"),
            ("ایران، تهران", "ایران OR تهران"),
            ("伊朗、朝鲜", "伊朗 OR 朝鲜"),
            ("war AND peace\nNOT", "\"war AND peace\" OR \"NOT\""),
            ("iran", "iran"),
        ],
    );
    assert_eq!(notes(Dialect::Lines, "iran\nIran").len(), 1);
}

#[test]
fn errors_have_their_place_in_what_was_pasted() {
    for (dialect, pasted, offending) in [
        (Dialect::Google, "“north korea” iran foo:bar", "foo:bar"),
        (Dialect::Google, "iran @nosuch missile", "@nosuch"),
        (
            Dialect::Factiva,
            "iran and north near2000 korea",
            "near2000",
        ),
        (Dialect::Factiva, "iran and (korea", "("),
        (Dialect::Factiva, "iran) and korea", ")"),
        (Dialect::Nexis, "HEADLINE(iran) and i!", "i!"),
        (Dialect::Brandwatch, "“open", "“open"),
        (Dialect::Meltwater, "iran AND", "AND"),
        (Dialect::Lines, "iran\n\"open\nkorea", "\"open"),
        (Dialect::Lines, "iran; a*; korea", "a*"),
    ] {
        let errors = read(pasted, dialect, &lexicon(), Purpose::SavedKeyword)
            .err()
            .unwrap_or_default();
        let shown: Vec<_> = errors
            .iter()
            .map(|error| pasted.get(error.start..error.end))
            .collect();
        assert!(
            shown.contains(&Some(offending)),
            "{dialect} {pasted}: {errors:?}"
        );
    }
}

#[test]
fn hostile_texts_are_answered() {
    for dialect in Dialect::ALL {
        for text in [
            "",
            " ",
            "(",
            ")",
            "\"",
            "()",
            "-",
            "--",
            "and",
            "or not",
            "near5",
            "w/",
            "~",
            "$",
            "=",
            ":",
            "hd=",
            "AROUND(",
            "AROUND(x)",
            "HEADLINE(",
            &"(".repeat(30_000),
            &"-(".repeat(30_000),
            &"not ".repeat(10_000),
            &"a near5 ".repeat(5_000),
            &"(a) ".repeat(10_000),
            &"hd=".repeat(10_000),
            &"a,".repeat(30_000),
            &"\"a\"~9 ".repeat(5_000),
            &"x".repeat(70_000),
        ] {
            let answer = read(text, dialect, &lexicon(), Purpose::SavedKeyword);
            for error in answer.err().into_iter().flatten() {
                assert!(
                    text.get(error.start..error.end).is_some(),
                    "{dialect}: {error:?}"
                );
            }
        }
    }
}

#[test]
fn what_systems_have_alone_is_carried_over_or_told() {
    use Dialect::{Brandwatch, Factiva, Google, Lines, Meltwater, Nexis};
    for (dialect, pasted, expected, told) in [
        (
            Google,
            "iran (missile|rocket)",
            "iran AND (missile OR rocket)",
            "",
        ),
        (
            Google,
            "iran|tehran korea",
            "(iran OR tehran) AND korea",
            "",
        ),
        (Google, "iran ~missile", "iran AND missile", "~missile"),
        (Google, "site:.gov iran", "domain:gov AND iran", ""),
        (Google, "iran 2010..2020", "iran", "2010..2020"),
        (Meltwater, "iran^9 AND korea", "iran AND korea", "iran^9"),
        (Brandwatch, "{BT} AND iran", "cs(BT) AND iran", ""),
        (
            Brandwatch,
            "<<<old\n(>>> iran OR dprk",
            "iran OR dprk",
            "<<<old\n(>>>",
        ),
        (Brandwatch, "iran or korea", "\"iran or korea\"", "or"),
        (Factiva, "iran /N5/ korea", "iran NEAR/4 korea", ""),
        (Factiva, "iran /F50/", "iran", "/F50/"),
        (
            Factiva,
            "iran near 5 korea",
            "\"iran near 5 korea\"",
            "near",
        ),
        (
            Factiva,
            "date after 2024 and iran",
            "\"date after 2024\" AND iran",
            "date",
        ),
        (
            Nexis,
            "caps(apple computer)",
            "cs(\"Apple Computer\")",
            "caps",
        ),
        (Nexis, "missile! and ship", "missile* AND ship", "ship"),
        (
            Nexis,
            "length > 1200 and iran!",
            "\"length > 1200\" AND iran*",
            "length",
        ),
        (Lines, "1. iran\n2) korea", "iran OR korea", ""),
        (Lines, "# ours\niran", "iran", "# ours"),
        (
            Lines,
            "title:iran\nkorea",
            "\"title:iran\" OR korea",
            "title:iran",
        ),
    ] {
        assert_eq!(canonical(dialect, pasted), expected, "{dialect}: {pasted}");
        let notes = notes(dialect, pasted);
        assert!(
            told.is_empty() || notes.iter().any(|(slice, _)| slice == told),
            "{dialect}: {pasted}: {notes:?}"
        );
    }
}

#[test]
fn a_way_out_takes_the_place_of_a_whole_expression() {
    for (pasted, expected) in [
        ("korea near3 (iran and ship)", "korea AND (iran AND ship)"),
        (
            "(iran and ship ) near3 korea and x",
            "(iran AND ship) AND korea and x",
        ),
        (
            "y and (korea near3 (iran and ship))",
            "y and (korea AND (iran AND ship))",
        ),
    ] {
        let errors = read(pasted, Dialect::Factiva, &lexicon(), Purpose::SavedKeyword);
        let error = errors.err().and_then(|errors| errors.into_iter().next());
        let repaired = error.and_then(|error| {
            let (before, after) = (pasted.get(..error.start)?, pasted.get(error.end..)?);
            Some(format!("{before}{}{after}", error.ways_out.first()?))
        });
        assert_eq!(repaired.as_deref(), Some(expected), "{pasted}");
    }
}
