-- What the backlog has of a feed is asked for when a feed is deleted, and of an outlet when somebody misses a page: too
-- seldom for an index that every entry pays for. The ledger of a feed names its entries.
CREATE OR REPLACE FUNCTION forget_feeds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM backlog
     WHERE identity IN (SELECT identity FROM ledger WHERE feed_id IN (SELECT id FROM gone))
       AND feed_id IN (SELECT id FROM gone);
    DELETE FROM ledger WHERE feed_id IN (SELECT id FROM gone);
    DELETE FROM fetch_log WHERE feed_id IN (SELECT id FROM gone);
    DELETE FROM feed_days WHERE feed_id IN (SELECT id FROM gone);
    DELETE FROM incidents WHERE feed_id IN (SELECT id FROM gone);
    RETURN NULL;
END
$$;
DROP INDEX backlog_feed_id_idx;
