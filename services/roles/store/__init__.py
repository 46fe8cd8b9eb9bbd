"""All SQL of roles. A batch is loaded and saved set-wise, whatever its size.

A function takes the connection first and returns values; the use case owns the transaction.
"""
