//! The canonical form: how a query is written back, with no more parentheses than it needs, and its tree.

use std::fmt::{self, Display as _, Write as _};

use super::ast::{Leaf, Node};

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.is_phrase { "\"" } else { "" };
        if self.is_exact {
            f.write_str("cs(")?;
        }
        write!(f, "{quote}{}{quote}", self.words)?;
        if self.slop > 0 {
            write!(f, "~{}", self.slop)?;
        }
        if self.is_exact {
            f.write_char(')')?;
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    /// The canonical form: parsing it gives the same tree.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_char('*'),
            Self::Leaf(leaf) => leaf.fmt(f),
            Self::Concept(name) => write!(f, "@{name}"),
            Self::Keyword(slug) => write!(f, "keyword:{slug}"),
            Self::Fact { field, value } if is_bare(value) => {
                write!(f, "{}:{value}", field.as_str())
            }
            Self::Fact { field, value } => write!(f, "{}:\"{value}\"", field.as_str()),
            Self::Within { field, node } => {
                write!(f, "{}:{}", field.as_str(), Tight(node, Level::Primary))
            }
            Self::Not(node) => write!(f, "NOT {}", Tight(node, Level::Not)),
            Self::And(nodes) => joined(f, nodes, " AND ", Level::Not),
            Self::Or(nodes) => joined(f, nodes, " OR ", Level::And),
            Self::Near {
                proximity,
                left,
                right,
            } => write!(
                f,
                "{} {proximity} {}",
                Tight(left, Level::Primary),
                Tight(right, Level::Primary)
            ),
            Self::AtLeast { count, node } => {
                write!(f, "ATLEAST/{count} {}", Tight(node, Level::Primary))
            }
            Self::Of { count, list } => {
                write!(f, "{count} OF (")?;
                joined(f, list, ", ", Level::Or)?;
                f.write_char(')')
            }
        }
    }
}

/// How tightly a construct binds; the tighter, the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Or,
    And,
    Not,
    Near,
    Primary,
}

impl Node {
    const fn level(&self) -> Level {
        match self {
            Self::Or(_) => Level::Or,
            Self::And(_) => Level::And,
            Self::Not(_) => Level::Not,
            Self::Near { .. } => Level::Near,
            Self::Any
            | Self::Leaf(_)
            | Self::Concept(_)
            | Self::Keyword(_)
            | Self::Fact { .. }
            | Self::Within { .. }
            | Self::AtLeast { .. }
            | Self::Of { .. } => Level::Primary,
        }
    }

    /// The parts of the query right below this one.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        match self {
            Self::Any | Self::Leaf(_) | Self::Concept(_) | Self::Keyword(_) | Self::Fact { .. } => {
                Vec::new()
            }
            Self::Within { node, .. } | Self::Not(node) | Self::AtLeast { node, .. } => vec![node],
            Self::And(nodes) | Self::Or(nodes) | Self::Of { list: nodes, .. } => {
                nodes.iter().collect()
            }
            Self::Near { left, right, .. } => vec![left, right],
        }
    }

    /// What a line of the printed tree says.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Within { field, .. } => format!("{}:", field.as_str()),
            Self::Not(_) => "NOT".to_owned(),
            Self::And(_) => "AND".to_owned(),
            Self::Or(_) => "OR".to_owned(),
            Self::Near { proximity, .. } => proximity.to_string(),
            Self::AtLeast { count, .. } => format!("ATLEAST/{count}"),
            Self::Of { count, .. } => format!("{count} OF"),
            Self::Any | Self::Leaf(_) | Self::Concept(_) | Self::Keyword(_) | Self::Fact { .. } => {
                self.to_string()
            }
        }
    }

    /// The tree, a line for each node, children two spaces further in.
    #[must_use]
    pub fn tree(&self) -> String {
        let mut out = String::new();
        self.write_tree(0, &mut out);
        out
    }

    fn write_tree(&self, depth: usize, out: &mut String) {
        out.extend(std::iter::repeat_n("  ", depth));
        out.push_str(&self.label());
        out.push('\n');
        for child in self.children() {
            child.write_tree(depth + 1, out);
        }
    }
}

/// A node in parentheses if it binds less tightly than its place asks for.
struct Tight<'a>(&'a Node, Level);

impl fmt::Display for Tight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.level() < self.1 {
            write!(f, "({})", self.0)
        } else {
            self.0.fmt(f)
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, nodes: &[Node], by: &str, level: Level) -> fmt::Result {
    for (i, node) in nodes.iter().enumerate() {
        if i > 0 {
            f.write_str(by)?;
        }
        Tight(node, level).fmt(f)?;
    }
    Ok(())
}

/// Whether the value of a fact reads back as one word.
fn is_bare(value: &str) -> bool {
    !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || "\"(),".contains(c))
}
