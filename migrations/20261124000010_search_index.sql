-- What the search index lists each article under: numbers that stand for its words, source, language and host. Filled
-- behind the river by a job, in order of arrival; the few articles that it has not come to are read without it.
CREATE TABLE article_tokens (
    article_id bigint      NOT NULL CONSTRAINT article_tokens_pkey PRIMARY KEY
               CONSTRAINT article_tokens_article_id_fkey REFERENCES articles ON DELETE CASCADE,
    -- the article's, copied for sorting
    sort_at    timestamptz NOT NULL,
    -- null: the article has changed since and is to be listed anew
    tokens     integer[]
);

-- Statistics over millions of different numbers cost much and say nothing; without them the planner takes the index.
ALTER TABLE article_tokens ALTER COLUMN tokens SET STATISTICS 0;
-- The job may wait for the index, searches may not: no list of pending entries.
CREATE INDEX article_tokens_tokens_idx ON article_tokens USING gin (tokens) WITH (fastupdate = off);
CREATE INDEX article_tokens_stale_idx ON article_tokens (article_id) WHERE tokens IS NULL;

-- How far the search index has come: one row. An index of another `version` is built anew.
CREATE TABLE search_index (
    id         boolean NOT NULL DEFAULT true CONSTRAINT search_index_pkey PRIMARY KEY
               CONSTRAINT search_index_id_check CHECK (id),
    version    integer NOT NULL DEFAULT 0,
    -- the last arrival whose article is listed
    indexed_to bigint  NOT NULL DEFAULT 0
);
INSERT INTO search_index DEFAULT VALUES;

-- all articles, newest first
CREATE INDEX articles_newest_idx ON articles (sort_at DESC, id DESC);
