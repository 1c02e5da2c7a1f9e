-- A match that is lost, or found again after it was, comes once more in the stream of matches. The trigger sees to it for
-- processes of before, too.

-- null: as it arrived; 0: lost or found again, and waiting for a number; else that number, from the sequence of `arrivals`
ALTER TABLE matches ADD COLUMN changed bigint;

CREATE FUNCTION match_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed := 0;
    RETURN NEW;
END
$$;

CREATE TRIGGER matches_changed BEFORE UPDATE OF closed_at ON matches
    FOR EACH ROW
    WHEN ((old.closed_at IS NULL) <> (new.closed_at IS NULL) AND old.arrival IS NOT NULL)
    EXECUTE FUNCTION match_changed();

CREATE INDEX matches_changed_idx ON matches (article_id) WHERE changed = 0;
CREATE INDEX matches_stream_idx ON matches (greatest(changed, arrival), keyword_id) WHERE arrival IS NOT NULL;
