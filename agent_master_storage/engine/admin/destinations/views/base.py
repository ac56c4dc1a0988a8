"""What all pages of destinations share."""

from __future__ import annotations

from typing import Any, ClassVar

from ....destinations.destination import Destination
from ....destinations.location import check_remote
from ....exceptions import DestinationNotFound, EngineError
from ...document_view import DocumentView, PartView
from ...parts import DestinationAddress, PartAddress


class DestinationsView(DocumentView):
    """A page about destinations."""

    part: ClassVar[type[PartAddress]] = DestinationAddress
    folder: ClassVar[str] = "destinations"
    gone: ClassVar[tuple[type[EngineError], ...]] = (DestinationNotFound,)


class DestinationPage(DestinationsView, PartView):
    """A page about one destination."""

    own_pages: ClassVar[tuple[str, ...]] = ("change", "delete", "sync")

    def found(self) -> Destination:
        """It; DestinationNotFound."""
        return self.engine.get_destination(self.address.name)

    def reachable(self) -> Destination:
        """It, when what it points at may be looked at from here; DestinationUnavailable."""
        target = self.found()
        check_remote(target)
        return target


def facts(destination: Destination) -> list[tuple[str, Any]]:
    """What is remembered about a destination, for people."""
    return [
        ("File" if destination.is_file else "Key", destination.config_path or destination.key),
        ("Format", destination.config_format),
        ("Enabled", "yes" if destination.enabled else "no"),
        ("Fit names", "yes" if destination.requires_sanitization else "no"),
        ("Projects", "yes" if destination.supports_projects else "no"),
        ("Only names like", destination.server_name_pattern or "–"),
    ]
