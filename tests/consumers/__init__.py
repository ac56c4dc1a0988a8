"""The websocket: every frame of its protocol, who may, and what it does with slow clients."""
