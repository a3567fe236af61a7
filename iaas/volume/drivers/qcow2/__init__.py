"""Volumes as qcow2 files of one directory, served by qemu-storage-daemon over NBD with mutual TLS.

files.py           the files: names, headers, overlays, what nothing needs any more
content.py         what a new volume is made of: an image's disk, a snapshot, a volume
storage_daemon.py  the process that serves, which outlives the agent
graph.py           what it has open: the files' chains as its nodes, and the exports
driver.py          the verbs
"""

from iaas.volume.drivers.qcow2.driver import Qcow2Driver

PLUGIN = Qcow2Driver
