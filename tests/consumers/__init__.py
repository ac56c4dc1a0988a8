"""The websocket: its protocol, permissions, limits and slow clients."""
