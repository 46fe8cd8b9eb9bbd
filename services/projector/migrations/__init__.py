"""The read models, and the `portal_` views through which the portal reads them.

No statement names a schema, the search path does: each version is a schema of its own, filled from
the beginning of the log with offsets and positions of its own, and shown by one row (`registry/`).
"""
