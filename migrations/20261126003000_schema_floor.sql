-- What a program must know to use this database: one row. Steps that only add leave it as it is. A step that takes away what
-- older programs name raises it to its own number, and names the release that brought it, in the same transaction.
CREATE TABLE schema_floor (
    id      boolean NOT NULL DEFAULT true CONSTRAINT schema_floor_pkey PRIMARY KEY CONSTRAINT schema_floor_id_check CHECK (id),
    -- the least step that a program must know
    step    bigint  NOT NULL,
    -- the first release that knows it, for people
    release text    NOT NULL
);
INSERT INTO schema_floor (step, release) VALUES (20261123000001, '0.1.0');
