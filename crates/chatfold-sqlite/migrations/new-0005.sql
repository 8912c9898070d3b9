-- What 0001 to 0005 make, at once, for a database that has no store yet. Nothing here has a name that an application has.
CREATE TABLE chatfold_inbox (
    inbox INTEGER PRIMARY KEY,
    owner TEXT NOT NULL UNIQUE,
    closed TEXT,
    moved_to TEXT
) STRICT;
CREATE TABLE chatfold_head (
    owner TEXT PRIMARY KEY,
    inbox INTEGER NOT NULL,
    closed TEXT,
    moved_to TEXT,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE chatfold_event (
    inbox INTEGER NOT NULL,
    position INTEGER NOT NULL,
    id BLOB NOT NULL,
    command BLOB,
    hash BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (inbox, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX chatfold_event_id ON chatfold_event (inbox, id);
CREATE INDEX chatfold_event_command ON chatfold_event (inbox, command) WHERE command IS NOT NULL;
CREATE TABLE chatfold_segment (
    segment INTEGER PRIMARY KEY,
    inbox INTEGER NOT NULL,
    before INTEGER NOT NULL,
    before_hash BLOB NOT NULL,
    last INTEGER NOT NULL,
    last_hash BLOB NOT NULL,
    checksum BLOB NOT NULL,
    UNIQUE (inbox, last)
) STRICT;
CREATE TABLE chatfold_segment_bytes (
    segment INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE chatfold_sealed (key INTEGER PRIMARY KEY) STRICT;
CREATE TABLE chatfold_sealed_new (key INTEGER PRIMARY KEY) STRICT;
CREATE TABLE chatfold_kept_snapshot (
    inbox INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    pages BLOB NOT NULL,
    checksum BLOB NOT NULL,
    UNIQUE (inbox, position)
) STRICT;
CREATE TABLE chatfold_snapshot_page (
    page INTEGER PRIMARY KEY AUTOINCREMENT,
    inbox INTEGER NOT NULL,
    hash BLOB NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX chatfold_snapshot_page_hash ON chatfold_snapshot_page (inbox, hash);
CREATE TABLE chatfold_stale_page (
    inbox INTEGER NOT NULL,
    page INTEGER NOT NULL,
    PRIMARY KEY (inbox, page)
) STRICT, WITHOUT ROWID;
CREATE TABLE chatfold_trimmed (
    inbox INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    base INTEGER NOT NULL,
    base_hash BLOB NOT NULL,
    archive TEXT NOT NULL
) STRICT;
CREATE TABLE chatfold_trimmed_ids (
    segment INTEGER PRIMARY KEY,
    ids BLOB NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE TABLE chatfold_schema (version INTEGER NOT NULL) STRICT;
INSERT INTO chatfold_schema (version) VALUES (5);
