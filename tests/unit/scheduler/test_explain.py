"""The table of hosts, filters and weights, and that the documents show what the command prints."""

from pathlib import Path

from iaas.config.sections import Scheduler
from iaas.scheduler import explain, plugins
from tests.unit.scheduler.test_pipeline import group, host, request

DOCUMENT = Path(__file__).parents[3] / "docs/scheduler.md"
OPTIONS = Scheduler(filters=("service", "zone", "ram", "anti_affinity"), weighers=("failed_builds", "ram"))
HOSTS = [
    host("compute1", ram_mb=8192, ram_mb_used=7168),
    host("compute2", ram_mb=8192, ram_mb_used=2048, group_members=1),
    host("compute3", ram_mb=8192),
    host("compute4", ram_mb=8192, failed_builds=1),
    host("compute5", ram_mb=8192, ram_mb_used=7680, zone="z2"),
]
REQUEST = request(ram_mb=1024, availability_zone="nova", group=group("anti-affinity", 1))


def text() -> str:
    filters, weighers = plugins.filters(OPTIONS), plugins.weighers(OPTIONS)
    verdicts = explain.explain(HOSTS, REQUEST, filters, weighers)
    return explain.table(verdicts, [name for name, _ in filters], [name for name, _ in weighers])


def test_the_best_host_comes_first_and_a_rejected_one_names_every_reason() -> None:
    verdicts = explain.explain(HOSTS, REQUEST, plugins.filters(OPTIONS), plugins.weighers(OPTIONS))
    assert [(verdict.host, verdict.place) for verdict in verdicts] == [
        ("compute3", 1), ("compute1", 2), ("compute4", 3), ("compute2", None), ("compute5", None)]  # fmt: skip
    assert verdicts[0].weights == {"failed_builds": 0.0, "ram": 8192.0}
    assert verdicts[4].reasons == {
        "zone": "it is in zone z2, not nova",
        "ram": "1024 MiB RAM wanted, 512 of 8192 free",
    }


def test_the_document_shows_what_the_command_prints() -> None:
    assert text() in DOCUMENT.read_text(), text()
