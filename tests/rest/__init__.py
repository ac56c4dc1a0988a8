"""The REST API, through HTTP alone."""
