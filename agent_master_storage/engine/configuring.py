"""The verb about settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..exceptions import InvalidValue
from .core import Core, twin
from .document import Document
from .settings import Settings
from .types import problems


class SettingsVerbs(Core):
    """update_settings; ``config().settings`` reads them."""

    def update_settings(self, /, **sections: Mapping[str, Any]) -> Settings:
        """Set fields in sections of the settings, all by the document's names.

        As in ``update_settings(backup={"maxBackups": 5}, autoSync={"destinations": ["cursor"]})``.
        None removes a field; what is not given stays. InvalidValue: nothing was stored.
        """

        def edit(document: Document) -> Settings:
            for section, fields in sections.items():
                found = document.section("settings", section)
                for name, value in fields.items():
                    if value is None:
                        found.pop(name, None)
                    else:
                        found[name] = value
            return _checked(document)

        return self.change(edit)

    aupdate_settings = twin(update_settings)


def _checked(document: Document) -> Settings:
    try:
        return Settings.model_validate(document.section("settings"))
    except ValidationError as error:
        faults = "; ".join(f"settings.{problem}" for problem in problems(error))
        raise InvalidValue(f"the settings are not valid: {faults}") from None
