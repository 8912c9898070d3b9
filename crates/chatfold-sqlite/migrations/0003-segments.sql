-- Sealed events: segments, their bytes, and what finds ids in them.
CREATE TABLE segment (
    segment INTEGER PRIMARY KEY,
    inbox INTEGER NOT NULL,
    before INTEGER NOT NULL,
    before_hash BLOB NOT NULL,
    last INTEGER NOT NULL,
    last_hash BLOB NOT NULL,
    checksum BLOB NOT NULL,
    UNIQUE (inbox, last)
) STRICT;
CREATE TABLE segment_bytes (
    segment INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE sealed (key INTEGER PRIMARY KEY) STRICT;
DROP VIEW event_text;
