-- An extension with one attribute.
insert into directory_schemas (directory_id, urn_key, resource_type, document, updated_at)
values ('0d000000-0000-4000-8000-000000000001', 'urn:globex:badge:1.0:user', 'User',
  '{"id": "urn:globex:badge:1.0:User", "name": "Badge", "description": "", "attributes":
    [{"name": "badge", "description": "", "type": "string", "multiValued": false,
      "required": false, "caseExact": false, "mutability": "readWrite", "returned": "default",
      "uniqueness": "none"}]}', '2026-03-02T09:00:00Z');
