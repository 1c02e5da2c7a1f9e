//! Tables (RFC 4180) that are safe to open in a spreadsheet.
//!
//! A spreadsheet takes a cell that begins like a formula for one, and what publishers write may begin so. Such a cell gets
//! an apostrophe, which spreadsheets take for "text" (OWASP, CSV injection). A spreadsheet set to another separator splits
//! cells elsewhere, so what follows a separator inside of a cell is treated as its beginning.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use super::link_of;
use crate::store::article_stream::ArrivedArticle;

/// Without it spreadsheets do not take a table for UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What formulas begin with, in each width.
const BEGINNINGS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// What separates cells somewhere.
const SEPARATORS: [char; 5] = [',', ';', '\t', '|', '"'];

/// A table that grows row by row.
#[derive(Debug)]
pub(in crate::web) struct Table(String);

impl Table {
    /// A table with the names of its columns.
    pub(in crate::web) fn new(columns: &[&str]) -> Self {
        let mut table = Self(String::from(BYTE_ORDER_MARK));
        table.push(columns.iter().map(|name| (*name).to_owned()));
        table
    }

    /// Adds a row.
    pub(in crate::web) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        for (place, cell) in cells.into_iter().enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            self.0.push('"');
            for letter in harmless(&cell).chars() {
                if letter == '"' {
                    self.0.push('"');
                }
                self.0.push(letter);
            }
            self.0.push('"');
        }
        self.0.push_str("\r\n");
    }

    /// The table as an answer, to be kept as a file of this name. One that is a part of what there is says so in its name:
    /// a row that said it would be data to whoever reads the table.
    pub(in crate::web) fn answer(self, name: &str, is_part: bool) -> Response {
        let part = if is_part { "-part" } else { "" };
        let name: String = name
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
            .collect();
        let headers = [
            (
                header::CONTENT_TYPE,
                "text/csv; charset=utf-8; header=present".to_owned(),
            ),
            (
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"wirewatch-{name}{part}.csv\""),
            ),
        ];
        (headers, self.0).into_response()
    }
}

/// The text of a cell on one line, of which no part is taken for a formula.
fn harmless(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut is_beginning = true;
    for letter in cell.chars() {
        let letter = if letter.is_control() { ' ' } else { letter };
        if is_beginning && BEGINNINGS.contains(&letter) {
            text.push('\'');
        }
        is_beginning = SEPARATORS.contains(&letter) || (is_beginning && letter.is_whitespace());
        text.push(letter);
    }
    text
}

/// Articles, a row for each.
pub(super) fn of_articles(base: &str, articles: &[ArrivedArticle]) -> Table {
    let mut table = Table::new(&[
        "id",
        "first_seen",
        "published",
        "title",
        "source",
        "tier",
        "country",
        "language",
        "url",
        "summary",
        "authors",
        "keywords",
        "story",
    ]);
    for article in articles {
        let keywords: Vec<&str> = article
            .matches
            .iter()
            .map(|found| found.keyword.as_str())
            .collect();
        table.push([
            article.id.to_string(),
            article.first_seen_at.to_string(),
            article.sort_at.to_string(),
            article.title.clone(),
            article.source_name.clone(),
            article.tier.clone(),
            article.country.clone().unwrap_or_default(),
            article.language.clone().unwrap_or_default(),
            link_of(base, article),
            article.summary.clone(),
            article.authors.join(" / "),
            keywords.join(" "),
            article
                .story
                .map(|story| story.to_string())
                .unwrap_or_default(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_wherever_it_is_split() {
        for (cell, expected) in [
            ("Iran", "Iran"),
            ("=1+1", "'=1+1"),
            ("  =1+1", "  '=1+1"),
            ("\t@SUM(A1)", " '@SUM(A1)"),
            ("-5 °C in Tehran", "'-5 °C in Tehran"),
            ("＝cmd|' /C calc'!A0", "'＝cmd|' /C calc'!A0"),
            ("x;=HYPERLINK(\"http://e\")", "x;'=HYPERLINK(\"http://e\")"),
            ("x\", =1", "x\", '=1"),
            ("a\r\n=1", "a  =1"),
            ("well-known = good", "well-known = good"),
        ] {
            assert_eq!(harmless(cell), expected, "{cell:?}");
        }
    }

    #[test]
    fn a_table_is_quoted_throughout() {
        let mut table = Table::new(&["a", "b"]);
        table.push(["x, \"y\"".to_owned(), String::new()]);
        assert_eq!(table.0, "\u{feff}\"a\",\"b\"\r\n\"x, \"\"y\"\"\",\"\"\r\n");
    }
}
