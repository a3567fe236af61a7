"""The stock ``openstack`` command, unmodified, started often: one process imports it and forks for every command.

Starting it anew costs more than a second of imports each time; a fork costs a few milliseconds. Each command still has
a process, an environment and a directory of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_SERVER = """
import importlib.metadata, json, os, sys, traceback
from openstackclient import shell
import openstack.connection, openstack.compute.v2.server, openstack.network.v2.port, openstack.image.v2.image
for entry in importlib.metadata.entry_points(group="openstack.cli.extension"):
    entry.load()

def run(call):
    os.chdir(call["directory"])
    os.environ.clear()
    os.environ.update(call["environment"])
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(call[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        return shell.main(call["words"])
    except SystemExit as end:
        return end.code
    except BaseException:
        traceback.print_exc()
        return 1

for line in sys.stdin:
    child = os.fork()
    if not child:
        code = run(json.loads(line))
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code if isinstance(code, int) else bool(code))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class OpenStackClient:
    """``run`` is the command; thread-safe, one at a time. ``prefix`` starts the client elsewhere (nsenter …)."""

    def __init__(self, scratch: Path, prefix: Sequence[str] = ()) -> None:
        self._scratch, self._prefix = scratch, prefix
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, words: Sequence[str], environment: Mapping[str, str], directory: Path
    ) -> subprocess.CompletedProcess[str]:
        """What subprocess.run would give for ``openstack words…``."""
        out, err = self._scratch / "client.out", self._scratch / "client.err"
        call = {"words": list(words), "environment": dict(environment), "directory": str(directory),
                "out": str(out), "err": str(err)}  # fmt: skip
        with self._lock:
            process = self._started()
            assert process.stdin and process.stdout
            process.stdin.write(json.dumps(call) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, "the client's process has ended"
            return subprocess.CompletedProcess(["openstack", *words], int(answer), out.read_text(), err.read_text())

    def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin
            self._process.stdin.close()
            self._process.wait(10)
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            command = [*self._prefix, sys.executable, "-c", _SERVER]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self._process
