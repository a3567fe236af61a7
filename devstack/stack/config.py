"""The files that people and daemons read: iaas.conf, clouds.yaml and openrc. Pure text from the settings,
and from the operator's own iaas.local.conf."""

from __future__ import annotations

from pathlib import Path

from devstack.stack import files
from devstack.stack.failure import Failure
from devstack.stack.layouts import BROKER, CONTROL
from devstack.stack.settings import Settings

REGION = "RegionOne"
FILTER_MARK = "devstack"  # in the names of the agent's nft tables
_MARK = "# Written by devstack/up"
_APIS = ("identity", "compute", "network", "volume", "image", "metadata")


def broker_url(settings: Settings) -> str:
    return f"amqp://iaas:{settings.secrets.broker_password}@{settings.address}:{settings.ports.amqp}/iaas"


def database_url(settings: Settings) -> str:
    """SQLAlchemy's URL of the state database."""
    if settings.database == "sqlite":
        return f"sqlite:///{settings.state}/iaas.sqlite"
    account = f"iaas:{settings.secrets.database_password}"
    return f"postgresql+psycopg://{account}@{settings.address}:{settings.ports.postgresql}/iaas"


def sections(settings: Settings) -> dict[str, dict[str, str]]:
    """Every option that differs from its default, by section of iaas/config/sections.py."""
    return _shared(settings) if settings.fleet else _alone(settings)


def _shared(settings: Settings) -> dict[str, dict[str, str]]:
    """One file for every host: what is a host's own is found out or told on the command line, and directories are
    the usual ones (A-010)."""
    assert settings.fleet
    brokers = [broker_url(settings.at(host)) for host in settings.fleet.having(BROKER)]
    several = len(settings.fleet.having(CONTROL)) > 1  # each listens at whatever address it has
    place = "0.0.0.0" if several else settings.address  # noqa: S104 - in a namespace
    return {
        "database": {"connection": database_url(settings)},
        "bus": {"urls": ",".join(brokers)},
        "auth": {
            "metadata_secret": settings.secrets.metadata_secret,
            "internal_secret": settings.secrets.internal_secret,
        },
        "api": {
            **{f"{name}_listen": f"{place}:{getattr(settings.ports, name)}/" for name in _APIS},
            **({"public_host": settings.address} if several else {}),
        },
        "console": {"listen": f"{settings.address}:{settings.ports.console}/"},
        "network": {
            "physical_networks": "physnet1:br-ex",
            "metadata_url": f"http://{settings.address}:{settings.ports.metadata}",
        },
    }


def _alone(settings: Settings) -> dict[str, dict[str, str]]:
    state, ports = settings.state, settings.ports
    return {
        "database": {"connection": database_url(settings)},
        "bus": {"urls": broker_url(settings)},
        "auth": {
            "key_repository": f"{state}/keys",
            "policy_file": f"{state}/policy.yaml",
            "metadata_secret": settings.secrets.metadata_secret,
            "internal_secret": settings.secrets.internal_secret,
        },
        "api": {f"{name}_listen": f"127.0.0.1:{getattr(ports, name)}/" for name in _APIS},
        "image": {"directory": f"{state}/images"},
        "compute": {"state_dir": f"{state}/compute", "libvirt_uri": settings.libvirt_uri},
        "conductor": {"allow_resize_to_same_host": "true"},  # there is no other
        "network": {
            "state_dir": f"{state}/network",
            "mark": FILTER_MARK,
            "physical_networks": "physnet1:br-ex",
            "metadata_url": f"http://127.0.0.1:{ports.metadata}",
        },
        "volume": {"state_dir": f"{state}/volumes"},
        "console": {"listen": f"127.0.0.1:{ports.console}/", "state_dir": f"{state}/console"},
    }


def iaas_conf(settings: Settings) -> str:
    lines = [f"{_MARK} for the stack in {settings.state}; the next run overwrites changes.",
             f"# What you want otherwise goes into {settings.wishes}: devstack/up puts it at the end of this file.",
             "# All options, with what they mean: iaas-manage config sample"]  # fmt: skip
    for section, options in sections(settings).items():
        lines += ["", f"[{section}]", *(f"{key} = {value}" for key, value in options.items())]
    if settings.wishes.exists():  # of options that are given twice the last one counts
        lines += ["", f"# From {settings.wishes}", settings.wishes.read_text().rstrip()]
    return "\n".join(lines) + "\n"


def accounts(settings: Settings) -> dict[str, dict[str, str]]:
    """Cloud name → the user's OS_* values, in lower case and without OS_."""
    common = {
        "auth_url": f"http://{settings.address}:{settings.ports.identity}/v3",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    passwords = {"admin": settings.secrets.admin_password, "demo": settings.secrets.demo_password}
    users = {name: {"username": name, "project_name": name, "password": passwords[name]} for name in passwords}
    return {"devstack": common | users["admin"], "demo": common | users["demo"]}


def clouds_yaml(settings: Settings) -> str:
    """devstack is the administrator, demo an ordinary user."""
    lines = [f"{_MARK}. Choose with OS_CLOUD=devstack (the administrator) or OS_CLOUD=demo.", "clouds:"]
    for name, auth in accounts(settings).items():
        lines += [f"  {name}:", "    auth:", *(f"      {key}: {value}" for key, value in auth.items())]
        lines += [f"    region_name: {REGION}", "    identity_api_version: 3"]
    return "\n".join(lines) + "\n"


def openrc(settings: Settings) -> str:
    """The administrator's variables, for a shell."""
    values = accounts(settings)["devstack"] | {"region_name": REGION, "identity_api_version": "3"}
    lines = [f"{_MARK}: the administrator's credentials. Use: . {settings.openrc}", "unset OS_CLOUD"]
    return "\n".join(lines + [f"export OS_{key.upper()}={value}" for key, value in values.items()]) + "\n"


def paths(settings: Settings) -> tuple[Path, Path, Path]:
    """iaas.conf, clouds.yaml and openrc."""
    return settings.config, settings.home / "clouds.yaml", settings.openrc


def write(settings: Settings) -> bool:
    """Writes them. Returns whether iaas.conf changed.

    Raises Failure rather than overwrite a file that somebody else wrote.
    """
    for path in paths(settings):
        if path.exists() and not path.read_text().startswith(_MARK):
            raise Failure(f"{path} exists and is not devstack's: move it away")
    conf, clouds, rc = paths(settings)
    files.write(clouds, clouds_yaml(settings))
    files.write(rc, openrc(settings))
    return files.write(conf, iaas_conf(settings))


def remove(settings: Settings) -> None:
    for path in paths(settings):
        path.unlink(missing_ok=True)
