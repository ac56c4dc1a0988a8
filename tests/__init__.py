"""The suite. ``conftest.py`` starts private servers; ``servers.py`` finds their binaries."""
