-- When how many new entries are expected of a feed: the numbers of its rhythm (32-bit floats, little-endian), learnt from
-- what appeared between the two instants.
ALTER TABLE feeds
    ADD COLUMN rhythm            bytea,
    ADD COLUMN rhythm_since      timestamptz,
    ADD COLUMN rhythm_until      timestamptz,
    -- what asking it buys: its share of the budget of requests
    ADD COLUMN demand            double precision NOT NULL DEFAULT 0,
    -- of entries_seen, those that matched a keyword
    ADD COLUMN entries_matched   bigint           NOT NULL DEFAULT 0,
    -- when a document was last received because it was asked for without conditions
    ADD COLUMN last_full_at      timestamptz,
    -- the coding of its bodies is broken: asked for without one
    ADD COLUMN is_asked_plain    boolean          NOT NULL DEFAULT false,
    -- a run of permanent redirects (301, 308) to one address
    ADD COLUMN moved_to          text,
    ADD COLUMN moved_since       timestamptz,
    ADD COLUMN moved_times       integer          NOT NULL DEFAULT 0,
    ADD CONSTRAINT feeds_rhythm_check CHECK ((rhythm IS NULL) = (rhythm_since IS NULL)
                                         AND (rhythm IS NULL) = (rhythm_until IS NULL)),
    ADD CONSTRAINT feeds_moved_to_check CHECK ((moved_to IS NULL) = (moved_since IS NULL));

-- The hosts of feeds: when one was last asked, and until when it asked for slowness.
CREATE TABLE hosts (
    host       text        CONSTRAINT hosts_pkey PRIMARY KEY,
    asked_at   timestamptz NOT NULL,
    slow_until timestamptz
) WITH (fillfactor = 70);
