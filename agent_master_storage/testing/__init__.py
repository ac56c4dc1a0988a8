"""The contract of a storage, as tests: what every adapter keeps, ours and yours.

Start with ``StorageContract``. Under pytest a class of it is enough::

    class TestMyStorage(StorageContract):
        def make_storage(self, **options):
            return MyStorage(alias="test", **options)

Under ``manage.py test`` mix it into a test case; a store in the project's database needs
``TransactionTestCase``, because a watch reads with a connection of its own::

    class MyStorageTest(StorageContract, TransactionTestCase):
        ...

What the storage says that it can't do (``supports_revisions``, ``supports_commit``,
``supports_resume``) is skipped, whole themes at a time. Each theme is a mixin of its own:

``base``         Contract, which opens and closes storages, and the helpers
``values``       read, write, delete
``keys``         which keys there are, and how they are listed
``watching``     handlers
``revisions``    entries and conditions
``commits``      several operations at once
``log``          history, compaction, snapshots
``following``    changes() and achanges()
``concurrency``  many threads at once
``shared``       two adapters on one store, for stores that outlive a process
"""

from __future__ import annotations

from .base import Contract, Recorder, take, wait_for
from .commits import CommitContract
from .concurrency import ConcurrencyContract
from .following import FollowingContract
from .keys import KeyContract
from .log import LogContract
from .refusals import RefusalContract
from .revisions import RevisionContract
from .shared import SharedStoreContract
from .values import ReadWriteContract
from .watching import WatchContract


class StorageContract(
    ReadWriteContract,
    KeyContract,
    WatchContract,
    RefusalContract,
    RevisionContract,
    CommitContract,
    LogContract,
    FollowingContract,
    ConcurrencyContract,
):
    """All of it, but for SharedStoreContract, which not every store can keep."""


__all__ = [
    "CommitContract",
    "ConcurrencyContract",
    "Contract",
    "FollowingContract",
    "KeyContract",
    "LogContract",
    "ReadWriteContract",
    "Recorder",
    "RefusalContract",
    "RevisionContract",
    "SharedStoreContract",
    "StorageContract",
    "WatchContract",
    "take",
    "wait_for",
]
