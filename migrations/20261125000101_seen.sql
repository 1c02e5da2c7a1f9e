-- What each reader has had on the screen, for a while.
CREATE TABLE seen (
    user_id    bigint      NOT NULL CONSTRAINT seen_user_id_fkey REFERENCES users ON DELETE CASCADE,
    article_id bigint      NOT NULL CONSTRAINT seen_article_id_fkey REFERENCES articles ON DELETE CASCADE,
    seen_at    timestamptz NOT NULL,
    CONSTRAINT seen_pkey PRIMARY KEY (user_id, article_id)
);

CREATE INDEX seen_article_id_idx ON seen (article_id);
CREATE INDEX seen_seen_at_idx ON seen (seen_at);

-- Up to which arrival a reader has seen all of a keyword, because they said so.
CREATE TABLE seen_marks (
    user_id    bigint      NOT NULL CONSTRAINT seen_marks_user_id_fkey REFERENCES users ON DELETE CASCADE,
    keyword_id bigint      NOT NULL CONSTRAINT seen_marks_keyword_id_fkey REFERENCES keywords ON DELETE CASCADE,
    arrival    bigint      NOT NULL,
    marked_at  timestamptz NOT NULL,
    -- what it was before, to take the mark back
    before_arrival   bigint,
    before_marked_at timestamptz,
    CONSTRAINT seen_marks_pkey PRIMARY KEY (user_id, keyword_id)
);

-- When a reader was last here, and when before that: a visit ends after half an hour of nothing.
CREATE TABLE visits (
    user_id   bigint      NOT NULL CONSTRAINT visits_pkey PRIMARY KEY
              CONSTRAINT visits_user_id_fkey REFERENCES users ON DELETE CASCADE,
    first_at  timestamptz NOT NULL,
    here_at   timestamptz NOT NULL,
    before_at timestamptz
) WITH (fillfactor = 70);
