-- Whoever changes the text of an article has it listed anew. A trigger, for a worker of an earlier release that knows no
-- index changes texts too. Its statement is younger than the one that fires it and sees what was listed meanwhile.
CREATE FUNCTION article_is_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE article_tokens SET tokens = NULL WHERE article_id = NEW.id AND tokens IS NOT NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER articles_stale_trigger
    AFTER UPDATE OF title, summary, content ON articles
    FOR EACH ROW
    WHEN ((OLD.title, OLD.summary, OLD.content) IS DISTINCT FROM (NEW.title, NEW.summary, NEW.content))
    EXECUTE FUNCTION article_is_stale();
