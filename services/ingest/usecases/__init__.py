"""One function for each thing that a caller can ask for: load, decide, save.

A use case owns the transaction; nothing below it opens one.
"""
