"""Fuzzers: whatever the bytes are, what is told of them is one of few answers.

``python -m fuzz.run TARGET`` runs a target under atheris; ``tests/test_fuzz.py`` runs
all of them over the corpus and over examples of hypothesis.
"""
