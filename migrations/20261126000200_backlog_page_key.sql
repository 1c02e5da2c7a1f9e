-- Every entry of the backlog has its address looked at when it comes, and next to none is ever looked up: so what is worked
-- out at its coming is cheap, and who looks one up asks for each way in which the address may be written.
CREATE FUNCTION page_key(url text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    hashtext(rtrim(split_part(split_part(lower(url COLLATE "C"), '#', 1), '?', 1), '/'));

CREATE FUNCTION page_keys(url text) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    page_key(url)
    || ARRAY(SELECT page_key(scheme || host || page_of(url))
               FROM UNNEST(ARRAY['http://', 'https://', '']) AS scheme, UNNEST(ARRAY['', 'www.', 'm.']) AS host);

-- First the one, which lets others read meanwhile, then the other, which lets nobody.
CREATE INDEX backlog_page_key_idx ON backlog (page_key(url)) WHERE url IS NOT NULL;
DROP INDEX backlog_page_idx;
