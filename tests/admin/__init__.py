"""The admin, as a browser without scripts sees it."""
