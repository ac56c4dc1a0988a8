"""read, write and delete: the part of the contract that every adapter keeps."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync

from ..exceptions import InvalidValue, KeyNotFound
from .base import Contract, assert_equal, assert_raises, assert_true

MEBIBYTE = 1024 * 1024


class ReadWriteContract(Contract):
    """What is written is read back, byte for byte, until it is changed."""

    def test_a_missing_key_is_not_found(self) -> None:
        with assert_raises(KeyNotFound) as caught:
            self.storage.read("missing")
        assert_true(isinstance(caught.exception, KeyError))
        assert_equal(caught.exception.key, "missing")

    def test_an_empty_value_is_not_a_missing_key(self) -> None:
        self.storage.write("empty", b"")
        assert_equal(self.storage.read("empty"), b"")
        assert_equal(self.storage.list(), ["empty"])
        self.storage.delete("empty")
        with assert_raises(KeyNotFound):
            self.storage.read("empty")

    def test_a_value_may_be_any_bytes(self) -> None:
        values = [
            bytes(range(256)),
            b"\x00",
            b"\x00leading and trailing\x00",
            b"\xff\xfe\x00\xd8",
            b"' OR 1=1; --\"\\%s %(x)s ?",
            b" \r\n\t ",
            b"null",
            "ключ 鍵 🔑".encode(),
        ]
        for number, value in enumerate(values):
            self.storage.write(f"k{number}", value)
        for number, value in enumerate(values):
            found = self.storage.read(f"k{number}")
            assert_equal(type(found), bytes)
            assert_equal(found, value)

    def test_a_mebibyte_is_kept(self) -> None:
        value = bytes(range(256)) * (MEBIBYTE // 256)
        self.storage.write("large", value)
        assert_true(self.storage.read("large") == value, "1 MiB came back changed")

    def test_a_value_of_the_size_allowed_is_kept_and_one_byte_more_refused(self) -> None:
        storage = self.open(max_value_size=1000)
        storage.write("full", b"x" * 1000)
        with assert_raises(InvalidValue) as caught:
            storage.write("full", b"y" * 1001)
        assert_true(isinstance(caught.exception, ValueError))
        with assert_raises(InvalidValue):
            storage.write("other", b"y" * 1001)
        assert_equal(storage.read("full"), b"x" * 1000)
        assert_equal(storage.list(), ["full"])

    def test_what_is_no_bytes_is_refused(self) -> None:
        self.storage.write("k", b"before")
        wrong: list[Any] = ["text", None, 1, ["a"], {"a": 1}, object()]
        for value in wrong:
            with assert_raises(InvalidValue, msg=repr(value)):
                self.storage.write("k", value)
        assert_equal(self.storage.read("k"), b"before")

    def test_a_buffer_is_copied(self) -> None:
        buffer = bytearray(b"first")
        self.storage.write("array", buffer)
        self.storage.write("view", memoryview(buffer))
        buffer[:] = b"other"
        assert_equal(self.storage.read("array"), b"first")
        assert_equal(self.storage.read("view"), b"first")

    def test_a_write_replaces_the_value(self) -> None:
        self.storage.write("k", b"one, and longer")
        self.storage.write("k", b"two")
        assert_equal(self.storage.read("k"), b"two")
        assert_equal(self.storage.list(), ["k"])

    def test_a_deleted_key_is_gone_and_may_come_again(self) -> None:
        self.storage.write("k", b"one")
        self.storage.delete("k")
        with assert_raises(KeyNotFound):
            self.storage.read("k")
        assert_equal(self.storage.list(), [])
        self.storage.write("k", b"two")
        assert_equal(self.storage.read("k"), b"two")

    def test_a_missing_key_cannot_be_deleted(self) -> None:
        with assert_raises(KeyNotFound):
            self.storage.delete("missing")
        self.storage.write("k", b"")
        self.storage.delete("k")
        with assert_raises(KeyNotFound):
            self.storage.delete("k")

    def test_keys_do_not_touch_each_other(self) -> None:
        for key in ("k", "kk", "K", "k "):
            self.storage.write(key, key.encode())
        self.storage.delete("k")
        for key in ("kk", "K", "k "):
            assert_equal(self.storage.read(key), key.encode())

    def test_json_documents(self) -> None:
        document = {"servers": {"ü": [1, 2.5, None, True, "\u2028"]}, "empty": {}}
        self.storage.write_json("config", document)
        assert_equal(self.storage.read_json("config"), document)
        for wrong in (float("nan"), {1, 2}, b"bytes", "\ud800"):
            with assert_raises(InvalidValue, msg=repr(wrong)):
                self.storage.write_json("config", wrong)
        assert_equal(self.storage.read_json("config"), document)
        self.storage.write("config", b"{no json")
        with assert_raises(InvalidValue):
            self.storage.read_json("config")

    def test_the_async_twins(self) -> None:
        async def use() -> None:
            await self.storage.awrite("k", b"value")
            assert_equal(await self.storage.aread("k"), b"value")
            assert_equal(await self.storage.alist(), ["k"])
            await self.storage.awrite_json("document", {"a": 1})
            assert_equal(await self.storage.aread_json("document"), {"a": 1})
            await self.storage.adelete("k")
            with assert_raises(KeyNotFound):
                await self.storage.aread("k")

        async_to_sync(use)()
