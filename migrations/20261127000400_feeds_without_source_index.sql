-- Every poll that ends writes its feed into all indexes of the table anew, for when it is due is in one of them. The feeds of a
-- source are asked for seldom, and those of all sources together.
DROP INDEX feeds_source_id_idx;
