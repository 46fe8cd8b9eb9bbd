-- Roles that the application gives by hand: the sync touches none, and they end with their user.

create table manual_assignments (
  directory_id uuid not null,
  user_id uuid not null,
  role_key text not null constraint manual_assignments_role_fkey references roles,
  since timestamptz not null,
  cause jsonb not null,
  constraint manual_assignments_pkey primary key (directory_id, user_id, role_key)
);
