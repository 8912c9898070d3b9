-- Owners, events as rows, snapshots as one value each.
CREATE TABLE inbox (
    inbox INTEGER PRIMARY KEY,
    owner TEXT NOT NULL UNIQUE,
    closed TEXT,
    moved_to TEXT
) STRICT;
CREATE TABLE event (
    inbox INTEGER NOT NULL,
    position INTEGER NOT NULL,
    id BLOB NOT NULL,
    command BLOB,
    hash BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (inbox, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX event_id ON event (inbox, id);
CREATE INDEX event_command ON event (inbox, command) WHERE command IS NOT NULL;
CREATE TABLE snapshot (
    inbox INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (inbox, position)
) STRICT;
CREATE VIEW event_text AS
    SELECT owner, position, lower(hex(id)) AS id, CAST(bytes AS TEXT) AS line
    FROM event JOIN inbox USING (inbox);
