-- A claim changes a feed's row where it stands, as long as its page has room and no index holds what changes. The few rows
-- that are held are found by looking at all: there are far more claims than feeds.
DROP INDEX feeds_lease_until_idx;
ALTER TABLE feeds SET (fillfactor = 50);
