-- What is counted again and again: given up, left out, held back. Few rows of many.
CREATE INDEX deliveries_dead_idx ON deliveries (id) WHERE state = 'dead';
CREATE INDEX recipients_suppressed_idx ON recipients (id) WHERE suppressed_at IS NOT NULL;
CREATE INDEX editions_held_idx ON editions (id) WHERE state = 'held';
