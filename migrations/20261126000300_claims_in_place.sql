-- A claim changes a feed's row where it stands, as long as its page has room and no index holds what changes: that is half of
-- what a poll without news costs. What it costs is that each claim looks at all feeds for those that are held, some
-- milliseconds for ten thousand; but then a claim is of hundreds.
DROP INDEX feeds_lease_until_idx;
ALTER TABLE feeds SET (fillfactor = 50);
