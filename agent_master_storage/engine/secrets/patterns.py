"""What secrets look like: tokens of well-known services, names of secrets, and exceptions.

Tokens are recognised by the prefixes that services gave them for that purpose, names by their
words. A short number, a boolean or a path is not a secret. A placeholder such as ``<YOUR_TOKEN>``
need not be reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: from a description to a pattern, according to the documentation of each service
_TOKENS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a JSON web token": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*",
    "a GitHub token": r"gh[pousr]_\w{30,}|github_pat_\w{22,}",
    "a GitLab token": r"gl(?:pat|dt|rt|cbt|ptt|soat)-[\w-]{20,}",
    "an AWS key": r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    "a Google API key": r"AIza[\w-]{35}",
    "a Slack token": r"xox[abeoprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}",
    "a Stripe key": r"[sr]k_(?:live|test)_\w{16,}|whsec_\w{16,}",
    "an Anthropic key": r"sk-ant-[\w-]{20,}",
    "an API key": r"(?:sk|rk|pk|ctx7sk|fc|xai|gsk|pplx|nvapi|tvly|tgp)[-_][\w-]{20,}",
    "a Hugging Face token": r"hf_\w{30,}",
    "an npm token": r"npm_\w{36}",
    "a PyPI token": r"pypi-[\w-]{40,}",
    "a Docker token": r"dckr_(?:pat|oat)_[\w-]{20,}",
    "a Notion token": r"ntn_\w{30,}|secret_\w{40,}",
    "a Linear key": r"lin_(?:api|oauth)_\w{30,}",
    "an Atlassian token": r"AT(?:ATT|CTT|BB)[\w=-]{24,}",
    "a Sentry token": r"sntry[su]_[\w=/+-]{30,}",
    "a Grafana token": r"gl(?:sa|c)_[\w=]{30,}",
    "a Figma token": r"figd_[\w-]{30,}",
    "a Supabase token": r"sbp_[0-9a-f]{40}|sb_secret_[\w-]{20,}",
    "a Shopify token": r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "a SendGrid key": r"SG\.[\w-]{16,}\.[\w-]{32,}",
    "a DigitalOcean token": r"do[opr]_v1_[0-9a-f]{64}",
    "an Apify token": r"apify_api_\w{30,}",
}
_ANY_TOKEN = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(f"(?P<k{index}>{pattern})" for index, pattern in enumerate(_TOKENS.values()))
    + r")"
)
_KINDS = list(_TOKENS)

#: upper case, capitalised or lower case, or digits: splits apiKey, API_KEY and x-api-key
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    [
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "apikey",
        "apikeys",
        "credential",
        "credentials",
        "authorization",
        "accesstoken",
        "authtoken",
        "clientsecret",
        "privatekey",
    ]
)
#: words that name a secret only at the end
_LAST_WORDS = frozenset(
    ["key", "keys", "pass", "pwd", "pw", "pat", "auth", "jwt", "cookie", "dsn", "bearer"]
)
_NO_SECRET_KEYS = frozenset(
    ["public", "primary", "foreign", "cache", "sort", "partition", "hot", "group"]
)
#: words at the end of names that are about a secret but do not hold it
_ABOUT = frozenset(
    [
        "file",
        "path",
        "dir",
        "directory",
        "id",
        "ids",
        "name",
        "names",
        "url",
        "uri",
        "endpoint",
        "host",
        "port",
        "type",
        "kind",
        "limit",
        "limits",
        "count",
        "max",
        "min",
        "length",
        "size",
        "expiry",
        "expires",
        "ttl",
        "timeout",
        "enabled",
        "required",
        "header",
        "prefix",
        "suffix",
        "scheme",
        "mode",
        "method",
        "provider",
        "version",
        "region",
        "domain",
        "format",
        "env",
        "var",
        "manager",
        "store",
        "rotation",
        "alias",
        "budget",
        "window",
        "cache",
        "policy",
        "arn",
        "address",
        "through",
    ]
)
_PLACEHOLDER = re.compile(
    r"[<\[{(].*[>\]})]|.*(?:\.\.\.|…|\*\*\*|your[-_ ]|[-_ ]here\b|example|placeholder|change-?_?me"
    r"|replace|dummy|sample|insert|todo|redacted|xxxx).*|[*•x]+|(?:my|the)?[-_ ]?(?:api|access)?"
    r"[-_ ]?(?:key|token|secret|password)",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN = re.compile(
    r"(?i:true|false|yes|no|on|off|none|null|auto|default|debug|info|warning|error)"
    r"|[-+]?[\d.,:_]{1,5}|(?:~|\.{1,2}|[A-Za-z]:)?[/\\].*|\$[A-Z_][A-Z0-9_]*|%\w+%",
    re.DOTALL,
)


def tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and description of the well-known tokens in a text."""
    for found in _ANY_TOKEN.finditer(text):
        yield found.start(), found.end(), _KINDS[int((found.lastgroup or "k0")[1:])]


def is_secret_name(name: str) -> bool:
    """Return whether this is the name of a secret: of a variable, a header, a flag or a key.

    >>> is_secret_name("GITHUB_TOKEN"), is_secret_name("max-tokens"), is_secret_name("keyPath")
    (True, False, False)
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    if _SECRET_WORDS.intersection(words) or words[-1].endswith(("token", "password", "apikey")):
        return True
    if words[-1] not in _LAST_WORDS:
        return False
    return len(words) == 1 or words[-2] not in _NO_SECRET_KEYS


def is_placeholder(value: str) -> bool:
    """Return whether it is a placeholder for a value."""
    if _PLACEHOLDER.fullmatch(value.strip()):
        return True
    # ghp_000000000000 consists of too few different characters to be random.
    tail = value[4:]
    return len(tail) >= 8 and len(set(tail)) <= 3


def is_harmless(value: str) -> bool:
    """Return whether it cannot be a secret: empty, a short number, a boolean, or a path."""
    text = value.strip()
    return len(text) < 4 or _PLAIN.fullmatch(text) is not None


def is_plain(value: str) -> bool:
    """Return whether it need not be reported: harmless, or a placeholder.

    A real secret can look like a placeholder by chance, so masking does not depend on this.
    """
    return is_harmless(value) or is_placeholder(value)
