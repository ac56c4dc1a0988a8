"""The engine on top of the storages."""
