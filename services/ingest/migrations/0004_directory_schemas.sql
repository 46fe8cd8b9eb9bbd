-- Extension schemas that a directory declares, in the JSON of /Schemas.

-- `urn_key` is the URN in lower case: URNs compare in any case, and keep the one they came in.
create table directory_schemas (
  directory_id uuid not null
    constraint directory_schemas_directory_fkey references directories,
  urn_key text not null,
  resource_type text not null,
  document jsonb not null,
  updated_at timestamptz not null,
  constraint directory_schemas_pkey primary key (directory_id, urn_key)
);
