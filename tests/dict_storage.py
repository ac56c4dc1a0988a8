"""A storage of a page: the documentation's example of a custom adapter."""

import logging
import threading
from collections import defaultdict

from agent_master_storage.backends.base import BaseStorage
from agent_master_storage.exceptions import KeyNotFound

logger = logging.getLogger(__name__)


class DictStorage(BaseStorage):
    """The five methods alone, on a dict. Keys and values arrive checked."""

    def __init__(self, **options):
        super().__init__(**options)
        self._values = {}
        self._watches = defaultdict(dict)
        self._lock = threading.RLock()

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
        with self._lock:
            self._watches[key][token] = handler
        return lambda: self._watches[key].pop(token, None) and None

    def _tell(self, key, value):
        for token in list(self._watches[key]):
            handler = self._watches[key].get(token)
            try:
                handler and handler(value)
            except Exception:
                logger.exception("the handler of %r raised", key)
