"""The SCIM engine (RFC 7643, 7644): pure functions over documents, driven by one schema table.

Lenient in, strict out. Standard library only; no clock, no I/O, no HTTP, nothing of Rollcall.
"""
