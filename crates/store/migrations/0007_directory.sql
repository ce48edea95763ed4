-- People's profiles, groups, directory roles, and who may do what on which devices in Defender.

-- Graph's further properties of a user, as they were given.
alter table users add column profile text not null default '{}';

create table directory_groups (
    id              text    not null primary key,
    tenant          text    not null references tenants (id) on delete cascade,
    display_name    text    not null,
    mail_nickname   text    not null,
    description     text,
    security        integer not null,
    mail_enabled    integer not null,
    -- Whether directory roles may be assigned to it; fixed when it is made.
    role_assignable integer not null,
    properties      text    not null,
    created         bigint  not null
);
create index directory_groups_by_tenant on directory_groups (tenant, display_name);

create table group_members (
    tenant       text   not null references tenants (id) on delete cascade,
    member_group text   not null references directory_groups (id) on delete cascade,
    member       text   not null,
    -- `user`, `group` or `servicePrincipal`.
    kind         text   not null,
    created      bigint not null,
    primary key (tenant, member_group, member)
);
create index group_members_by_member on group_members (tenant, member);

create table directory_role_assignments (
    id        text   not null primary key,
    tenant    text   not null references tenants (id) on delete cascade,
    template  text   not null,
    principal text   not null,
    kind      text   not null,
    created   bigint not null,
    unique (tenant, template, principal)
);
create index directory_role_assignments_by_principal
    on directory_role_assignments (tenant, principal);

-- Roles were a list of names in the user's row; the only one that was ever given is this.
insert into directory_role_assignments (id, tenant, template, principal, kind, created)
select id, tenant, '62e90394-69f5-4237-9190-012177145e10', id, 'user', created
from users where roles like '%"Global Administrator"%';
alter table users drop column roles;

create table device_groups (
    tenant       text   not null references tenants (id) on delete cascade,
    id           bigint not null,
    display_name text   not null,
    description  text,
    created      bigint not null,
    primary key (tenant, id),
    unique (tenant, display_name)
);
create index machines_by_group on machines (tenant, rbac_group_id);

create table defender_roles (
    id           text   not null primary key,
    tenant       text   not null references tenants (id) on delete cascade,
    display_name text   not null,
    description  text,
    permissions  text   not null,
    created      bigint not null,
    unique (tenant, display_name)
);

create table defender_role_assignments (
    id            text   not null primary key,
    tenant        text   not null references tenants (id) on delete cascade,
    role          text   not null references defender_roles (id) on delete cascade,
    principal     text   not null,
    kind          text   not null,
    -- JSON list of device group numbers; null for every device.
    device_groups text,
    created       bigint not null,
    unique (tenant, role, principal)
);
create index defender_role_assignments_by_principal
    on defender_role_assignments (tenant, principal);
