"""Breadth: which pips on which Pythons, in which environments, pipmend heals.

The same short series of runs for each; its results become the tables of the README.
"""
