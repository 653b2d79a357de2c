"""One copy of pipmend that serves every Python of a machine, or of a user.

Set up by ``install_hook.py --global`` and ``pipmend enable``. Standard library only,
and nothing of pip: it runs from a bare checkout, before anything is installed.
"""
