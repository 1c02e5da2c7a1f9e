-- The past is matched anew after a keyword was saved: how far that has come. One row a keyword, that of its last version.
CREATE TABLE rematches (
    keyword_id      bigint      NOT NULL CONSTRAINT rematches_pkey PRIMARY KEY
                                CONSTRAINT rematches_keyword_id_fkey REFERENCES keywords ON DELETE CASCADE,
    version         integer     NOT NULL,
    saved_at        timestamptz NOT NULL,
    -- articles up to this one were there when it was saved
    last_article    bigint      NOT NULL,
    -- the second round reads what polls stored meanwhile that had begun with the old version
    is_late         boolean     NOT NULL DEFAULT false,
    -- articles from this one on have been read in this round; null once the backlog is being read
    next_article    bigint,
    -- the last entry of the backlog that was read in this round
    backlog_seen_at timestamptz,
    backlog_entry   bytea,
    -- about how many articles and entries there were
    total           bigint      NOT NULL,
    read            bigint      NOT NULL DEFAULT 0,
    gained          bigint      NOT NULL DEFAULT 0,
    lost            bigint      NOT NULL DEFAULT 0,
    finished_at     timestamptz,
    CONSTRAINT rematches_backlog_check CHECK ((backlog_seen_at IS NULL) = (backlog_entry IS NULL))
);

CREATE INDEX rematches_unfinished_idx ON rematches (saved_at) WHERE finished_at IS NULL;
