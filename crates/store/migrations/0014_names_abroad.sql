-- Outside its home an application's presence bears its id, and URIs of that and of its home's domains; earlier versions let it
-- take any. URIs below a domain of the home come back with the next change of the application.
delete from service_principal_names where exists (
    select 1 from service_principals p
    where p.id = service_principal_names.service_principal
      and p.tenant <> p.owner_tenant
      and p.owner_tenant <> 'f8cdef31-a31e-4b4a-93e4-5f571e91255a'
      and service_principal_names.name <> p.app_id
      and service_principal_names.name <> 'api://' || p.app_id
      and service_principal_names.name not like 'api://' || p.app_id || '/%'
      and not exists (
          select 1 from tenant_domains d
          where d.tenant = p.owner_tenant
            and (service_principal_names.name = 'https://' || d.name
                 or service_principal_names.name like 'https://' || d.name || '/%')
      )
);
