"""The containers from outside: their users, published ports, secrets, and the responses of nginx."""

import json
import socket
import time
from contextlib import suppress

import httpx
import psutil

from atdb_interface.errors import TYPE_PREFIX
from standalone.containers.entry_point import MIGRATIONS
from standalone.containers.services import PROCESSES
from tests.compose.trial import Trial, processes_of, require
from tests.logging_in import logged_in_to_both

SLOW_CLIENTS = 40


def users(trial: Trial) -> None:
    """Check that no process of ATDB's images and no worker of nginx is root's, the labels, and read-only roots."""
    ours = {*PROCESSES}
    for container in trial.deployment.containers():
        if container.service in MIGRATIONS:
            continue
        for process, line in processes_of(container.pid):
            with suppress(psutil.NoSuchProcess):
                is_root = process.uids().effective == 0
                is_exempt = container.service not in ours and "worker process" not in line
                require(not is_root or is_exempt, f"{container.service} runs {line} as root")
        if container.service in ours:
            labels = container.described["Config"]["Labels"]
            require(labels["org.opencontainers.image.revision"], f"{container.service}: no commit in the label")
            require(
                container.described["HostConfig"]["ReadonlyRootfs"],
                f"the file system of {container.service} is writable",
            )


def ports(trial: Trial) -> None:
    """Check that only nginx has a published port."""
    published = {
        container.service: container.described["HostConfig"]["PortBindings"]
        for container in trial.deployment.containers()
        if container.described["HostConfig"]["PortBindings"]
    }
    require(published.keys() == {"nginx"}, f"published: {published}")
    addresses = {each["HostIp"] for bindings in published["nginx"].values() for each in bindings}
    require(addresses == {"127.0.0.1"}, f"nginx listens on {addresses}")


def secrets(trial: Trial) -> None:
    """Check that no secret is in Docker's descriptions of containers and images, in logs, or in process lists."""
    known = json.loads((trial.deployment.secrets / "secrets.json").read_text(encoding="utf-8"))
    every = [
        (f"{section} {name}", secret)
        for section, part in known.items()
        for name, value in part.items()
        for secret in value.split(",")  # former Fernet keys may follow the present one
    ]
    places = {"the logs": trial.deployment.compose("logs", "--no-color")}
    for container in trial.deployment.containers():
        places[f"docker inspect {container.service}"] = json.dumps(container.described)
        image = container.described["Image"]
        places[f"docker history of {container.service}"] = trial.deployment.docker("history", "--no-trunc", image)
        if container.service not in MIGRATIONS:
            lines = [line for _, line in processes_of(container.pid)]
            places[f"the process list of {container.service}"] = "\n".join(lines)
    for volume in ("logs",):
        for path in trial.volume(volume).rglob("*"):
            if path.is_file():
                places[str(path)] = path.read_text(encoding="utf-8", errors="replace")
    for where, text in places.items():
        exposed = [name for name, secret in every if secret in text]
        require(not exposed, f"{exposed} in {where}")


def pages(trial: Trial) -> None:
    """Check that users can log in to both GUIs with Chromium, and that nginx serves the static files."""
    for path in ("/static/atdb.svg", "/bootstrap/static/css/bootstrap.min.css"):
        answer = httpx.get(
            f"{trial.deployment.url}{path}", verify=trial.trusted(), trust_env=False
        ).raise_for_status()
        require("max-age=300" in answer.headers["Cache-Control"], f"{path} does not come from nginx")
    url = trial.deployment.url
    with logged_in_to_both(url, f"{url}/airflow/", trial.deployment.credentials):
        pass


def refusals(trial: Trial) -> None:
    """Check that errors of nginx itself are problem documents."""
    with httpx.Client(base_url=trial.deployment.url, verify=trial.trusted(), trust_env=False) as http:
        answers = [http.post("/atdb/observations/", content=bytes(9 << 20))]
        while answers[-1].status_code != httpx.codes.TOO_MANY_REQUESTS:
            require(len(answers) < 100, "a hundred consecutive logins were accepted")
            answers.append(http.post("/airflow/auth/token", json={"username": "admin", "password": "wrong"}))
    for answer, status, kind in ((answers[0], 413, "413"), (answers[-1], 429, "TooManyAttempts")):
        require(answer.status_code == status, f"{answer.status_code} instead of {status}")
        require(answer.headers["Content-Type"] == "application/problem+json", f"{status}: {answer.headers}")
        require(answer.json()["type"] == f"{TYPE_PREFIX}{kind}", f"{status}: {answer.text}")


def slow_clients(trial: Trial) -> None:
    """Check that requests which are never completed do not delay other clients."""
    address = ("localhost", trial.deployment.port)
    open_sockets = []
    for _ in range(SLOW_CLIENTS):
        sock = trial.trusted().wrap_socket(socket.create_connection(address), server_hostname="localhost")
        sock.sendall(b"POST /atdb/observations/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
        open_sockets.append(sock)
    with httpx.Client(verify=trial.trusted(), trust_env=False, timeout=10) as http:
        for _ in range(50):
            began = time.monotonic()
            http.get(f"{trial.deployment.url}/atdb/health").raise_for_status()
            seconds = time.monotonic() - began
            require(seconds < 1, f"another client waited {seconds:.1f} s")
    for sock in open_sockets:
        sock.close()
