-- Who administers: those who may, and can sign in.
CREATE VIEW administrators AS
SELECT id FROM users WHERE role = 'admin' AND disabled_at IS NULL AND password_hash IS NOT NULL;

-- Links work as long as the admin who made them is one; null: made from the shell or at the first start.
ALTER TABLE invitations
    ADD COLUMN maker_id bigint CONSTRAINT invitations_maker_id_fkey REFERENCES users ON DELETE CASCADE;

UPDATE invitations i SET maker_id = u.id FROM users u WHERE u.name = i.created_by;

CREATE INDEX invitations_maker_id_idx ON invitations (maker_id);
