"""One rule for all faces."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import ImproperlyConfigured

from agent_master_storage import permissions as access

pytestmark = pytest.mark.django_db

ACTIONS: Any = ("view", "add", "change", "delete")


def only_public(user: Any, action: str, alias: str, key: str) -> bool:
    return action == "view" and key.startswith("public:")


def allowed(user: Any, alias: str = "default", key: str = "k") -> list[str]:
    return [action for action in ACTIONS if access.may(user, action, alias, key)]


def test_nothing_is_open_to_anonymous_visitors() -> None:
    assert allowed(AnonymousUser()) == []


def test_the_permissions_of_entry_decide() -> None:
    user = User.objects.create_user("ann")
    assert allowed(user) == []
    for codename in ("view_entry", "change_entry"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    assert allowed(User.objects.get(pk=user.pk)) == ["view", "change"]
    assert allowed(User.objects.get(pk=user.pk), "any alias", "") == ["view", "change"]


def test_superusers_may_all_and_inactive_users_nothing() -> None:
    user = User.objects.create_superuser("root")
    assert allowed(user) == list(ACTIONS)
    user.is_active = False
    assert allowed(user) == []


def test_a_log_is_only_to_be_viewed() -> None:
    codenames = Permission.objects.filter(content_type__app_label="agent_master_storage")
    found = sorted(codenames.values_list("codename", flat=True))
    assert found == ["add_entry", "change_entry", "delete_entry", "view_change", "view_entry"]


@pytest.mark.parametrize("rule", ["tests.test_permissions.only_public", only_public])
def test_a_rule_of_the_project(settings: Any, rule: Any) -> None:
    assert not access.may_by_key()
    settings.AGENT_MASTER_STORAGE_PERMISSION = rule
    assert access.may_by_key()
    assert allowed(AnonymousUser(), key="public:a") == ["view"]
    assert allowed(User(username="root", is_superuser=True), key="k") == []


def test_a_rule_answers_yes_or_no(settings: Any) -> None:
    settings.AGENT_MASTER_STORAGE_PERMISSION = lambda *arguments: "yes"
    assert access.may(None, "view", "default") is True
    settings.AGENT_MASTER_STORAGE_PERMISSION = lambda *arguments: None
    assert access.may(None, "view", "default") is False


@pytest.mark.parametrize("wrong", ["no.such.rule", 5])
def test_a_rule_that_is_none_lets_nobody_in(settings: Any, wrong: Any) -> None:
    settings.AGENT_MASTER_STORAGE_PERMISSION = wrong
    with pytest.raises(ImproperlyConfigured, match="AGENT_MASTER_STORAGE_PERMISSION"):
        access.may(User(is_superuser=True), "view", "default")
