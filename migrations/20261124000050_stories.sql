-- Articles that report the same event. What grouping says is a link between articles that are all kept.
CREATE TABLE stories (
    -- given by `place`, one after the other
    id               bigint      NOT NULL CONSTRAINT stories_pkey PRIMARY KEY,
    created_at       timestamptz NOT NULL,
    -- the story that took its members: its permalink leads there
    merged_into      bigint      CONSTRAINT stories_merged_into_fkey REFERENCES stories,
    -- counted from `story_members` whenever they change
    articles         integer     NOT NULL DEFAULT 0,
    -- members that are no copies
    reports          integer     NOT NULL DEFAULT 0,
    -- the member that was first seen first
    first_article_id bigint      CONSTRAINT stories_first_article_id_fkey REFERENCES articles ON DELETE SET NULL,
    first_seen_at    timestamptz,
    -- when the latest independent report was seen: a copy does not move it
    last_report_at   timestamptz
);

CREATE INDEX stories_last_report_at_idx ON stories (last_report_at DESC, id DESC) WHERE merged_into IS NULL;
CREATE INDEX stories_merged_into_idx ON stories (merged_into) WHERE merged_into IS NOT NULL;

-- The one story of each article, and why it stands there.
CREATE TABLE story_members (
    article_id bigint      NOT NULL CONSTRAINT story_members_pkey PRIMARY KEY
               CONSTRAINT story_members_article_id_fkey REFERENCES articles ON DELETE CASCADE,
    story_id   bigint      NOT NULL CONSTRAINT story_members_story_id_fkey REFERENCES stories,
    -- the original, where the text is a copy of it
    copy_of    bigint      CONSTRAINT story_members_copy_of_fkey REFERENCES articles ON DELETE SET NULL,
    reason     jsonb       NOT NULL,
    placed_at  timestamptz NOT NULL
);

CREATE INDEX story_members_story_id_idx ON story_members (story_id);
CREATE INDEX story_members_copy_of_idx ON story_members (copy_of) WHERE copy_of IS NOT NULL;

-- What the desk decided about articles; outranks the words whenever articles are grouped anew.
CREATE TABLE story_decisions (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT story_decisions_pkey PRIMARY KEY,
    made_at    timestamptz NOT NULL,
    actor      text        NOT NULL,
    kind       text        NOT NULL CONSTRAINT story_decisions_kind_check CHECK (kind IN ('together', 'apart')),
    -- every article of one list belongs with, or apart from, every one of the other
    articles   bigint[]    NOT NULL,
    others     bigint[]    NOT NULL,
    -- the articles that changed their story by it, where they came from and went to: undoing it takes them back
    moved      bigint[]    NOT NULL,
    from_story bigint      NOT NULL CONSTRAINT story_decisions_from_story_fkey REFERENCES stories,
    into_story bigint      NOT NULL CONSTRAINT story_decisions_into_story_fkey REFERENCES stories,
    undone_at  timestamptz,
    undone_by  text
);

-- How far grouping has come: one row, whose lock is held by whoever changes stories.
CREATE TABLE grouping (
    id           boolean NOT NULL DEFAULT true CONSTRAINT grouping_pkey PRIMARY KEY CONSTRAINT grouping_id_check CHECK (id),
    -- the last arrival number that was grouped
    last_arrival bigint  NOT NULL DEFAULT 0,
    -- grows with every decision and every undoing: a process that holds stories in memory reads them anew
    decisions    bigint  NOT NULL DEFAULT 0,
    -- the last number given to a story
    last_story   bigint  NOT NULL DEFAULT 0
);
INSERT INTO grouping DEFAULT VALUES;
