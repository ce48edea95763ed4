-- Columns by which rows refer to others that delete them: without an index that begins with them, each deleted row costs a
-- look at the whole table, in the transaction that deletes a tenant or a user.
create index alerts_of_incident on alerts (incident);
create index refresh_token_families_of_principal on refresh_token_families (principal);
create index authorization_codes_of_principal on authorization_codes (principal);
create index device_codes_of_principal on device_codes (principal);
create index second_factors_of_principal on second_factors (principal);
create index user_sessions_of_principal on user_sessions (principal);
create index oauth2_permission_grants_of_principal on oauth2_permission_grants (principal);
create index oauth2_permission_grants_of_client on oauth2_permission_grants (client);
create index oauth2_permission_grants_of_resource on oauth2_permission_grants (resource);
create index app_role_assignments_of_resource on app_role_assignments (resource);
create index group_members_of_group on group_members (member_group);
create index defender_role_assignments_of_role on defender_role_assignments (role);
