"""The edges of ingest: SCIM for providers, `/v1` for the application; bytes in, bytes out."""
