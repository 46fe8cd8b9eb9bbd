"""Which versions of the read models there are, and which one shows: once, in schema `projector`.

The folder above holds the read models themselves, made anew in the schema of each version.
"""
