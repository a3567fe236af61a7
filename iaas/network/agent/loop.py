"""The agent's one thread: gather, plan, carry out, report; woken by a hint or by the time. Knows no tool.

Level-triggered: a hint only says "look again", many hints are one look, and a lost one costs an interval.
Between the looks at the controller's wish there are patrols with the last one, so that what dies on the host
(dnsmasq, a rule, a bridge) is back within seconds, also while the controller is away (F-71, F-74).
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping

from iaas import context, failpoints
from iaas.clock import Clock, SystemClock
from iaas.errors import Error
from iaas.model.wiring import HostWiring, WiringReport
from iaas.network.agent.gather import Gatherer
from iaas.network.agent.plan import Plan, plan
from iaas.network.agent.steps import PlugTap, Step, subject
from iaas.network.drivers.driver import NetworkDriver
from iaas.rpc.network import NetworkRpc

_LOG = logging.getLogger(__name__)
PATROL_SECONDS = 3.0
GRACE_SECONDS = 1.0  # a suspect must still be one after so long, in another complete look (C-13)
REPEAT_SECONDS = 60.0  # everything that is wired is told again: a report may have ended among the dead letters
_FIRST_RETRY_SECONDS = 0.25
_REPORT_PORTS = 500


class Loop:
    """``physical``: physical network -> bridge; ``interval``: seconds between two looks at the wish."""

    def __init__(
        self,
        *,
        host: str,
        rpc: NetworkRpc,
        driver: NetworkDriver,
        physical: Mapping[str, str],
        interval: float = 10.0,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._host, self._rpc, self._driver, self._physical = host, rpc, driver, physical
        self._gatherer = Gatherer(host, rpc, driver)
        self._interval = interval
        self._clock = clock or SystemClock()
        self._jitter = jitter
        self._event = threading.Event()
        self._hinted = True
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._ask_at = 0.0
        self._repeat_at = 0.0
        self._failures = 0
        self._suspects: dict[str, float] = {}
        self._told: dict[tuple[str, str], int] = {}  # ("wired" or "served", port) or ("router", router) -> revision

    @property
    def suspects(self) -> frozenset[str]:
        """What looked unwanted or out of place in the last complete look, and waits for another one."""
        return frozenset(self._suspects)

    def look(self) -> None:
        """Asks for a look now; from any thread, returns at once."""
        self._hinted = True
        self._event.set()

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run, name="network-loop", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ends the thread after the step that it is at; what is in force stays in force."""
        self._stopping = True
        self._event.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run(self) -> None:
        """Rounds until ``stop``."""
        while not self._stopping:
            self._event.clear()
            try:
                self.round()
            except Exception as error:  # noqa: BLE001 - the thread must live: log it, and try again later
                self._failures += 1
                _LOG.error("look failed: %s", error, exc_info=not isinstance(error, Error))
            self._clock.wait(self._event, self._pause())

    def round(self) -> bool:
        """One look; True when all that is wanted is so. Raises what ``Gatherer.gather`` raises."""
        with context.use(context.system()):
            now = self._clock.monotonic()
            ask = self._must_ask(now)
            gathered = self._gatherer.gather(ask)
            self._hinted = self._hinted or (ask and not gathered.fresh)
            if gathered.fresh:
                self._ask_at = now + self._interval * (0.8 + 0.2 * self._jitter())
            confirmed = self._confirmed(now) if gathered.fresh else frozenset()
            planned = plan(gathered.wish, gathered.found, self._physical, confirmed)
            if gathered.fresh:
                self._suspects = {key: self._suspects.get(key, now) for key in planned.suspects}
            broken = self._carry_out(planned)
            self._report(gathered.wish, broken, now)
            self._failures = self._failures + 1 if broken else 0
            return not broken

    def _must_ask(self, now: float) -> bool:
        """A hint that comes after this one was seen sets the flag again, so none is lost."""
        if self._hinted:
            self._hinted = False
            return True
        return bool(self._suspects) or self._failures > 0 or now >= self._ask_at

    def _confirmed(self, now: float) -> frozenset[str]:
        """Suspects of the last complete look that have been so for the time of grace."""
        return frozenset(key for key, since in self._suspects.items() if now - since >= GRACE_SECONDS)

    def _carry_out(self, planned: Plan) -> dict[str | None, str]:
        """Every step but those of a network or router that failed before; (network, router or None for all) -> why."""
        broken: dict[str | None, str] = dict(planned.problems)
        for id, why in planned.problems:
            _LOG.warning("%s can't be wired: %s", id, why)
        for step in planned.steps:
            what = subject(step)
            if what in broken or (None in broken and isinstance(step, PlugTap)):
                continue  # nothing is plugged in without its rules
            try:
                self._driver.apply(step)
            except Exception as error:  # noqa: BLE001 - one network's trouble is not the others'
                broken[what] = str(error)
                _LOG.error("%s failed: %s", _words(step), error, exc_info=not isinstance(error, Error))
            else:
                _LOG.info("%s", _words(step))
        return broken

    def _report(self, wish: HostWiring, broken: Mapping[str | None, str], now: float) -> None:
        networks = {network.id for network in wish.networks} - set(broken)
        wired = {port.id: port.revision for port in wish.ports if port.network_id in networks and None not in broken}
        repeat = now >= self._repeat_at
        served = {
            client.port_id: client.revision
            for network in wish.networks
            if network.id in networks and network.dhcp is not None and None not in broken
            for client in network.dhcp.hosts
        }
        told = {("wired", id): revision for id, revision in wired.items()}
        told |= {("served", id): revision for id, revision in served.items()}
        told |= {("router", item.id): item.revision for item in wish.routers if not {item.id, None} & broken.keys()}
        self._told = {key: revision for key, revision in self._told.items() if key in told}
        news = [(key, revision) for key, revision in told.items() if repeat or self._told.get(key) != revision]
        failpoints.hit("network.agent.before_report")
        for start in range(0, len(news), _REPORT_PORTS):
            part = news[start : start + _REPORT_PORTS]
            self._rpc.wired(
                WiringReport(
                    host=self._host,
                    wired=tuple((id, revision) for (what, id), revision in part if what == "wired"),
                    served=tuple((id, revision) for (what, id), revision in part if what == "served"),
                    routers=tuple((id, revision) for (what, id), revision in part if what == "router"),
                )
            )
            self._told.update(part)
        if repeat:
            self._repeat_at = now + REPEAT_SECONDS

    def _pause(self) -> float:
        patrol = min(self._interval, PATROL_SECONDS)
        if self._failures:
            patrol = min(patrol, _FIRST_RETRY_SECONDS * 2 ** min(self._failures, 10))
        elif self._suspects:
            patrol = min(patrol, GRACE_SECONDS)
        return patrol * (1.0 + 0.1 * self._jitter())


def _words(step: Step) -> str:
    return f"{type(step).__name__} {subject(step) or 'host'}"
