"""All SQL of ingest; `directory_id` stands first in every key and every `where`.

Functions take the connection first, return domain values, and open no transaction.
"""
