-- A second version that was made, compared and dropped.
insert into read_models (version, state, reason, actor, indexes, events, total, compared,
  directories, filled_at, compared_at, kept_since, dropped_at)
values (2, 'dropped', 'replaced', 'operator:mia', '{users_page_idx}', 7, 7, 1, 1,
  '2026-03-02T09:10:00Z', '2026-03-02T09:11:00Z', '2026-03-02T09:12:00Z', '2026-03-09T09:12:00Z');

insert into compared_directories (version, directory_id)
values (2, '0d000000-0000-4000-8000-000000000001');
