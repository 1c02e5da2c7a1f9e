-- What the publisher last said about when to come back, and the poll (by poll_count) that last brought a document.
ALTER TABLE feeds
    ADD COLUMN full_at_poll bigint   NOT NULL DEFAULT 0,
    ADD COLUMN fresh_for_s  bigint,
    ADD COLUMN ttl_s        bigint,
    ADD COLUMN skip_hours   integer  NOT NULL DEFAULT 0,
    ADD COLUMN skip_days    smallint NOT NULL DEFAULT 0;
