-- What this installation is called in identifiers that must outlive its address.
CREATE TABLE installation (
    is_only boolean NOT NULL DEFAULT true CONSTRAINT installation_pkey PRIMARY KEY CONSTRAINT installation_is_only_check CHECK (is_only),
    id      uuid    NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO installation DEFAULT VALUES;
