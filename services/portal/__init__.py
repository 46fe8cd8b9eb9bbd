"""Pages for administrators and operators. Reads the projector's views, commands over HTTP.

Works without script; holds nothing of its own but sign-in links and sessions.
"""
