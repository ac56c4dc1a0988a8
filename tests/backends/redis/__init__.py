"""RedisStorage: what only it promises, on the real thing."""
