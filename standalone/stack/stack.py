"""Start and stop all of ATDB on this machine together."""

import fcntl
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import psutil

from standalone.credentials import Credentials
from standalone.files import write_private
from standalone.settings import HOST, Settings
from standalone.stack import (
    database,
    health,
    preparation,
    private_connections,
    processes,
    programs,
    supervisor,
    task_settings,
)

# A start takes 30 s on two idle cores. On a busy machine, it can take long while services become healthy, or while
# those that are not healthy yet work: then they use this much of a processor in the time of a stall.
STALL_SECONDS = 180.0
STALL_CPU_SECONDS = 1.0
LONGEST_START_SECONDS = 3600.0
_SAY_SECONDS = 30.0
STOP_SECONDS = 18.0
_PORT_SECONDS = 5.0
_SUPERVISOR_SECONDS = 10.0
_TAIL_LINES = 25


class StackError(Exception):
    """The stack cannot start, or has ended; the message is for the operator who started it."""


class Stack:
    """The processes of one state folder."""

    def __init__(self, settings: Settings, *, say: Callable[[str], None] = lambda _: None) -> None:
        self.settings = settings
        self._say = say
        self._supervisor: subprocess.Popen[bytes] | None = None

    def is_running(self) -> bool:
        """Return whether a supervisord of this state folder is running, also if another program started it."""
        return bool(processes.find(self.settings, processes.SUPERVISOR))

    def start(self) -> None:
        """Start all services and wait until they are healthy; after a failure, nothing is left running.

        Raises StackError, with the end of the relevant log, and SettingsError for a setting that tasks cannot use.
        """
        task_settings.check()
        settings = self.settings
        settings.state.mkdir(parents=True, exist_ok=True)
        with self.alone():
            if self.is_running():
                raise StackError(f"the stack of {settings.state} is already running; to stop it, run: make down")
            try:
                self._start()
            except database.DatabaseError as error:
                self.stop()
                raise StackError(str(error)) from None
            except BaseException:
                self.stop()
                raise

    def stop(self) -> bool:
        """End all processes of the stack, also those of a killed supervisord; return whether there were any."""
        running = processes.find(self.settings)
        for process in processes.find(self.settings, processes.SUPERVISOR):
            _terminate(process)
        deadline = time.monotonic() + STOP_SECONDS
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
        processes.end(self.settings)
        if self._supervisor is not None:
            self._supervisor.wait()
        return bool(running)

    def wait(self) -> None:
        """Wait until the stack is stopped on request. If supervisord is killed, start it and all services again.

        Raises StackError if supervisord ends soon after its start.
        """
        while self._supervisor is not None:
            began = time.monotonic()
            code = self._supervisor.wait()
            if code == 0:
                processes.end(self.settings)
                return
            ended = f"supervisord ended with exit code {code}"
            if time.monotonic() < began + _SUPERVISOR_SECONDS:
                self.stop()
                raise StackError(f"{ended}{self._tail('supervisord')}")
            self._say(f"{ended}: all services start again ...")
            with self.alone():
                self._start_supervisor()
            self._say("supervisord is running again.")

    def _start(self) -> None:
        settings = self.settings
        if ended := processes.end(settings):
            self._say(f"Ended leftover processes of an earlier run: {len(ended)}.")
        _require_free_ports(settings)
        credentials = self._prepare_folders()
        database.initialise(settings, credentials)
        self._start_supervisor()
        self._await_health(lambda: _database_problems(settings, credentials))
        self._prepare(credentials)
        preparation.write_client_configuration(settings, credentials)
        self._await_health(lambda: health.problems(settings))

    def _start_supervisor(self) -> None:
        """Start supervisord. Each process that it starts ends what an earlier run of this process has left."""
        self._supervisor = subprocess.Popen(
            supervisor.command(supervisor.write_configuration(self.settings)),
            env=programs.inherited_by_supervisor(self.settings),
            cwd=self.settings.state,  # its configuration has relative paths of logs
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must reach only this program, which then stops the stack
        )

    def _prepare_folders(self) -> Credentials:
        settings = self.settings
        shutil.rmtree(settings.run, ignore_errors=True)
        for folder in (
            *(settings.data, settings.archive, settings.run, settings.logs),
            *(settings.airflow_home, settings.telescope_state),
        ):
            folder.mkdir(mode=0o700, exist_ok=True)
        credentials = Credentials.prepare(settings.credentials)
        write_private(settings.airflow_passwords, json.dumps(dict(credentials.airflow_ui)))
        private_connections.write(settings, credentials)
        return credentials

    def _prepare(self, credentials: Credentials) -> None:
        """Run the preparations in parallel, while PostgreSQL is running and the services wait."""
        settings = self.settings
        with ThreadPoolExecutor(2) as pool:
            running: list[Future[None]] = [
                pool.submit(preparation.prepare_airflow, settings, credentials),
                pool.submit(preparation.prepare_atdb, settings, credentials),
            ]
            try:
                wait(running, return_when=FIRST_EXCEPTION)
            finally:
                # If one has failed, or after Ctrl-C, the other need not continue.
                for name in preparation.NAMES:
                    processes.end(settings, name)
        for future in running:
            try:
                future.result()
            except preparation.PreparationError as error:
                raise StackError(f"{error} failed{self._tail(str(error))}") from None

    def _await_health(self, find_problems: Callable[[], list[health.HealthProblem]]) -> None:
        began = progressed = reported = time.monotonic()
        before, cpu_before = None, 0.0
        while problems := find_problems():
            now, names = time.monotonic(), sorted({each.process for each in problems})
            if self._supervisor is not None and self._supervisor.poll() is not None:
                raise StackError(f"supervisord ended while the stack was starting{self._tail('supervisord')}")
            if problems != before:
                progressed, before, cpu_before = now, problems, processes.cpu_seconds(self.settings, names)
            elif now > progressed + STALL_SECONDS:
                cpu = processes.cpu_seconds(self.settings, names)
                if cpu < cpu_before + STALL_CPU_SECONDS or now > began + LONGEST_START_SECONDS:
                    raise self._stalled(problems, now - progressed)
                progressed, cpu_before = now, cpu
            if now > reported + _SAY_SECONDS:
                reported = now
                self._say(f"Waiting for {', '.join(names)} since {now - began:.0f} s ...")
            time.sleep(0.2)

    def _stalled(self, problems: list[health.HealthProblem], seconds: float) -> StackError:
        reports = [f"{each.process}: {each.reason}{self._tail(each.process)}" for each in problems]
        stalled = f"the start made no progress for {seconds:.0f} s:\n" + "\n\n".join(reports)
        return StackError(f"{stalled}\n\nThe machine may be too busy. Run `make up` again, or read the log above.")

    def _tail(self, name: str) -> str:
        path = self.settings.logs / f"{name}.log"
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        except FileNotFoundError:
            return ""
        return "\n".join([f"; the end of {path}:", *(f"    {line}" for line in lines)])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Prevent another start or restore for the context; raises StackError at once if one is in progress."""
        with (self.settings.state / "start.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(
                    f"another start or restore of {self.settings.state} is in progress; wait until it ends"
                ) from None
            yield


def _database_problems(settings: Settings, credentials: Credentials) -> list[health.HealthProblem]:
    reason = database.unready(settings, credentials)
    return [health.HealthProblem("postgres", reason)] if reason else []


def _require_free_ports(settings: Settings) -> None:
    """Raise StackError if ports stay in use; the ports of a process that was just killed become free soon."""
    deadline = time.monotonic() + _PORT_SECONDS
    while taken := {name: port for name, port in settings.ports.items() if not _is_free(port)}:
        if time.monotonic() > deadline:
            sentences = (
                f"port {port} is in use by {_listener(port)}; free it, or set {name} to another port"
                for name, port in taken.items()
            )
            raise StackError("\n".join(sentences))
        time.sleep(0.2)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _listener(port: int) -> str:
    try:
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,) and each.pid:
                return f"process {each.pid} ({psutil.Process(each.pid).name()})"
    except psutil.Error:
        pass
    return "another program"


def _terminate(process: psutil.Process) -> None:
    try:
        process.terminate()
    except psutil.NoSuchProcess:
        return
