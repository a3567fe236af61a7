"""Serial consoles kept in files: the last lines of one, and a bound on all of them. Knows no guest.

QEMU appends to ``console.log`` (so cutting the file is safe at any time); what is cut off stays for one
more round in ``console.log.1``.
"""

from __future__ import annotations

import os
from pathlib import Path

from iaas import errors
from iaas.compute.agent.instances import Instances
from iaas.host import files

_ANSWER = 100 * 1024  # bytes, as the RPC contract promises
_MOST = 8 << 20  # bytes of a console before it is cut
_KEPT = 1 << 20


class Consoles:
    def __init__(self, instances: Instances) -> None:
        self._instances = instances

    def output(self, server_id: str, lines: int | None) -> str:
        """The last ``lines`` lines, all when None, at most 100 KiB. Raises NotFound for a server not here."""
        if not self._instances.exists(server_id):
            raise errors.NotFound.of("instance", server_id)
        path = self._instances.console(server_id)
        data = files.tail(path, _ANSWER)
        if len(data) < _ANSWER:
            data = files.tail(_older(path), _ANSWER - len(data)) + data
        text = data.decode(errors="replace")
        if lines is None:
            return text
        return "".join(text.splitlines(keepends=True)[-lines:]) if lines > 0 else ""

    def tidy(self) -> None:
        """Cuts every console over 8 MiB down to its last 1 MiB; a guest cannot fill the host's disk with
        it.
        """
        for server_id in self._instances.ids():
            path = self._instances.console(server_id)
            if path.is_file() and path.stat().st_size > _MOST:
                files.write(_older(path), files.tail(path, _KEPT), durable=False)
                os.truncate(path, 0)


def _older(path: Path) -> Path:
    return path.with_name(path.name + ".1")
