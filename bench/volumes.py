"""What a volume host's verbs cost beside the bare tools: create, export, snapshot of a served volume, clone.

    .venv/bin/python bench/volumes.py [--times 20]

No broker and no database: only the back end, as iaas-volume drives it. Prints medians in milliseconds and the ratio.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from iaas.host.exec import Runner
from iaas.host.pki import Authority
from iaas.host.qmp import Qmp
from iaas.ids import new_uuid
from iaas.model.volume_order import Export, Source
from iaas.volume.drivers.driver import DriverSettings
from iaas.volume.drivers.qcow2.driver import Qcow2Driver
from iaas.volume.drivers.qcow2.storage_daemon import StorageDaemon
from tests.integration.rabbit import free_port


class Bench:
    def __init__(self, root: Path, times: int) -> None:
        self.root, self.times, self.runner = root, times, Runner()
        Authority("b" * 40).ensure(root / "pki", "bench", ["127.0.0.1"])
        settings = DriverSettings(state_dir=root / "v", port=free_port(), pki=root / "pki")
        self.driver = Qcow2Driver(settings)
        self.bare = StorageDaemon(replace(settings, state_dir=root / "bare", port=free_port()), self.runner)
        self.exports: list[Export] = []

    def milliseconds(self, act: Callable[[int], object]) -> float:
        taken = []
        for number in range(self.times):
            began = time.perf_counter()
            act(number)
            taken.append((time.perf_counter() - began) * 1000)
        return statistics.median(taken)

    def run(self) -> None:
        ids = [new_uuid() for _ in range(self.times)]
        self.show("create", self.milliseconds(lambda n: self.driver.create(ids[n], 1)), self.milliseconds(self.image))
        self.serve(ids[0])
        qmp = self.bare.ensure()
        served = self.milliseconds(lambda n: self.serve(ids[n])), self.milliseconds(lambda n: self.bare_export(qmp, n))
        self.show("export", *served)
        mine = self.milliseconds(lambda n: self.driver.snapshot(new_uuid(), ids[n]))
        self.show("snapshot, served", mine, self.milliseconds(lambda n: self.bare_snapshot(qmp, n)))
        clone = self.milliseconds(lambda n: self.driver.create(new_uuid(), 1, Source(volume_id=ids[n])))
        self.show("clone, served", clone, self.milliseconds(lambda n: self.bare_snapshot(qmp, self.times + n)))

    def serve(self, id: str) -> None:
        if id not in {item.volume_id for item in self.exports}:
            self.exports.append(Export(attachment_id=new_uuid(), volume_id=id, name=new_uuid()))
        assert not self.driver.serve(self.exports)

    def image(self, number: int, lower: str = "") -> Path:
        path = self.root / f"bare{number}{'o' if lower else ''}.qcow2"
        backing = ["-u", "-F", "qcow2", "-b", lower] if lower else []
        self.runner.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(path), "1G"], timeout=30)
        return path

    def add(self, qmp: Qmp, node: str, path: Path) -> None:
        file = {"driver": "file", "filename": str(path)}
        qmp.execute("blockdev-add", {"driver": "qcow2", "node-name": node, "file": file, "backing": None})

    def bare_export(self, qmp: Qmp, number: int) -> None:
        self.add(qmp, f"b{number}", self.root / f"bare{number}.qcow2")
        export = {"type": "nbd", "id": f"b{number}", "node-name": f"b{number}", "name": f"b{number}", "writable": True}
        qmp.execute("block-export-add", export)

    def bare_snapshot(self, qmp: Qmp, number: int) -> None:
        """Overlay by qemu-img, blockdev-add, blockdev-snapshot: what nothing can do without."""
        below = f"b{number}" if number < self.times else f"o{number - self.times}"
        path = self.image(number, "x.qcow2")
        self.add(qmp, f"o{number}", path)
        qmp.execute("blockdev-snapshot", {"node": below, "overlay": f"o{number}"})

    @staticmethod
    def show(what: str, ours: float, bare: float) -> None:
        print(f"{what:18} {ours:8.1f} ms   bare {bare:8.1f} ms   x {ours / bare:4.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    with tempfile.TemporaryDirectory() as root:
        bench = Bench(Path(root), parser.parse_args().times)
        try:
            bench.run()
        finally:
            bench.driver.daemon.stop()
            bench.bare.stop()


if __name__ == "__main__":
    main()
