-- Filters of the board under a name: a reader's own, or the desk's.
CREATE TABLE saved_filters (
    id       bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT saved_filters_pkey PRIMARY KEY,
    -- null: the desk's
    user_id  bigint      CONSTRAINT saved_filters_user_id_fkey REFERENCES users ON DELETE CASCADE,
    name     text        NOT NULL,
    -- as in the address of the board, after the question mark
    asked    text        NOT NULL,
    saved_by text        NOT NULL,
    saved_at timestamptz NOT NULL,
    CONSTRAINT saved_filters_name_key UNIQUE NULLS NOT DISTINCT (user_id, name)
);
