//! The database of the benchmark.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _, path::PathBuf};

use tempfile::TempDir;
use wirewatch::{
    domain::Timestamp,
    store::{
        self, PgPool,
        private::{Durability, PrivateServer, PrivateServerOptions},
    },
};

/// The server with the folder that it lives in.
pub(crate) struct Place {
    folder: TempDir,
    server: PrivateServer,
}

impl Place {
    pub(crate) fn start() -> anyhow::Result<Self> {
        // As root, the server runs as another account, which must be able to enter.
        let folder = tempfile::Builder::new()
            .prefix("wirewatch-bench-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()?;
        let server = PrivateServer::start(&PrivateServerOptions {
            data_dir: folder.path().to_owned(),
            search_path: search_path(),
            durability: Durability::Kept,
        })?;
        Ok(Self { folder, server })
    }

    pub(crate) async fn database(&self) -> anyhow::Result<PgPool> {
        store::create_database(&self.server.url("postgres"), "bench").await?;
        let pool = store::connect(&self.server.url("bench"), 4).await?;
        store::migrate(&pool).await?;
        Ok(pool)
    }

    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.server.stop()?;
        self.folder.close()?;
        Ok(())
    }
}

/// When everything is due: 07:00 in UTC.
pub(crate) fn morning() -> Timestamp {
    Timestamp::from_micros(1_795_503_600_000_000)
}

/// 50 keywords with 100 articles each, each article a story; `subscriptions` of two keywords and one reader each.
pub(crate) async fn fill(db: &PgPool, subscriptions: i64) -> anyhow::Result<()> {
    for statement in [
        "INSERT INTO sources (slug, name, domain, country, tier, created_at)
         SELECT 'source-' || n, 'Source ' || n, 'x.example', 'KR', 'wire', now() FROM generate_series(1, 40) n",
        "INSERT INTO keywords (slug, name, query, position)
         SELECT 'k' || n, 'Keyword ' || n, 'iran', n FROM generate_series(1, 50) n",
        "INSERT INTO articles (identity, source_id, url, title, summary, content, language, sort_at, first_seen_at, arrival)
         SELECT sha256(n::text::bytea), 1 + n % 40, 'https://news.example/' || n,
                'Tehran sends engineers to Pyongyang, report ' || n,
                'Officials in Seoul said on Monday that a delegation of engineers had left for Pyongyang, the ' || n || 'th this year.',
                repeat('The delegation, which had been in Tehran for a week, met officials of the ministry. ', 30),
                'en', '2026-11-24T06:00:00Z', '2026-11-24T06:00:00Z', n
           FROM generate_series(1, 5000) n",
        "INSERT INTO stories (id, created_at, articles, reports, first_article_id, first_seen_at, last_report_at)
         SELECT id, first_seen_at, 1, 1, id, first_seen_at, first_seen_at FROM articles",
        "INSERT INTO story_members (article_id, story_id, reason, placed_at) SELECT id, id, '{}', now() FROM articles",
        r#"INSERT INTO matches (keyword_id, article_id, keyword_version, hits, why, sort_at, matched_at, arrival)
         SELECT 1 + id % 50, id, 1,
                '[{"field":"title","start":0,"end":6,"text":"Tehran","concept":"Iran"},
                  {"field":"summary","start":13,"end":18,"text":"Seoul"},
                  {"field":"content","start":38,"end":44,"text":"Tehran","concept":"Iran"}]',
                '@iran NEAR/25 @dprk', sort_at, sort_at, id
           FROM articles"#,
        "UPDATE arrivals SET last = 5000",
    ] {
        sqlx::query(statement).execute(db).await?;
    }
    sqlx::query(
        r#"INSERT INTO subscriptions (slug, name, kind, schedule, pace, filter, story_limit, sends_empty, review_minutes,
                                      created_by, created_at, settled_to, next_at)
           SELECT 's' || n, 'Morning ' || n, 'digest',
                  '{"zone":"UTC","days":["mon","tue","wed","thu","fri","sat","sun"],"times":["07:00"]}',
                  '{"threshold":1,"quiet":null,"cap":6}', '{}', 100, true, 0, 'bench',
                  '2026-11-24T06:30:00Z', '2026-11-24T06:30:00Z', '2026-11-24T07:00:00Z'
             FROM generate_series(1, $1) n"#,
    )
    .bind(subscriptions)
    .execute(db)
    .await?;
    for statement in [
        "INSERT INTO subscription_keywords (subscription_id, keyword_id, position, since_arrival)
         SELECT s.id, 1 + (s.id + shift * 7) % 50, shift, 0 FROM subscriptions s, generate_series(0, 1) shift",
        "INSERT INTO recipients (subscription_id, channel, address, created_at)
         SELECT id, 'mail', slug || '@readers.example', now() FROM subscriptions",
        "ANALYZE",
    ] {
        sqlx::query(statement).execute(db).await?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "PostgreSQL's programs are found on PATH"
)]
fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}
