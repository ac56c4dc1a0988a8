"""Real servers and processes: uvicorn, granian, daphne, runserver, forks, channel layers."""
