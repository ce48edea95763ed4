-- What people grant to clients, and what clients hold in their name: delegated permissions,
-- authorization codes, refresh tokens, device codes. Codes and tokens are random and kept as
-- SHA-256 alone, in lower-case hexadecimal digits.

alter table users add column given_name text;
alter table users add column surname text;
alter table users add column mail text;
-- What was signed in before these moments is no longer good, microseconds.
alter table users add column sessions_valid_from bigint not null default 0;
alter table users add column password_changed bigint not null default 0;

-- What a tenant's administrators decided, by name: `user_consent` …
create table tenant_policies (
    tenant text not null references tenants (id) on delete cascade,
    name   text not null,
    value  text not null,
    primary key (tenant, name)
);

create table oauth2_permission_grants (
    id        text   not null primary key,
    tenant    text   not null references tenants (id) on delete cascade,
    client    text   not null references service_principals (id) on delete cascade,
    resource  text   not null references service_principals (id) on delete cascade,
    -- Null: for everybody in the tenant.
    principal text   references users (id) on delete cascade,
    -- Words separated by spaces.
    scope     text   not null,
    created   bigint not null
);
create unique index oauth2_permission_grants_once
    on oauth2_permission_grants (tenant, client, resource, coalesce(principal, ''));
create index oauth2_permission_grants_by_principal on oauth2_permission_grants (tenant, principal);
create index oauth2_permission_grants_by_resource on oauth2_permission_grants (tenant, resource);

-- All refresh tokens that descend from one sign-in of one client: revoked together.
create table refresh_token_families (
    id      text   not null primary key,
    tenant  text   not null references tenants (id) on delete cascade,
    client  text   not null,
    principal text not null references users (id) on delete cascade,
    created bigint not null,
    revoked bigint
);
create index refresh_token_families_by_principal on refresh_token_families (tenant, principal);

create table refresh_tokens (
    hash      text   not null primary key,
    family    text   not null references refresh_token_families (id) on delete cascade,
    details   text   not null,
    issued    bigint not null,
    last_used bigint,
    expires   bigint not null
);
create index refresh_tokens_by_family on refresh_tokens (family);
create index refresh_tokens_by_end on refresh_tokens (expires);

create table authorization_codes (
    hash      text   not null primary key,
    tenant    text   not null references tenants (id) on delete cascade,
    client    text   not null,
    principal text   not null references users (id) on delete cascade,
    -- The family of what the code is redeemed for.
    family    text   not null,
    details   text   not null,
    issued    bigint not null,
    expires   bigint not null,
    redeemed  bigint
);
create index authorization_codes_by_end on authorization_codes (expires);

create table device_codes (
    hash      text   not null primary key,
    user_code text   not null unique,
    -- As the path named it: an id, `common` or `organizations`.
    path      text   not null,
    client    text   not null,
    details   text   not null,
    issued    bigint not null,
    expires   bigint not null,
    -- `pending`, `approved`, `declined` or `redeemed`.
    state     text   not null,
    -- Of whoever approved it.
    tenant    text   references tenants (id) on delete cascade,
    principal text   references users (id) on delete cascade,
    approval  text
);
create index device_codes_by_end on device_codes (expires);
