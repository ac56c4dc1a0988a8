"""HTTP over the storages: a DRF viewset, with no logic of its own beyond HTTP's.

Where to start reading: ``urls.py`` has the table of routes, ``viewset.py`` what answers them,
``changes.py`` the log with long poll and server-sent events. ``base.py`` holds what all views
share, ``writing.py`` how a condition becomes one on a revision.
"""
