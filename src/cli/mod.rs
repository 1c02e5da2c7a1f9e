//! The command line: what people and scripts ask of wirewatch.
//!
//! Results go to standard output, logs and progress to standard error. Exit codes: 0 done, 1 a check said no, 2 usage,
//! 3 could not run.

mod beat;
mod database;
mod demo;
mod demo_feeds;
mod digest;
mod doctor;
mod export;
mod fetch;
mod opml;
mod output;
mod parse;
mod query;
mod schedule;
mod serve;
mod story;
mod token;
mod user;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::{
    app::Role,
    config::{self, Settings},
    domain::{self, FeedUrl, UserName},
    telemetry,
};

/// News monitoring for newsrooms: feeds in, matching articles in PostgreSQL, new items by keyword on a live page.
#[derive(Debug, Parser)]
#[command(name = "wirewatch", version, about, disable_help_subcommand = true)]
struct Cli {
    /// Settings that differ from the defaults (TOML; see config/wirewatch.toml).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service.
    Serve(ServeArgs),
    /// Run the service on a throw-away database with sample feeds: everything to see without internet.
    Demo(DemoArgs),
    /// Poll what is due, or the named feeds, once, with a progress bar.
    Fetch(FetchArgs),
    /// Print a feed as wirewatch reads it.
    Parse(ParseArgs),
    /// Check a query, or match texts against it.
    Query {
        #[command(subcommand)]
        command: QueryCommand,
    },
    /// Group reports into stories, or compare pairs, as the service does.
    Story {
        #[command(subcommand)]
        command: StoryCommand,
    },
    /// Check a beat file, merge one into the database, or write the database's beat to a file.
    Beat {
        #[command(subcommand)]
        command: BeatCommand,
    },
    /// Add the feeds of an OPML file, or write the feeds of the database to one.
    Opml {
        #[command(subcommand)]
        command: OpmlCommand,
    },
    /// Write the articles of a period as JSON Lines; an export that broke off goes on.
    Export {
        #[command(flatten)]
        wanted: export::Wanted,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Try polling policies on recorded or invented publication times.
    Schedule {
        #[command(subcommand)]
        command: ScheduleCommand,
    },
    /// Add, list and change accounts.
    User {
        #[command(subcommand)]
        command: UserCommand,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR", global = true)]
        data_dir: Option<PathBuf>,
        /// Print JSON.
        #[arg(long, global = true)]
        json: bool,
    },
    /// Make, list and revoke keys of programs to the API.
    Token {
        #[command(subcommand)]
        command: TokenCommand,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR", global = true)]
        data_dir: Option<PathBuf>,
        /// Print JSON.
        #[arg(long, global = true)]
        json: bool,
    },
    /// List digests, see what one would tell now, or send an issue at once.
    Digest {
        #[command(subcommand)]
        command: DigestCommand,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR", global = true)]
        data_dir: Option<PathBuf>,
        /// Print JSON.
        #[arg(long, global = true)]
        json: bool,
    },
    /// Look at database, clock, disk, mail server and feeds, and say what to do.
    Doctor(DoctorArgs),
    /// Prepare or find the database.
    Db {
        #[command(subcommand)]
        command: DbCommand,
    },
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Address and port of the pages.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Folder of the private PostgreSQL.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What this process does.
    #[arg(long, value_enum, default_value = "all")]
    role: Role,
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Address and port of the pages.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
struct FetchArgs {
    /// Stop when nothing is due any more. This is what happens without the flag, too.
    #[arg(long)]
    once: bool,
    /// Poll this feed now, whatever its schedule says (may be given several times).
    #[arg(long, value_name = "URL")]
    feed: Vec<FeedUrl>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Folder of the private PostgreSQL.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ParseArgs {
    /// A file, an address, or - for standard input.
    input: String,
    /// The address that relative links are resolved against.
    #[arg(long, value_name = "URL")]
    base: Option<Url>,
    /// The Content-Type to assume.
    #[arg(long, value_name = "T")]
    content_type: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Read an HTML page that lists news, with these selectors; without --item they are suggested.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    selectors: SelectorArgs,
}

#[derive(Debug, Args)]
struct SelectorArgs {
    /// CSS selector of the elements that are entries, such as 'ul.releases > li'.
    #[arg(long, value_name = "CSS", requires = "list")]
    item: Option<String>,
    /// Of the title inside an item; without it, the text of the link. `h3@title` takes an attribute.
    #[arg(long, value_name = "CSS", requires = "item")]
    title: Option<String>,
    /// Of the link inside an item; without it, the first one.
    #[arg(long, value_name = "CSS", requires = "item")]
    link: Option<String>,
    /// Of the date inside an item; without it, its `time` element.
    #[arg(long, value_name = "CSS", requires = "item")]
    date: Option<String>,
    /// Of the summary inside an item.
    #[arg(long, value_name = "CSS", requires = "item")]
    summary: Option<String>,
}

#[derive(Debug, Subcommand)]
enum QueryCommand {
    /// The canonical form, the tree and warnings, or all errors with their places.
    Check {
        /// The query.
        expression: String,
        /// The system that the query comes from: google, meltwater, brandwatch, factiva, nexis or lines.
        #[arg(long, value_name = "D")]
        dialect: Option<crate::query::Dialect>,
        /// The beat whose concepts and keywords the query may name; without it, the built-in one.
        #[arg(long, value_name = "FILE")]
        beat: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Judge texts as a saved keyword would.
    Match {
        /// The query.
        expression: String,
        /// The system that the query comes from: google, meltwater, brandwatch, factiva, nexis or lines.
        #[arg(long, value_name = "D")]
        dialect: Option<crate::query::Dialect>,
        /// Plain-text files; the first line is the title.
        files: Vec<PathBuf>,
        /// Texts as JSON lines: {"id","title","summary","content","lang",...}. A line that is none has a verdict with an
        /// "error", and the rest is judged.
        #[arg(long, value_name = "FILE")]
        jsonl: Option<PathBuf>,
        /// The beat whose concepts and keywords the query may name; without it, the built-in one.
        #[arg(long, value_name = "FILE")]
        beat: Option<PathBuf>,
        /// Say why a text matched.
        #[arg(long)]
        why: bool,
        /// Print JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// What a changed query gains and loses on the articles and the backlog of the database, newest first.
    Diff {
        /// The query as it is; empty: none. `keyword:slug` is that of a saved keyword.
        old: String,
        /// The query as it is to be.
        new: String,
        /// How many days back.
        #[arg(long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u16).range(1..=3660))]
        days: u16,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Print JSON lines: {"change","article","at","title","url","source","hits","why"} for each change, then
        /// {"summary"}.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum StoryCommand {
    /// The story of each report of a stream, as placed after the whole stream.
    Cluster {
        /// Reports as JSON lines, in order of arrival: {"id","title","text","published","lang","source"}, all but the
        /// title optional.
        #[arg(long, value_name = "FILE")]
        jsonl: PathBuf,
        /// The beat whose concepts carry over between languages; without it, the built-in one.
        #[arg(long, value_name = "FILE")]
        beat: Option<PathBuf>,
        /// Print JSON lines: {"id","story","reason"}, and for a copy its original.
        #[arg(long)]
        json: bool,
    },
    /// Whether two reports are copies, tell the same story, or are different.
    Compare {
        /// Pairs as JSON lines: {"id","a","b"}, each side a report or a headline.
        #[arg(long, value_name = "FILE")]
        jsonl: PathBuf,
        /// The beat whose concepts carry over between languages; without it, the built-in one.
        #[arg(long, value_name = "FILE")]
        beat: Option<PathBuf>,
        /// Print JSON lines: {"id","verdict","reason"}.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum BeatCommand {
    /// Read a beat file and compile everything in it.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Merge a beat file into the database: add what is missing, change what differs, remove nothing.
    Import {
        /// The file.
        file: PathBuf,
        /// Leave what was edited here since a file brought it, and tell where the file changed it, too.
        #[arg(long)]
        keep_edits: bool,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the database's beat.
    Export {
        /// The file, or - for standard output.
        file: PathBuf,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum OpmlCommand {
    /// Add the feeds of a file; those that are there stay as they are.
    Import {
        /// The file, or - for standard input.
        file: PathBuf,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write all feeds as OPML 2.0.
    Export {
        /// The file, or - for standard output.
        file: PathBuf,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make an account, and a link that sets its password once.
    Add {
        /// What it signs in with.
        name: UserName,
        /// What it may: viewer, editor, analyst or admin.
        #[arg(long, default_value = "viewer")]
        role: domain::Role,
        /// What its person is called.
        #[arg(long, value_name = "NAME", default_value = "")]
        full_name: String,
        /// Read the password from standard input, its first line.
        #[arg(long)]
        password_stdin: bool,
    },
    /// All accounts.
    List,
    /// Give an account another role. Its browsers are signed out.
    Role {
        /// The account.
        name: UserName,
        /// viewer, editor, analyst or admin.
        role: domain::Role,
    },
    /// Make a link that sets the password of an account once, or set it.
    Password {
        /// The account.
        name: UserName,
        /// Read the password from standard input, its first line.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Keep an account out, at once.
    Disable {
        /// The account.
        name: UserName,
    },
    /// Let an account in again.
    Enable {
        /// The account.
        name: UserName,
    },
    /// Make a link that makes an account once; who follows it chooses the name.
    Invite {
        /// What it may: viewer, editor, analyst or admin.
        #[arg(long, default_value = "viewer")]
        role: domain::Role,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token; it is shown this once.
    Create {
        /// What it may: viewer, editor, analyst or admin.
        #[arg(long)]
        role: domain::Role,
        /// What it is for.
        #[arg(long, value_name = "NAME", default_value = "from the shell")]
        name: String,
        /// Whose it is; without, the installation's own.
        #[arg(long, value_name = "NAME")]
        user: Option<UserName>,
        /// Days it works.
        #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
        days: u32,
        /// It opens outgoing feeds and tables alone, and may stand in their addresses.
        #[arg(long)]
        outputs: bool,
    },
    /// All tokens.
    List,
    /// End a token.
    Revoke {
        /// Its number, as `list` tells it.
        id: i64,
    },
}

#[derive(Debug, Subcommand)]
enum DigestCommand {
    /// All digests and alerts.
    List,
    /// What an issue composed now would hold; nothing is settled by looking.
    Preview {
        /// Its short name.
        name: String,
        /// As the HTML of its mail.
        #[arg(long)]
        html: bool,
    },
    /// Compose an issue now and send it.
    Send {
        /// Its short name.
        name: String,
    },
}

#[derive(Debug, Args)]
struct DoctorArgs {
    /// Folder of the private PostgreSQL.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Do not ask the feeds.
    #[arg(long)]
    no_feeds: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Bring the schema up to date.
    Migrate {
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Print the address of the database, for psql and other tools.
    Url {
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Write the whole database to a file, while the service runs or not.
    Backup {
        /// The file; what was there before stays until the backup is whole.
        file: PathBuf,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Fill an empty database from a backup, and bring its schema up to date.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Folder of the private PostgreSQL.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum ScheduleCommand {
    /// How long entries would have waited under a policy that makes so many requests.
    Simulate {
        /// Publication times, a JSON object {"feed","published"} a line, or - for standard input.
        #[arg(long, value_name = "FILE")]
        trace: PathBuf,
        /// The policy.
        #[arg(long, value_enum, value_name = "NAME", default_value = "ours")]
        policy: schedule::Policy,
        /// Requests in all: the policy's intervals are scaled by one factor to make as many.
        #[arg(long, value_name = "N")]
        requests: u64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a trace of an invented desk: steady, bursty, nearly dead and busy feeds, and such with office hours.
    Trace {
        /// Feeds.
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        feeds: usize,
        /// Days.
        #[arg(long, value_name = "N", default_value_t = 30)]
        days: u32,
        /// Another seed is another trace.
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
    },
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    SaidNo,
}

/// Runs the command of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let is_usage = error.use_stderr();
            // Nobody is left to tell if the terminal is gone.
            let _ = error.print();
            return ExitCode::from(if is_usage { 2 } else { 0 });
        }
    };
    match run(cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::SaidNo) => ExitCode::from(1),
        Err(error) => {
            output::complain(&format!("wirewatch: {}", chain(&error)));
            ExitCode::from(3)
        }
    }
}

/// An error with its causes; one that its effect already tells is not told again.
fn chain(error: &anyhow::Error) -> String {
    let mut told: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.last().is_none_or(|last| !last.contains(&cause)) {
            told.push(cause);
        }
    }
    told.join(": ")
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let mut settings = Settings::load(cli.config.as_deref())?;
    quieten(&cli.command, &mut settings);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let telemetry = telemetry::start(&settings.log, &settings.telemetry, runtime.handle())?;
    let ignored = config::ignored();
    if !ignored.is_empty() {
        tracing::warn!(
            variables = ignored.join(", "),
            "these are no settings, and are ignored: a setting has two underscores between its levels"
        );
    }
    let outcome = runtime.block_on(dispatch(cli.command, settings));
    drop(telemetry);
    // What still blocks a thread (a name server that does not answer) must not hold the process.
    runtime.shutdown_background();
    outcome
}

/// Commands for people answer; only the service tells what it does all the while, and whoever brings the schema up to date
/// what it waits for.
fn quieten(command: &Command, settings: &mut Settings) {
    let filter = match command {
        Command::Serve(_) | Command::Demo(_) => return,
        Command::Db {
            command: DbCommand::Migrate { .. },
        } => "warn",
        _ => "error",
    };
    if settings.log.filter == "info" {
        filter.clone_into(&mut settings.log.filter);
    }
}

async fn dispatch(command: Command, mut settings: Settings) -> anyhow::Result<Outcome> {
    let mut at = |data_dir: Option<PathBuf>| {
        if let Some(folder) = data_dir {
            settings.server.data_dir = folder;
            // What is asked for on the command line goes before what the environment names.
            settings.database.url.clear();
        }
    };
    match command {
        Command::Serve(args) => {
            at(args.data_dir.clone());
            serve::run(args, settings).await
        }
        Command::Demo(args) => demo::run(args, settings).await,
        Command::Fetch(args) => {
            at(args.data_dir.clone());
            fetch::run(args, &settings).await
        }
        Command::Parse(args) => parse::run(args, &settings).await,
        Command::Query { command } => {
            if let QueryCommand::Diff { data_dir, .. } = &command {
                at(data_dir.clone());
            }
            query::run(command, &settings).await
        }
        Command::Story { command } => story::run(command),
        Command::Beat { command } => {
            if let BeatCommand::Import { data_dir, .. } | BeatCommand::Export { data_dir, .. } =
                &command
            {
                at(data_dir.clone());
            }
            beat::run(command, &settings).await
        }
        Command::Opml { command } => {
            let (OpmlCommand::Import { data_dir, .. } | OpmlCommand::Export { data_dir, .. }) =
                &command;
            at(data_dir.clone());
            opml::run(command, &settings).await
        }
        Command::Export { wanted, data_dir } => {
            at(data_dir);
            export::run(wanted, &settings).await
        }
        Command::Schedule { command } => schedule::run(command),
        Command::User {
            command,
            data_dir,
            json,
        } => {
            at(data_dir);
            user::run(command, json, &settings).await
        }
        Command::Token {
            command,
            data_dir,
            json,
        } => {
            at(data_dir);
            token::run(command, json, &settings).await
        }
        Command::Digest {
            command,
            data_dir,
            json,
        } => {
            at(data_dir);
            digest::run(command, json, &settings).await
        }
        Command::Doctor(args) => {
            at(args.data_dir.clone());
            doctor::run(args, &settings).await
        }
        Command::Db { command } => {
            let (DbCommand::Migrate { data_dir }
            | DbCommand::Url { data_dir }
            | DbCommand::Backup { data_dir, .. }
            | DbCommand::Restore { data_dir, .. }) = &command;
            at(data_dir.clone());
            database::run(&command, &settings).await
        }
    }
}
