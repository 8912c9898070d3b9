-- From schema version 3 to 4: tables for segments of a log, for the keys of what lies in them, and for pages of snapshots.
--
-- No row of an event is written anew: rows are sealed once appends come, in transactions of their own. A snapshot that is
-- there stays one value until the next is kept. The column with an event's bytes has another name from then on, so that a
-- server of an older version, which knows nothing of segments, reads and writes no more events: it would take a log whose
-- older events were sealed for a damaged one, and an event that it is given again for a new one.

--: always
ALTER TABLE @chatfold_inbox ADD COLUMN sealed bigint NOT NULL DEFAULT 0;
CREATE TABLE @chatfold_paging (inbox text COLLATE "C" PRIMARY KEY, next bigint NOT NULL);
ALTER TABLE @chatfold_event RENAME COLUMN bytes TO encoded;
ALTER TABLE @chatfold_snapshot ADD COLUMN pages bytea, ADD COLUMN checksum bytea;

--: plain
CREATE TABLE @chatfold_segment (
    inbox text COLLATE "C" NOT NULL, last bigint NOT NULL, before bigint NOT NULL, before_hash bytea NOT NULL,
    last_hash bytea NOT NULL, checksum bytea NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (inbox, last)
);
CREATE TABLE @chatfold_sealed (
    inbox text COLLATE "C" NOT NULL, slice integer NOT NULL, run bigint NOT NULL, keys bytea NOT NULL,
    PRIMARY KEY (inbox, slice, run)
);
CREATE TABLE @chatfold_snapshot_page (
    inbox text COLLATE "C" NOT NULL, page bigint NOT NULL, hash bytea NOT NULL, bytes bytea NOT NULL,
    PRIMARY KEY (inbox, page)
);

--: partitioned
CREATE TABLE @chatfold_segment (
    inbox text COLLATE "C" NOT NULL, last bigint NOT NULL, before bigint NOT NULL, before_hash bytea NOT NULL,
    last_hash bytea NOT NULL, checksum bytea NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (inbox, last)
) PARTITION BY HASH (inbox);
CREATE TABLE @chatfold_sealed (
    inbox text COLLATE "C" NOT NULL, slice integer NOT NULL, run bigint NOT NULL, keys bytea NOT NULL,
    PRIMARY KEY (inbox, slice, run)
) PARTITION BY HASH (inbox);
CREATE TABLE @chatfold_snapshot_page (
    inbox text COLLATE "C" NOT NULL, page bigint NOT NULL, hash bytea NOT NULL, bytes bytea NOT NULL,
    PRIMARY KEY (inbox, page)
) PARTITION BY HASH (inbox);

--: each partition of chatfold_segment chatfold_sealed chatfold_snapshot_page
CREATE TABLE @{table}_{number} PARTITION OF @{table} FOR VALUES WITH (MODULUS {count}, REMAINDER {number});

--: always
ALTER TABLE @chatfold_segment ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE @chatfold_snapshot ALTER COLUMN bytes SET STORAGE EXTERNAL, ALTER COLUMN pages SET STORAGE EXTERNAL;
ALTER TABLE @chatfold_snapshot_page ALTER COLUMN bytes SET STORAGE EXTERNAL;
INSERT INTO @chatfold_schema (version) VALUES (4);
