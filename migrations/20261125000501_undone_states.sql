-- Taking a change back looks for the state that it made.
CREATE INDEX desk_states_change_id_idx ON desk_states (change_id);
