//! Settings: the defaults of `config/wirewatch.toml`, overlaid by a file, overlaid by the environment.
//!
//! The default file is complete, so it is also the list of what exists: a key that it lacks is refused with the nearest
//! one that it has. Everything is read and checked once, before anything starts.

mod environment;

use std::{
    collections::BTreeMap,
    env, fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::unistd::{Uid, User};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use toml::{Table, Value};

use crate::{
    domain::{MailAddress, duration},
    fetch::FetchOptions,
    jobs::PollOptions,
    mail::MailOptions,
    pipeline::{address::AllowedNetworks, schedule},
    web::WebOptions,
};

/// Every setting with its default, its unit and one line of meaning.
pub const DEFAULTS: &str = include_str!("../config/wirewatch.toml");

pub use environment::{closed_machine_file, ignored};

/// Where the data of a machine's service lies (`StateDirectory=` of its unit).
pub const MACHINE_DATA: &str = "/var/lib/wirewatch";

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings in {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("the settings in {origin} are not TOML:\n{message}")]
    Syntax {
        /// File or variable.
        origin: String,
        /// What the parser says, with line and column.
        message: String,
    },
    /// A file of variables with a line that is none.
    #[error("{path}:{line}: this is no variable (NAME=value)")]
    Variables {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A key that no setting has.
    #[error("unknown setting {key} in {origin}{}", suggestion(.nearest.as_deref()))]
    UnknownKey {
        /// The key, dotted.
        key: String,
        /// File or variable.
        origin: String,
        /// The most similar known key.
        nearest: Option<String>,
    },
    /// A value of the wrong type.
    #[error("a setting has a value of the wrong kind: {0}")]
    Type(String),
    /// A value out of its range.
    #[error("{key} = {value}: {reason}")]
    Range {
        /// The key, dotted.
        key: &'static str,
        /// The value.
        value: String,
        /// What is accepted.
        reason: &'static str,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; config/wirewatch.toml lists all settings".to_owned(),
        |key| format!("; did you mean {key}?"),
    )
}

/// Where the service listens and keeps its data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerOptions {
    /// Address and port of the pages.
    pub listen: SocketAddr,
    /// Folder of the private PostgreSQL; empty: the usual place for the account.
    pub data_dir: PathBuf,
}

/// Which PostgreSQL.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseOptions {
    /// `postgres://…`; empty: a private server under the data folder.
    pub url: String,
    /// Connections of one process; one that polls has three more.
    pub max_connections: u32,
}

/// How logs look.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogOptions {
    /// Text for people, JSON for programs.
    pub format: LogFormat,
    /// Directives of tracing's `EnvFilter`.
    pub filter: String,
}

/// The look of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line a message.
    Text,
    /// One JSON object a line.
    Json,
}

/// What an empty database is filled with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeatOptions {
    /// A beat file; empty: the one that wirewatch brings.
    pub file: PathBuf,
}

/// How long entries that matched nothing are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BacklogOptions {
    /// Days.
    pub window_days: u32,
}

/// How long what grows is kept. Articles, editions and the audit are kept for good.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepOptions {
    /// Incidents of feeds that are over.
    #[serde(with = "duration")]
    pub incidents: Duration,
    /// What each feed did on each day.
    #[serde(with = "duration")]
    pub feed_days: Duration,
    /// What the documents of feeds have held, after they held it last.
    #[serde(with = "duration")]
    pub ledger: Duration,
}

/// Where webhooks may lead.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookOptions {
    /// Networks that webhooks may live in beside the public internet.
    pub allow_networks: AllowedNetworks,
}

/// Where metrics are told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsOptions {
    /// Address and port; empty: nowhere.
    pub listen: String,
}

/// Where traces go.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryOptions {
    /// The base address of a collector that takes OTLP over HTTP; empty: nowhere.
    pub otlp_endpoint: String,
}

/// Where metrics are told unless somebody chose another place.
pub const DEFAULT_METRICS: &str = "127.0.0.1:9464";

/// All settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `[server]`
    pub server: ServerOptions,
    /// `[web]`
    pub web: WebOptions,
    /// `[database]`
    pub database: DatabaseOptions,
    /// `[metrics]`
    pub metrics: MetricsOptions,
    /// `[telemetry]`
    pub telemetry: TelemetryOptions,
    /// `[log]`
    pub log: LogOptions,
    /// `[beat]`
    pub beat: BeatOptions,
    /// `[fetch]`
    pub fetch: FetchOptions,
    /// `[poll]`
    pub poll: PollOptions,
    /// `[schedule]`
    pub schedule: schedule::Policy,
    /// `[backlog]`
    pub backlog: BacklogOptions,
    /// `[keep]`
    pub keep: KeepOptions,
    /// `[mail]`
    pub mail: MailOptions,
    /// `[webhook]`
    pub webhook: WebhookOptions,
}

impl Settings {
    /// Reads the settings of this process: defaults, then `file`, then the variables of this machine's service, then the
    /// environment.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let file = file
            .map(|path| {
                let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
                    path: path.to_owned(),
                    source,
                })?;
                Ok((path.display().to_string(), text))
            })
            .transpose()?;
        Self::from_layers(
            file.as_ref()
                .map(|(name, text)| (name.as_str(), text.as_str())),
            environment::variables()?,
        )
    }

    /// The settings that come of a file's text and of variables.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn from_layers(
        file: Option<(&str, &str)>,
        variables: BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let known = table(DEFAULTS, "the defaults")?;
        let mut merged = known.clone();
        if let Some((name, text)) = file {
            let layer = table(text, name)?;
            refuse_unknown(&layer, &known, name)?;
            overlay(&mut merged, layer);
        }
        for (name, text) in variables {
            if let Some(layer) = variable(&name, &text, &known)? {
                refuse_unknown(&layer, &known, &name)?;
                overlay(&mut merged, layer);
            }
        }
        let settings: Self =
            Value::Table(merged)
                .try_into()
                .map_err(|error: toml::de::Error| {
                    ConfigError::Type(error.to_string().trim().to_owned())
                })?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let counts = [
            ("poll.concurrency", u64::from(self.poll.concurrency)),
            ("poll.per_host", u64::from(self.poll.per_host)),
            (
                "database.max_connections",
                u64::from(self.database.max_connections),
            ),
            ("fetch.max_body_bytes", self.fetch.max_body_bytes),
            (
                "web.requests_per_minute",
                u64::from(self.web.requests_per_minute),
            ),
        ];
        for (key, value) in counts {
            refuse_if(value == 0, key, value, "it must be at least 1")?;
        }
        let durations = [
            ("fetch.timeout", self.fetch.timeout),
            ("fetch.connect_timeout", self.fetch.connect_timeout),
            ("fetch.idle_timeout", self.fetch.idle_timeout),
            ("fetch.header_timeout", self.fetch.header_timeout),
            ("schedule.min_interval", self.schedule.min_interval),
            ("web.session_idle", self.web.session_idle),
            ("web.session_lifetime", self.web.session_lifetime),
            ("mail.timeout", self.mail.timeout),
            ("web.claim_for", self.web.claim_for),
        ];
        for (key, value) in durations {
            let shown = format!("{value:?}");
            refuse_if(
                value < Duration::from_secs(1),
                key,
                shown,
                "it must be at least one second",
            )?;
        }
        let metrics = &self.metrics.listen;
        refuse_if(
            !metrics.is_empty() && metrics.parse::<SocketAddr>().is_err(),
            "metrics.listen",
            metrics,
            "it must be an address and a port, such as 127.0.0.1:9464, or empty for none",
        )?;
        let kept = [
            ("keep.incidents", self.keep.incidents, 1),
            ("keep.feed_days", self.keep.feed_days, 14),
            ("keep.ledger", self.keep.ledger, 14),
        ];
        for (key, value, days) in kept {
            refuse_if(
                value < Duration::from_hours(24 * days),
                key,
                format!("{value:?}"),
                if days == 1 {
                    "it must be at least a day"
                } else {
                    "it must be at least 14 days: pages show as much, and what is forgotten comes back as new"
                },
            )?;
        }
        let public_url = &self.web.public_url;
        refuse_if(
            !public_url.is_empty() && self.web.public_host().is_none(),
            "web.public_url",
            public_url,
            "it must be an address such as https://wirewatch.example.org, without a path",
        )?;
        refuse_if(
            !self.mail.server.is_empty() && self.mail.from.parse::<MailAddress>().is_err(),
            "mail.from",
            &self.mail.from,
            "with a mail server it must be a mail address, such as desk@example.org",
        )?;
        refuse_if(
            self.schedule.max_interval < self.schedule.min_interval,
            "schedule.max_interval",
            format!("{:?}", self.schedule.max_interval),
            "it must not be less than schedule.min_interval",
        )?;
        refuse_if(
            self.poll.lease <= (self.fetch.timeout + self.poll.read_limit) * 2,
            "poll.lease",
            format!("{:?}", self.poll.lease),
            "it must be more than twice fetch.timeout and poll.read_limit together, or a slow feed is polled by two workers",
        )
    }
}

fn refuse_if(
    is_wrong: bool,
    key: &'static str,
    value: impl fmt::Display,
    reason: &'static str,
) -> Result<(), ConfigError> {
    if !is_wrong {
        return Ok(());
    }
    Err(ConfigError::Range {
        key,
        value: value.to_string(),
        reason,
    })
}

fn table(text: &str, origin: &str) -> Result<Table, ConfigError> {
    text.parse()
        .map_err(|error: toml::de::Error| ConfigError::Syntax {
            origin: origin.to_owned(),
            message: error.to_string(),
        })
}

/// A variable as a layer of one setting; none if it is no variable of ours. The value is read as TOML where the default
/// is not a text, and as a text where it is.
fn variable(name: &str, text: &str, known: &Table) -> Result<Option<Table>, ConfigError> {
    if !environment::is_setting(name) {
        return Ok(None);
    }
    let path: Vec<String> = match name.strip_prefix("WIREWATCH_") {
        None => vec!["database".to_owned(), "url".to_owned()],
        Some(rest) => rest.split("__").map(str::to_lowercase).collect(),
    };
    let value = match lookup(known, &path) {
        Some(Value::String(_)) | None => Value::String(text.to_owned()),
        Some(_) => table(&format!("value = {text}"), name)?
            .remove("value")
            .unwrap_or_else(|| Value::String(text.to_owned())),
    };
    let mut layer = value;
    for key in path.into_iter().rev() {
        layer = Value::Table(Table::from_iter([(key, layer)]));
    }
    Ok(layer.as_table().cloned())
}

fn lookup<'a>(table: &'a Table, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(first)?;
    if rest.is_empty() {
        return Some(value);
    }
    lookup(value.as_table()?, rest)
}

fn refuse_unknown(layer: &Table, known: &Table, origin: &str) -> Result<(), ConfigError> {
    let all = keys(known, "");
    for key in keys(layer, "") {
        if all.contains(&key)
            || all
                .iter()
                .any(|other| other.starts_with(&format!("{key}.")))
        {
            continue;
        }
        let nearest = all
            .into_iter()
            .map(|other| (similarity(&key, &other), other))
            .filter(|(similarity, _)| *similarity > 0.6)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, other)| other);
        return Err(ConfigError::UnknownKey {
            key,
            origin: origin.to_owned(),
            nearest,
        });
    }
    Ok(())
}

/// A key under the wrong heading is as near as a misspelt one.
fn similarity(key: &str, other: &str) -> f64 {
    let last = |dotted: &str| dotted.rsplit('.').next().unwrap_or_default().to_owned();
    strsim::jaro_winkler(key, other).max(strsim::jaro_winkler(&last(key), &last(other)))
}

/// The dotted keys of all values that are no tables.
fn keys(table: &Table, prefix: &str) -> Vec<String> {
    table
        .iter()
        .flat_map(|(key, value)| {
            let dotted = format!("{prefix}{key}");
            match value {
                Value::Table(inner) if !inner.is_empty() => keys(inner, &format!("{dotted}.")),
                _ => vec![dotted],
            }
        })
        .collect()
}

fn overlay(base: &mut Table, layer: Table) {
    for (key, value) in layer {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => overlay(inner, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The folders of `PATH`.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment comes from"
)]
pub fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default()
}

/// Where data lies when nobody says where: `/var/lib/wirewatch` for the account that it belongs to, which runs the service,
/// and for root, since a server that runs as another account must reach it; else below the account's own folder (XDG Base
/// Directory Specification).
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment comes from"
)]
pub fn default_data_dir() -> PathBuf {
    let machine = Path::new(MACHINE_DATA);
    if Uid::effective().is_root() || owner(machine) == Some(Uid::effective()) {
        return machine.to_owned();
    }
    let named = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    named("XDG_DATA_HOME")
        .or_else(|| Some(named("HOME")?.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("wirewatch")
}

/// A folder for data that is thrown away, one for each account and `purpose`.
#[must_use]
pub fn temporary_dir(purpose: &str) -> PathBuf {
    env::temp_dir().join(format!("wirewatch-{purpose}-{}", Uid::effective()))
}

fn owner(path: &Path) -> Option<Uid> {
    Some(Uid::from_raw(fs::metadata(path).ok()?.uid()))
}

/// The account that a path belongs to, if that is another one than this: its name, or its number where it has none.
#[must_use]
pub fn other_owner(path: &Path) -> Option<String> {
    let owner = owner(path).filter(|owner| *owner != Uid::effective())?;
    let account = User::from_uid(owner).ok().flatten();
    Some(account.map_or_else(|| format!("#{owner}"), |account| account.name))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::from_layers(Some(("test.toml", file)), variables)
    }

    #[test]
    fn the_default_file_is_complete_and_valid() {
        let settings = load("", &[]).unwrap();
        let again = toml::to_string(&settings).unwrap();
        assert_eq!(
            keys(&again.parse().unwrap(), ""),
            keys(&DEFAULTS.parse().unwrap(), ""),
            "every field of the settings stands in the default file, and nothing else does"
        );
    }

    #[test]
    fn metrics_are_told_on_this_machine_alone_unless_somebody_says_otherwise() {
        assert_eq!(load("", &[]).unwrap().metrics.listen, DEFAULT_METRICS);
        let wrong = load("[metrics]\nlisten = \"everywhere\"\n", &[])
            .unwrap_err()
            .to_string();
        assert!(wrong.contains("metrics.listen"), "{wrong}");
    }

    #[test]
    fn the_environment_overrides_the_file_and_the_file_the_defaults() {
        let settings = load(
            "[poll]\nconcurrency = 7\nper_host = 3\n",
            &[
                ("WIREWATCH_POLL__CONCURRENCY", "9"),
                (
                    "WIREWATCH_FETCH__ALLOW_NETWORKS",
                    r#"["127.0.0.0/8", "::1/128"]"#,
                ),
                ("DATABASE_URL", "postgres://somewhere/else"),
                ("WIREWATCH_SCHEDULE__MIN_INTERVAL", "1"),
                ("WIREWATCH_CORPORA", "/anywhere"),
                ("WIREWATCH_SERVICE_HOST", "10.0.0.1"),
                ("WIREWATCH_PORT", "tcp://10.0.0.1:8080"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!((settings.poll.concurrency, settings.poll.per_host), (9, 3));
        assert_eq!(settings.schedule.min_interval, Duration::from_secs(1));
        assert_eq!(settings.fetch.allow_networks.0.len(), 2);
        assert_eq!(settings.database.url, "postgres://somewhere/else");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        for (file, variables, expected) in [
            (
                "[fetch]\ntimeouts = 3\n",
                &[][..],
                "did you mean fetch.timeout?",
            ),
            (
                "[poll]\ntimeout = 3\n",
                &[][..],
                "did you mean mail.timeout?",
            ),
            ("listen = \"x\"\n", &[][..], "did you mean server.listen?"),
            ("[zzz]\nqqq = 1\n", &[][..], "lists all settings"),
            (
                "",
                &[("WIREWATCH_POLL__CONCURENCY", "3")][..],
                "did you mean poll.concurrency?",
            ),
        ] {
            let message = load(file, variables).unwrap_err().to_string();
            assert!(
                message.contains(expected),
                "{file} {variables:?}: {message}"
            );
        }
    }

    #[test]
    fn values_of_the_wrong_kind_or_range_are_refused_by_name() {
        let wrong = load("[poll]\nconcurrency = \"many\"\n", &[])
            .unwrap_err()
            .to_string();
        assert!(wrong.contains("concurrency"), "{wrong}");
        let wrong = load("[poll]\nlease = \"10s\"\n", &[])
            .unwrap_err()
            .to_string();
        assert!(wrong.contains("poll.lease"), "{wrong}");
        let wrong = load("[poll\n", &[]).unwrap_err().to_string();
        assert!(wrong.contains("test.toml"), "{wrong}");
    }
}
