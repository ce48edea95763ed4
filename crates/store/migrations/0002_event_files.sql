-- The catalogue of the event store: which files hold a tenant's hunting rows, and how far each
-- write-ahead log is in files. A file counts from the transaction that inserts it to the one that
-- sets `removed`; it stays on disk a while longer, for the hunts that still read it.

create table event_logs (
    id        text   not null primary key,
    watermark bigint not null,
    updated   bigint not null
);

-- No reference to tenants: a flush must never fail because a tenant is gone.
create table event_files (
    path       text   not null primary key,
    tenant     text   not null,
    table_name text   not null,
    row_count  bigint not null,
    bytes      bigint not null,
    -- Of the rows' Timestamp, microseconds, rounded outwards; null when no row has one.
    min_time   bigint,
    max_time   bigint,
    first_seq  bigint not null,
    last_seq   bigint not null,
    created    bigint not null,
    removed    bigint
);
create index event_files_by_table on event_files (tenant, table_name, max_time);
create index event_files_by_removal on event_files (removed);

-- Batch ids of what is in files, to recognise a retried batch.
create table event_batches (
    tenant    text   not null,
    batch_id  text   not null,
    row_count bigint not null,
    appended  bigint not null,
    primary key (tenant, batch_id)
);
create index event_batches_by_age on event_batches (appended);
