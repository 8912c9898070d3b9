-- Every name begins with chatfold_, so that the tables can stand in a file of an application's own. The version is kept in
-- a table. Keys are new until they are moved to the others of their range. Trimmed segments: where the events are, and the ids and commands that stay here.
DROP INDEX event_id;
DROP INDEX event_command;
DROP INDEX snapshot_page_hash;
ALTER TABLE inbox RENAME TO chatfold_inbox;
ALTER TABLE head RENAME TO chatfold_head;
ALTER TABLE event RENAME TO chatfold_event;
ALTER TABLE segment RENAME TO chatfold_segment;
ALTER TABLE segment_bytes RENAME TO chatfold_segment_bytes;
ALTER TABLE sealed RENAME TO chatfold_sealed;
ALTER TABLE kept_snapshot RENAME TO chatfold_kept_snapshot;
ALTER TABLE snapshot_page RENAME TO chatfold_snapshot_page;
ALTER TABLE stale_page RENAME TO chatfold_stale_page;
CREATE UNIQUE INDEX chatfold_event_id ON chatfold_event (inbox, id);
CREATE INDEX chatfold_event_command ON chatfold_event (inbox, command) WHERE command IS NOT NULL;
CREATE INDEX chatfold_snapshot_page_hash ON chatfold_snapshot_page (inbox, hash);
CREATE TABLE chatfold_sealed_new (key INTEGER PRIMARY KEY) STRICT;
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
