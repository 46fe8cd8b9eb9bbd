"""Events in, read models out: what the portal shows. It writes rows and nothing else.

Everything here is a function of the log and can be thrown away and built again.
"""
