-- Where each log ends, in a tree of its own.
CREATE TABLE head (
    owner TEXT PRIMARY KEY,
    inbox INTEGER NOT NULL,
    closed TEXT,
    moved_to TEXT,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO head
    SELECT owner, inbox.inbox, closed, moved_to, coalesce(position, 0), coalesce(hash, zeroblob(16))
    FROM inbox LEFT JOIN event ON event.inbox = inbox.inbox
        AND position = (SELECT max(e.position) FROM event AS e WHERE e.inbox = inbox.inbox);
