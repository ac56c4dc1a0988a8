"""Who opens the sockets."""

from __future__ import annotations


def token() -> str:
    """The token of a user who may see everything."""
    from django.contrib.auth import get_user_model
    from rest_framework.authtoken.models import Token

    users = get_user_model()._default_manager
    user, _ = users.get_or_create(username="reader", defaults={"is_superuser": True})
    found, _ = Token.objects.get_or_create(user=user)
    return str(found.key)
