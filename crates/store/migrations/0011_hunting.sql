-- Functions of the hunting language that a tenant keeps; parameters and body are texts of the language.
create table hunting_functions (
    tenant      text   not null references tenants (id) on delete cascade,
    name        text   not null,
    parameters  text   not null,
    body        text   not null,
    description text   not null,
    created     bigint not null,
    updated     bigint not null,
    primary key (tenant, name)
);

-- Alerts and their evidence on their way into the hunting tables, as audit events are (0006): claimed for a batch before
-- the batch is appended. Those that are there already go, too.
alter table alerts add column hunting_batch text;
alter table alerts add column hunted integer not null default 0;
create index alerts_to_hunt on alerts (hunted, hunting_batch) where hunted = 0;
alter table alert_evidence add column hunting_batch text;
alter table alert_evidence add column hunted integer not null default 0;
create index alert_evidence_to_hunt on alert_evidence (hunted, hunting_batch) where hunted = 0;
