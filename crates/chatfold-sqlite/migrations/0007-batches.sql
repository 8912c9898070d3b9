-- Between segments and rows: events that came together, in columns from the start, and beside them the hashes by which
-- their ids and commands are found.
CREATE TABLE chatfold_batch (
    inbox INTEGER NOT NULL,
    last INTEGER NOT NULL,
    last_hash BLOB NOT NULL,
    before INTEGER NOT NULL,
    before_hash BLOB NOT NULL,
    checksum BLOB NOT NULL,
    keys BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (inbox, last)
) STRICT, WITHOUT ROWID;
-- The keys of the very last segments, from which each segment moves a slice to those of the last ones.
CREATE TABLE chatfold_sealed_newest (key INTEGER PRIMARY KEY) STRICT;
-- New pages have the greatest numbers and are the first to be dropped again: by number their entries lie together, by hash anywhere.
DROP INDEX chatfold_snapshot_page_hash;
CREATE INDEX chatfold_snapshot_page_number ON chatfold_snapshot_page (inbox, page, hash);
UPDATE chatfold_schema SET version = 7;
