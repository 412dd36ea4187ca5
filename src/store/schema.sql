-- The store of Surat, as a fresh database gets it. A test compares this file with what migrations make of older
-- databases, so it is always the truth about every table. Times are seconds since 1970 in UTC. A column is nullable
-- only where NULL says something: what, stands beside it.

-- Facts about the store itself that fit no other table.
CREATE TABLE facts (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Processes that have the store open. A row whose process is gone tells of an unclean end.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    process INTEGER NOT NULL,
    boot TEXT NOT NULL, -- the kernel's boot id: process numbers mean nothing after a restart of the machine
    opened_at INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: other processes may hold an id
    name TEXT NOT NULL UNIQUE, -- its name in the configuration
    addresses TEXT NOT NULL DEFAULT '[]' -- JSON list of the user's own addresses, lower case
) STRICT;

-- Mailboxes. `name` and `is_wanted` are what the user wants, `synced_name` and `is_synced` what the server has; where
-- they differ there is something to push. The counts belong to the conversation list (mailbox_threads) and are kept in
-- the transaction that changes it.
CREATE TABLE mailboxes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL, -- decoded, '/' between levels
    synced_name TEXT NOT NULL DEFAULT '', -- '' while the server does not have it
    path TEXT NOT NULL DEFAULT '', -- the backend's own spelling; '' while the server does not have it
    role TEXT NOT NULL DEFAULT '', -- Role::as_str; '' for none
    is_wanted INTEGER NOT NULL DEFAULT 1,
    is_synced INTEGER NOT NULL DEFAULT 0,
    is_local INTEGER NOT NULL DEFAULT 0, -- 1: lives here alone, is never pushed; remotes do not speak for memberships
    is_selectable INTEGER NOT NULL DEFAULT 1,
    is_subscribed INTEGER NOT NULL DEFAULT 1, -- what the user wants
    hidden_since INTEGER, -- since when the server does not list it any more; NULL: it does
    total INTEGER NOT NULL DEFAULT 0, -- emails in it
    unread INTEGER NOT NULL DEFAULT 0, -- unread emails in it
    conversations INTEGER NOT NULL DEFAULT 0, -- rows of its conversation list
    synced_subscribed INTEGER NOT NULL DEFAULT 1 -- what the server has of is_subscribed
) STRICT;
CREATE INDEX mailboxes_account ON mailboxes (account);

-- How far each mailbox was read. Opaque; committed together with the rows that it covers.
CREATE TABLE cursors (
    mailbox INTEGER NOT NULL PRIMARY KEY REFERENCES mailboxes (id),
    cursor TEXT NOT NULL,
    committed_at INTEGER NOT NULL
) STRICT;

-- Logical messages. The id is the received second shifted left by 20 plus a counter: also the row in `texts`, so that
-- newest first is the order of the table itself. `keywords` and the four flags are what the user wants.
-- What lists read stands first, what only a reader needs last.
CREATE TABLE emails (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL, -- accounts.id; no foreign key, it would be looked up for every message of a first sync
    thread INTEGER NOT NULL, -- threads.id, never one that was merged away
    received INTEGER NOT NULL, -- as the server said it, however odd
    size INTEGER NOT NULL, -- bytes of the whole message; 0: unknown
    content INTEGER NOT NULL, -- 64 bits of SHA-256 over the header fields that copies of one message share
    is_seen INTEGER NOT NULL,
    is_flagged INTEGER NOT NULL,
    is_answered INTEGER NOT NULL,
    is_forwarded INTEGER NOT NULL,
    has_attachment INTEGER NOT NULL DEFAULT 0,
    is_pending INTEGER NOT NULL DEFAULT 0, -- 1: wanted and synced differ somewhere
    indexed INTEGER NOT NULL DEFAULT 0, -- full text: 0 nothing, 1 header fields, 2 the text too
    blob INTEGER, -- blobs.id; NULL: the body is not here
    vanished_at INTEGER, -- when the last server copy went; bytes stay 30 days from then on; NULL: there is one
    sent INTEGER, -- the Date field; NULL: none that a calendar has
    object_id TEXT, -- the server's word for one message in many mailboxes; NULL: it has none
    base_keywords TEXT, -- what the last server copy had when it went, to merge a newcomer with; NULL: there is a copy, or never was one
    keywords TEXT NOT NULL, -- sorted, one space between two
    subject TEXT NOT NULL,
    from_ TEXT NOT NULL, -- addresses: JSON [[name or null, address], ...], '' for none; so are the five below
    to_ TEXT NOT NULL,
    cc TEXT NOT NULL,
    message_id TEXT NOT NULL, -- '' for none
    preview TEXT NOT NULL DEFAULT '',
    bcc TEXT NOT NULL,
    sender TEXT NOT NULL,
    reply_to TEXT NOT NULL,
    in_reply_to TEXT NOT NULL, -- JSON list of ids, '' for none; so is the next
    reference_ids TEXT NOT NULL,
    list_id TEXT NOT NULL
) STRICT;
CREATE INDEX emails_thread ON emails (thread);
CREATE INDEX emails_object ON emails (account, object_id) WHERE object_id IS NOT NULL;
CREATE INDEX emails_blob ON emails (blob) WHERE blob IS NOT NULL;
CREATE INDEX emails_pending ON emails (account) WHERE is_pending = 1;
CREATE INDEX emails_unindexed ON emails (id) WHERE indexed = 0;
CREATE INDEX emails_vanished ON emails (content) WHERE vanished_at IS NOT NULL;
CREATE INDEX emails_unread ON emails (id) WHERE is_seen = 0;
CREATE INDEX emails_flagged ON emails (id) WHERE is_flagged = 1;
CREATE INDEX emails_size ON emails (size);
CREATE INDEX emails_attached ON emails (id) WHERE has_attachment = 1;

-- Copies on a server, apart from memberships: a POP3 copy stays on its server wherever its email is filed here.
CREATE TABLE remotes (
    mailbox INTEGER NOT NULL, -- where the server has it
    remote_id TEXT NOT NULL, -- the backend's own spelling
    email INTEGER NOT NULL,
    blob INTEGER, -- blobs.id; NULL: the bytes of this copy (or of one that the server calls the same) were never here
    keywords TEXT NOT NULL, -- synced: as the server last told them
    is_deleted INTEGER NOT NULL DEFAULT 0, -- 1: marked to be expunged (IMAP \Deleted): as good as gone; 2: we may have
    PRIMARY KEY (mailbox, remote_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX remotes_email ON remotes (email);
CREATE INDEX remotes_bodiless ON remotes (mailbox, email) WHERE blob IS NULL AND is_deleted = 0;

-- Which email is in which mailbox. A row with both bits 0 stays only while `notice` needs it.
CREATE TABLE memberships (
    email INTEGER NOT NULL,
    mailbox INTEGER NOT NULL,
    wanted INTEGER NOT NULL,
    synced INTEGER NOT NULL,
    is_stale INTEGER NOT NULL DEFAULT 0, -- 1: the server began to number anew and no copy was found again yet
    push_after INTEGER NOT NULL DEFAULT 0, -- not pushed before: a delete for good waits
    notice INTEGER, -- notices.id of the mass vanish that took it; NULL: none did
    awaits INTEGER, -- emails.id of the copy in another account that must be on its server first; NULL: none
    PRIMARY KEY (email, mailbox)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_list ON memberships (mailbox, email) WHERE wanted = 1;
CREATE INDEX memberships_stale ON memberships (mailbox) WHERE is_stale = 1;
CREATE INDEX memberships_notice ON memberships (notice) WHERE notice IS NOT NULL;
CREATE INDEX memberships_awaits ON memberships (awaits) WHERE awaits IS NOT NULL;

-- Operations that cannot be derived again (COPY, MOVE, APPEND): written before they are tried, so that after a crash
-- the target is looked through from `cursor` on before anything is repeated.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    operation TEXT NOT NULL CHECK (operation IN ('append', 'copy', 'move')),
    mailbox INTEGER NOT NULL REFERENCES mailboxes (id), -- the target
    email INTEGER NOT NULL,
    from_mailbox INTEGER, -- the source; NULL for an append
    from_id TEXT NOT NULL, -- the source's remote id; '' for an append
    cursor TEXT NOT NULL, -- where the target stood, in the backend's spelling (UIDVALIDITY and UIDNEXT)
    content BLOB NOT NULL, -- SHA-256 of the bytes; empty while they are not here
    begun_at INTEGER NOT NULL
) STRICT;
CREATE INDEX attempts_email ON attempts (email);

-- Conversations: one space for the whole store. A merged one keeps its row, so that old ids resolve.
CREATE TABLE threads (
    id INTEGER PRIMARY KEY,
    merged_into INTEGER, -- the conversation that it is part of now; NULL: it is one itself
    emails INTEGER NOT NULL, -- emails in it, every copy
    count INTEGER NOT NULL DEFAULT 0, -- emails outside Trash and Junk, copies folded
    is_flagged INTEGER NOT NULL DEFAULT 0,
    has_attachment INTEGER NOT NULL DEFAULT 0,
    people TEXT NOT NULL DEFAULT '' -- who wrote, oldest first, as emails.from_; '' where there is one email
) STRICT;

-- Every message id seen as own id or reference: 64 bits of its SHA-256, and the conversation it led to then.
CREATE TABLE message_ids (
    hash INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL -- may have been merged away since
) STRICT;

-- The conversation list of each mailbox, kept in the transaction that changes it: a page is one walk of the key.
CREATE TABLE mailbox_threads (
    mailbox INTEGER NOT NULL,
    newest INTEGER NOT NULL, -- its newest email in this mailbox
    thread INTEGER NOT NULL,
    emails INTEGER NOT NULL, -- its emails in this mailbox
    unread INTEGER NOT NULL,
    PRIMARY KEY (mailbox, newest, thread)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mailbox_threads_thread ON mailbox_threads (thread, mailbox);

-- Messages as they came, each once.
CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE, -- of the bytes as they came
    size INTEGER NOT NULL, -- of the bytes as they came
    encoding TEXT NOT NULL CHECK (encoding IN ('plain', 'zstd')),
    bytes BLOB NOT NULL
) STRICT;

-- Beginnings of bodies that did not come whole yet.
CREATE TABLE slices (
    id INTEGER PRIMARY KEY,
    mailbox INTEGER NOT NULL,
    remote_id TEXT NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (mailbox, remote_id, begins)
) STRICT;

-- Messages being written. Every save is a version; the newest is the draft.
CREATE TABLE drafts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES accounts (id),
    version INTEGER NOT NULL, -- the newest of draft_versions
    made_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    answers INTEGER, -- the email that it answers; NULL: none
    forwards INTEGER, -- the email that it forwards; NULL: none
    split_from INTEGER REFERENCES drafts (id), -- the draft that changed here and there at once; NULL: none
    state TEXT NOT NULL CHECK (state IN ('open', 'handed', 'discarded'))
) STRICT;
CREATE TABLE draft_versions (
    draft INTEGER NOT NULL REFERENCES drafts (id),
    version INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    fields TEXT NOT NULL, -- JSON: recipients, subject, attachments as blob ids
    body TEXT NOT NULL,
    PRIMARY KEY (draft, version)
) STRICT;
-- Copies of drafts on a server, each with the version that it shows.
CREATE TABLE draft_remotes (
    mailbox INTEGER NOT NULL,
    remote_id TEXT NOT NULL,
    draft INTEGER NOT NULL REFERENCES drafts (id),
    version INTEGER NOT NULL,
    PRIMARY KEY (mailbox, remote_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX draft_remotes_draft ON draft_remotes (draft);

-- Messages handed over to be sent. A row leaves the outbox only on the server's final reply.
--   holding    may still be taken back, until hold_until
--   scheduled  waits for hold_until by the user's wish
--   waiting    is tried again at next_try
--   sending    a connection is at it; found so at a start it becomes unknown
--   unknown    the link broke after the data: a person decides, nothing is sent twice by itself
--   accepted   the server took it; a copy is still to be filed
--   filed      done
--   refused    the server will never take it
CREATE TABLE submissions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES accounts (id),
    draft INTEGER REFERENCES drafts (id), -- NULL: came by the command line
    blob INTEGER NOT NULL REFERENCES blobs (id), -- exactly the bytes that are sent
    sender TEXT NOT NULL, -- of the envelope
    state TEXT NOT NULL CHECK (
        state IN ('holding', 'scheduled', 'waiting', 'sending', 'unknown', 'accepted', 'filed', 'refused')
    ),
    made_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    hold_until INTEGER NOT NULL DEFAULT 0,
    next_try INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    server_reply TEXT NOT NULL DEFAULT '', -- the last one, raw
    filed_mailbox INTEGER REFERENCES mailboxes (id), -- where the copy goes; NULL: the server files it
    filed_email INTEGER -- the copy once it is there; NULL: not yet
) STRICT;
CREATE INDEX submissions_open ON submissions (account, state) WHERE state <> 'filed';
CREATE INDEX submissions_blob ON submissions (blob);
CREATE TABLE submission_recipients (
    submission INTEGER NOT NULL REFERENCES submissions (id),
    address TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'accepted', 'refused', 'unknown')),
    server_reply TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (submission, address)
) STRICT, WITHOUT ROWID;

-- What the user did, newest last, at most 1,000: the steps and what takes them back, as JSON lists of Step.
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    done_at INTEGER NOT NULL,
    label TEXT NOT NULL,
    emails INTEGER NOT NULL,
    steps TEXT NOT NULL,
    inverse TEXT NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0 -- 0: it was not taken back; else the higher, the later it was
) STRICT;

-- What a person should hear of and has not put aside.
CREATE TABLE notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('mass_vanish', 'refused')),
    mailbox INTEGER NOT NULL REFERENCES mailboxes (id),
    emails INTEGER NOT NULL,
    dismissed_at INTEGER, -- NULL: still to be shown
    text TEXT NOT NULL DEFAULT '' -- of a refusal: what did not happen, and why, in the server's words
) STRICT;

-- Full text, by emails.id; Han, kana and hangul with a space around each character.
CREATE VIRTUAL TABLE texts USING fts5 (
    from_, to_, subject, body,
    content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
);
-- A transaction's words go into one segment (hashsize, bytes), and segments are merged by eights instead of fours:
-- half the writing, and a search looks into a few more.
INSERT INTO texts (texts, rank) VALUES ('hashsize', 16777216);
INSERT INTO texts (texts, rank) VALUES ('automerge', 8);
