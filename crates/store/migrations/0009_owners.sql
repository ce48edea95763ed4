-- Who owns an application or a service principal: users and service principals of the same tenant.
create table directory_owners (
    tenant  text   not null references tenants (id) on delete cascade,
    -- The application or the service principal.
    object  text   not null,
    owner   text   not null,
    -- `user` or `servicePrincipal`.
    kind    text   not null,
    created bigint not null,
    primary key (tenant, object, owner)
);
create index directory_owners_by_owner on directory_owners (tenant, owner);

-- What was registered before belongs to the application that registered it, and so does its service principal.
insert into directory_owners (tenant, object, owner, kind, created)
select a.tenant, a.id, p.id, 'servicePrincipal', a.created
from applications a
join service_principals p on p.tenant = a.tenant
    and a.properties like '%"createdByAppId":"' || p.app_id || '"%';
insert into directory_owners (tenant, object, owner, kind, created)
select s.tenant, s.id, o.owner, o.kind, s.created
from directory_owners o
join applications a on a.tenant = o.tenant and a.id = o.object
join service_principals s on s.tenant = a.tenant and s.app_id = a.app_id;
