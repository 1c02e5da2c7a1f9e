DROP INDEX backlog_feed_id_idx;
DROP INDEX backlog_page_key_idx;

-- As before, but that the filter is asked for each feed instead of reading the whole backlog beside them.
CREATE OR REPLACE FUNCTION forget_feeds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM ledger WHERE feed_id IN (SELECT id FROM gone);
    DELETE FROM backlog WHERE feed_id = ANY (ARRAY(SELECT id FROM gone));
    DELETE FROM fetch_log WHERE feed_id IN (SELECT id FROM gone);
    DELETE FROM feed_days WHERE feed_id IN (SELECT id FROM gone);
    DELETE FROM incidents WHERE feed_id IN (SELECT id FROM gone);
    RETURN NULL;
END
$$;
