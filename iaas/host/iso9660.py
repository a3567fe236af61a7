"""ISO 9660 volumes of a few small files, in memory. Knows no service.

By pycdlib, in this process: no other program, no scratch directory, 4 ms (docs/decisions/0032).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from iaas import errors


def volume(label: str, files: Mapping[str, bytes], most: int) -> bytes:
    """A volume with these files by path ("a/b/c"), their names as Rock Ridge (which Linux reads) and as Joliet
    (Windows). Equal contents are there once. Raises TooLarge over ``most`` bytes.
    """
    import pycdlib  # late: 20 ms that only hosts with such volumes pay

    if sum(len(data) for data in set(files.values())) > most:
        raise errors.TooLarge(f"The volume {label} has more than {most} bytes.")
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, vol_ident=label, joliet=3, rock_ridge="1.09")
    folders, there = {"": ""}, dict[bytes, str]()  # path -> the ISO's own; content -> the same of its first file
    for number, path in enumerate(sorted(files)):
        above, _, name = path.rpartition("/")
        _file(iso, files[path], f"{_folder(iso, above, folders)}/F{number}.;1", name, f"/{path}", there)
    out = io.BytesIO()
    iso.write_fp(out)
    iso.close()
    found = out.getvalue()
    if len(found) > most:
        raise errors.TooLarge(f"The volume {label} has more than {most} bytes.")
    return found


def _folder(iso: Any, path: str, folders: dict[str, str]) -> str:
    """Makes the folder and those above it; ISO 9660's own names are short, of capitals, and read by nobody."""
    if path not in folders:
        above, _, name = path.rpartition("/")
        folders[path] = f"{_folder(iso, above, folders)}/D{len(folders)}"
        iso.add_directory(folders[path], rr_name=name, joliet_path=f"/{path}")
    return folders[path]


def _file(iso: Any, data: bytes, own: str, name: str, joliet: str, there: dict[bytes, str]) -> None:
    if data not in there:
        there[data] = own
        iso.add_fp(io.BytesIO(data), len(data), own, rr_name=name, joliet_path=joliet)
        return
    iso.add_hard_link(iso_old_path=there[data], iso_new_path=own, rr_name=name)
    iso.add_hard_link(iso_old_path=there[data], joliet_new_path=joliet)
