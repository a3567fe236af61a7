"""ISO 9660 volumes: what goes in comes out, under both kinds of names."""

import gzip
import io

import pycdlib
import pytest

from iaas import errors
from iaas.host import iso9660

MOST = 1 << 20


def read(volume: bytes, **names: str) -> dict[str, bytes]:
    """The files by path, as a guest that reads Rock Ridge (``rr_path="/"``) or Joliet sees them."""
    iso, found = pycdlib.PyCdlib(), {}
    iso.open_fp(io.BytesIO(volume))
    (kind,) = names
    for folder, _, files in iso.walk(**names):
        for name in files:
            path, data = f"{folder.rstrip('/')}/{name}", io.BytesIO()
            iso.get_file_from_iso_fp(data, **{kind: path})
            found[path.lstrip("/")] = data.getvalue()
    iso.close()
    return found


def label(volume: bytes) -> str:
    return volume[16 * 2048 + 40 : 16 * 2048 + 72].decode("ascii").strip()


def test_files_come_back_byte_for_byte_under_both_kinds_of_names() -> None:
    same = gzip.compress(bytes(range(256)) * 100, mtime=0)
    files = {
        "openstack/latest/user_data": same, "openstack/2012-08-10/user_data": same, "ec2/latest/user-data": same,
        "openstack/latest/meta_data.json": b'{"name": "\xc3\xa9"}', "top": b"x" * 2048, "empty": b"",
        "also/empty": b"",
    }  # fmt: skip
    volume = iso9660.volume("config-2", files, MOST)
    assert label(volume) == "config-2"
    assert read(volume, rr_path="/") == files
    assert read(volume, joliet_path="/") == files
    assert volume.count(same) == 1, "equal contents are there once"


def test_a_volume_has_an_end() -> None:
    for most in (100, 5000):
        with pytest.raises(errors.TooLarge):
            iso9660.volume("config-2", {"a": b"x" * 1000}, most)
