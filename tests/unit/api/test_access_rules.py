"""What an access rule's path meets, and that nothing slips through it by another spelling (S-036)."""

from __future__ import annotations

import pytest

from iaas.api.access_rules import permits

MEETS = [
    ("/v2.1/servers", "/v2.1/servers"),
    ("/v2.1/servers", "/v2.1/servers/"),
    ("/v2.1/servers/*", "/v2.1/servers/a"),
    ("/v2.1/servers/{server_id}", "/v2.1/servers/a"),
    ("/v2.1/servers/{server_id}/ips", "/v2.1/servers/a/ips"),
    ("/v2.1/*/detail", "/v2.1/servers/detail"),
    ("/v2.1/ser*", "/v2.1/servers"),
    ("/v2.1/**", "/v2.1/servers/a/ips"),
    ("/v2.1/**", "/v2.1/servers"),
    ("/**/ips", "/v2.1/servers/a/ips"),
    ("/v2.1/**s/*", "/v2.1/servers/a/tags/b"),
    ("/**", "/"),
]
MISSES = [
    ("/v2.1/servers", "/v2.1/servers/a"),
    ("/v2.1/servers", "/v2.1/server"),
    ("/v2.1/servers", "/v2.1/SERVERS"),
    ("/v2.1/servers", "/v2x1/servers"),
    ("/v2.1/servers/*", "/v2.1/servers"),
    ("/v2.1/servers/*", "/v2.1/servers/"),
    ("/v2.1/servers/*", "/v2.1/servers/a/ips"),
    ("/v2.1/servers/{id}", "/v2.1/servers/a/ips"),
    ("/v2.1/servers/**", "/v2.1/servers/../os-keypairs"),
    ("/v2.1/**", "/v2.1//servers"),
    ("/v2.1/**", "/v2.1/./servers"),
    ("/v2.1/**", "/v2.1/servers/.."),
    ("/v2.1/**", "/v2.1/%2e%2e/servers"),
    ("/v2.1/**", "/v2.1/servers\\a"),
    ("/v2.1/**", "/v2.1/servers\n"),
    ("", "/v2.1/servers"),
]


@pytest.mark.parametrize(("pattern", "path"), MEETS)
def test_a_path_that_the_rule_means_is_let_through(pattern: str, path: str) -> None:
    assert permits([("compute", "GET", pattern)], "compute", "GET", path)


@pytest.mark.parametrize(("pattern", "path"), MISSES)
def test_a_path_that_the_rule_does_not_mean_is_refused(pattern: str, path: str) -> None:
    """S-036"""
    assert not permits([("compute", "GET", pattern)], "compute", "GET", path)


def test_service_and_method_count_too_and_any_rule_is_enough() -> None:
    rules = [("compute", "GET", "/v2.1/servers"), ("image", "POST", "/v2/images")]
    assert permits(rules, "image", "POST", "/v2/images")
    assert not permits(rules, "image", "GET", "/v2/images")
    assert not permits(rules, "network", "GET", "/v2.1/servers")
    assert not permits(rules, "compute", "HEAD", "/v2.1/servers")
    assert not permits([], "compute", "GET", "/v2.1/servers")


@pytest.mark.parametrize("name", ["block-storage", "volumev3", "volume"])
def test_block_storage_is_meant_by_every_name_that_clients_use(name: str) -> None:
    assert permits([(name, "GET", "/v3/**")], "volume", "GET", "/v3/p/volumes")


@pytest.mark.parametrize("pattern", ["/**" * 80, "/" + "**a" * 80, "*" * 254 + "x", "/" + "*a" * 100])
def test_no_pattern_makes_a_long_path_expensive(pattern: str) -> None:
    """S-111: a regular expression for it would not end within a life."""
    assert not permits([("compute", "GET", pattern)], "compute", "GET", "/" + "a" * 8000 + "!/b-")
