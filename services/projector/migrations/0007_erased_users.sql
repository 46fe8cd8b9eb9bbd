-- Who was erased: what is read of it later, and in another topic, is not kept either.

create table erased_users (
  directory_id uuid not null,
  user_id uuid not null,
  erased_at timestamptz not null,
  constraint erased_users_pkey primary key (directory_id, user_id)
);
