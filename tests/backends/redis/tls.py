"""A Redis that speaks TLS: by itself where it can, or behind a proxy that does it for it.

The wheels' servers are built without TLS; an installed one mostly has it. For the client both are
the same: a handshake, certificates, and records instead of segments.
"""

from __future__ import annotations

import asyncio
import queue
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme

from ...support.servers import free_port, redis_binary, redis_server


class Authority:
    """A certificate authority of the test's own, with certificates for 127.0.0.1 and another."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.path = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.path))
        self._folder = folder

    def issue(self, name: str) -> Path:
        """The file of a certificate, with its key."""
        path = self._folder / f"{name}.pem"
        self._ca.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(path))
        return path


def ways() -> list[str]:
    """How TLS can be had here."""
    # Without a certificate it ends at once, and says whether that is what it lacks.
    command = [redis_binary(), "--port", "0", "--tls-port", str(free_port())]
    said = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
    return ["proxy", *(["built in"] if "No tls-cert-file" in said else [])]


@contextmanager
def tls_server(way: str, authority: Authority, certificate: Path) -> Iterator[tuple[int, int]]:
    """Its ports, the one that speaks TLS and a plain one."""
    plain, port = free_port(), free_port()
    if way == "built in":
        options = ["--tls-port", str(port), "--tls-ca-cert-file", str(authority.path)]
        options += ["--tls-cert-file", str(certificate), "--tls-key-file", str(certificate)]
        with redis_server(redis_binary(), plain, *options, "--tls-auth-clients", "optional"):
            yield port, plain
        return
    with redis_server(redis_binary(), plain), _proxy(port, plain, certificate):
        yield port, plain


@contextmanager
def _proxy(port: int, plain: int, certificate: Path) -> Iterator[None]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    ready: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        target.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", plain)
        await asyncio.gather(pipe(reader, to_server), pipe(from_server, writer))

    async def serve() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", port, ssl=context)
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        ready.put(lambda: loop.call_soon_threadsafe(ended.set))
        await ended.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    end = ready.get(timeout=10)
    yield
    end()
    thread.join(10)
