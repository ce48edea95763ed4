-- Which times the events have that came in, so that detection rules look at late ones, too. A row covers the uploads
-- since the row before it; the last row grows until a rule has looked at it, and takes a higher number whenever it does.
create table event_arrivals (
    tenant   text   not null references tenants (id) on delete cascade,
    number   bigint not null,
    -- Of the rows' Timestamp, microseconds.
    earliest bigint not null,
    latest   bigint not null,
    primary key (tenant, number)
);

-- What is in files already has come in, and no rule has been held to it.
insert into event_arrivals (tenant, number, earliest, latest)
    select f.tenant, 1, min(f.min_time), max(f.max_time)
    from event_files f join tenants t on t.id = f.tenant
    where f.removed is null and f.min_time is not null and f.max_time is not null
    group by f.tenant;

-- `watermark` becomes the number of the last arrival that was looked at.
update detection_rule_states set watermark = 0;
-- Times of late events that are still to be looked at; null when there are none.
alter table detection_rule_states add column backlog_from bigint;
alter table detection_rule_states add column backlog_to bigint;
-- What the last run left undone.
alter table detection_rule_states add column remark text;
-- Failures since the last success, and when the next attempt may be.
alter table detection_rule_states add column failures bigint not null default 0;
alter table detection_rule_states add column next_try bigint;
