"""`python -m tests.compose.upgrade COMMIT`: upgrade that version's containers during work, then downgrade."""

import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from atdb_interface.lifecycle import Status
from standalone.settings import REPOSITORY
from tests.compose.__main__ import timed
from tests.compose.deployment import Deployment, deployed
from tests.compose.trial import Trial


def main(commit: str) -> None:
    """Do the steps of an upgrade in docs/deploy.md, and check the observations."""
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder)) as deployment:
        former = Path(folder) / "former"
        git("worktree", "add", "--detach", str(former), commit)
        try:
            timed(f"start {commit}", lambda: start(deployment, former, "former"))
            timed("upgrade", lambda: upgrade(deployment, Path(folder)))
            timed("the way back", lambda: go_back(deployment, former, Path(folder)))
        finally:
            deployment.checkout = REPOSITORY
            git("worktree", "remove", "--force", str(former))
    print("All steps passed.")


def start(deployment: Deployment, checkout: Path, version: str) -> None:
    """Start the containers of a checkout."""
    deployment.use(checkout, version)
    deployment.compose("up", "--detach", "--no-build")
    deployment.await_healthy()


def upgrade(deployment: Deployment, folder: Path) -> None:
    """Upgrade while observations are ingesting, running and scheduled: all reach their final status."""
    trial = Trial(deployment)
    with trial.client() as atdb:
        begin = datetime.now(UTC) + timedelta(seconds=60)
        # One runs for the duration of the upgrade, and one is scheduled for afterwards.
        task_ids = {trial.observation(atdb, begin + timedelta(minutes=minutes), 600) for minutes in (0, 14)}
        trial.await_status(atdb, Status.RUNNING, task_ids)
        short = {trial.observation(atdb, datetime.now(UTC) + timedelta(seconds=60), 2)}
        trial.await_status(atdb, Status.INGESTING, short)
        task_ids |= short
    deployment.checkout = REPOSITORY
    (folder / "backups").mkdir()
    deployment.python("standalone.backup", "make", str(folder / "backups"), "--compose")
    deployment.compose("stop")
    start(deployment, REPOSITORY, "test")
    with trial.client() as atdb:
        statuses = {each.taskID: each.my_status for each in atdb.observations()}
        print(f"  after the upgrade: {', '.join(sorted(statuses.values()))}", flush=True)
        trial.judge(atdb, trial.arrive(atdb, task_ids, {Status.REMOVED}, seconds=900))


def go_back(deployment: Deployment, former: Path, folder: Path) -> None:
    """Downgrade with the backup from before the upgrade: observations that are submitted then complete."""
    (backup,) = (folder / "backups").glob("atdb-*")
    deployment.compose("stop")
    deployment.use(former, "former")
    deployment.python("standalone.backup", "restore", str(backup), "--compose")
    deployment.compose("up", "--detach", "--no-build")
    deployment.await_healthy()
    trial = Trial(deployment)
    with trial.client() as atdb:
        made = trial.observation(atdb, datetime.now(UTC) + timedelta(seconds=60), 2)
        trial.judge(atdb, trial.arrive(atdb, {made}, {Status.REMOVED}))


def git(*arguments: str) -> None:
    """Run git in this checkout."""
    subprocess.run(["git", *arguments], cwd=REPOSITORY, check=True, capture_output=True)


if __name__ == "__main__":
    main(sys.argv[1])
