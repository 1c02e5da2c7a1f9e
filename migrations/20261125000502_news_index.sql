-- What is new is counted from the index alone, whatever matches weigh; so their pages are to be known as visible soon.
DROP INDEX matches_news_idx;
CREATE INDEX matches_news_idx ON matches (keyword_id, matched_at) INCLUDE (article_id, arrival)
    WHERE closed_at IS NULL AND NOT is_backfill;
ALTER TABLE matches SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
