-- How often a trial was begun: one whose reading ends the process is not begun for ever.
ALTER TABLE trials ADD COLUMN attempts smallint NOT NULL DEFAULT 0;
