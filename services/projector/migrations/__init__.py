"""The read models, and the `portal_` views through which the portal reads them.

No statement names a schema, the search path does: another version of the tables can be filled
beside this one, from offset 0 with offsets and positions of its own, and the views moved over.
"""
