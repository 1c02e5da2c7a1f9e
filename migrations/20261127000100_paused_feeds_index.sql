-- A feed that is paused while it is polled still counts for its host: those that are held are sought among what is due and
-- what is paused. Nothing that a claim changes is in it.
CREATE INDEX feeds_paused_idx ON feeds (id) WHERE next_poll_at IS NULL;
