"""Reads the one configuration file into frozen dataclasses, by oslo.config.

A section is a dataclass whose fields are made by ``option()``; ``load()`` is called once, in ``iaas.cmd``, and
the values are handed down. There is no global: two clouds can live in one process, which the tests do.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from oslo_config import cfg

from iaas.errors import Invalid

T = TypeVar("T")
DEFAULT_FILES = ("/etc/iaas/iaas.conf",)


def option(default: Any, help: str, *, secret: bool = False, choices: Sequence[str] = ()) -> Any:
    """A field of a section. ``default`` fixes the type: str, int, float, bool or tuple of str."""
    return field(default=default, metadata={"help": help, "secret": secret, "choices": tuple(choices)})


def _opts(section: type) -> list[cfg.Opt]:
    hints = get_type_hints(section)
    makers = {str: cfg.StrOpt, int: cfg.IntOpt, float: cfg.FloatOpt, bool: cfg.BoolOpt}
    opts = []
    for item in fields(section):
        kind, extra = hints[item.name], {}
        if item.metadata["choices"]:
            extra["choices"] = item.metadata["choices"]
        maker = makers.get(kind, cfg.ListOpt)
        default: Any = item.default
        default = list(default) if maker is cfg.ListOpt else default
        opts.append(maker(item.name, default=default, help=item.metadata["help"],
                          secret=item.metadata["secret"], **extra))  # fmt: skip
    return opts


@dataclass(frozen=True)
class Loaded:
    """The parsed file: ``section(cls)`` gives the values of one section."""

    host: str
    files: tuple[str, ...]
    _conf: cfg.ConfigOpts

    def section(self, cls: type[T], name: str | None = None) -> T:
        """``name``: of one of the sections of a kind that there may be several of, as ``store:fast``."""
        if name is not None:
            self._conf.register_opts(_opts(cls), group=name)
        group = self._conf[name or cls.SECTION]  # type: ignore[attr-defined]
        values = {}
        for item in fields(cls):  # type: ignore[arg-type]
            value = getattr(group, item.name)
            values[item.name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)


class _Literal(cfg.ConfigOpts):
    """Values as they are written: oslo.config takes a ``$`` for a reference, and passwords have some."""

    def _substitute(self, value: Any, group: Any = None, namespace: Any = None) -> Any:
        return value


def load(sections: Sequence[type], files: Sequence[str] | None = None, host: str | None = None) -> Loaded:
    """Parses the files (default: /etc/iaas/iaas.conf). Raises Invalid for a missing file or a bad value."""
    chosen = list(files) if files else [name for name in DEFAULT_FILES if Path(name).exists()]
    for name in chosen:
        if not Path(name).is_file():
            raise Invalid(f"configuration file {name} does not exist")
    conf = _Literal()
    for section in sections:
        conf.register_opts(_opts(section), group=section.SECTION)  # type: ignore[attr-defined]
    try:
        conf(args=[], default_config_files=chosen, project="iaas", use_env=False)
        loaded = Loaded(host or socket.gethostname(), tuple(chosen), conf)
        for section in sections:
            loaded.section(section)
    except (cfg.Error, ValueError) as error:
        raise Invalid(f"configuration: {error}") from error
    return loaded


def unknown_keys(sections: Sequence[type], files: Sequence[str]) -> list[str]:
    """``section.key`` for everything in the files that no section declares: mistypings, mostly."""
    known = {section.SECTION: {item.name for item in fields(section)} for section in sections}  # type: ignore[attr-defined]
    found: dict[str, Any] = {}
    strays = []
    for name in files:
        cfg.ConfigParser(name, found).parse()
        for section, keys in found.items():
            kind = f"{section.partition(':')[0]}:ID"  # of a section that there may be several of
            allowed = known.get(section) or known.get(kind) or set()
            strays += [f"{section}.{key}" for key in keys if key not in allowed]
    return sorted(set(strays))


def sample(sections: Sequence[type]) -> str:
    """The documented sample file, every option commented out at its default."""
    lines = ["# iaas.conf: one file for every daemon on every host, copied unchanged.", ""]
    for section in sections:
        lines += [f"[{section.SECTION}]"]  # type: ignore[attr-defined]
        lines += [f"# {line}" for line in (section.__doc__ or "").strip().splitlines()[:1]]
        for item in fields(section):
            default = ",".join(item.default) if isinstance(item.default, tuple) else item.default
            text = str(default).lower() if isinstance(default, bool) else default
            choices = f" ({', '.join(item.metadata['choices'])})" if item.metadata["choices"] else ""
            lines += ["", f"# {item.metadata['help']}{choices}", f"# {item.name} = {text}"]
        lines.append("")
    return "\n".join(lines)


def replace(value: T, **changes: Any) -> T:
    return dataclasses.replace(value, **changes)  # type: ignore[type-var]
