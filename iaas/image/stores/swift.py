"""The store in a container of Swift, by python-swiftclient (``pip install iaas[swift]``).

A blob of more than one part is a static large object: its segments lie in ``<container>-parts``, and nothing is visible
until the manifest is there. A mark among the segments says that a blob is in the making, and that nobody has deleted it
since. One part is in memory, so that the library can send it again: TRIES times, each with a deadline.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore
from iaas.errors import Conflict, Invalid, NotFound, Unavailable
from iaas.image.faults import StoreFull
from iaas.image.remote import RemoteBlob
from iaas.image.store import Blob, Writer, checked, listed

TIMEOUT_S, TRIES, PAGE = 60, 4, 1000
_MARK = "00000000"  # the name of no segment


class SwiftStore:
    READ_ONLY = False

    def __init__(self, options: ImageStore, image: ImageOptions) -> None:
        try:
            self._client = importlib.import_module("swiftclient.client")
            self._faults = importlib.import_module("swiftclient.exceptions")
            self._broken = importlib.import_module("requests.exceptions").RequestException
        except ImportError:
            raise Invalid("The swift store needs swiftclient: pip install iaas[swift].", field="stores") from None
        self._options, self._local = options, threading.local()
        self.container, self.parts = options.swift_container, f"{options.swift_container}-parts"
        self.part = options.swift_part_mib * 1024 * 1024

    @property
    def connection(self) -> Any:
        """This thread's: they can't be shared."""
        if not hasattr(self._local, "connection"):
            self._local.connection = self.connect()
        return self._local.connection

    def connect(self) -> Any:
        """A new one. Who reads a stream needs it for the whole time."""
        options = self._options
        names = {"project_name": options.swift_project, "user_domain_name": "Default",
                 "project_domain_name": "Default"}  # fmt: skip
        return self._client.Connection(
            authurl=options.swift_auth_url, user=options.swift_user, key=options.swift_password,
            auth_version=options.swift_auth_version, os_options=names if options.swift_project else {},
            retries=TRIES, timeout=TIMEOUT_S, starting_backoff=0.2,
        )  # fmt: skip

    @contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except self._faults.ClientException as error:
            if error.http_status == 404:
                raise NotFound("There are no such data in the container.") from None
            if error.http_status in (413, 507):
                raise StoreFull("There is not enough space in the image store.") from None
            raise Unavailable(f"The image store can't be used: {error.http_status or 'no answer'}.") from error
        except self._broken as error:
            raise Unavailable(f"The image store can't be used: {type(error).__name__}.") from error

    def takes(self, url: str) -> bool:
        return False

    def writer(self, name: str) -> Writer:
        return _SwiftWriter(self, checked(name))

    def open(self, name: str) -> BinaryIO:
        checked(name)
        connection = self.connect()
        return cast(
            BinaryIO,
            RemoteBlob(lambda offset: self._body(connection, name, offset), self.translated, connection.close),
        )

    def _body(self, connection: Any, name: str, offset: int) -> Any:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self.translated():
            return connection.get_object(self.container, name, resp_chunk_size=1 << 20, headers=headers)[1]

    def head(self, container: str, name: str) -> dict[str, str] | None:
        """Headers of an object; None when there is none."""
        with suppress(NotFound), self.translated():
            found: dict[str, str] = self.connection.head_object(container, name)
            return found
        return None

    def delete(self, name: str) -> bool:
        found = self.head(self.container, checked(name))
        if found is not None:
            large = found.get("x-static-large-object", "").lower() == "true"
            with suppress(NotFound), self.translated():
                query = "multipart-manifest=delete" if large else None
                self.connection.delete_object(self.container, name, query_string=query)
        return self.clear(name) or found is not None

    def clear(self, name: str) -> bool:
        """Removes the mark and the segments; False when there were none."""
        found = False
        for item in list(self._listed(self.parts, f"{name}/")):
            with suppress(NotFound), self.translated():
                self.connection.delete_object(self.parts, item["name"])
            found = True
        return found

    def inventory(self) -> Iterator[Blob]:
        whole = set()
        for item in self._listed(self.container, ""):
            whole.add(item["name"])
            yield from listed(item["name"], item["bytes"], False, _moment(item))
        sizes: dict[str, int] = {}
        youngest: dict[str, Any] = {}
        for item in self._listed(self.parts, ""):
            name = item["name"].partition("/")[0]
            if name not in whole:
                sizes[name] = sizes.get(name, 0) + item["bytes"]
                youngest[name] = max(youngest.get(name, item), item, key=lambda each: str(each["last_modified"]))
        for name, item in youngest.items():
            yield from listed(name, sizes[name], True, _moment(item))

    def _listed(self, container: str, prefix: str) -> Iterator[dict[str, Any]]:
        marker = ""
        while True:
            try:
                with self.translated():
                    page = self.connection.get_container(container, prefix=prefix, marker=marker, limit=PAGE)[1]
            except NotFound:  # a container that nothing was written to yet
                return
            yield from page
            if not page:
                return
            marker = page[-1]["name"]

    def describe(self) -> dict[str, str]:
        return {"container": self.container}

    def free(self) -> int | None:
        return None


class _SwiftWriter:
    def __init__(self, store: SwiftStore, name: str) -> None:
        self._store, self._name = store, name
        self._buffer = bytearray()
        self._segments: list[dict[str, Any]] = []
        self._done = False
        with store.translated():
            store.connection.put_container(store.container)
            store.connection.put_container(store.parts)
            store.connection.put_object(store.parts, f"{name}/{_MARK}", b"")

    def write(self, data: bytes | memoryview) -> None:
        self._buffer += data
        while len(self._buffer) >= self._store.part:
            self._send(self._store.part)

    def _send(self, size: int) -> None:
        path = f"{self._name}/{len(self._segments) + 1:08d}"
        part = bytes(memoryview(self._buffer)[:size])
        with self._store.translated():
            etag = self._store.connection.put_object(self._store.parts, path, part)
        self._segments.append({"path": f"{self._store.parts}/{path}", "etag": etag, "size_bytes": size})
        del self._buffer[:size]

    def commit(self) -> None:
        store = self._store
        if store.head(store.parts, f"{self._name}/{_MARK}") is None:
            raise NotFound(f"The data {self._name} were deleted while they were written.")
        if store.head(store.container, self._name) is not None:
            raise Conflict(f"There are data {self._name} already.")
        if self._segments and self._buffer:
            self._send(len(self._buffer))
        with store.translated():
            if self._segments:
                manifest = json.dumps(self._segments)
                store.connection.put_object(
                    store.container, self._name, manifest, query_string="multipart-manifest=put"
                )
            else:
                store.connection.put_object(store.container, self._name, bytes(self._buffer))
        self._done = True
        with suppress(NotFound, Unavailable), store.translated():  # beside a whole blob the mark means nothing
            store.connection.delete_object(store.parts, f"{self._name}/{_MARK}")

    def abandon(self) -> None:
        if not self._done:
            self._done = True
            if self._store.head(self._store.container, self._name) is None:
                self._store.clear(self._name)


def _moment(item: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(item["last_modified"]).replace(tzinfo=UTC)


PLUGIN = SwiftStore
