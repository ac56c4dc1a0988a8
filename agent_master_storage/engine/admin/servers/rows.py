"""Lists and pairs in a form: a row for each item, which scripts add, move and remove.

Each row says which item of the server it was, so that a masked secret that stayed masked is
found again wherever the row went. Without scripts there are empty rows for what is new, and a
row that is emptied is removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.template import loader
from django.utils.safestring import SafeString

from ...secrets import MASK


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of a form."""

    #: the index or the key of the item that it was; empty for a new one
    was: str = ""
    #: the key of a pair
    name: str = ""
    text: str = ""

    @property
    def has_lines(self) -> bool:
        """Whether it needs more than one line; a single one would lose line ends."""
        return "\n" in self.text or "\r" in self.text

    @property
    def is_masked(self) -> bool:
        return MASK in self.text


class RowsWidget(forms.Widget):
    """A list of texts."""

    template_name = "admin/agent_master_storage_engine/servers/rows.html"
    pairs = False

    def __init__(self, label: str, choices: Sequence[str] = (), attrs: Any = None) -> None:
        """``label`` is what one item is called; ``choices`` are suggested."""
        super().__init__(attrs)
        self.label = label
        self.choices = choices

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """The rows, and what the template makes of them."""
        context = super().get_context(name, value, attrs)
        context["widget"] |= {
            "rows": value or [],
            "pairs": self.pairs,
            "label": self.label,
            "choices": self.choices,
            "blank": Row(),
        }
        return context

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """By the admin's templates, whatever renders the project's forms."""
        return loader.render_to_string(self.template_name, self.get_context(name, value, attrs))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Row]:
        """The rows as they were sent."""
        texts, were = _all(data, name), _all(data, f"{name}-was")
        names = _all(data, f"{name}-name") if self.pairs else [""] * len(texts)
        if not len(texts) == len(were) == len(names):
            # Not from our page.
            were, names = [""] * len(texts), [*names, *[""] * len(texts)][: len(texts)]
        return [
            Row(was=was, name=key, text=text)
            for was, key, text in zip(were, names, texts, strict=True)
        ]

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        """No single field has the label."""
        return ""


class PairsWidget(RowsWidget):
    """Names with a text each."""

    pairs = True


class RowsField(forms.Field):
    """A list of Row; what they mean is the form's to say."""

    widget = RowsWidget

    def clean(self, value: Any) -> list[Row]:
        """The rows as they came."""
        return list(value or [])


def rows_of(shown: Sequence[str] | Mapping[str, str]) -> list[Row]:
    """The rows of a list or of pairs, as they are shown."""
    if isinstance(shown, Mapping):
        return [Row(was=key, name=key, text=text) for key, text in shown.items()]
    return [Row(was=str(index), text=text) for index, text in enumerate(shown)]


def _all(data: Any, name: str) -> list[str]:
    found = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
    return [str(one) for one in found]
