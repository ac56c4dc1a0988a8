"""A whole adapter, in the fewest lines: the documentation's example."""

import logging
from collections import defaultdict
from threading import RLock

from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.exceptions import KeyNotFound


class DictStorage(BaseStorage):
    """The five methods alone, on a dict. Keys and values arrive checked."""

    def __init__(self, **options):
        super().__init__(**options)
        self._values, self._handlers, self._lock = {}, defaultdict(dict), RLock()

    def read(self, key):
        try:
            return self._values[key]
        except KeyError:
            raise KeyNotFound(key) from None

    def write(self, key, data):
        with self._lock:
            self._values[key] = data
            self._tell(key, data)

    def delete(self, key):
        with self._lock:
            self.read(key)
            del self._values[key]
            self._tell(key, None)

    def list(self, prefix=""):
        with self._lock:
            return sorted(key for key in self._values if key.startswith(prefix))

    def watch(self, key, handler):
        token = object()
        self._handlers[key][token] = handler
        return lambda: self._handlers[key].pop(token, None)

    def _tell(self, key, value):
        for token, handler in list(self._handlers[key].items()):
            try:
                if token in self._handlers[key]:
                    handler(value)
            except Exception:
                logging.getLogger(__name__).exception("the handler of %r raised", key)
