"""The laboratory: real pips against a real index, on caches that get damaged.

Nothing here imports pipmend; it looks at pip and its cache from outside.
"""
