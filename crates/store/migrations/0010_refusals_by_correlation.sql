-- Refusals are looked up by the caller's own id of the request, too.
create index refusals_by_correlation on refusals (correlation);
