//! `wirewatch token`: keys of programs to the API.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::{Outcome, TokenCommand, output, user::ACTOR};
use crate::{
    app::{Database, SystemClock},
    auth::Token,
    config::Settings,
    domain::{ApiTokenId, Clock as _, Role, UserName},
    store::{
        PgPool,
        api_tokens::{self, ApiToken, NewApiToken},
        users,
    },
    web,
};

pub(super) async fn run(
    command: TokenCommand,
    json: bool,
    settings: &Settings,
) -> anyhow::Result<Outcome> {
    let database = Database::open_there(settings).await?;
    let db = &database.pool;
    let outcome = match command {
        TokenCommand::Create {
            role,
            name,
            user,
            days,
            outputs,
        } => {
            let wanted = Wanted {
                role,
                name: name.trim(),
                user: user.as_ref(),
                days,
                outputs,
            };
            create(db, wanted, json).await
        }
        TokenCommand::List => list(db, json).await,
        TokenCommand::Revoke { id } => revoke(db, ApiTokenId::new(id)).await,
    };
    database.close().await;
    outcome
}

struct Wanted<'a> {
    role: Role,
    name: &'a str,
    user: Option<&'a UserName>,
    days: u32,
    outputs: bool,
}

async fn create(db: &PgPool, wanted: Wanted<'_>, json: bool) -> anyhow::Result<Outcome> {
    let Wanted {
        role,
        name,
        user,
        days,
        outputs,
    } = wanted;
    let owner = match user {
        None => None,
        Some(owner) => Some(
            users::by_name(db, owner)
                .await?
                .with_context(|| format!("there is no account {owner}"))?,
        ),
    };
    let token = Token::for_program(web::random()?);
    let hash = token.hash();
    let new = NewApiToken {
        token_hash: hash.as_bytes(),
        name,
        role,
        user: owner,
        is_for_outputs: outputs,
        lifetime: Duration::from_hours(u64::from(days) * 24),
    };
    let (id, expires_at) = api_tokens::add(db, new, ACTOR, SystemClock.now()).await?;
    if json {
        output::json(&json!({
            "id": id,
            "name": name,
            "role": role,
            "user": user,
            "is_for_outputs": outputs,
            "expires_at": expires_at,
            "token": token.reveal(),
        }))?;
    } else {
        output::line(token.reveal());
        output::complain(&format!(
            "this is token {id}, {role}, until {expires_at}; it is shown this once"
        ));
    }
    Ok(Outcome::Done)
}

async fn list(db: &PgPool, json: bool) -> anyhow::Result<Outcome> {
    let all = api_tokens::list(db, None).await?;
    if json {
        let tokens: Vec<_> = all.iter().map(as_json).collect();
        output::json(&json!({"tokens": tokens}))?;
        return Ok(Outcome::Done);
    }
    if all.is_empty() {
        output::line("no tokens yet: wirewatch token create --role viewer makes one");
    }
    for token in &all {
        let last = token
            .last_used_at
            .map_or_else(|| "never".to_owned(), |at| at.to_string());
        output::line(&format!(
            "{:>6} {:<8} {:<32} of {:<16} until {} last used {last}",
            token.id.get(),
            token.role.as_str(),
            token.name,
            token.owner.as_deref().unwrap_or("-"),
            token.expires_at
        ));
    }
    Ok(Outcome::Done)
}

fn as_json(token: &ApiToken) -> serde_json::Value {
    json!({
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "user": token.owner,
        "is_for_outputs": token.is_for_outputs,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    })
}

async fn revoke(db: &PgPool, id: ApiTokenId) -> anyhow::Result<Outcome> {
    if api_tokens::revoke(db, id, None, ACTOR, SystemClock.now()).await? {
        output::line(&format!("token {id} is revoked"));
        return Ok(Outcome::Done);
    }
    output::complain(&format!("wirewatch: there is no token {id}"));
    Ok(Outcome::SaidNo)
}
