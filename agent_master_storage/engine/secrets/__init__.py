"""Secrets in configuration: masked wherever it is shown, and told of when they stand there.

Masked are literal values under ``env`` and ``headers``, defaults of inputs that are passwords,
values of flags such as ``--api-key``, passwords in URLs, tokens of well-known services, and what
stands under a secret's name in keys that only a client knows. References such as ``${TOKEN}``
are no secrets and stay.

``mask()``       for what is shown: admin, logs, ``repr()``
``mask_both()``  for a diff: what differs still differs when it is masked
``restore()``    a masked document that somebody edited gets its secrets back
``advice()``     literal secrets that had better be references
"""

from __future__ import annotations

from .literals import Advice, advice
from .masks import CHANGED, MASK, mask, mask_both, mask_config, mask_text, restore

__all__ = [
    "CHANGED",
    "MASK",
    "Advice",
    "advice",
    "mask",
    "mask_both",
    "mask_config",
    "mask_text",
    "restore",
]
