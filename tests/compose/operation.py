"""The work of a site engineer: the doctor, a backup, a restore after a total loss, new secrets."""

import json
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from atdb_api import create_app
from atdb_api.config import Config
from atdb_interface.lifecycle import Actor, Status
from standalone.doctor.results import CheckState
from tests.compose.deployment import PROJECT
from tests.compose.trial import Trial, require
from tests.standalone.site import AGE, stored

#: The volumes that are not part of a backup: the data and the archive.
LOST = ("postgres", "redis", "static", "logs")
#: What services report again and again, and the fields that stay: a report after the backup changes the others,
#: and another service can report for the first time.
REPORTED = {"/atdb/services/": ("name", "statuses"), "/atdb/disks/": ("data_host", "total_bytes")}


def doctor(trial: Trial) -> None:
    """Check that the doctor finds no failures, and that the administrator's commands work."""
    printed = trial.deployment.compose("exec", "-T", "worker", "atdb", "doctor", "--json", check=False)
    results = json.loads(printed[printed.index("[") : printed.rindex("]") + 1])
    for each in results:
        print(f"  {each['state']:<12} {each['subject']}: {each['seen']}", flush=True)
    require(not [each for each in results if each["state"] == CheckState.FAILED], "the doctor found a failure")
    listed = trial.deployment.compose("exec", "-T", "atdb", "python", "-m", "standalone.admin", "account", "list")
    require("operator" in listed, f"the accounts: {listed}")


def restore(trial: Trial) -> None:
    """Restore after the loss of everything except the disks: responses are the same, and work continues."""
    with tempfile.TemporaryDirectory() as backups:
        with trial.client() as atdb:
            atdb.change_stage(Actor.INGEST, paused=True, reason="so that one waits")
            waiting = trial.observation(atdb, datetime.now(UTC) + timedelta(seconds=45), 2)
            trial.arrive(atdb, {waiting}, {Status.VALID})
            before = answers(trial)
            trial.deployment.python("standalone.backup", "make", backups, "--compose")
        (backup,) = Path(backups).glob("atdb-*")
        trial.deployment.compose("down")
        for volume in LOST:
            trial.deployment.docker("volume", "rm", f"{PROJECT}_{volume}")
        shutil.rmtree(trial.deployment.secrets)
        trial.deployment.python("standalone.backup", "restore", str(backup), "--compose")
    trial.deployment.compose("up", "--detach", "--no-build")
    trial.deployment.await_healthy()
    after = answers(trial)
    differing = sorted(path for path in before if after.get(path) != before[path])
    require(not differing, f"these differ: {differing}")
    with trial.client() as atdb:
        atdb.change_stage(Actor.INGEST, paused=False, reason="all is restored")
        trial.judge(atdb, trial.arrive(atdb, {waiting}, {Status.REMOVED}))


def answers(trial: Trial) -> dict[str, bytes]:
    """Read each URL of the REST API that shows stored data; of REPORTED, only the fields that stay."""
    login = ("admin", trial.deployment.credentials.atdb["admin"])
    paths = stored(create_app(Config(database_url="postgresql+psycopg2://")))
    with httpx.Client(
        base_url=trial.deployment.url,
        auth=login,
        headers={"Accept": "application/json"},
        verify=trial.trusted(),
        trust_env=False,
        timeout=60,
    ) as http:
        read = {path: http.get(path).raise_for_status() for path in paths}
    answered = {path: AGE.sub(b"", answer.content) for path, answer in read.items() if path not in REPORTED}
    reports = (
        (path, [each[field] for field in fields])
        for path, fields in REPORTED.items()
        for each in read[path].json()["results"]
    )
    return answered | {f"{path} {report}": b"" for path, report in reports}


def rotation(trial: Trial) -> None:
    """Replace all secrets during an ingest: no former secret is valid, and the ingest completes."""
    former = trial.deployment.credentials
    with trial.client() as atdb:
        task_ids = set(trial.submit(atdb, 3))
        trial.await_status(atdb, Status.INGESTING, task_ids)
    trial.deployment.python("standalone.rotation", "--compose")
    trial.deployment.await_healthy()
    for section in ("airflow_ui", "atdb", "postgresql", "redis"):
        old, new = (getattr(each, section) for each in (former, trial.deployment.credentials))
        require(not set(old.values()) & set(new.values()), f"{section} still has a former secret")
    with httpx.Client(verify=trial.trusted(), trust_env=False, timeout=60) as http:
        login = ("operator", former.atdb["operator"])
        status = http.get(f"{trial.deployment.url}/atdb/observations/", auth=login).status_code
        require(status == 401, f"the former password got {status}, not 401")
    with trial.client() as atdb:
        trial.judge(atdb, trial.arrive(atdb, task_ids, {Status.REMOVED}))
