-- Open pages hear of articles that changed their story: the number at which those of a story last changed in another way
-- than by arriving.
ALTER TABLE desk_touches ADD COLUMN regrouped bigint NOT NULL DEFAULT 0;

-- The last number of arrival that was told before its articles stood in a story.
ALTER TABLE arrivals ADD COLUMN told bigint NOT NULL DEFAULT 0;

-- What a decision changed beside the stories of its articles, to be taken back with it.
ALTER TABLE story_decisions
    -- stories that had been merged into the one that ended
    ADD COLUMN followers bigint[] NOT NULL DEFAULT '{}',
    -- articles that were copies and are none any more, and of which ones
    ADD COLUMN copies    bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN originals bigint[] NOT NULL DEFAULT '{}';

-- The rows of `desk_states` that a change replaced, of all stories that were one then. Null for a change that was made before
-- this column was there.
ALTER TABLE desk_changes ADD COLUMN former jsonb;

-- A keyword shows one line for each story: its latest report, or its first copy where it knows no report. What stands before
-- an article there; nothing for the one that is shown.
CREATE FUNCTION standing_before(keyword bigint, article bigint, sort_at timestamptz) RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
    SELECT better.article_id
      FROM story_members own
      JOIN story_members rival ON rival.story_id = own.story_id
      JOIN matches better ON better.article_id = rival.article_id
                         AND better.keyword_id = $1
                         AND better.closed_at IS NULL
     WHERE own.article_id = $2
       AND rival.article_id <> $2
       AND CASE WHEN own.copy_of IS NULL
                THEN rival.copy_of IS NULL AND (better.sort_at, better.article_id) > ($3, $2)
                ELSE rival.copy_of IS NULL OR better.article_id < $2
           END
$$;
