-- Snapshots by pages. Those of older schemas are caches and are dropped.
DROP TABLE snapshot;
CREATE TABLE kept_snapshot (
    inbox INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    pages BLOB NOT NULL,
    checksum BLOB NOT NULL,
    UNIQUE (inbox, position)
) STRICT;
CREATE TABLE snapshot_page (
    page INTEGER PRIMARY KEY AUTOINCREMENT,
    inbox INTEGER NOT NULL,
    hash BLOB NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX snapshot_page_hash ON snapshot_page (inbox, hash);
CREATE TABLE stale_page (
    inbox INTEGER NOT NULL,
    page INTEGER NOT NULL,
    PRIMARY KEY (inbox, page)
) STRICT, WITHOUT ROWID;
