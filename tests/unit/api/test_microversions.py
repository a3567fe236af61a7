"""Microversions: asked by header, answered by header, and routes exist only in theirs."""

from __future__ import annotations

import pytest

from iaas.api.microversion import Microversions, Version
from tests.unit.api.small import as_, client

RANGE = Microversions(service="small", minimum="2.1", maximum="2.10", legacy_header="X-Small-API-Version")


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        ({}, "2.1"),
        ({"OpenStack-API-Version": "small 2.5"}, "2.5"),
        ({"OpenStack-API-Version": "SMALL latest"}, "2.10"),
        ({"OpenStack-API-Version": "volume 3.9, small 2.10"}, "2.10"),
        ({"OpenStack-API-Version": "volume 3.9"}, "2.1"),
        ({"X-Small-API-Version": "2.6"}, "2.6"),
        ({"OpenStack-API-Version": "small 2.7", "X-Small-API-Version": "2.6"}, "2.7"),
    ],
)
def test_the_version_that_is_asked_for_is_spoken_and_named(asked: dict[str, str], version: str) -> None:
    answer = client(microversions=RANGE).get("/versioned", headers={**as_("member"), **asked})
    assert answer.status_code == 200
    assert answer.json is not None and answer.json["version"] == version
    assert answer.json["words"] == ("new" if Version.parse(version) >= Version.parse("2.5") else "old")
    assert answer.json["new"] == (answer.json["words"] == "new")
    assert answer.headers["OpenStack-API-Version"] == f"small {version}"
    assert answer.headers["X-Small-API-Version"] == version
    assert "OpenStack-API-Version" in answer.headers["Vary"]


@pytest.mark.parametrize(("asked", "status"), [("2.0", 406), ("2.11", 406), ("3.1", 406), ("1.9", 406)])
def test_a_version_out_of_range_is_not_acceptable(asked: str, status: int) -> None:
    answer = client(microversions=RANGE).get(
        "/versioned", headers=as_("member", OpenStack_API_Version=f"small {asked}")
    )
    assert answer.status_code == status


@pytest.mark.parametrize("asked", ["2", "2.x", "2.01", "2.5.1", "-2.5", "2.99999", "newest", "\u0662.\u0665"])
def test_a_malformed_version_is_a_bad_request(asked: str) -> None:
    answer = client(microversions=RANGE).get("/versioned", headers=as_("member", X_Small_API_Version=asked))
    assert answer.status_code == 400


def test_a_route_does_not_exist_before_its_version() -> None:
    http = client(microversions=RANGE)
    assert http.get("/later", headers=as_("member")).status_code == 404
    assert http.get("/later", headers=as_("member", X_Small_API_Version="2.5")).status_code == 200


def test_versions_are_ordered_as_numbers() -> None:
    assert Version.parse("2.10") > Version.parse("2.9") > Version.parse("2.1")
