"""Real servers and processes: uvicorn, granian, daphne, runserver, forks, the Channels layer."""
