"""A guest's host name from a server's name."""

from __future__ import annotations

import re

import pytest

from iaas.compute import hostname


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web", "web"),
        ("My Web_1.example", "my-web-1-example"),
        ("-.-", "server-ID"),
        ("Ünïcode", "ncode"),
        ("日本", "server-ID"),
        ("a" * 70, "a" * 63),
        ("x" * 62 + "-y", "x" * 62),
        ("a\nb,c;d=$(e)", "abcde"),
    ],
)
def test_a_host_name_is_a_dns_label_whatever_the_name(name: str, expected: str) -> None:
    """S-086: what reaches the DHCP server's files is harmless."""
    made = hostname.of(name, "ID")
    assert made == expected
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|server-ID", made)
