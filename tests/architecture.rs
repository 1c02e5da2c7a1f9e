//! The walls of the house: which room may name which room and which outside crates, read from the tokens of the sources.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A room: a folder or file directly under `src/`.
struct Room {
    name: &'static str,
    floor: Floor,
    /// The rooms that it may name besides itself.
    rooms: &'static [&'static str],
    /// The outside crates that it may name.
    crates: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Floor {
    Words,
    Core,
    Edges,
    Shells,
    Entrance,
}

/// Who may name whom. A room that is not built yet may stand here already.
const ROOMS: &[Room] = &[
    Room {
        name: "domain",
        floor: Floor::Words,
        rooms: &[],
        crates: &["jiff", "serde", "thiserror", "url"],
    },
    Room {
        name: "text",
        floor: Floor::Words,
        rooms: &[],
        crates: &[
            "caseless",
            "html5ever",
            "icu_properties",
            "memchr",
            "serde",
            "similar",
            "thiserror",
            "unicode_normalization",
            "unicode_segmentation",
        ],
    },
    Room {
        name: "pipeline",
        floor: Floor::Core,
        rooms: &["domain", "text"],
        crates: &[
            "base64",
            "chardetng",
            "ego_tree",
            "encoding_rs",
            "feed_rs",
            "html5ever",
            "ipnet",
            "jiff",
            "memchr",
            "quick_xml",
            "scraper",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "unicode_normalization",
            "url",
        ],
    },
    Room {
        name: "query",
        floor: Floor::Core,
        rooms: &["domain", "text"],
        crates: &[
            "caseless",
            "icu_properties",
            "serde",
            "strsim",
            "thiserror",
            "smallvec",
            "smol_str",
            "unicode_normalization",
            "unicode_segmentation",
            "url",
        ],
    },
    Room {
        name: "story",
        floor: Floor::Core,
        rooms: &["domain", "text"],
        crates: &["jiff", "serde", "sha2", "thiserror"],
    },
    Room {
        name: "digest",
        floor: Floor::Core,
        rooms: &["domain", "text"],
        crates: &[
            "askama",
            "base64",
            "jiff",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "url",
        ],
    },
    Room {
        name: "auth",
        floor: Floor::Core,
        rooms: &["domain", "text"],
        crates: &[
            "argon2",
            "serde",
            "sha2",
            "thiserror",
            "unicode_normalization",
            "zxcvbn",
        ],
    },
    Room {
        name: "meters",
        floor: Floor::Edges,
        rooms: &[],
        crates: &["prometheus_client"],
    },
    Room {
        name: "fetch",
        floor: Floor::Edges,
        rooms: &["domain", "text", "pipeline"],
        crates: &[
            "async_compression",
            "futures_util",
            "ipnet",
            "jiff",
            "reqwest",
            "serde",
            "thiserror",
            "tokio",
            "tokio_util",
            "tracing",
            "url",
        ],
    },
    Room {
        name: "store",
        floor: Floor::Edges,
        rooms: &["domain"],
        crates: &[
            "futures_util",
            "jiff",
            "nix",
            "serde",
            "serde_json",
            "sqlx",
            "thiserror",
            "tokio",
            "tokio_util",
            "tracing",
            "url",
        ],
    },
    Room {
        name: "mail",
        floor: Floor::Edges,
        rooms: &["domain", "text"],
        crates: &[
            "jiff",
            "lettre",
            "serde",
            "thiserror",
            "tokio",
            "tokio_util",
            "tracing",
        ],
    },
    Room {
        name: "jobs",
        floor: Floor::Shells,
        rooms: &[
            "domain", "text", "pipeline", "query", "story", "digest", "fetch", "store", "mail",
            "meters",
        ],
        crates: &[
            "futures_util",
            "jiff",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tokio_util",
            "tracing",
            "url",
        ],
    },
    Room {
        name: "web",
        floor: Floor::Shells,
        rooms: &[
            "domain", "text", "pipeline", "query", "story", "digest", "auth", "store", "meters",
        ],
        crates: &[
            "askama",
            "askama_web",
            "axum",
            "futures_util",
            "getrandom",
            "ipnet",
            "jiff",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "tokio",
            "tokio_util",
            "tower",
            "tower_http",
            "tracing",
            "url",
            "utoipa",
        ],
    },
    Room {
        name: "main",
        floor: Floor::Entrance,
        rooms: EVERY_ROOM,
        crates: &["anyhow", "clap", "tokio", "tracing"],
    },
    Room {
        name: "cli",
        floor: Floor::Entrance,
        rooms: EVERY_ROOM,
        crates: ENTRANCE_CRATES,
    },
    Room {
        name: "config",
        floor: Floor::Entrance,
        rooms: EVERY_ROOM,
        crates: ENTRANCE_CRATES,
    },
    Room {
        name: "telemetry",
        floor: Floor::Entrance,
        rooms: EVERY_ROOM,
        crates: ENTRANCE_CRATES,
    },
    Room {
        name: "app",
        floor: Floor::Entrance,
        rooms: EVERY_ROOM,
        crates: ENTRANCE_CRATES,
    },
];

const EVERY_ROOM: &[&str] = &[
    "domain",
    "text",
    "pipeline",
    "query",
    "story",
    "digest",
    "auth",
    "meters",
    "fetch",
    "store",
    "mail",
    "jobs",
    "web",
    "cli",
    "config",
    "telemetry",
    "app",
];

/// The entrance wires everything; what speaks SQL or HTTP outward stays in its room all the same.
const ENTRANCE_CRATES: &[&str] = &[
    "anyhow",
    "axum",
    "clap",
    "encoding_rs",
    "futures_util",
    "getrandom",
    "indicatif",
    "ipnet",
    "jiff",
    "nix",
    "opentelemetry",
    "opentelemetry_http",
    "opentelemetry_otlp",
    "opentelemetry_sdk",
    "serde",
    "serde_json",
    "sha2",
    "strsim",
    "thiserror",
    "tokio",
    "tokio_util",
    "toml",
    "tower",
    "tower_http",
    "tracing",
    "tracing_opentelemetry",
    "tracing_subscriber",
    "url",
];

/// Crates that only one file or room may name, whatever the table says.
const ONLY_IN: &[(&str, &str)] = &[
    ("sqlx", "store"),
    ("reqwest", "fetch"),
    ("lettre", "mail"),
    ("opentelemetry", "telemetry/traces.rs"),
    ("opentelemetry_http", "telemetry/traces.rs"),
    ("opentelemetry_otlp", "telemetry/traces.rs"),
    ("opentelemetry_sdk", "telemetry/traces.rs"),
    ("tracing_opentelemetry", "telemetry/traces.rs"),
    ("feed_rs", "pipeline/parse.rs"),
];

/// Parts of the standard library that reach outside the program.
const OUTSIDE_OF_STD: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "net", "TcpStream"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
];

/// One source file outside its tests.
struct Source {
    /// Under `src/`, with slashes.
    path: String,
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String, usize),
    Sign(char),
}

/// A path as written (`crate::store::PgPool`), with its line.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    segments: Vec<String>,
    line: usize,
}

impl Source {
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many `super`s lead from this file's module to the root of the crate.
    fn depth(&self) -> usize {
        let parts = self.path.split('/').count();
        if self.path.ends_with("/mod.rs") {
            parts - 1
        } else {
            parts
        }
    }

    fn paths(&self) -> Vec<Named> {
        paths(&self.tokens)
    }

    /// The rooms that it names, its own included.
    fn rooms_named(&self) -> Vec<(String, usize)> {
        self.paths()
            .into_iter()
            .filter_map(|named| Some((room_of(&named.segments, self.depth())?, named.line)))
            .collect()
    }
}

/// The segment that stands directly under the root of the crate.
fn room_of(segments: &[String], depth: usize) -> Option<String> {
    let supers = segments
        .iter()
        .take_while(|segment| *segment == "super")
        .count();
    let at = match segments.first()?.as_str() {
        "crate" | "wirewatch" => 1,
        "super" if supers >= depth => supers,
        _ => return None,
    };
    segments.get(at).cloned()
}

/// Every path of two segments or more, use trees unfolded.
fn paths(tokens: &[Token]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Word(word, _) if word == "use" => at = use_tree(tokens, at + 1, &[], &mut found),
            Token::Word(..) if !follows_path_separator(tokens, at) => {
                at = plain_path(tokens, at, &mut found);
            }
            _ => at += 1,
        }
    }
    found
}

fn is_separator(tokens: &[Token], at: usize) -> bool {
    matches!(
        tokens.get(at..at + 2),
        Some([Token::Sign(':'), Token::Sign(':')])
    )
}

fn follows_path_separator(tokens: &[Token], at: usize) -> bool {
    // a path that begins with `::` is as good as one that does not
    at >= 3
        && is_separator(tokens, at - 2)
        && matches!(tokens[at - 3], Token::Word(..) | Token::Sign('>'))
}

fn plain_path(tokens: &[Token], start: usize, found: &mut Vec<Named>) -> usize {
    let (mut at, mut segments, mut line) = (start, Vec::new(), 0);
    while let Some(Token::Word(word, word_line)) = tokens.get(at) {
        segments.push(word.clone());
        line = *word_line;
        at += 1;
        if !is_separator(tokens, at) {
            break;
        }
        at += 2;
    }
    if segments.len() > 1 {
        found.push(Named { segments, line });
    }
    at.max(start + 1)
}

/// Reads one tree of a `use` declaration and gives the place after it.
fn use_tree(tokens: &[Token], start: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let (mut at, mut segments, mut line) = (start, prefix.to_vec(), 0);
    loop {
        match tokens.get(at) {
            Some(Token::Word(word, word_line)) => {
                line = *word_line;
                segments.push(word.clone());
                at += 1;
                if matches!(tokens.get(at), Some(Token::Word(word, _)) if word == "as") {
                    at += 2;
                }
            }
            Some(Token::Sign(':')) => at += 1,
            Some(Token::Sign('*')) => {
                segments.push("*".to_owned());
                at += 1;
            }
            Some(Token::Sign('{')) => {
                at += 1;
                while !matches!(tokens.get(at), Some(Token::Sign('}')) | None) {
                    at = use_tree(tokens, at, &segments, found);
                    if matches!(tokens.get(at), Some(Token::Sign(','))) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => break,
        }
    }
    if segments.len() > prefix.len() {
        found.push(Named { segments, line });
    }
    at.max(start + 1)
}

/// The tokens of a file in one line, without what stands under `#[cfg(test)]`.
fn flatten(stream: TokenStream, out: &mut Vec<Token>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        if is_test_attribute(&trees, at) {
            at = after_item(&trees, at + 2);
            continue;
        }
        match &trees[at] {
            TokenTree::Ident(ident) => {
                out.push(Token::Word(ident.to_string(), ident.span().start().line));
            }
            TokenTree::Punct(sign) => out.push(Token::Sign(sign.as_char())),
            TokenTree::Literal(_) => out.push(Token::Sign('"')),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ('(', ')'),
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::None => (' ', ' '),
                };
                out.push(Token::Sign(open));
                flatten(group.stream(), out);
                out.push(Token::Sign(close));
            }
        }
        at += 1;
    }
}

fn is_test_attribute(trees: &[TokenTree], at: usize) -> bool {
    let Some([TokenTree::Punct(sign), TokenTree::Group(group)]) = trees.get(at..at + 2) else {
        return false;
    };
    sign.as_char() == '#' && group.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// The place after the item that begins at `at`: its other attributes, then everything to a semicolon or a body.
fn after_item(trees: &[TokenTree], mut at: usize) -> usize {
    while let Some(tree) = trees.get(at) {
        at += 1;
        match tree {
            TokenTree::Punct(sign) if sign.as_char() == ';' => break,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            _ => {}
        }
    }
    at
}

fn tokens_of(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    flatten(text.parse().unwrap(), &mut tokens);
    tokens
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file but those that a parent declares under `#[cfg(test)]`.
fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    files.sort();
    let tests: BTreeSet<PathBuf> = files.iter().flat_map(|file| test_files_of(file)).collect();
    files
        .iter()
        .filter(|file| !tests.contains(*file))
        .map(|file| {
            let text = fs::read_to_string(file).unwrap();
            let path = file
                .strip_prefix(&src)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            Source {
                path,
                tokens: tokens_of(&text),
                text,
            }
        })
        .collect()
}

/// The files of the modules that this file declares for tests alone.
fn test_files_of(file: &Path) -> Vec<PathBuf> {
    let folder = if file
        .file_name()
        .is_some_and(|name| name == "mod.rs" || name == "lib.rs")
    {
        file.parent().unwrap().to_owned()
    } else {
        file.with_extension("")
    };
    let text = fs::read_to_string(file).unwrap();
    test_modules(text.parse().unwrap())
        .iter()
        .map(|name| folder.join(format!("{name}.rs")))
        .collect()
}

/// The names in `#[cfg(test)] mod name;`.
fn test_modules(stream: TokenStream) -> Vec<String> {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let starts = (0..trees.len()).filter(|&at| is_test_attribute(&trees, at));
    starts
        .filter_map(|start| {
            let end = after_item(&trees, start + 2);
            match trees.get(..end)? {
                [
                    ..,
                    TokenTree::Ident(keyword),
                    TokenTree::Ident(name),
                    TokenTree::Punct(_),
                ] if keyword == "mod" => Some(name.to_string()),
                _ => None,
            }
        })
        .collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The sources that stand in a room: all but `lib.rs`, which only lists the rooms.
fn sources_in_rooms() -> Vec<(Source, &'static Room)> {
    sources()
        .into_iter()
        .filter(|source| source.path != "lib.rs")
        .map(|source| {
            let room = ROOMS.iter().find(|room| room.name == source.room());
            let room = room.unwrap_or_else(|| {
                panic!(
                    "src/{}: the room `{}` is not in the table",
                    source.path,
                    source.room()
                )
            });
            (source, room)
        })
        .collect()
}

fn is_pure(room: &Room) -> bool {
    matches!(room.floor, Floor::Words | Floor::Core)
}

/// The outside crates of the package, as Rust names them.
fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let names = manifest["dependencies"].as_table().unwrap().keys();
    names
        .map(|name| name.replace('-', "_"))
        .chain(["lettre", "tower", "rand"].map(str::to_owned))
        .collect()
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn a_room_names_only_the_rooms_that_the_table_allows() {
    let mut broken = Vec::new();
    for (source, room) in sources_in_rooms() {
        for (named, line) in source.rooms_named() {
            let is_room = EVERY_ROOM.contains(&named.as_str()) || named == "*";
            if is_room && named != room.name && !room.rooms.contains(&named.as_str()) {
                broken.push(format!(
                    "src/{}:{line} names the room `{named}`",
                    source.path
                ));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn the_table_has_no_way_up_sideways_or_into_the_entrance() {
    let order = [
        Floor::Words,
        Floor::Core,
        Floor::Edges,
        Floor::Shells,
        Floor::Entrance,
    ];
    let height = |floor: Floor| order.iter().position(|one| *one == floor).unwrap();
    for room in ROOMS.iter().filter(|room| room.floor != Floor::Entrance) {
        for below in room.rooms {
            let below = ROOMS.iter().find(|one| one.name == *below).unwrap();
            assert!(
                height(below.floor) < height(room.floor),
                "{} may name {}",
                room.name,
                below.name
            );
        }
    }
}

#[test]
fn a_room_names_only_the_outside_crates_that_the_table_allows() {
    let dependencies = dependencies();
    let mut broken = Vec::new();
    for (source, room) in sources_in_rooms() {
        for named in source.paths() {
            let first = named.segments[0].as_str();
            if dependencies.contains(first) && !room.crates.contains(&first) {
                broken.push(format!(
                    "src/{}:{} names the crate `{first}`",
                    source.path, named.line
                ));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn a_crate_that_belongs_to_one_place_is_named_nowhere_else() {
    let mut broken = Vec::new();
    for (source, _) in sources_in_rooms() {
        for named in source.paths() {
            for (outside, place) in ONLY_IN {
                if named.segments[0] == *outside && source.path != *place && source.room() != *place
                {
                    broken.push(format!(
                        "src/{}:{} names `{outside}`, which only {place} may",
                        source.path, named.line
                    ));
                }
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn words_and_core_are_not_async_and_reach_nothing_outside() {
    let mut broken = Vec::new();
    for (source, _) in sources_in_rooms().iter().filter(|(_, room)| is_pure(room)) {
        for token in &source.tokens {
            if let Token::Word(word, line) = token
                && matches!(word.as_str(), "async" | "await")
            {
                broken.push(format!("src/{}:{line} is `{word}`", source.path));
            }
        }
        for (at, token) in source.tokens.iter().enumerate() {
            if let Token::Word(word, line) = token
                && word == "now"
                && at > 0
                && source.tokens[at - 1] == Token::Sign('.')
                && source.tokens.get(at + 1) == Some(&Token::Sign('('))
            {
                broken.push(format!("src/{}:{line} asks a clock", source.path));
            }
        }
        for named in source.paths() {
            let outside = OUTSIDE_OF_STD
                .iter()
                .any(|path| is_prefix(path, &named.segments) && !is_harmless(&named.segments));
            if outside || named.segments.last().is_some_and(|last| last == "now") {
                broken.push(format!(
                    "src/{}:{} names `{}`",
                    source.path,
                    named.line,
                    named.segments.join("::")
                ));
            }
        }
    }
    assert_none(&broken);
}

fn is_prefix(path: &[&str], segments: &[String]) -> bool {
    segments.len() >= path.len() && path.iter().zip(segments).all(|(a, b)| a == b)
}

/// Readers over bytes in memory do no input or output.
fn is_harmless(segments: &[String]) -> bool {
    matches!(segments, [_, io, rest, ..] if io == "io" && matches!(rest.as_str(), "Cursor" | "Read" | "BufRead" | "Write" | "Error" | "ErrorKind" | "Result"))
}

#[test]
fn no_task_is_spawned_without_its_tracker() {
    let mut broken = Vec::new();
    for (source, _) in sources_in_rooms() {
        // `store::begin` outlives a caller that is cut off, by one answer of the server.
        if source.path == "store/mod.rs" {
            continue;
        }
        for named in source.paths() {
            if matches!(
                named.segments.join("::").as_str(),
                "tokio::spawn" | "tokio::task::spawn" | "task::spawn"
            ) {
                broken.push(format!("src/{}:{} spawns", source.path, named.line));
            }
        }
    }
    assert_none(&broken);
}

/// A caller that is cut off inside `Pool::begin` leaves the transaction open.
#[test]
fn transactions_begin_in_one_place() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|it| it.path != "store/mod.rs") {
        for tokens in source.tokens.windows(3) {
            if let [
                Token::Word(pool, line),
                Token::Sign('.'),
                Token::Word(begin, _),
            ] = tokens
                && pool == "db"
                && begin == "begin"
            {
                broken.push(format!(
                    "src/{}:{line} begins by itself: use `store::begin`",
                    source.path
                ));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn every_file_begins_with_its_role() {
    let broken: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| format!("src/{} does not begin with //! and its role", source.path))
        .collect();
    assert_none(&broken);
}

#[test]
fn architecture_md_names_every_room() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rooms: BTreeSet<String> = sources_in_rooms()
        .iter()
        .map(|(source, _)| source.room().to_owned())
        .collect();
    assert!(rooms.contains("domain"), "the sources were not found");
    let missing: Vec<String> = rooms
        .iter()
        .filter(|room| !text.contains(&format!("`{room}`")))
        .map(|room| format!("ARCHITECTURE.md does not name the room `{room}`"))
        .collect();
    assert_none(&missing);
}

mod reading_sources {
    //! The reader of tokens is itself tested: a wall that sees nothing holds nothing.

    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens: tokens_of(text),
        }
    }

    fn rooms(path: &str, text: &str) -> Vec<String> {
        source(path, text)
            .rooms_named()
            .into_iter()
            .map(|(room, _)| room)
            .collect()
    }

    #[test]
    fn rooms_are_found_in_use_trees_paths_and_behind_super() {
        for (text, expected) in [
            ("use crate::store::PgPool;", vec!["store"]),
            (
                "use crate::{domain::{Feed, Tier}, web as door, store};",
                vec!["domain", "domain", "web", "store"],
            ),
            ("use wirewatch::jobs;", vec!["jobs"]),
            ("use {crate::text, std::fmt};", vec!["text"]),
            (
                "fn f() { crate::mail::send(crate::query::parse()) }",
                vec!["mail", "query"],
            ),
            ("fn f() -> Vec<crate::store::Row> { vec![] }", vec!["store"]),
            (
                "type T = <crate::store::Row as Deref>::Target;",
                vec!["store"],
            ),
            ("use super::super::store::Row;", vec!["store"]),
            ("use super::neighbour; use crate::*;", vec!["*"]),
            ("pub(crate) fn f() {}", vec![]),
            ("// crate::store\nconst A: &str = \"crate::store\";", vec![]),
        ] {
            assert_eq!(rooms("web/pages.rs", text), expected, "{text}");
        }
        assert_eq!(rooms("web/mod.rs", "use super::store;"), ["store"]);
        assert_eq!(rooms("app.rs", "use super::store;"), ["store"]);
        assert_eq!(
            rooms("web/pages/board.rs", "use super::super::store;"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_stands_under_cfg_test_is_not_read() {
        let text = "#[cfg(test)] #[expect(x, reason = \"y\")] mod tests { use crate::store; } fn f() { crate::web::g() }
                    #[cfg(test)] use crate::mail; use crate::text;";
        assert_eq!(rooms("query/mod.rs", text), ["web", "text"]);
    }

    #[test]
    fn modules_declared_for_tests_are_known_by_name() {
        let text = "mod a; #[cfg(test)] #[expect(x, reason = \"y\")] mod corpora; #[cfg(test)] mod tests { mod b; } mod c;";
        assert_eq!(test_modules(text.parse().unwrap()), ["corpora"]);
    }

    #[test]
    fn the_first_segment_of_a_path_is_told_from_the_others() {
        let text = "use std::{fmt, time::Instant}; fn f() { tokio::spawn(a::tokio::b()); ::sqlx::query(); }
                    #[derive(serde::Serialize)] struct S;";
        let found: Vec<String> = paths(&tokens_of(text))
            .iter()
            .map(|named| named.segments.join("::"))
            .collect();
        assert_eq!(
            found,
            [
                "std::fmt",
                "std::time::Instant",
                "tokio::spawn",
                "a::tokio::b",
                "sqlx::query",
                "serde::Serialize"
            ]
        );
    }

    #[test]
    fn a_path_knows_its_line() {
        assert_eq!(paths(&tokens_of("\n\nuse crate::store;"))[0].line, 3);
    }
}
