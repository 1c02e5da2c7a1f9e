//! Forty invented wire reports and what outlets make of them: copies are folded, independent reports are not, and none of
//! it hangs on the order of arrival or on the process that places.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::*;
use crate::domain::Timestamp;

#[derive(Deserialize)]
struct Fixture {
    wires: Vec<Wire>,
}

#[derive(Deserialize)]
struct Wire {
    language: String,
    title: String,
    headline: String,
    text: String,
    report_title: String,
    report: String,
}

/// One report of the stream.
#[derive(Clone)]
struct Item {
    wire: usize,
    language: String,
    is_copy_of_wire: bool,
    title: String,
    text: String,
    outlet: &'static str,
    at: i64,
}

fn wires() -> Vec<Wire> {
    let fixture: Fixture =
        toml::from_str(include_str!("../../tests/fixtures/stories/wires.toml")).unwrap();
    fixture.wires
}

/// Slug of a wire and the paragraph that an outlet adds, by language.
fn dressing(language: &str) -> (&'static str, &'static str) {
    match language {
        "ko" => (
            "[속보] ",
            "본지는 사건의 배경과 관련 일지를 인터넷판에 따로 정리해 두었으며 독자 의견을 기다린다.",
        ),
        "fa" => (
            "فوری | ",
            "خبرنگار ما در محل گزارش می‌دهد که اهالی منطقه از ادامه این ماجرا نگران هستند و منتظر توضیح مقام‌ها مانده‌اند.",
        ),
        "ar" => (
            "عاجل: ",
            "وأفاد مراسلنا في المنطقة بأن السكان ينتظرون توضيحا من السلطات وأن الأسواق فتحت أبوابها كالمعتاد صباح اليوم.",
        ),
        "zh" => (
            "【快讯】",
            "本报记者从当地获悉，居民正在等候有关方面作出进一步说明，街上的商店照常营业。",
        ),
        "ru" => (
            "Срочно: ",
            "Наш корреспондент передаёт с места, что жители ждут разъяснений от властей, а магазины утром открылись как обычно.",
        ),
        "ja" => (
            "【速報】",
            "本紙の取材では、住民は当局の説明を待っており、商店街は朝から普段どおりに営業している。",
        ),
        _ => (
            "UPDATE 2-",
            "Our reporter in the area says residents are waiting for an explanation from the authorities while shops opened as usual this morning.",
        ),
    }
}

/// Three to eight copies of each wire, edited by rules, and one independent report; in order of time.
fn stream() -> Vec<Item> {
    let mut items = Vec::new();
    for (number, wire) in wires().iter().enumerate() {
        let sentences: Vec<&str> = wire.text.lines().collect();
        let (slug, added) = dressing(&wire.language);
        let whole = sentences.join("\n");
        let edits: [(String, String, &str); 8] = [
            (
                format!("{} - The Example Times", wire.title),
                whole.clone(),
                "The Example Times",
            ),
            (
                format!("{slug}{}", wire.title),
                sentences[..3].join("\n"),
                "Morning Post",
            ),
            (wire.headline.clone(), whole.clone(), "City Gazette"),
            (
                wire.title.clone(),
                format!("{whole}\n{added}"),
                "Northern Echo",
            ),
            (
                wire.headline.clone(),
                sentences[..2].join("\n"),
                "Harbour Radio",
            ),
            (
                format!("{slug}{}", wire.headline),
                format!("{added}\n{}", sentences[..4].join("\n")),
                "Valley News",
            ),
            (
                wire.title.clone(),
                sentences[1..].join("\n"),
                "Island Courier",
            ),
            (
                format!("{} | Metro", wire.headline),
                [sentences[0], sentences[2], sentences[4]].join("\n"),
                "Metro",
            ),
        ];
        let day = EVENTS
            .iter()
            .position(|event| *event == placed_event(wire))
            .unwrap();
        let start = 1_780_000_000
            + i64::try_from(day).unwrap() * 5 * 86_400
            + i64::try_from(number).unwrap() * 97;
        let mut push = |title: String, text: String, outlet, is_copy_of_wire, minutes: i64| {
            items.push(Item {
                wire: number,
                language: wire.language.clone(),
                is_copy_of_wire,
                title,
                text,
                outlet,
                at: start + minutes * 60,
            });
        };
        push(wire.title.clone(), whole.clone(), "Wire", true, 0);
        for (place, (title, text, outlet)) in edits.into_iter().take(3 + number % 6).enumerate() {
            push(
                title,
                text,
                outlet,
                true,
                7 + 23 * i64::try_from(place).unwrap(),
            );
        }
        push(
            wire.report_title.clone(),
            wire.report.clone(),
            "Own Paper",
            false,
            300,
        );
    }
    items.sort_by_key(|item| item.at);
    items
}

fn traits(item: &Item) -> Traits {
    Traits::of(&Report {
        title: &item.title,
        text: &item.text,
        language: Some(&item.language),
        outlet: item.outlet,
        at: Some(Timestamp::from_micros(item.at * 1_000_000)),
        concepts: &[],
    })
}

/// Story and copy group of each item, by its number in `items`, after placing them in `order`.
fn placed(items: &[Item], order: &[usize], batch: usize) -> Vec<(i64, i64)> {
    let mut window = Window::new(10_000, 1, Decisions::default());
    for (count, at) in order.iter().enumerate() {
        window.place(i64::try_from(*at).unwrap(), traits(&items[*at]));
        if count % batch == batch - 1 {
            window.revisit();
        }
    }
    window.revisit();
    read(&window, items.len())
}

fn read(window: &Window, length: usize) -> Vec<(i64, i64)> {
    (0..i64::try_from(length).unwrap())
        .map(|key| {
            let (story, copy_of) = window.placed(key).unwrap();
            (story, copy_of.unwrap_or(key))
        })
        .collect()
}

fn in_order(items: &[Item]) -> Vec<usize> {
    (0..items.len()).collect()
}

#[test]
fn edited_copies_are_folded() {
    let items = stream();
    let wire_count = wires().len();
    assert_eq!(wire_count, 40);
    let placed = placed(&items, &in_order(&items), 20);
    // A copy group for each wire; an independent report stands alone.
    let labels: Vec<(usize, bool, usize)> = items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            (
                item.wire,
                item.is_copy_of_wire,
                if item.is_copy_of_wire { 0 } else { at },
            )
        })
        .collect();
    let groups: Vec<i64> = placed.iter().map(|(_, original)| *original).collect();
    let score = measure::score(&labels, &groups);
    let mut by_language: BTreeMap<&str, (Vec<_>, Vec<_>)> = BTreeMap::new();
    for ((item, label), group) in items.iter().zip(&labels).zip(&groups) {
        let entry = by_language.entry(&item.language).or_default();
        entry.0.push(*label);
        entry.1.push(*group);
    }
    for (language, (labels, groups)) in &by_language {
        let score = measure::score(labels, groups);
        assert!(score.pairs.f1() >= 0.95, "{language}: {score:?}");
    }
    assert!(score.pairs.f1() >= 0.95, "{score:?}");
}

#[test]
fn independent_reports_of_an_event_are_grouped_and_not_folded() {
    let items = stream();
    let placed = placed(&items, &in_order(&items), 20);
    let mut grouped = 0;
    let mut apart = Vec::new();
    for (at, item) in items
        .iter()
        .enumerate()
        .filter(|(_, item)| !item.is_copy_of_wire)
    {
        let (story, original) = placed[at];
        assert_eq!(
            original,
            i64::try_from(at).unwrap(),
            "folded: {}",
            item.title
        );
        let is_grouped = items.iter().zip(&placed).any(|(other, (theirs, _))| {
            other.is_copy_of_wire && other.wire == item.wire && *theirs == story
        });
        if is_grouped {
            grouped += 1;
        } else {
            apart.push(item.title.as_str());
        }
    }
    assert!(grouped >= 36, "{grouped} of 40; apart: {apart:#?}");
    // Events are told in several languages; reports of two events never share a story.
    let event = |wire: usize| placed_event(&wires()[wire]);
    let mut events: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
    for (item, (story, _)) in items.iter().zip(&placed) {
        events.entry(*story).or_default().insert(event(item.wire));
    }
    let mixed: Vec<_> = events.values().filter(|events| events.len() > 1).collect();
    assert!(mixed.is_empty(), "{mixed:?}");
}

const EVENTS: [&str; 6] = ["tanker", "drones", "quake", "rates", "drawings", "strike"];

/// The event of a wire, by a fact that all languages tell.
fn placed_event(wire: &Wire) -> &'static str {
    let tells = |facts: &[&str]| facts.iter().any(|fact| wire.text.contains(fact));
    match () {
        () if tells(&["Marlow", "마로", "مارلو", "马洛港", "Марлоу", "マーロウ"]) => {
            "tanker"
        }
        () if tells(&[
            "Norvia",
            "노르비아",
            "نورویا",
            "نورفيا",
            "诺维亚",
            "Норвии",
            "ノルビア",
        ]) =>
        {
            "drones"
        }
        () if tells(&[
            "Talmarin",
            "탈마린",
            "تالمارین",
            "تالمارين",
            "塔尔马林",
            "Тальмарин",
            "タルマリン",
        ]) =>
        {
            "quake"
        }
        () if tells(&[
            "Qelim",
            "켈림",
            "کلیم",
            "قليم",
            "克利姆",
            "Келима",
            "ケリム",
        ]) =>
        {
            "rates"
        }
        () if tells(&[
            "Hadleigh",
            "하들리",
            "هادلی",
            "هادلي",
            "哈德利",
            "Хэдли",
            "ハドリー",
        ]) =>
        {
            "drawings"
        }
        () => "strike",
    }
}

/// Shares of reports whose company changed between two placements, and copies parted from their original.
fn changed(items: &[Item], a: &[(i64, i64)], b: &[(i64, i64)]) -> (f64, usize) {
    let company = |placed: &[(i64, i64)]| -> Vec<BTreeSet<usize>> {
        let mut members: BTreeMap<i64, BTreeSet<usize>> = BTreeMap::new();
        for (at, (story, _)) in placed.iter().enumerate() {
            members.entry(*story).or_default().insert(at);
        }
        placed
            .iter()
            .map(|(story, _)| members[story].clone())
            .collect()
    };
    let (first, second) = (company(a), company(b));
    // A report is placed anew if it stands with fewer than half of those it stood with.
    let moved = (0..items.len())
        .filter(|at| {
            first[*at].intersection(&second[*at]).count() * 2
                < first[*at].union(&second[*at]).count()
        })
        .count();
    let parted = (0..items.len())
        .filter(|at| {
            let original = usize::try_from(a[*at].1).unwrap();
            b[*at].0 != b[original].0
        })
        .count();
    (moved as f64 / items.len() as f64, parted)
}

#[test]
fn disorder_within_ten_minutes_changes_little_and_parts_no_copy() {
    let items = stream();
    let ordered = placed(&items, &in_order(&items), 20);
    for seed in 1..6_u64 {
        let mut state = seed;
        let mut order: Vec<(i64, usize)> = items
            .iter()
            .enumerate()
            .map(|(at, item)| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (item.at + i64::try_from((state >> 33) % 600).unwrap(), at)
            })
            .collect();
        order.sort_unstable();
        let order: Vec<usize> = order.into_iter().map(|(_, at)| at).collect();
        let (moved, parted) = changed(&items, &ordered, &placed(&items, &order, 20));
        assert!(moved <= 0.02, "seed {seed}: {moved}");
        assert_eq!(parted, 0, "seed {seed}");
    }
}

#[test]
fn a_take_over_in_the_middle_changes_little_and_parts_no_copy() {
    let items = stream();
    let ordered = placed(&items, &in_order(&items), 20);
    for middle in [items.len() / 3, items.len() / 2, items.len() - 40] {
        let mut first = Window::new(10_000, 1, Decisions::default());
        for (at, item) in items.iter().enumerate().take(middle) {
            first.place(i64::try_from(at).unwrap(), traits(item));
            if at % 20 == 19 {
                first.revisit();
            }
        }
        // What the database keeps: the story and the original of each report, in order of arrival.
        let mut second = Window::new(10_000, 1, Decisions::default());
        for (at, item) in items.iter().enumerate().take(middle) {
            let key = i64::try_from(at).unwrap();
            let (story, copy_of) = first.placed(key).unwrap();
            second.restore(key, traits(item), story, copy_of);
        }
        drop(first);
        for (at, item) in items.iter().enumerate().skip(middle) {
            second.place(i64::try_from(at).unwrap(), traits(item));
            if at % 20 == 19 {
                second.revisit();
            }
        }
        second.revisit();
        let (moved, parted) = changed(&items, &ordered, &read(&second, items.len()));
        assert!(moved <= 0.02, "taken over at {middle}: {moved}");
        assert_eq!(parted, 0);
    }
}

#[test]
fn reports_of_one_event_meet_across_languages() {
    let items = stream();
    let placed = placed(&items, &in_order(&items), 20);
    let all = wires();
    let mut languages: BTreeMap<(&str, i64), BTreeSet<&str>> = BTreeMap::new();
    for (item, (story, _)) in items.iter().zip(&placed) {
        languages
            .entry((placed_event(&all[item.wire]), *story))
            .or_default()
            .insert(&item.language);
    }
    let widest = |event: &str| {
        languages
            .iter()
            .filter(|((told, _), _)| *told == event)
            .map(|(_, languages)| languages.len())
            .max()
            .unwrap_or(0)
    };
    let found: Vec<(&str, usize)> = EVENTS.map(|event| (event, widest(event))).to_vec();
    assert!(
        found
            .iter()
            .filter(|(_, languages)| *languages >= 3)
            .count()
            >= 4,
        "{found:?}"
    );
}

#[test]
fn the_desk_outranks_the_words() {
    let items = stream();
    let mut window = Window::new(10_000, 1, Decisions::default());
    for (at, item) in items.iter().enumerate() {
        window.place(i64::try_from(at).unwrap(), traits(item));
    }
    window.revisit();
    let report = items
        .iter()
        .position(|item| item.wire == 0 && !item.is_copy_of_wire)
        .unwrap();
    let wire = items
        .iter()
        .position(|item| item.wire == 0 && item.is_copy_of_wire)
        .unwrap();
    let stranger = items.iter().position(|item| item.wire == 3).unwrap();
    let key = |at: usize| i64::try_from(at).unwrap();
    assert_eq!(
        window.placed(key(report)).unwrap().0,
        window.placed(key(wire)).unwrap().0
    );
    assert!(matches!(
        window.part(key(report))[..],
        [Change::Left { .. }]
    ));
    assert!(window.link(key(wire), key(stranger)).is_some());
    window.revisit();
    let check = |window: &Window| {
        assert_ne!(
            window.placed(key(report)).unwrap().0,
            window.placed(key(wire)).unwrap().0
        );
        assert_eq!(
            window.placed(key(stranger)).unwrap().0,
            window.placed(key(wire)).unwrap().0
        );
    };
    check(&window);
    // All of it placed anew, from nothing but the reports and the decisions.
    let mut again = Window::new(10_000, 1, window.decisions().clone());
    for (at, item) in items.iter().enumerate() {
        again.place(key(at), traits(item));
        again.revisit();
    }
    check(&again);
}

#[test]
fn the_window_is_bounded() {
    let items = stream();
    let mut window = Window::new(50, 1, Decisions::default());
    for (at, item) in items.iter().enumerate() {
        window.place(i64::try_from(at).unwrap(), traits(item));
        window.revisit();
        assert!(window.len() <= 50);
    }
    assert_eq!(window.placed(0), None);
    assert!(
        window
            .placed(i64::try_from(items.len()).unwrap() - 1)
            .is_some()
    );
}
