//! Texts erased on a legal demand: everywhere at once, with a tombstone and a row of the audit that stay.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{
    PgPool, StoreError,
    audit::{self, Change},
};
use crate::domain::{ArticleId, EditionId, Timestamp};

/// What stands where a text was.
pub const TOMBSTONE: &str = "[erased]";

/// Erases the text of an article for good: headline, text, authors, categories, earlier texts, hits, its places in the
/// search index, what editions show of it, and the sample of the backlog that it may have been drawn into. Its address,
/// source and times stay. False if there is no such article, or
/// it was erased before.
///
/// # Errors
/// The database does not answer; nothing was erased then.
pub async fn erase(
    db: &PgPool,
    id: ArticleId,
    reason: &str,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = super::begin(db).await?;
    let Some(article) = sqlx::query!(
        "SELECT url, title, identity FROM articles WHERE id = $1 AND erased_at IS NULL FOR UPDATE",
        id as ArticleId
    )
    .fetch_optional(&mut *tx)
    .await?
    else {
        return Ok(false);
    };
    erase_editions(&mut tx, id, article.url.as_deref(), &article.title).await?;
    sqlx::query!(
        "DELETE FROM revisions WHERE article_id = $1",
        id as ArticleId
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE matches SET hits = '[]' WHERE article_id = $1",
        id as ArticleId
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE article_tokens SET tokens = '{}' WHERE article_id = $1",
        id as ArticleId
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE backlog_samples SET title = $2, summary = '' WHERE identity = $1",
        article.identity,
        TOMBSTONE,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE articles
            SET title = $2, summary = '', content = '', authors = '{}', categories = '{}', revision = revision + 1,
                erased_at = $3
          WHERE id = $1",
        id as ArticleId,
        TOMBSTONE,
        now as Timestamp,
    )
    .execute(&mut *tx)
    .await?;
    let change = Change {
        action: "erase",
        subject_kind: "article",
        subject: id.to_string(),
        before: None,
        after: Some(json!({"reason": reason, "url": article.url})),
    };
    audit::record(&mut tx, actor, now, &[change]).await?;
    tx.commit().await?;
    Ok(true)
}

/// Takes the text out of the editions that hold the article.
async fn erase_editions(
    tx: &mut PgConnection,
    id: ArticleId,
    url: Option<&str>,
    title: &str,
) -> Result<(), StoreError> {
    let editions = sqlx::query!(
        r#"SELECT e.id AS "id: EditionId", e.body
             FROM editions e
             JOIN edition_members m ON m.edition_id = e.id
            WHERE m.article_id = $1
              AND e.body IS NOT NULL
              FOR UPDATE OF e"#,
        id as ArticleId
    )
    .fetch_all(&mut *tx)
    .await?;
    for row in editions {
        let Some(mut body) = row.body else {
            continue;
        };
        if erase_lines(&mut body, url, title) {
            sqlx::query!(
                "UPDATE editions SET body = $2 WHERE id = $1",
                row.id as EditionId,
                body,
            )
            .execute(&mut *tx)
            .await?;
        }
    }
    Ok(())
}

/// Blanks the lines of an edition that tell the article; whether there was any.
fn erase_lines(body: &mut Value, url: Option<&str>, title: &str) -> bool {
    let sections = body.get_mut("sections").and_then(Value::as_array_mut);
    let lines = sections
        .into_iter()
        .flatten()
        .filter_map(|section| section.get_mut("lines")?.as_array_mut())
        .flatten();
    let mut has_erased = false;
    for line in lines {
        let has_url = url.is_some() && line.get("url").and_then(Value::as_str) == url;
        if has_url || headline(line) == title {
            line["headline"] = json!([{"text": TOMBSTONE, "is_hit": false, "gloss": null}]);
            line["passage"] = json!([]);
            line["glosses"] = json!([]);
            line["why"] = json!("");
            has_erased = true;
        }
    }
    has_erased
}

fn headline(line: &Value) -> String {
    let pieces = line.get("headline").and_then(Value::as_array);
    pieces
        .into_iter()
        .flatten()
        .filter_map(|piece| piece.get("text")?.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_of_the_article_are_blanked() {
        let line = |url: &str, text: &str| json!({"url": url, "headline": [{"text": text}], "passage": [{"text": "x"}], "glosses": ["x"], "why": "x"});
        let mut body = json!({"sections": [{"lines": [line("a", "One"), line("b", "Two")]}]});
        assert!(erase_lines(&mut body, Some("a"), "One"));
        assert_eq!(headline(&body["sections"][0]["lines"][0]), TOMBSTONE);
        assert_eq!(body["sections"][0]["lines"][0]["passage"], json!([]));
        assert_eq!(headline(&body["sections"][0]["lines"][1]), "Two");
        assert!(!erase_lines(&mut body, None, "Three"));
    }
}
