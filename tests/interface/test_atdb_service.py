"""The command `atdb_service`, run as astronomers run it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from atdb_interface.client import Client
from atdb_interface.errors import NotFound
from atdb_interface.lifecycle import ProductStatus, Status
from atdb_interface.observations import NewObservation, Observation
from tests.interface.conftest import BIN, Run, write_config
from tests.interface.proxy import Fault, proxy_to

SPECIFICATION = (
    "--operation=specification",
    "--atdb_host=prod",
    "--field_name=3C48",
    "--observing_mode=imaging",
    "--starttime=2019-04-08 14:45:00",
    "--endtime=2019-04-08 14:46:00",
)
Observe = Callable[..., Observation]


def test_a_specification_prints_its_taskid_and_keeps_every_option(run: Run, client: Client) -> None:
    done = run(
        "atdb_service",
        *SPECIFICATION,
        "--pattern=square_39p1",
        "--irods_coll=arts_main/arts_sc1",
        "--data_dir=/data/apertif/",
        "--skip_auto_ingest",
        "--process_triggers",
        "--note=dish A, again = late",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == "190408001"
    made = client.observation("190408001")
    assert made.options == {"process_triggers": True, "note": "dish A, again = late"}
    assert (made.beamPattern, made.irods_collection) == ("square_39p1", "arts_main/arts_sc1")
    assert (made.data_location, made.skip_auto_ingest) == ("wcudata1:/data/apertif/", True)


def test_the_same_specification_again_is_refused_and_names_the_taskid(run: Run, client: Client) -> None:
    assert run("atdb_service", *SPECIFICATION).returncode == 0
    again = run("atdb_service", *SPECIFICATION)
    assert (again.returncode, again.stdout) == (2, "")
    assert "190408001" in again.stderr
    assert client.count_observations() == 1


def test_what_cannot_be_read_is_named_and_makes_no_task(run: Run, client: Client) -> None:
    for option, named in {
        "--field_beam=41": "--field_beam",
        "--field_ra=east": "--field_ra",
        "--data_dir=data/apertif": "--data_dir",
        "--field_dec": "--field_dec",
        "--ndps=many": "ndps",
        "--field_name=3C147": "--field_name is given twice",
        "--duration=61": "duration",
        "stray": "'stray'",
    }.items():
        done = run("atdb_service", *SPECIFICATION, "--skip_auto_ingest=no", option)
        assert (done.returncode, done.stdout) == (2, ""), option
        assert named in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert client.count_observations() == 0


def test_a_status_is_changed_as_the_lifecycle_allows(run: Run, client: Client, observe: Observe) -> None:
    task_id = observe(Status.RUNNING).taskID
    change = (
        "atdb_service",
        "--operation=change_status",
        "--resource=observations",
        f"--search_key=taskid:{task_id}",
    )
    assert run(*change, "--status=completing").returncode == 0
    assert client.observation(task_id).my_status is Status.COMPLETING
    for status, sentence in (("removed", "completing"), ("done", "status")):
        refused = run(*change, f"--status={status}")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert sentence in refused.stderr
    assert client.observation(task_id).my_status is Status.COMPLETING


@pytest.mark.parametrize(("products", "written"), [(1, "1 data product invalid"), (3, "3 data products invalid")])
def test_the_status_of_all_products_of_a_task_is_changed(
    run: Run, client: Client, observe: Observe, products: int, written: str
) -> None:
    task_id = observe(Status.COMPLETING, products=products).taskID
    task = ("atdb_service", "--operation=change_status", f"--search_key=taskid:{task_id}")
    change = (*task, "--resource=dataproducts", "--status=invalid")
    assert run(*task, "--status=checking", "--owner=my validate").returncode == 0
    for options in ([], ["--owner=another"], ["--owner"]):
        refused = run(*change, *options)
        assert (refused.returncode, refused.stdout) == (2, "")
    assert {p.my_status for p in client.dataproducts(taskID=task_id)} == {ProductStatus.DEFINED}
    done = run(*change, "--owner=my validate")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{task_id}: {written}"
    assert {p.my_status for p in client.dataproducts(taskID=task_id)} == {ProductStatus.INVALID}


def test_only_an_operator_deletes_a_task(run: Run, client: Client, observe: Observe) -> None:
    task_id = observe().taskID
    delete = ("atdb_service", "--operation=delete_taskid", f"--taskid={task_id}")
    assert run(*delete, user="astronomer").returncode == 2
    assert client.observation(task_id)
    assert run(*delete, user="operator").returncode == 0
    with pytest.raises(NotFound):
        client.observation(task_id)


def test_a_data_product_is_added(run: Run, client: Client, observe: Observe) -> None:
    task_id = observe().taskID
    add = ("atdb_service", "--operation=add_dataproduct", f"--taskid={task_id}")
    assert run(*add, "--filename=image.fits", "--dataproduct_type=image").returncode == 0
    assert run(*add, "--filename=../etc/passwd").returncode == 2
    (product,) = client.dataproducts(taskID=task_id)
    assert (product.filename, product.dataproduct_type) == ("image.fits", "image")


def test_an_unknown_operation_and_an_unknown_taskid_are_refused(run: Run) -> None:
    for options in (
        ["--operation=observe"],
        ["--status=valid"],
        ["--operation=delete_taskid", "--taskid=190405034"],
        ["--operation=change_status", "--search_key=name:x", "--status=valid"],
    ):
        done = run("atdb_service", *options, user="operator")
        assert (done.returncode, done.stdout) == (2, ""), options
        assert done.stderr.startswith("atdb_service: ")


def atdb_service(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "atdb_service", *arguments],
        env={"ATDB_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_the_help_has_every_option_of_a_specification(tmp_path: Path) -> None:
    done = atdb_service(tmp_path / "missing.toml", "--help")
    assert done.returncode == 0
    assert all(f"--{name}" in done.stdout for name in NewObservation.model_fields if name != "options")
    assert "--resource" in done.stdout


def test_without_options_it_says_which_operations_there_are(tmp_path: Path) -> None:
    done = atdb_service(tmp_path / "missing.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--operation must be one of specification, change_status" in done.stderr


def test_where_no_host_is_configured_the_exit_status_is_1(tmp_path: Path) -> None:
    done = atdb_service(tmp_path / "missing.toml", *SPECIFICATION)
    assert done.returncode == 1
    assert "no host 'prod' is configured" in done.stderr


def test_where_the_answer_is_lost_it_is_asked_for_again_and_there_is_one_task(
    tmp_path: Path, url: str, client: Client
) -> None:
    with proxy_to(url, Fault.ANSWER_LOST) as proxy:
        done = atdb_service(write_config(tmp_path / "c.toml", proxy.url, "astronomer"), *SPECIFICATION)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(proxy.requests) == 2
    assert len(set(proxy.idempotency_keys())) == 1
    assert client.count_observations() == 1


def test_a_real_schedule_is_run_by_the_shell_unchanged(
    configured: Callable[[str], dict[str, str]], real_schedules: Path, client: Client
) -> None:
    done = subprocess.run(
        ["bash", real_schedules / "test_20190408_v2_imaging_reference.sh"],
        env=configured("astronomer"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [f"19040800{n}" for n in (1, 2, 3, 4)]
    made = list(client.observations(ordering="starttime"))
    assert [o.field_name for o in made] == ["3C48", "3C48", "3C48_11", "3C48_11"]
    assert {o.my_status for o in made} == {Status.DEFINED}
