-- Keys that open outgoing feeds and tables alone: they stand in addresses, which are copied about.
ALTER TABLE api_tokens ADD COLUMN is_for_outputs boolean NOT NULL DEFAULT false;
