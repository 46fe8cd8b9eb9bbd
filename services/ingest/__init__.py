"""The SCIM gateway: what providers send comes in, directory events go out.

It owns users, groups and memberships in the schema `ingest`; it knows nothing of roles.
"""
