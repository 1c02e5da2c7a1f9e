-- The identity of nearly every entry is made of its URL, and whoever looks for the one has the other: only a row whose
-- page has moved since, or that shares its URL, has to be found by the hash of it. An index of all rows was a quarter of
-- what it took to write one down. Of rows that are here nothing is known: they stay findable by either.
ALTER TABLE ledger ADD COLUMN identity_url_hash bigint;
CREATE INDEX ledger_other_url_idx ON ledger (feed_id, url_hash) WHERE url_hash IS DISTINCT FROM identity_url_hash;
DROP INDEX ledger_url_hash_idx;
