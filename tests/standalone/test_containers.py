"""docker-compose.yaml, the images and the code agree."""

import json
import re
import resource
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from standalone.containers import certificates, entry_point, health, secrets, services, variables
from standalone.credentials import Credentials
from standalone.settings import REPOSITORY, Executor, Settings, SettingsError
from standalone.stack import programs
from tests.conftest import free_ports

COMPOSE = (REPOSITORY / "docker-compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = {**entry_point.MIGRATIONS, **services.PROCESSES}
OTHERS = {"postgres", "redis", "nginx"}
IN_CONTAINERS = replace(Settings(), executor=Executor.CELERY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("deploy") / "secrets"
    secrets.write(made, "atdb.example")
    return made


def test_each_service_is_known_on_both_sides() -> None:
    assert SERVICES.keys() == OURS.keys() | OTHERS
    assert secrets.PARTS.keys() == OURS.keys()
    for name in OURS:
        assert SERVICES[name]["command"] == [name]
        assert SERVICES[name]["secrets"] == [{"source": name, "target": "secrets.json"}]


@pytest.mark.parametrize("name", services.PROCESSES)
def test_a_service_runs_with_its_part_of_the_secrets_and_has_no_other(name: str, folder: Path) -> None:
    process = services.PROCESSES[name]
    known = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    made = programs.program(process, IN_CONTAINERS, Credentials.read(folder / f"{name}.json"))
    environment = json.dumps(made.environment)
    for section, part in known.items():
        for key in part:
            # Secrets that are not in the environment are in a file of Airflow's API server, or of one DAG.
            if (section, key) in {("airflow_ui", each) for each in ("admin", "reconcile", "listen")} | {
                ("postgresql", "maintenance"),
                ("postgresql", "airflow_maintenance"),
                ("atdb", "operate"),
            }:
                continue
            assert part[key] in environment, (section, key)
            rest = {**known, section: {each: value for each, value in part.items() if each != key}}
            with pytest.raises(KeyError):
                programs.program(process, IN_CONTAINERS, _credentials(folder, rest))


def _credentials(folder: Path, known: dict[str, Any]) -> Credentials:
    path = folder / "part.json"
    path.write_text(json.dumps(known), encoding="utf-8")
    return Credentials.read(path)


def test_no_worker_can_log_in_to_airflows_database(folder: Path) -> None:
    for name in ("worker", "worker-telescope"):
        part = Credentials.read(folder / f"{name}.json")
        assert not {"postgres", "airflow", "atdb", "atdb_owner"} & part.postgresql.keys()
        assert not part.airflow_keys
        made = programs.program(services.PROCESSES[name], IN_CONTAINERS, part)
        assert made.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == programs.NO_DATABASE


def test_the_folder_of_the_secrets_is_closed_and_made_once(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    secrets.write(folder, "other.example")
    assert {path: path.read_bytes() for path in before} == before


def test_the_variables_of_the_file_env_count_for_make_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATDB_PUBLIC_URL", raising=False)
    monkeypatch.delenv("ATDB_SECRETS_FOLDER", raising=False)
    assert variables.public_host(tmp_path) == "localhost"
    assert variables.secrets_folder(tmp_path) == tmp_path / "deploy/secrets"
    (tmp_path / ".env").write_text(
        "ATDB_PUBLIC_URL=https://atdb.example:8443\nATDB_SECRETS_FOLDER='/srv/secrets'\n"
    )
    assert variables.public_host(tmp_path) == "atdb.example"
    assert variables.secrets_folder(tmp_path) == Path("/srv/secrets")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ATDB_PUBLIC_URL=https://atdb.example", "https://atdb.example"),
        ("export ATDB_PUBLIC_URL=https://atdb.example", "https://atdb.example"),
        ("ATDB_PUBLIC_URL = https://atdb.example  # the name in the DNS", "https://atdb.example"),
        ("ATDB_PUBLIC_URL='https://atdb.example' # quoted", "https://atdb.example"),
        ('ATDB_PUBLIC_URL="https://atdb.example"', "https://atdb.example"),
        ("ATDB_PUBLIC_URL=https://atdb.example#1", "https://atdb.example#1"),
        ("ATDB_PUBLIC_URL=https://a.example\nATDB_PUBLIC_URL=https://b.example", "https://b.example"),
        ("#ATDB_PUBLIC_URL=https://atdb.example", ""),
        ("ATDB_PUBLIC_URL=", ""),
    ],
)
def test_the_file_env_is_read_as_compose_reads_it(
    line: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATDB_PUBLIC_URL", raising=False)
    (tmp_path / ".env").write_text(f"# settings of the site\n{line}\n")
    assert variables.variable("ATDB_PUBLIC_URL", tmp_path) == value
    assert (dotenv_values(tmp_path / ".env").get("ATDB_PUBLIC_URL") or "") == value  # Compose's parser


@pytest.mark.parametrize(
    "url", ["https://[::1", "http://atdb.example", "https://atdb.example/atdb", "atdb.example", "https://"]
)
def test_a_url_at_which_nginx_does_not_serve_atdb_is_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATDB_PUBLIC_URL", url)
    with pytest.raises(SettingsError, match="ATDB_PUBLIC_URL"):
        variables.public_host(tmp_path)
    with pytest.raises(SystemExit, match="atdb: ATDB_PUBLIC_URL"):
        entry_point.main("atdb")


def test_a_migration_that_cannot_log_in_reports_what_to_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATDB_PUBLIC_URL", "https://atdb.example")
    monkeypatch.setenv("ATDB_STATE", str(tmp_path))
    monkeypatch.setenv("ATDB_SECRETS", str(folder / "migrate.json"))
    monkeypatch.setenv("POSTGRES_PORT", str(free_ports(1)[0]))
    with pytest.raises(SystemExit, match=r"migrate: (.|\n)*refused(.|\n)*make rotate-secrets STACK=containers"):
        entry_point.main("migrate")


def test_a_url_with_a_port_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATDB_PUBLIC_URL", "https://atdb.example:8443/")
    assert variables.public_host(tmp_path) == "atdb.example"


@pytest.mark.parametrize("host", ["münchen.example", "a" * 60 + "." + "b" * 60 + ".example", "127.0.0.1"])
def test_a_first_certificate_is_made_for_each_host(host: str) -> None:
    key, certificate = certificates.self_signed(host)
    assert "PRIVATE KEY" in key
    assert "CERTIFICATE" in certificate


def test_a_key_of_the_site_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "secrets" / "tls").mkdir(parents=True)
    (tmp_path / "secrets" / "tls" / "key.pem").write_text("that of the site")
    secrets.write(tmp_path / "secrets", "atdb.example")
    assert (tmp_path / "secrets" / "tls" / "key.pem").read_text() == "that of the site"


def test_only_nginx_is_published_and_cannot_reach_the_database() -> None:
    assert [name for name, each in SERVICES.items() if "ports" in each] == ["nginx"]
    assert all(port.startswith("${ATDB_BIND:-127.0.0.1}:") for port in SERVICES["nginx"]["ports"])
    assert SERVICES["nginx"]["networks"] == ["front"]
    assert {name for name, each in SERVICES.items() if "front" in each["networks"]} == {
        *("nginx", "atdb", "airflow-api-server")
    }


def test_every_service_can_fail_without_harm() -> None:
    for name, each in SERVICES.items():
        assert each["init"] is True, name
        assert each["logging"]["options"]["max-size"], name
        if name in entry_point.MIGRATIONS:
            assert each["restart"] == "no"
            continue
        assert each["restart"] == "unless-stopped", name
        assert each["mem_limit"], name
        assert each["healthcheck"]["test"], name
        if name in OURS:
            assert each["read_only"] is True, name


def test_each_setting_in_the_file_is_read_by_the_code() -> None:
    given = SERVICES["atdb"]["environment"].keys()
    read = {*Settings().as_environment(), "ATDB_SECRETS", *programs.INHERITED}
    assert given <= read, given - read


def test_each_setting_of_a_site_reaches_the_containers() -> None:
    table = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8").split("\n\n| variable")[1]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    of_site = {name for row in rows if not row.rstrip().endswith("*") for name in re.findall(r"[A-Z_]+", row)}
    assert len(of_site) > 12
    assert of_site <= {*re.findall(r"\$\{([A-Z_]+):-", COMPOSE)}


def test_a_connection_of_the_site_reaches_the_services_that_use_it_and_no_other(tmp_path: Path) -> None:
    secrets.write(tmp_path / "secrets", "atdb.example")
    known = json.loads((tmp_path / "secrets" / "secrets.json").read_text(encoding="utf-8"))
    alta = {"conn_type": "generic", "extra": {"url": "s3://alta", "storage_options": {"secret": "hunter2"}}}
    known["site_connections"] = {"archive_default": alta, "atdb_operate": "atdb://ada:hunter3@atdb.example"}
    (tmp_path / "secrets" / "secrets.json").write_text(json.dumps(known), encoding="utf-8")
    secrets.write(tmp_path / "secrets", "atdb.example")
    knows = {path.stem for path in (tmp_path / "secrets").glob("*.json") if "hunter2" in path.read_text()}
    assert knows == {"secrets", "worker"}
    knows = {path.stem for path in (tmp_path / "secrets").glob("*.json") if "hunter3" in path.read_text()}
    assert knows == {"secrets", "worker"}
    part = Credentials.read(tmp_path / "secrets" / "worker.json")
    made = programs.program("worker", IN_CONTAINERS, part)
    assert json.loads(made.environment["AIRFLOW_CONN_ARCHIVE_DEFAULT"]) == alta


def test_each_volume_of_ours_is_a_folder_that_the_image_has() -> None:
    for name in OURS:
        image = "airflow" if SERVICES[name]["image"].startswith("atdb-airflow:") else "atdb"
        recipe = (REPOSITORY / "deploy" / f"{image}.Dockerfile").read_text(encoding="utf-8")
        for volume in SERVICES[name]["volumes"]:
            assert volume.split(":")[1] in recipe.split(), (name, volume)


@pytest.mark.parametrize("image", ["atdb", "airflow"])
def test_the_list_of_an_image_agrees_with_the_whole_list(image: str) -> None:
    whole = _pinned(REPOSITORY / "requirements.txt")
    part = _pinned(REPOSITORY / f"requirements-{image}.txt")
    assert part
    assert part.items() <= whole.items()
    assert ("flask" in part) is (image == "atdb")
    assert ("apache-airflow" in part) is (image == "airflow")


def _pinned(path: Path) -> dict[str, str]:
    """Return the pinned versions of a list with their hashes, by package."""
    requirements = re.findall(r"^([\w.-]+)==(.+(?:(?<=\\)\n.+)*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert all("--hash=" in pinned for _, pinned in requirements)
    return dict(requirements)


def test_make_images_keeps_the_settings_of_the_site(tmp_path: Path) -> None:
    make_images(tmp_path)
    assert [line.split("=")[0] for line in (tmp_path / ".env").read_text().splitlines()] == [
        *("ATDB_VERSION", "ATDB_COMMIT")
    ]
    (tmp_path / ".env").write_text("ATDB_VERSION=former\nATDB_BIND=0.0.0.0\n")
    (tmp_path / ".env").chmod(0o640)
    make_images(tmp_path)
    assert "ATDB_BIND=0.0.0.0" in (tmp_path / ".env").read_text()
    assert "former" not in (tmp_path / ".env").read_text()
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o640


def test_a_full_disk_does_not_cost_the_settings_of_the_site(tmp_path: Path) -> None:
    settings = "ATDB_BIND=0.0.0.0\n" + "# a comment\n" * 500
    (tmp_path / ".env").write_text(settings)
    with pytest.raises(subprocess.CalledProcessError):
        make_images(tmp_path, most_bytes=1024)
    assert (tmp_path / ".env").read_text() == settings


def make_images(folder: Path, most_bytes: int = resource.RLIM_INFINITY) -> None:
    """Run `make images` without a build, in a folder in which no file can become larger than a limit."""
    subprocess.run(
        ["make", "-f", REPOSITORY / "Makefile", "images", "COMPOSE=true"],
        cwd=folder,
        check=True,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
    )


def test_uv_has_one_version_everywhere() -> None:
    files = ("Makefile", "deploy/atdb.Dockerfile", "deploy/airflow.Dockerfile")
    versions = {re.findall(r"uv==[\d.]+", (REPOSITORY / each).read_text(encoding="utf-8"))[0] for each in files}
    assert len(versions) == 1


def test_each_setting_is_documented_and_read() -> None:
    documented = set(
        re.findall(r"`([A-Z]+_[A-Z_]+)`", (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8"))
    )
    of_containers = set(re.findall(r"\$\{([A-Z_]+):-", COMPOSE))
    of_stack = {*Settings().as_environment(), "ATDB_SECRETS", *programs.SITE_VARIABLES.values()}
    of_processes = {name for name in programs.INHERITED if "_" in name}
    read = (
        of_containers | of_stack | of_processes - {"LC_ALL"} | {"ATDB_CONFIG", "ATDB_DATABASE_URL", "AIRFLOW_URL"}
    )
    assert documented == read


@pytest.mark.parametrize("name", ["airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"])
def test_a_process_of_which_airflow_cannot_be_asked_is_not_called_well(name: str) -> None:
    (reason,) = health.problems(name, replace(IN_CONTAINERS, airflow_port=1))
    assert "Connection refused" in reason
