-- Concepts and the names of outlets have versions, as keywords have; and no version of anything is ever changed.
ALTER TABLE concepts ADD COLUMN version integer NOT NULL DEFAULT 1;

CREATE TABLE concept_versions (
    concept_id bigint      NOT NULL CONSTRAINT concept_versions_concept_id_fkey REFERENCES concepts ON DELETE CASCADE,
    version    integer     NOT NULL,
    -- {"en": ["Iran", …], …}
    terms      jsonb       NOT NULL,
    anti_terms text[]      NOT NULL,
    saved_at   timestamptz NOT NULL,
    actor      text        NOT NULL,
    reason     text        NOT NULL DEFAULT '',
    CONSTRAINT concept_versions_pkey PRIMARY KEY (concept_id, version)
);

INSERT INTO concept_versions (concept_id, version, terms, anti_terms, saved_at, actor, reason)
SELECT concepts.id, 1, terms, anti_terms, loaded_at, 'wirewatch', 'imported' FROM concepts, beat;

ALTER TABLE beat ADD COLUMN outlets_version integer NOT NULL DEFAULT 1;

CREATE TABLE outlet_versions (
    version  integer     NOT NULL CONSTRAINT outlet_versions_pkey PRIMARY KEY,
    outlets  text[]      NOT NULL,
    saved_at timestamptz NOT NULL,
    actor    text        NOT NULL,
    reason   text        NOT NULL DEFAULT ''
);

INSERT INTO outlet_versions (version, outlets, saved_at, actor, reason)
SELECT 1, outlets, loaded_at, 'wirewatch', 'imported' FROM beat;

CREATE FUNCTION versions_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'versions only grow: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER versions_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON keyword_versions
    FOR EACH STATEMENT EXECUTE FUNCTION versions_only_grow();
CREATE TRIGGER versions_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON concept_versions
    FOR EACH STATEMENT EXECUTE FUNCTION versions_only_grow();
CREATE TRIGGER versions_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON outlet_versions
    FOR EACH STATEMENT EXECUTE FUNCTION versions_only_grow();
