-- Portable between SQLite and PostgreSQL: ids and JSON are TEXT, times BIGINT microseconds since
-- 1970-01-01T00:00:00Z, flags INTEGER 0 or 1.

create table settings (
    name  text not null primary key,
    value text not null
);

-- Numbers handed out in order. The row's lock makes numbers become visible in their order.
create table counters (
    name  text   not null primary key,
    value bigint not null
);
insert into counters (name, value) values ('incident', 0);

create table tenants (
    id           text   not null primary key,
    display_name text   not null,
    region       text   not null,
    created      bigint not null,
    -- Raised to take the tenant's lock before alerts are correlated.
    revision     bigint not null
);

create table tenant_domains (
    name       text    not null primary key,
    tenant     text    not null references tenants (id) on delete cascade,
    is_default integer not null,
    is_initial integer not null
);
create index tenant_domains_by_tenant on tenant_domains (tenant);

create table applications (
    id                             text   not null primary key,
    app_id                         text   not null unique,
    tenant                         text   not null references tenants (id) on delete cascade,
    display_name                   text   not null,
    sign_in_audience               text   not null,
    identifier_uris                text   not null,
    required_resource_access       text   not null,
    app_roles                      text   not null,
    oauth2_scopes                  text   not null,
    redirect_uris                  text   not null,
    requested_access_token_version integer,
    properties                     text   not null,
    created                        bigint not null
);
create index applications_by_tenant on applications (tenant, display_name);

create table application_passwords (
    key_id       text   not null primary key,
    application  text   not null references applications (id) on delete cascade,
    tenant       text   not null references tenants (id) on delete cascade,
    -- SHA-256 of the secret in lower-case hexadecimal digits; the secret has 240 bits of chance.
    secret_hash  text   not null,
    hint         text   not null,
    display_name text,
    start_time   bigint not null,
    end_time     bigint not null,
    last_used    bigint
);
create index application_passwords_by_application on application_passwords (application);

create table service_principals (
    id                  text    not null primary key,
    tenant              text    not null references tenants (id) on delete cascade,
    app_id              text    not null,
    display_name        text    not null,
    owner_tenant        text    not null,
    enabled             integer not null,
    assignment_required integer not null,
    kind                text    not null,
    app_roles           text    not null,
    oauth2_scopes       text    not null,
    properties          text    not null,
    created             bigint  not null,
    unique (tenant, app_id)
);
create index service_principals_by_app on service_principals (app_id);

-- The names under which a token request may name a resource: application id and identifier URIs,
-- in lower case and without a trailing slash.
create table service_principal_names (
    tenant            text    not null references tenants (id) on delete cascade,
    name              text    not null,
    spelling          text    not null,
    service_principal text    not null references service_principals (id) on delete cascade,
    position          integer not null,
    primary key (tenant, name)
);
create index service_principal_names_by_owner on service_principal_names (service_principal);

create table app_role_assignments (
    id             text   not null primary key,
    tenant         text   not null references tenants (id) on delete cascade,
    principal      text   not null,
    principal_kind text   not null,
    resource       text   not null references service_principals (id) on delete cascade,
    app_role_id    text   not null,
    created        bigint not null,
    unique (tenant, principal, resource, app_role_id)
);
create index app_role_assignments_by_resource on app_role_assignments (tenant, resource);

create table users (
    id            text    not null primary key,
    tenant        text    not null references tenants (id) on delete cascade,
    -- Lower case; spelling keeps what was given.
    upn           text    not null,
    spelling      text    not null,
    display_name  text    not null,
    password_hash text,
    enabled       integer not null,
    roles         text    not null,
    created       bigint  not null,
    unique (tenant, upn)
);

create table signing_keys (
    kid             text   not null primary key,
    certificate_pem text   not null,
    -- Opaque to the store: the key sealed by its owner, or where the key is.
    private_key     text   not null,
    not_before      bigint not null,
    not_after       bigint not null,
    state           text   not null,
    created         bigint not null
);

create table audit_events (
    id         text   not null primary key,
    tenant     text   not null references tenants (id) on delete cascade,
    occurred   bigint not null,
    actor      text   not null,
    action     text   not null,
    target     text   not null,
    outcome    text   not null,
    request_id text,
    details    text   not null
);
create index audit_events_by_time on audit_events (tenant, occurred, id);

create table incidents (
    id             bigint not null primary key,
    tenant         text   not null references tenants (id) on delete cascade,
    redirect_to    bigint,
    name           text   not null,
    severity       text   not null,
    status         text   not null,
    assigned_to    text,
    classification text,
    determination  text,
    tags           text   not null,
    comments       text   not null,
    created        bigint not null,
    last_update    bigint not null,
    first_activity bigint not null,
    last_activity  bigint not null,
    version        bigint not null
);
create index incidents_by_tenant on incidents (tenant, id);
create index incidents_by_update on incidents (tenant, last_update);

create table alerts (
    tenant           text   not null references tenants (id) on delete cascade,
    id               text   not null,
    incident         bigint not null references incidents (id) on delete cascade,
    rule_id          text   not null,
    dedup_key        text   not null,
    title            text   not null,
    severity         text   not null,
    category         text   not null,
    status           text   not null,
    classification   text,
    determination    text,
    assigned_to      text,
    detection_source text   not null,
    investigation_id bigint,
    device_id        text,
    first_activity   bigint not null,
    last_activity    bigint not null,
    created          bigint not null,
    last_update      bigint not null,
    resolved         bigint,
    details          text   not null,
    version          bigint not null,
    primary key (tenant, id),
    unique (tenant, dedup_key)
);
create index alerts_by_incident on alerts (tenant, incident);
create index alerts_by_created on alerts (tenant, created, id);
create index alerts_by_device on alerts (tenant, device_id);

-- An alert's evidence in order; the columns beside `body` are what related-object reads and
-- correlation look up.
create table alert_evidence (
    tenant    text    not null,
    alert     text    not null,
    position  integer not null,
    kind      text    not null,
    device_id text,
    user_key  text,
    sha1      text,
    sha256    text,
    ip        text,
    url       text,
    body      text    not null,
    primary key (tenant, alert, position),
    foreign key (tenant, alert) references alerts (tenant, id) on delete cascade
);
create index alert_evidence_by_device on alert_evidence (tenant, device_id);
create index alert_evidence_by_user on alert_evidence (tenant, user_key);
create index alert_evidence_by_sha1 on alert_evidence (tenant, sha1);
create index alert_evidence_by_sha256 on alert_evidence (tenant, sha256);
create index alert_evidence_by_ip on alert_evidence (tenant, ip);

create table machines (
    tenant           text    not null references tenants (id) on delete cascade,
    id               text    not null,
    dns_name         text,
    first_seen       bigint  not null,
    last_seen        bigint  not null,
    os_platform      text    not null,
    os_version       text,
    os_processor     text,
    os_architecture  text,
    os_build         bigint,
    last_ip          text,
    last_external_ip text,
    health           text    not null,
    onboarding       text    not null,
    rbac_group_id    bigint  not null,
    rbac_group_name  text,
    risk_score       text    not null,
    exposure         text    not null,
    device_value     text    not null,
    is_aad_joined    integer,
    aad_device_id    text,
    ip_addresses     text    not null,
    version          bigint  not null,
    primary key (tenant, id)
);
create index machines_by_name on machines (tenant, dns_name);

create table machine_tags (
    tenant   text    not null,
    machine  text    not null,
    tag      text    not null,
    position integer not null,
    primary key (tenant, machine, tag),
    foreign key (tenant, machine) references machines (tenant, id) on delete cascade
);

create table detection_rules (
    tenant  text    not null references tenants (id) on delete cascade,
    id      text    not null,
    source  text    not null,
    enabled integer not null,
    created bigint  not null,
    updated bigint  not null,
    primary key (tenant, id)
);

-- How far a rule has looked at the data, whether its text is in detection_rules or in a file.
create table detection_rule_states (
    tenant    text   not null references tenants (id) on delete cascade,
    rule_id   text   not null,
    watermark bigint not null,
    last_run  bigint not null,
    outcome   text   not null,
    primary key (tenant, rule_id)
);
