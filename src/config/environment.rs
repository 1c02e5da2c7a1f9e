//! Variables: those of this process, over those of the file that the service of this machine is given.
//!
//! The commands of an installation read the file as its service does, or they would look for another database.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use super::ConfigError;

/// The file of variables of this machine's service (`EnvironmentFile=` of its unit, systemd.exec(5)).
const MACHINE_FILE: &str = "/etc/wirewatch/env";

/// Names another file; empty: none.
const MACHINE_FILE_NAMED: &str = "WIREWATCH_ENV_FILE";

/// Variables of ours that are no settings.
const NOT_SETTINGS: [&str; 2] = [MACHINE_FILE_NAMED, "WIREWATCH_CORPORA"];

/// Everything that may be a setting: of the process, and where it says nothing, of the machine's file. A file that this
/// account may not read is not for it.
///
/// # Errors
/// The file is no list of variables, or one that was named cannot be read.
pub(super) fn variables() -> Result<BTreeMap<String, String>, ConfigError> {
    let ours = of_this_process();
    let (path, is_named) = machine_file(&ours);
    let mut all = match path {
        None => BTreeMap::new(),
        Some(path) => match fs::read_to_string(&path) {
            Ok(text) => read(&text, &path)?,
            Err(error) if !is_named && is_not_for_us(&error) => BTreeMap::new(),
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        },
    };
    lay_over(&mut all, ours);
    Ok(all)
}

/// Lays the variables of this process over those of the file. The database has two names: one in the file is not to win over
/// the other here.
fn lay_over(file: &mut BTreeMap<String, String>, ours: BTreeMap<String, String>) {
    const DATABASE: [&str; 2] = ["DATABASE_URL", "WIREWATCH_DATABASE__URL"];
    if DATABASE.iter().any(|name| ours.contains_key(*name)) {
        file.retain(|name, _| !DATABASE.contains(&name.as_str()));
    }
    file.extend(ours);
}

/// The file of this machine's variables, if it is there and this account may not read it: an installation of somebody else.
#[must_use]
pub fn closed_machine_file() -> Option<PathBuf> {
    let path = machine_file(&of_this_process()).0?;
    let refused = fs::File::open(&path).err()?;
    (refused.kind() == io::ErrorKind::PermissionDenied).then_some(path)
}

/// Variables that begin as settings do and are none. Kubernetes gives such to whoever runs beside a service of the name
/// (`WIREWATCH_SERVICE_HOST`), and a slip of the pen is one as well.
#[must_use]
pub fn ignored() -> Vec<String> {
    of_this_process()
        .into_keys()
        .filter(|name| is_ignored(name))
        .collect()
}

fn is_ignored(name: &str) -> bool {
    name.starts_with("WIREWATCH_") && !is_setting(name) && !NOT_SETTINGS.contains(&name)
}

/// Whether a variable is meant as a setting: two underscores part the levels of its key, and every key has two.
pub(super) fn is_setting(name: &str) -> bool {
    name == "DATABASE_URL"
        || name
            .strip_prefix("WIREWATCH_")
            .is_some_and(|key| key.contains("__"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment comes from"
)]
fn of_this_process() -> BTreeMap<String, String> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The path of the file, and whether somebody named it.
fn machine_file(variables: &BTreeMap<String, String>) -> (Option<PathBuf>, bool) {
    match variables.get(MACHINE_FILE_NAMED) {
        None => (Some(PathBuf::from(MACHINE_FILE)), false),
        Some(path) if path.is_empty() => (None, true),
        Some(path) => (Some(PathBuf::from(path)), true),
    }
}

fn is_not_for_us(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | NotADirectory | PermissionDenied)
}

/// Reads a file of variables as systemd does: `NAME=value` a line, `#` and `;` begin comments, values may stand in quotes, and
/// a backslash takes its meaning from the next letter.
fn read(text: &str, path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if rest.starts_with(['#', ';']) {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else {
            let line = rest.lines().next().unwrap_or_default();
            let Some((name, after)) = line
                .split_once('=')
                .map(|(name, _)| (name.trim(), &rest[name.len() + 1..]))
                .filter(|(name, _)| is_name(name))
            else {
                return Err(ConfigError::Variables {
                    path: path.to_owned(),
                    line: text[..text.len() - rest.len()].matches('\n').count() + 1,
                });
            };
            let (value, after) = value(after);
            variables.insert(name.to_owned(), value);
            rest = after;
        }
        rest = rest.trim_start();
    }
    Ok(variables)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The value that begins a text, and what follows its line.
fn value(text: &str) -> (String, &str) {
    let mut value = String::new();
    // What stands in quotes, and what was escaped, keeps its blanks.
    let mut kept = 0;
    let mut quote = None;
    // Before the first letter, and after a quotation.
    let mut may_open = true;
    let mut rest = "";
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (None, '\n') => {
                rest = &text[at + 1..];
                break;
            }
            (None, '\'' | '"') if may_open => quote = Some(letter),
            (None, blank) if blank.is_whitespace() && may_open => {}
            (Some(open), letter) if open == letter => {
                quote = None;
                may_open = true;
            }
            (None | Some('"'), '\\') => match letters.next() {
                None | Some((_, '\n')) => {}
                Some((_, escaped)) => {
                    if quote.is_some() && !"\"\\`$".contains(escaped) {
                        value.push('\\');
                    }
                    value.push(escaped);
                    kept = value.len();
                    may_open = false;
                }
            },
            (_, letter) => {
                value.push(letter);
                may_open = false;
                if quote.is_some() {
                    kept = value.len();
                }
            }
        }
    }
    value.truncate(kept.max(value.trim_end().len()));
    (value, rest)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_machines_file_is_read_as_systemd_reads_it() {
        let text = "# a comment\n\n; another\n  DATABASE_URL=postgres://a:b@c/d \nWIREWATCH_A__B = \"two words\" \n\
                    WIREWATCH_WEB__TRUSTED_PROXIES=[\"10.0.0.0/8\", \"::1/128\"]\nC='$x \\y'\nD=\"a\\\"b\\n\"\nE=a\\\nb\nF=\n\
                    G='  kept  '\nH=\"a \" 'b'\\ c\nI=last";
        let read = read(text, Path::new("env")).unwrap();
        for (name, value) in [
            ("DATABASE_URL", "postgres://a:b@c/d"),
            ("WIREWATCH_A__B", "two words"),
            (
                "WIREWATCH_WEB__TRUSTED_PROXIES",
                "[\"10.0.0.0/8\", \"::1/128\"]",
            ),
            ("C", "$x \\y"),
            ("D", "a\"b\\n"),
            ("E", "ab"),
            ("F", ""),
            ("G", "  kept  "),
            ("H", "a b c"),
            ("I", "last"),
        ] {
            assert_eq!(read.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(read.len(), 10, "{read:?}");
    }

    #[test]
    fn a_line_that_is_no_variable_is_refused_with_its_number() {
        for (text, line) in [("A=1\nexport B=2\n", 2), ("nonsense", 1), ("=x", 1)] {
            let refused = read(text, Path::new("/etc/wirewatch/env")).unwrap_err();
            let words = refused.to_string();
            assert!(words.contains(&format!("env:{line}")), "{words}");
        }
    }

    #[test]
    fn the_database_of_this_process_goes_before_that_of_the_file_by_whichever_name() {
        let only = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let names = ["DATABASE_URL", "WIREWATCH_DATABASE__URL"];
        for (in_file, here) in [
            (names[0], names[1]),
            (names[1], names[0]),
            (names[0], names[0]),
        ] {
            let mut all = only(in_file, "production");
            lay_over(&mut all, only(here, "staging"));
            assert_eq!(all, only(here, "staging"), "{in_file}, {here}");
        }
        let mut all = only(names[1], "production");
        lay_over(&mut all, only("WIREWATCH_LOG__FORMAT", "json"));
        assert_eq!(all.len(), 2, "{all:?}");
    }

    #[test]
    fn what_kubernetes_gives_to_the_neighbours_of_a_service_is_no_setting() {
        for name in [
            "WIREWATCH_SERVICE_HOST",
            "WIREWATCH_PORT",
            "WIREWATCH_PORT_8080_TCP_PROTO",
            "WIREWATCH_FETCH_TIMEOUT",
        ] {
            assert!(!is_setting(name) && is_ignored(name), "{name}");
        }
        for name in ["WIREWATCH_CORPORA", "WIREWATCH_ENV_FILE", "PATH"] {
            assert!(!is_setting(name) && !is_ignored(name), "{name}");
        }
        assert!(is_setting("WIREWATCH_FETCH__TIMEOUT") && is_setting("DATABASE_URL"));
    }
}
