-- Refusals of one kind do not push out those of another: what is asked without a page has a share of its own, and so have
-- calls that are wrong themselves, which a program may repeat for ever.
alter table refusals add column share integer not null default 0;
update refusals set share = 1 where code in ('AADSTS50058', 'AADSTS16000');
create index refusals_by_share on refusals (share, occurred);
