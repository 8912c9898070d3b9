-- From schema version 1 to 2: owners' ids are compared as bytes, and the index of commands holds those events alone that
-- came of one.
--
-- The column that a table is partitioned by cannot be changed, so partitions are taken off, changed and put on a new
-- table. No row is written anew; indexes are, and each partition is read once. The tables are locked meanwhile.

--: always
DROP VIEW @chatfold_event_text;
DROP INDEX @chatfold_event_command;
ALTER TABLE @chatfold_inbox ALTER COLUMN inbox TYPE text COLLATE "C";

--: plain
ALTER TABLE @chatfold_event ALTER COLUMN inbox TYPE text COLLATE "C";
ALTER TABLE @chatfold_snapshot ALTER COLUMN inbox TYPE text COLLATE "C";

--: each partition
ALTER TABLE @{table} DETACH PARTITION @{table}_{number};
ALTER TABLE @{table}_{number} ALTER COLUMN inbox TYPE text COLLATE "C";

--: partitioned
DROP TABLE @chatfold_event;
DROP TABLE @chatfold_snapshot;
CREATE TABLE @chatfold_event (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, id uuid NOT NULL, command uuid, hash bytea NOT NULL,
    bytes bytea NOT NULL, PRIMARY KEY (inbox, position), UNIQUE (inbox, id)
) PARTITION BY HASH (inbox);
CREATE TABLE @chatfold_snapshot (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, hash bytea NOT NULL, bytes bytea NOT NULL,
    PRIMARY KEY (inbox, position)
) PARTITION BY HASH (inbox);

--: each partition
ALTER TABLE @{table} ATTACH PARTITION @{table}_{number} FOR VALUES WITH (MODULUS {count}, REMAINDER {number});

--: always
CREATE INDEX chatfold_event_command ON @chatfold_event (inbox, command) WHERE command IS NOT NULL;
CREATE VIEW @chatfold_event_text AS
    SELECT inbox, position, id, convert_from(bytes, 'UTF8') AS line FROM @chatfold_event;
INSERT INTO @chatfold_schema (version) VALUES (2);
