"""Plays identity providers byte for byte, against any SCIM endpoint, seeded.

`people` plans a company's life, `onelogin` renders it as requests, `connection` sends them.
"""
