"""What the read-only store promises: it reads what it was told of, guarded as any fetch, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from iaas.config.sections import Image, ImageStore
from iaas.errors import Forbidden, Invalid, NotFound
from iaas.image.stores.http import HttpStore
from tests.unit.image.canary import Canary, serving


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with serving() as found:
        found.pages["/images/a"] = (200, {}, b"0123456789")
        yield found


@pytest.fixture
def store(canary: Canary) -> HttpStore:
    image = Image(web_ports=(str(canary.port),), web_networks=("127.0.0.1/32",))
    return HttpStore(ImageStore(http_prefixes=(canary.url("/images/"),)), image)


def test_it_reads_what_is_there_and_says_what_is_not(store: HttpStore, canary: Canary) -> None:
    with store.open(canary.url("/images/a")) as file:
        assert file.read() == b"0123456789"
    with pytest.raises(NotFound):
        store.open(canary.url("/images/none"))


def test_it_writes_and_deletes_nothing(store: HttpStore, canary: Canary) -> None:
    """S-019"""
    before = len(canary.hits)
    with pytest.raises(Forbidden):
        store.writer(canary.url("/images/a"))
    assert store.delete(canary.url("/images/a")) is False
    assert list(store.inventory()) == []
    assert len(canary.hits) == before


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:22/images/a", "{other}", "swift://a/b", ""])
def test_other_urls_are_none_of_its_own(store: HttpStore, canary: Canary, url: str) -> None:
    """S-019, S-020"""
    url = url.replace("{other}", canary.url("/other"))
    assert not store.takes(url)
    for use in (store.writer, store.open, store.delete):
        with pytest.raises(Invalid):
            use(url)
