//! `wirewatch user`: accounts from the shell, while the service runs or not.

use std::io::{self, BufRead as _};

use anyhow::Context as _;
use serde_json::json;

use super::{Outcome, UserCommand, output};
use crate::{
    app::{Database, SystemClock},
    auth::{self, Token},
    config::Settings,
    domain::{Clock as _, Role, UserId, UserName},
    store::{
        PgPool,
        invitations::{Maker, Purpose},
        users::{self, User, UserChange},
    },
    web::{self, links},
};

/// As the audit calls who has the shell.
pub(super) const ACTOR: &str = "shell";

pub(super) async fn run(
    command: UserCommand,
    json: bool,
    settings: &Settings,
) -> anyhow::Result<Outcome> {
    let database = Database::open_there(settings).await?;
    let accounts = Accounts {
        db: &database.pool,
        settings,
        json,
    };
    let outcome = accounts.run(command).await;
    database.close().await;
    outcome
}

struct Accounts<'a> {
    db: &'a PgPool,
    settings: &'a Settings,
    json: bool,
}

impl Accounts<'_> {
    async fn run(&self, command: UserCommand) -> anyhow::Result<Outcome> {
        let now = SystemClock.now();
        match command {
            UserCommand::Add {
                name,
                role,
                full_name,
                password_stdin,
            } => {
                let password = hashed_password(password_stdin, &[name.as_str(), &full_name])?;
                let added = users::add(
                    self.db,
                    &name,
                    full_name.trim(),
                    role,
                    password.as_deref(),
                    ACTOR,
                    now,
                )
                .await?;
                let Some(id) = added else {
                    return Ok(no(&format!("there is an account {name} already")));
                };
                let link = match password {
                    Some(_) => None,
                    None => Some(self.link(&Purpose::Password(id)).await?),
                };
                self.tell_account(&name, role, link.as_deref())
            }
            UserCommand::List => self.list().await,
            UserCommand::Role { name, role } => {
                let id = self.find(&name).await?;
                let change = users::set_role(self.db, id, role, ACTOR, now).await?;
                Ok(told(change, &format!("{name} is {role}")))
            }
            UserCommand::Password {
                name,
                password_stdin,
            } => {
                let id = self.find(&name).await?;
                let Some(password) = hashed_password(password_stdin, &[name.as_str()])? else {
                    let link = self.link(&Purpose::Password(id)).await?;
                    return self.tell_link(&link);
                };
                let change = users::set_password(self.db, id, &password, ACTOR, now).await?;
                Ok(told(change, &format!("{name} has a new password")))
            }
            UserCommand::Disable { name } => {
                let id = self.find(&name).await?;
                let change = users::set_disabled(self.db, id, true, ACTOR, now).await?;
                Ok(told(change, &format!("{name} is disabled")))
            }
            UserCommand::Enable { name } => {
                let id = self.find(&name).await?;
                let change = users::set_disabled(self.db, id, false, ACTOR, now).await?;
                Ok(told(change, &format!("{name} is enabled")))
            }
            UserCommand::Invite { role } => {
                let link = self.link(&Purpose::Join(role)).await?;
                self.tell_link(&link)
            }
        }
    }

    async fn find(&self, name: &UserName) -> anyhow::Result<UserId> {
        users::by_name(self.db, name)
            .await?
            .with_context(|| format!("there is no account {name}; wirewatch user list shows all"))
    }

    async fn link(&self, purpose: &Purpose) -> anyhow::Result<String> {
        let token = Token::new(web::random()?);
        let base = links::base(&self.settings.web, self.settings.server.listen);
        let maker = Maker {
            actor: ACTOR,
            user: None,
        };
        let now = SystemClock.now();
        Ok(links::make(self.db, &base, &token, purpose, maker, now).await?)
    }

    fn tell_link(&self, link: &str) -> anyhow::Result<Outcome> {
        if self.json {
            output::json(&json!({"link": link}))?;
        } else {
            output::line(link);
        }
        Ok(Outcome::Done)
    }

    fn tell_account(
        &self,
        name: &UserName,
        role: Role,
        link: Option<&str>,
    ) -> anyhow::Result<Outcome> {
        if self.json {
            output::json(&json!({"name": name, "role": role, "link": link}))?;
            return Ok(Outcome::Done);
        }
        output::line(&format!("{name} is {role}"));
        if let Some(link) = link {
            output::line(&format!(
                "this link sets the password, once, within a day: {link}"
            ));
        }
        Ok(Outcome::Done)
    }

    async fn list(&self) -> anyhow::Result<Outcome> {
        let all = users::all(self.db).await?;
        if self.json {
            let users: Vec<_> = all.iter().map(as_json).collect();
            output::json(&json!({"users": users}))?;
            return Ok(Outcome::Done);
        }
        if all.is_empty() {
            output::line("no accounts yet: wirewatch user add NAME --role admin makes one");
        }
        for user in &all {
            let state = if user.is_disabled {
                "disabled"
            } else if user.has_password {
                "active"
            } else {
                "no password yet"
            };
            let last = user
                .last_sign_in_at
                .map_or_else(|| "never".to_owned(), |at| at.to_string());
            output::line(&format!(
                "{:<24} {:<8} {state:<16} last sign-in {last}",
                user.name,
                user.role.as_str()
            ));
        }
        Ok(Outcome::Done)
    }
}

/// The hash of the password on standard input, if one is to be read.
fn hashed_password(is_read: bool, names: &[&str]) -> anyhow::Result<Option<String>> {
    if !is_read {
        return Ok(None);
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    auth::check_strength(password, names)?;
    let salt = web::random()?;
    Ok(Some(auth::hash(password, &salt)?.as_str().to_owned()))
}

fn as_json(user: &User) -> serde_json::Value {
    json!({
        "id": user.id,
        "name": user.name,
        "full_name": user.full_name,
        "role": user.role,
        "is_disabled": user.is_disabled,
        "has_password": user.has_password,
        "created_at": user.created_at,
        "last_sign_in_at": user.last_sign_in_at,
    })
}

fn told(change: UserChange, done: &str) -> Outcome {
    match change {
        UserChange::Done => {
            output::line(done);
            Outcome::Done
        }
        UserChange::Unknown => no("there is no such account"),
        UserChange::LastAdmin => {
            no("this is the last account that may administer; make another admin first")
        }
    }
}

fn no(why: &str) -> Outcome {
    output::complain(&format!("wirewatch: {why}"));
    Outcome::SaidNo
}
