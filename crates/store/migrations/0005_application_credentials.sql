-- Certificates by which applications prove who they are: `certificate` is DER in base64.
create table application_certificates (
    key_id       text   not null primary key,
    application  text   not null references applications (id) on delete cascade,
    tenant       text   not null references tenants (id) on delete cascade,
    certificate  text   not null,
    display_name text,
    usage        text   not null,
    start_time   bigint not null,
    end_time     bigint not null,
    last_used    bigint
);
create index application_certificates_by_application on application_certificates (application);

-- Tokens of other issuers that stand for an application. `key_set` holds the issuer's keys where they are kept instead
-- of fetched.
create table application_federations (
    id          text   not null primary key,
    application text   not null references applications (id) on delete cascade,
    tenant      text   not null references tenants (id) on delete cascade,
    name        text   not null,
    issuer      text   not null,
    subject     text   not null,
    audience    text   not null,
    description text,
    key_set     text,
    created     bigint not null,
    last_used   bigint,
    unique (application, name)
);

-- Since when a key is in its state.
alter table signing_keys add column changed bigint not null default 0;
update signing_keys set changed = created;
