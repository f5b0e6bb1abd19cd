"""`python -m standalone.stack.start_process NAME`: become one process of the stack; supervisord runs this.

This program ends leftovers of the process's earlier run, waits for the preparation, and then becomes the process.
"""

import os
import sys
import time

from standalone.credentials import Credentials
from standalone.settings import REPOSITORY, Settings
from standalone.stack import database, processes, programs


def become(name: str) -> None:
    """Replace this program with a process of the stack."""
    settings = Settings.from_environment()
    credentials = Credentials.read(settings.credentials)
    wanted = programs.program(name, settings, credentials)
    if ended := processes.end(settings, name):
        print(f"{name}: ended leftover processes of an earlier run: {sorted(ended)}", flush=True)
    while wanted.after is not None and not (settings.run / wanted.after).exists():
        time.sleep(0.1)
    environment = programs.command_environment(settings, name, wanted.environment)
    os.chdir(REPOSITORY)
    if name == "postgres":
        database.forget_dead_server(settings)
        _give_up_root()
    os.execve(wanted.command[0], wanted.command, environment)  # noqa: S606 - no shell is meant


def _give_up_root() -> None:
    owner = database.account()
    if owner is not None:
        os.setgroups([])
        os.setgid(owner.pw_gid)
        os.setuid(owner.pw_uid)


if __name__ == "__main__":
    become(sys.argv[1])
