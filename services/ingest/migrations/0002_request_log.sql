-- The request log: what providers sent, masked, and what was answered; rows go after some days.

-- `id` is the request id, which sorts by time (shared/contracts/ids.py): the key pages newest first,
-- and finds a row by the id that a person quotes. No foreign key: a row that outlives its directory
-- for some days harms nobody, and a check of each row would cost more than the row.
create table requests (
  directory_id uuid not null,
  id uuid not null,
  at timestamptz not null,
  method text not null,
  path text not null,
  query text not null,
  status smallint not null,
  scim_type text,
  detail text,
  duration_ms real not null,
  provider text not null,
  user_agent text,
  content_type text,
  key_id text,
  token_last_four text,
  body text,
  body_bytes integer not null,
  body_error_at integer,
  constraint requests_pkey primary key (directory_id, id)
);

-- Deleting the oldest, of whatever directory.
create index requests_id_idx on requests (id);

-- Failures are what people look for; they are few.
create index requests_failed_idx on requests (directory_id, id) where status >= 400;
