"""Other projects' own tests, with pipmend and without: do they end in the same way?

Their sources are fetched when they are asked for; none of them is kept here.
"""
