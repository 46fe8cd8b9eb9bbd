"""The injections, by what they hurt; the docstring of each is what the documentation says."""
