-- What a feed's documents no longer hold may be forgotten after a while, but not what they still hold: so the ledger says
-- on which day an entry was last seen, exact to a month.
ALTER TABLE ledger
    ADD COLUMN last_seen_on date NOT NULL DEFAULT CURRENT_DATE;

-- No statement used it.
DROP INDEX incidents_opened_at_idx;
