//! Accounts: names, roles, and how a reader wants times to be told.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What somebody may do, from little to much: each role may do what the one before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Works the desk: claims, uses, passes, notes, asks for polls.
    Editor,
    /// Edits what the desk follows: keywords, concepts, feeds.
    Analyst,
    /// Decides who may do what.
    Admin,
}

/// A word about accounts that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccountWordError {
    /// No such role.
    #[error("{0:?} is no role; the roles are viewer, editor, analyst and admin")]
    Role(String),
    /// Not a name that an account can have.
    #[error(
        "a name has 1 to 64 of the letters a-z, digits, dots, dashes and underscores, and begins with a letter or a digit"
    )]
    Name,
    /// No such clock format.
    #[error("{0:?} is no clock format; there are 24h and 12h")]
    ClockFormat(String),
}

impl Role {
    /// All, from little to much.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Analyst, Self::Admin];

    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = AccountWordError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == word)
            .ok_or_else(|| AccountWordError::Role(word.to_owned()))
    }
}

/// The name that somebody signs in with and is mentioned by: `editor.2`. Lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = AccountWordError;

    /// Reads a name as people type it: case and space around it do not count.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase();
        let is_name = (1..=64).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if is_name {
            Ok(Self(name))
        } else {
            Err(AccountWordError::Name)
        }
    }
}

impl TryFrom<String> for UserName {
    type Error = AccountWordError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the time of day is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ClockFormat {
    /// 15:04
    #[default]
    #[serde(rename = "24h")]
    Hours24,
    /// 3:04 PM
    #[serde(rename = "12h")]
    Hours12,
}

impl ClockFormat {
    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hours24 => "24h",
            Self::Hours12 => "12h",
        }
    }
}

impl FromStr for ClockFormat {
    type Err = AccountWordError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Hours24, Self::Hours12]
            .into_iter()
            .find(|format| format.as_str() == word)
            .ok_or_else(|| AccountWordError::ClockFormat(word.to_owned()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_and_named() {
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        assert!("root".parse::<Role>().is_err());
    }

    #[test]
    fn a_name_is_read_as_people_type_it() {
        assert_eq!(
            " Editor.2 ".parse::<UserName>().unwrap().as_str(),
            "editor.2"
        );
        for wrong in [
            "",
            ".",
            "-a",
            "a b",
            "a@b",
            "日本",
            "<script>",
            &"a".repeat(65),
        ] {
            assert!(wrong.parse::<UserName>().is_err(), "{wrong}");
        }
    }
}
