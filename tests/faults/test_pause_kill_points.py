"""A daemon dies at each point of pause, unpause, suspend and resume; afterwards the state is what was wanted."""

import pytest

from iaas import failpoints
from iaas.compute import lifecycle
from iaas.model.server import State
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, network
from tests.faults.test_kill_points import AGENT, CONDUCTOR

VERBS = {
    "pause": (None, State.PAUSED, ["compute.pause.after_pause"]),
    "unpause": ("pause", State.ACTIVE, ["compute.unpause.after_unpause"]),
    "suspend": (None, State.SUSPENDED, ["compute.suspend.after_save"]),
    "resume": ("suspend", State.ACTIVE, ["compute.resume.after_restore"]),
}
DEATHS = [(verb, point) for verb, (_, _, points) in VERBS.items() for point in (*CONDUCTOR, *AGENT, *points)]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(("verb", "point"), DEATHS)
def test_it_survives_a_death_at(cloud: Cloud, verb: str, point: str, times: int) -> None:
    before, state, _ = VERBS[verb]
    server_id = boot(cloud, network(cloud))
    if before:
        getattr(lifecycle, before)(cloud.compute, cloud.context, server_id)
        cloud.settle()
    arm(point, f"crash*{times}")
    getattr(lifecycle, verb)(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    assert (cloud.server(server_id).state, cloud.server(server_id).task) == (state, None)
    assert cloud.audit() == []
