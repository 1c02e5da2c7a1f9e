-- Next to no entry of the backlog is ever looked up by its address, and each paid for it when it came: a third of what storing
-- it took. Those of an outlet's own feeds are few enough to be read.
DROP INDEX backlog_page_key_idx;
