"""The watch: its promises, its parts, and everything it works from."""
