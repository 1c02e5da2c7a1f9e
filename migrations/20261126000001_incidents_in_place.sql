-- An incident that goes on is written at every poll of its feed. No index is on what changes then, so that its row can be
-- written in place (a heap-only tuple): `found_at` is left out of this one, which has few rows.
DROP INDEX incidents_gap_idx;
CREATE INDEX incidents_gap_feed_idx ON incidents (feed_id) WHERE topic = 'gap';
ALTER TABLE incidents SET (fillfactor = 70);
