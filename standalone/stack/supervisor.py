"""Supervisord's configuration: supervisord restarts a process that ends, and ends all processes together.

Supervisord runs in the state folder and reads its path from the environment, so the path needs no quoting here.
It has no control socket, whose path could be too long; a signal stops it.
"""

import sys
from pathlib import Path

from standalone.files import write_private
from standalone.settings import REPOSITORY, Settings
from standalone.stack import processes, programs

#: The module that becomes a process of the stack.
START_MODULE = "standalone.stack.start_process"

# The services end together, then the database that they use: within 6 + 5 s.
_STOP_SECONDS = 6
_STOP_SECONDS_POSTGRES = 5

_HEAD = """\
[supervisord]
nodaemon=true
silent=true
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile={run}/supervisord.pid
childlogdir={logs}
umask=022

"""

# Retries continue for days, with a pause that grows by a second each time: a port that is in use may become free.
_PROGRAM = """\
[program:{name}]
command={python} -m {module} {name}
directory={directory}
environment={marker}="%(ENV_ATDB_STATE)s:{name}"
autorestart=true
startsecs=3
startretries=1000
stopsignal={signal}
stopwaitsecs={seconds}
stopasgroup={as_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
priority=10

"""

_GROUP = """\
[group:services]
programs={names}
priority=20
"""


def configuration(settings: Settings) -> str:
    """Format supervisord's configuration; it has no secrets."""
    services = [name for name in programs.names() if name != "postgres"]
    logs, run = settings.logs.relative_to(settings.state), settings.run.relative_to(settings.state)
    parts = [_HEAD.format(logs=logs, run=run)]
    for name in programs.names():
        postgres = name == "postgres"
        parts.append(
            _PROGRAM.format(
                name=name,
                module=START_MODULE,
                python=_escaped(_quoted(sys.executable)),
                marker=processes.MARKER,
                logs=logs,
                directory=_escaped(REPOSITORY),
                signal="INT" if postgres else "TERM",  # PostgreSQL's fast shutdown
                seconds=_STOP_SECONDS_POSTGRES if postgres else _STOP_SECONDS,
                as_group="false" if postgres else "true",
            )
        )
    return "".join(parts) + _GROUP.format(names=",".join(services))


def write_configuration(settings: Settings) -> Path:
    """Write the configuration into the state folder, and return its path."""
    path = settings.run / "supervisord.conf"
    write_private(path, configuration(settings))
    return path


def command(configuration_path: Path) -> list[str]:
    """Return the command that runs supervisord in the foreground."""
    return [
        sys.executable,
        "-m",
        "supervisor.supervisord",
        "--nodaemon",
        "--configuration",
        str(configuration_path),
    ]


def _quoted(text: str) -> str:
    return f'"{text}"'


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")
