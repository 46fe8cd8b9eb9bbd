-- A directory may have a limit of its own, where the one of the service does not fit.

alter table directories
  add column requests_per_second double precision,
  add column burst integer,
  add constraint directories_limit_check check (
    (requests_per_second is null) = (burst is null)
    and coalesce(requests_per_second, 1) > 0 and coalesce(burst, 1) > 0);
