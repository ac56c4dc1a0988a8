"""What the consumer in ``consumers.py`` is made of.

``identity.py`` says who is at the other end, ``frames.py`` what the frames look like,
``limits.py`` how many may come, ``outbox.py`` sends what the watches have to tell.
"""
