-- Pages that somebody asked for by their address: a job reads them, and what it read is an article like any other.
CREATE TABLE wanted_pages (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT wanted_pages_pkey PRIMARY KEY,
    url         text        NOT NULL,
    asked_by    text        NOT NULL,
    asked_at    timestamptz NOT NULL,
    state       text        NOT NULL DEFAULT 'waiting' CONSTRAINT wanted_pages_state_check
                CHECK (state IN ('waiting', 'stored', 'failed')),
    -- a worker reads it until then
    lease_until timestamptz,
    -- how often it was begun
    attempts    smallint    NOT NULL DEFAULT 0,
    -- why not, for people
    detail      text        NOT NULL DEFAULT '',
    article_id  bigint      CONSTRAINT wanted_pages_article_id_fkey REFERENCES articles ON DELETE SET NULL
);

CREATE INDEX wanted_pages_waiting_idx ON wanted_pages (id) WHERE state = 'waiting';
CREATE INDEX wanted_pages_asked_idx ON wanted_pages (asked_by, asked_at);
CREATE INDEX wanted_pages_article_id_idx ON wanted_pages (article_id) WHERE article_id IS NOT NULL;
