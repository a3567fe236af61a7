"""Which of its own addresses a host gives to the others: found out, so that one file fits every host (A-010, A-027)."""

from __future__ import annotations

import socket

import pytest

from iaas.cmd import address
from iaas.errors import Invalid


def test_it_is_the_one_on_the_way_to_the_first_broker_that_can_be_reached() -> None:
    urls = ("amqp://u:p@no-such-name.invalid:5672//", "amqp://u:p%40x@127.0.0.1:5672/iaas")
    assert address.on_the_way(urls) == "127.0.0.1"
    assert address.on_the_way(urls[:1]) == ""


def test_a_daemon_that_starts_before_its_network_waits_for_it_a016(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([OSError("Network is unreachable"), socket.gaierror("Name or service not known"), None])

    def towards(target: str) -> str:
        trouble = next(answers)
        if trouble:
            raise trouble
        return f"own address towards {target}"

    monkeypatch.setattr(address, "towards", towards)
    monkeypatch.setattr(address, "_PAUSE_S", 0.0)
    assert address.wait_for_way(("amqp://u:secret@broker//",)) == "own address towards broker"
    assert len(caplog.messages) == 2
    assert "secret" not in caplog.text


def test_a_network_stands_for_the_hosts_own_address_in_it_a027() -> None:
    assert address.chosen("127.0.0.0/8") == "127.0.0.1"
    assert address.chosen("10.9.8.7") == "10.9.8.7"


@pytest.mark.parametrize("wish", ["203.0.113.0/24", "eth9", "10.0.0.0/99"])
def test_a_network_that_the_host_is_not_in_is_refused_in_words(wish: str) -> None:
    with pytest.raises(Invalid) as caught:
        address.chosen(wish)
    assert wish in caught.value.message
