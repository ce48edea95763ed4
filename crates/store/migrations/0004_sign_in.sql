-- How people sign in: second factors, wrong passwords, sessions, and sign-ins that are under way.

-- Whether the account must have a second factor, whatever the tenant's policy says.
alter table users add column second_factor_required integer not null default 0;

create table second_factors (
    id        text   not null primary key,
    tenant    text   not null references tenants (id) on delete cascade,
    principal text   not null references users (id) on delete cascade,
    -- `totp` or `passkey`.
    kind      text   not null,
    name      text   not null,
    -- A passkey's credential id in base64url, and the host it works at.
    credential text  unique,
    host      text,
    -- The secret of one-time codes sealed by its owner, or a passkey's public key.
    secret    text   not null,
    -- The last step whose code was used, or a passkey's counter.
    counter   bigint not null,
    created   bigint not null,
    last_used bigint
);
create index second_factors_by_principal on second_factors (tenant, principal);

-- Wrong passwords by name, whether or not an account bears it: SHA-256 of tenant and name.
create table password_failures (
    name         text   not null primary key,
    failures     bigint not null,
    last_failure bigint not null,
    locked_until bigint not null
);
create index password_failures_by_time on password_failures (last_failure);

-- A cookie is random and kept as SHA-256 alone, in lower-case hexadecimal digits.
create table user_sessions (
    hash      text    not null primary key,
    -- What tokens may print of the session (`sid`).
    id        text    not null,
    tenant    text    not null references tenants (id) on delete cascade,
    principal text    not null references users (id) on delete cascade,
    -- How the person signed in, as JSON.
    methods   text    not null,
    auth_time bigint  not null,
    stay      integer not null,
    expires   bigint  not null,
    revoked   bigint
);
create index user_sessions_by_principal on user_sessions (tenant, principal);
create index user_sessions_by_end on user_sessions (expires);

create table sign_ins (
    hash    text   not null primary key,
    -- SHA-256 of the cookie of the browser that began it.
    browser text   not null,
    state   text   not null,
    expires bigint not null
);
create index sign_ins_by_end on sign_ins (expires);
