"""A small cloud on loopback for unmodified clients: identity with a catalog, to which other services are added.

cloud.add("image", app)            starts the WSGI application and puts it into the catalog
cloud.session(), cloud.sdk()       keystoneauth and openstacksdk, logged in as admin
cloud.cli("token", "issue")        the openstack command, its JSON output parsed
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openstack
from keystoneauth1 import session as ks
from keystoneauth1.identity import v3

from iaas.api.app import make_app
from iaas.api.http_server import HttpServer
from iaas.api.identity.dialect import DIALECT
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.config.sections import Auth
from iaas.db.engine import Database
from iaas.identity.bootstrap import Urls
from iaas.identity.facade import IdentityFacade
from iaas.identity.service import IdentityServices
from tests.compat.client import OpenStackClient

PASSWORD = "correct horse 'battery' %staple"
ADMIN = {"username": "admin", "password": PASSWORD, "user_domain_name": "Default"}
ON_ADMIN = {"project_name": "admin", "project_domain_name": "Default"}


class Cloud:
    def __init__(self, directory: Path, database: Database) -> None:
        auth = self._auth = Auth(key_repository=str(directory / "keys"), bcrypt_rounds=4)
        self.database = database
        self.services = IdentityServices.open(database, auth)
        self.identity = IdentityFacade(self.services)
        self._directory = directory
        self._client = OpenStackClient(directory)
        self._servers: list[HttpServer] = []
        routes = collect("iaas.api.identity")
        app = make_app(DIALECT, routes, self.services, Policy.of_routes(routes), self.identity.authenticate)
        self.url = self._serve(app)
        self.identity.bootstrap(PASSWORD, {"identity": Urls(f"{self.url}/v3")})

    def add(self, service_type: str, app: Callable[..., Any], path: str = "") -> str:
        """Serves the application on a port of its own; ``path`` is appended to its URL in the catalog."""
        url = self._serve(app)
        self.identity.bootstrap(PASSWORD, {service_type: Urls(url + path)})
        return url

    def twin(self) -> str:
        """A second identity daemon on the same database and keys, with a memory of its own; its URL."""
        services = IdentityServices.open(self.database, self._auth)
        routes, facade = collect("iaas.api.identity"), IdentityFacade(services)
        return self._serve(make_app(DIALECT, routes, services, Policy.of_routes(routes), facade.authenticate))

    def session(self, **scope: Any) -> ks.Session:
        """A session of admin on the project admin, or with another user or scope by keystoneauth's own names."""
        chosen = {**ADMIN, **({} if scope else ON_ADMIN), **scope}
        return ks.Session(auth=v3.Password(auth_url=self.url, **chosen))

    def access(self, **scope: Any) -> Any:
        """What keystoneauth understood of a fresh token."""
        session: Any = self.session(**scope)
        return session.auth.get_access(session)

    def sdk(self) -> Any:
        how: dict[str, Any] = {**ADMIN, **ON_ADMIN, "region_name": "RegionOne"}
        alone = {"load_yaml_config": False, "load_envvars": False}
        return openstack.connect(auth_url=self.url, auth_type="password", **alone, **how)

    def cli(self, *words: str, form: str = "json", **env: str) -> Any:
        """Runs ``openstack …``; the parsed JSON, or the text for another ``form``. Fails with what it printed."""
        command = [*words, "-f", form] if form else list(words)
        done = self._client.run(command, self._environment(**env), self._directory)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr[-2000:]}"
        return json.loads(done.stdout) if form == "json" else done.stdout

    def cli_many(self, *lines: str, **env: str) -> list[Any]:
        """Several commands that answer JSON in one process: a start costs more than a second, a command little."""
        command = str(Path(sys.executable).parent / "openstack")
        script = "".join(f"{line} -f json\n" for line in lines)
        done = subprocess.run([command], input=script, env=self._environment(**env),
                              capture_output=True, text=True, timeout=60)  # fmt: skip
        answers, rest, decoder = [], done.stdout.strip(), json.JSONDecoder()
        while rest.startswith(("[", "{")):
            answer, end = decoder.raw_decode(rest)
            answers.append(answer)
            rest = rest[end:].strip()
        assert len(answers) == len(lines) and not rest, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return answers

    def _environment(self, **env: str) -> dict[str, str]:
        """Nothing of the machine's own cloud or proxy gets through."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        return {
            **kept,
            "HOME": str(self._directory),
            "NO_PROXY": "*",
            "no_proxy": "*",
            "OS_AUTH_URL": f"{self.url}/v3",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_USERNAME": "admin",
            "OS_PASSWORD": PASSWORD,
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_NAME": "admin",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            **env,
        }

    def _serve(self, app: Callable[..., Any]) -> str:
        server = HttpServer(("127.0.0.1", 0), app, numthreads=4, timeout=10, shutdown_timeout=2)
        server.prepare()
        threading.Thread(target=server.serve, name="compat-http", daemon=True).start()
        self._servers.append(server)
        return f"http://127.0.0.1:{server.bind_addr[1]}"

    def close(self) -> None:
        self._client.close()
        for server in self._servers:
            server.stop()
