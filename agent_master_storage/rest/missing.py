"""What stands at no route."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from .views import StorageView


class MissingView(StorageView):
    """404 as JSON, for every method."""

    permission_classes: Any = ()
    authentication_classes: Any = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("there is nothing here")
