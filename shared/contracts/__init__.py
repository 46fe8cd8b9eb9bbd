"""The shapes that cross a border: ids, events, topics, HTTP bodies. Pure values, no I/O.

Additive changes only inside `.v1` (design section 5); consumers ignore what they do not know.
"""
