"""Literal secrets in configuration: found, reported, and masked wherever it is shown.

These are masked: literal values under ``env`` and ``headers``, defaults of inputs that are
passwords, values of flags such as ``--api-key``, passwords in URLs, tokens of well-known services,
and values whose key is the name of a secret. References such as ``${TOKEN}`` are not secrets and
are kept.

``mask()``       masks a value for the admin, logs and ``repr()``
``mask_both()``  masks the two sides of a diff, so that what differs still differs
``restore()``    puts the secrets back into a masked document that was edited
``advice()``     reports literal secrets that should be references

``patterns`` knows what secrets look like, ``spans`` finds them in texts and arguments.
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
