-- What the desk makes of stories. Each change is a row that can be taken back; the state of a story is what its last
-- changes left.
CREATE TABLE desk_changes (
    -- given in order of commit: the counter below is locked to the end of the transaction
    id        bigint      NOT NULL CONSTRAINT desk_changes_pkey PRIMARY KEY,
    made_at   timestamptz NOT NULL,
    -- as the audit calls them
    actor     text        NOT NULL,
    story_id  bigint      NOT NULL CONSTRAINT desk_changes_story_id_fkey REFERENCES stories,
    kind      text        NOT NULL CONSTRAINT desk_changes_kind_check
              CHECK (kind IN ('claim', 'use', 'pass', 'watch', 'release', 'expire', 'assign', 'note')),
    -- what stood before and after; null for notes
    before    jsonb,
    after     jsonb,
    -- the change that what stood before came from
    previous  bigint      CONSTRAINT desk_changes_previous_fkey REFERENCES desk_changes,
    undone_at timestamptz,
    undone_by text
);

CREATE INDEX desk_changes_made_at_idx ON desk_changes (made_at);
CREATE INDEX desk_changes_story_id_idx ON desk_changes (story_id, id DESC);

-- The number of the last change: one row.
CREATE TABLE desk_numbers (
    id   boolean NOT NULL DEFAULT true CONSTRAINT desk_numbers_pkey PRIMARY KEY CONSTRAINT desk_numbers_id_check CHECK (id),
    last bigint  NOT NULL DEFAULT 0
);
INSERT INTO desk_numbers DEFAULT VALUES;

-- What stands about a story. A story that was merged keeps its own row: of all that are one now, the row that asks most
-- counts, and whoever changes it changes them all, so that taking a merge back loses nothing.
CREATE TABLE desk_states (
    story_id  bigint      NOT NULL CONSTRAINT desk_states_pkey PRIMARY KEY
              CONSTRAINT desk_states_story_id_fkey REFERENCES stories,
    state     text        NOT NULL CONSTRAINT desk_states_state_check
              CHECK (state IN ('new', 'claimed', 'used', 'passed', 'watch')),
    -- who set it, and when
    by        text        NOT NULL,
    since     timestamptz NOT NULL,
    -- the end of a claim
    until     timestamptz,
    -- our piece
    link      text,
    reason    text        CONSTRAINT desk_states_reason_check
              CHECK (reason IN ('not ours', 'old', 'known', 'unreliable', 'noise')),
    -- who is to see to it
    assignee  text,
    -- independent reports of the story when it was set: later ones may be new facts
    reports   integer     NOT NULL,
    change_id bigint      NOT NULL CONSTRAINT desk_states_change_id_fkey REFERENCES desk_changes,
    CONSTRAINT desk_states_until_check CHECK ((state = 'claimed') = (until IS NOT NULL)),
    CONSTRAINT desk_states_passed_check CHECK ((state = 'passed') = (reason IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX desk_states_until_idx ON desk_states (until) WHERE until IS NOT NULL;
CREATE INDEX desk_states_state_idx ON desk_states (state, since DESC);
CREATE INDEX desk_states_assignee_idx ON desk_states (assignee) WHERE assignee IS NOT NULL;

-- What the desk writes about a story.
CREATE TABLE notes (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT notes_pkey PRIMARY KEY,
    story_id   bigint      NOT NULL CONSTRAINT notes_story_id_fkey REFERENCES stories,
    change_id  bigint      NOT NULL CONSTRAINT notes_change_id_key UNIQUE
               CONSTRAINT notes_change_id_fkey REFERENCES desk_changes,
    author     text        NOT NULL,
    written_at timestamptz NOT NULL,
    text       text        NOT NULL,
    -- taken back
    removed_at timestamptz
);

CREATE INDEX notes_story_id_idx ON notes (story_id, id);

-- Who is named in a note, and whether they have seen it.
CREATE TABLE note_mentions (
    note_id bigint NOT NULL CONSTRAINT note_mentions_note_id_fkey REFERENCES notes ON DELETE CASCADE,
    user_id bigint NOT NULL CONSTRAINT note_mentions_user_id_fkey REFERENCES users ON DELETE CASCADE,
    seen_at timestamptz,
    CONSTRAINT note_mentions_pkey PRIMARY KEY (note_id, user_id)
);

CREATE INDEX note_mentions_user_id_idx ON note_mentions (user_id, note_id DESC);
CREATE INDEX note_mentions_unseen_idx ON note_mentions (user_id) WHERE seen_at IS NULL;

-- The number at which something of a story's desk last changed: what open pages catch up with.
CREATE TABLE desk_touches (
    story_id bigint NOT NULL CONSTRAINT desk_touches_pkey PRIMARY KEY
             CONSTRAINT desk_touches_story_id_fkey REFERENCES stories,
    number   bigint NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX desk_touches_number_idx ON desk_touches (number);

-- What stands about a story: of the rows of all stories that are one now, the one that asks most, the latest of equals.
CREATE FUNCTION desk_of(story bigint) RETURNS SETOF desk_states LANGUAGE sql STABLE AS $$
    SELECT d.*
      FROM stories s
      JOIN desk_states d ON d.story_id = s.id
     WHERE s.id = $1 OR s.merged_into = $1
     ORDER BY array_position(ARRAY['used', 'claimed', 'watch', 'passed', 'new'], d.state), d.since DESC
     LIMIT 1
$$;
