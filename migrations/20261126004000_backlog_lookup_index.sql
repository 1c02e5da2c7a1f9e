-- no-transaction
-- Next to no entry of the backlog is ever looked up by its feed or by its address, and each pays for both when it comes: a
-- filter for some hundred rows at a time costs the one who looks up milliseconds, and the one who writes next to nothing.
CREATE INDEX CONCURRENTLY backlog_lookup_idx ON backlog USING brin (feed_id int8_bloom_ops, page_key(url) int4_bloom_ops) WITH (autosummarize = on);
