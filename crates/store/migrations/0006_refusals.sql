-- Refusals with what was seen, so that each can be explained by its trace id for a while. No reference to tenants: a
-- refusal may belong to none, and keeping one must never fail because a tenant is gone.
create table refusals (
    trace       text   not null primary key,
    tenant      text,
    occurred    bigint not null,
    correlation text   not null,
    code        text   not null,
    facts       text   not null
);
create index refusals_by_age on refusals (occurred);

-- Audit events on their way into the hunting tables. An event is claimed for a batch before the batch is appended, so
-- that after a crash the same events go under the same batch id, which the event store recognises.
alter table audit_events add column hunting_batch text;
alter table audit_events add column hunted integer not null default 0;
create index audit_events_to_hunt on audit_events (hunted, hunting_batch) where hunted = 0;
