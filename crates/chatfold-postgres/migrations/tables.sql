-- The tables of schema version 2, as a new database gets them.
--
-- `@` stands for the schema that the tables are in, and a line `--: …` says when what follows is run: `plain` and
-- `partitioned` by the layout, `each partition` once for each partition of each partitioned table, `always` always.
--
-- Owners' ids are compared as bytes, whatever the database's locale: an index stays sound when the operating system
-- sorts words of a language anew.

--: always
CREATE TABLE @chatfold_schema (version integer PRIMARY KEY);
CREATE TABLE @chatfold_inbox (inbox text COLLATE "C" PRIMARY KEY, closed text, moved_to text);

--: plain
CREATE TABLE @chatfold_event (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, id uuid NOT NULL, command uuid, hash bytea NOT NULL,
    bytes bytea NOT NULL, PRIMARY KEY (inbox, position), UNIQUE (inbox, id)
);
CREATE TABLE @chatfold_snapshot (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, hash bytea NOT NULL, bytes bytea NOT NULL,
    PRIMARY KEY (inbox, position)
);

--: partitioned
CREATE TABLE @chatfold_event (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, id uuid NOT NULL, command uuid, hash bytea NOT NULL,
    bytes bytea NOT NULL, PRIMARY KEY (inbox, position), UNIQUE (inbox, id)
) PARTITION BY HASH (inbox);
CREATE TABLE @chatfold_snapshot (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, hash bytea NOT NULL, bytes bytea NOT NULL,
    PRIMARY KEY (inbox, position)
) PARTITION BY HASH (inbox);

--: each partition
CREATE TABLE @{table}_{number} PARTITION OF @{table} FOR VALUES WITH (MODULUS {count}, REMAINDER {number});

--: always
CREATE INDEX chatfold_event_command ON @chatfold_event (inbox, command) WHERE command IS NOT NULL;
CREATE VIEW @chatfold_event_text AS
    SELECT inbox, position, id, convert_from(bytes, 'UTF8') AS line FROM @chatfold_event;
INSERT INTO @chatfold_schema (version) VALUES (2);
