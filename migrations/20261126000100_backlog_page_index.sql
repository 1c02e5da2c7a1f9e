-- Entries of the backlog are looked up by their address as articles are, however it is written.
CREATE INDEX backlog_page_idx ON backlog (hashtext(page_of(url))) WHERE url IS NOT NULL;
