-- Records that an operator gave up: whoever reads the log from its start passes over them as well.

create table given_up_records (
  topic text not null,
  partition smallint not null,
  "offset" bigint not null,
  directory_id uuid not null,
  heals boolean not null,
  constraint given_up_records_pkey primary key (topic, partition, "offset")
);
