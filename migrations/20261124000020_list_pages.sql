-- A feed may be a page that lists news, read with CSS selectors: {"item", "title", "link", "date", "summary"}.
ALTER TABLE feeds
    ADD COLUMN kind      text NOT NULL DEFAULT 'feed' CONSTRAINT feeds_kind_check CHECK (kind IN ('feed', 'list')),
    ADD COLUMN selectors jsonb,
    ADD CONSTRAINT feeds_selectors_check CHECK ((kind = 'list') = (selectors IS NOT NULL));
