"""`atdb_remove TASKID`: do what the stage remove does, or show what it would do."""

import argparse
import getpass
import os
import socket
import sys
from collections.abc import Sequence

from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from atdb_interface.cli.run import say
from atdb_interface.errors import AtdbError
from atdb_interface.reasons import CodedError, reason_of, without_code
from operators.attempts import Attempt
from operators.stages.remove import RemoveProductsOperator


def main(arguments: Sequence[str] | None = None) -> int:
    """Remove the data of an observation; return the exit status: 0 if all are, or would be, deleted."""
    parser = argparse.ArgumentParser(
        prog="atdb_remove",
        description="Delete the data of an archived observation from the data hosts, after their copies in the "
        "archive were verified. Required settings: AIRFLOW_CONN_ATDB_DEFAULT, AIRFLOW_CONN_ARCHIVE_DEFAULT and "
        "ATDB_DATA_ROOT.",
    )
    parser.add_argument("taskID", help="the observation, such as 190405034")
    parser.add_argument("--dry-run", action="store_true", help="show what would be deleted, and delete nothing")
    options = parser.parse_args(arguments)
    operator = RemoveProductsOperator(task_id="atdb_remove")
    try:
        if options.dry_run:
            return 0 if operator.rehearse(options.taskID, say) else 1
        operator.carry_out(options.taskID, _owner(), Attempt())
    except AirflowSkipException as refusal:
        say(str(refusal), file=sys.stderr)
    except (AtdbError, AirflowException, CodedError, OSError) as error:
        say(without_code(reason_of(error)), file=sys.stderr)
    else:
        say(f"The data of {options.taskID} have been removed.")
        return 0
    return 1


def _owner() -> str:
    return f"atdb_remove/{getpass.getuser()}@{socket.gethostname()}/{os.getpid()}"


if __name__ == "__main__":
    sys.exit(main())
