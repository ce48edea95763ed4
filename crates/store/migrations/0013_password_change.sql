-- Whether a user must set another password at the next sign-in, and whether after a second factor alone (Graph's passwordProfile).
alter table users add column change_password INTEGER not null default 0;
alter table users add column change_password_with_mfa INTEGER not null default 0;
