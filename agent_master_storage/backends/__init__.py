"""The adapters: one a file, ``base.py`` the interface that all of them have."""
