"""Each name in docker-compose.yaml exists: commands, ports, volumes, secrets, variables and other services."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from atdb_api import create_app
from atdb_api.config import Config
from standalone.containers import entry_point, secrets, services
from standalone.settings import REPOSITORY, Executor, Settings
from standalone.stack import database

FILE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {**entry_point.MIGRATIONS, **services.PROCESSES}
NGINX = (REPOSITORY / "deploy" / "nginx" / "atdb.conf.template").read_text(encoding="utf-8")
DOCUMENT = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
FOLDER = VARIABLE.sub(r"\2", "${ATDB_SECRETS_FOLDER:-./deploy/secrets}")
#: The volumes of each service besides `logs`, which all services of ATDB's images have.
VOLUMES = {"migrate": {"static"}, "worker": {"data", "archive"}, "telescope": {"data", "telescope"}}


def with_defaults(text: str) -> str:
    """Return a text of the file as Compose reads it if no variable is set."""
    return VARIABLE.sub(r"\2", text)


def environment_of(service: str) -> dict[str, str]:
    return {name: with_defaults(value) for name, value in SERVICES[service]["environment"].items()}


def settings_of(service: str) -> Settings:
    """Return the settings in a container, where the image sets ATDB_STATE."""
    return Settings.from_environment({"ATDB_STATE": "/var/lib/atdb", **environment_of(service)})


def mounts(service: str) -> dict[str, str]:
    """Return what is mounted into a service, by the path in the container."""
    volumes = [with_defaults(each).split(":") for each in SERVICES[service].get("volumes", ())]
    return {target: source for source, target, *_ in volumes}


def test_each_service_names_only_what_is_declared() -> None:
    for name, each in SERVICES.items():
        assert {*each["networks"]} <= FILE["networks"].keys(), name
        assert {*each.get("depends_on", ())} <= SERVICES.keys(), name
        named = {source for source in mounts(name).values() if not source.startswith(".")}
        assert named <= FILE["volumes"].keys(), name
        used = {secret if isinstance(secret, str) else secret["source"] for secret in each.get("secrets", ())}
        assert used <= FILE["secrets"].keys(), name
    mounted = {source for name in SERVICES for source in mounts(name).values()}
    assert FILE["volumes"].keys() <= mounted


def test_each_file_that_is_mounted_is_in_the_checkout_or_made_by_make_secrets(tmp_path: Path) -> None:
    secrets.write(tmp_path / "secrets", "atdb.example")
    for name, each in FILE["secrets"].items():
        path = with_defaults(each["file"])
        assert path.startswith(f"{FOLDER}/"), name
        assert (tmp_path / "secrets" / path.removeprefix(f"{FOLDER}/")).is_file(), name
        if name in OURS:
            assert path == f"{FOLDER}/{name}.json"
    for source in mounts("nginx").values():
        made = source.startswith(FOLDER)
        folder = tmp_path / "secrets" / source.removeprefix(f"{FOLDER}/") if made else REPOSITORY / source
        assert not source.startswith(".") or any(folder.iterdir()), source


def test_each_service_reads_the_secrets_that_it_gets() -> None:
    for name, each in SERVICES.items():
        given = {
            f"/run/secrets/{secret if isinstance(secret, str) else secret['target']}"
            for secret in each.get("secrets", ())
        }
        words = [*each.get("command", ()), *map(str, each.get("environment", {}).values())]
        assert {word for word in words if word.startswith("/run/secrets/")} == given, name


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_the_folders_of_its_settings(name: str) -> None:
    settings = settings_of(name)
    folders = {f"/var/lib/atdb/{volume}": volume for volume in {"logs", *VOLUMES.get(name, set())}}
    assert mounts(name) == folders
    of_settings = {settings.data, settings.archive, settings.logs, settings.telescope_state}
    assert folders.keys() <= {*map(str, of_settings), "/var/lib/atdb/static"}
    temporary = {each.split(":")[0] for each in SERVICES[name]["tmpfs"]}
    assert temporary == {"/tmp", str(settings.run), str(settings.airflow_home)}


def test_each_host_is_a_service_that_listens_on_the_port() -> None:
    settings = settings_of("worker")
    hosts = {
        settings.atdb_host: "atdb",
        settings.airflow_host: "airflow-api-server",
        settings.telescope_host: "telescope",
        settings.postgres_host: "postgres",
        settings.redis_host: "redis",
    }
    assert all(host == service for host, service in hosts.items())
    assert hosts.keys() <= SERVICES.keys()
    assert (settings.postgres_port, settings.redis_port) == (5432, 6379)  # those of their images
    assert settings.executor is Executor.CELERY


def test_all_services_of_ours_have_the_same_settings() -> None:
    common = SERVICES["atdb"]["environment"]
    for name in OURS:
        own = {*SERVICES[name]["environment"].items()} - {*common.items()}
        expected = {("ATDB_SITE_REPORTS", "${ATDB_SITE_REPORTS:-}")} if name == "migrate" else set()
        assert own == expected, name
        assert common.keys() <= SERVICES[name]["environment"].keys(), name


def test_a_variable_sets_the_setting_of_its_name() -> None:
    for name in OURS:
        for setting, value in SERVICES[name]["environment"].items():
            named = VARIABLE.findall(value)
            expected = "ATDB_PUBLIC_URL" if setting == "AIRFLOW_PUBLIC_URL" else setting
            assert [variable for variable, _ in named] in ([], [expected]), setting


def test_each_default_is_the_documented_one() -> None:
    text = (REPOSITORY / "docker-compose.yaml").read_text(encoding="utf-8")
    defaults = {name: value.removeprefix("./") for name, value in VARIABLE.findall(text) if value}
    assert len(defaults) > 10
    of_docker = {name: value for name, value in defaults.items() if name not in {"ATDB_VERSION", "ATDB_COMMIT"}}
    for name, value in of_docker.items():
        [row] = [row for row in DOCUMENT.splitlines() if row.startswith("|") and f"`{name}`" in row.split("|")[1]]
        named, written = row.split("|")[1].split(","), row.split("|")[2]
        place = [each.strip(" `") for each in named].index(name)
        documented = written.split(",")[place] if len(named) > 1 else written
        assert value in re.split(r"[\s`;]+", documented), name


def test_nginx_listens_on_the_published_port_and_has_the_files_that_it_names() -> None:
    settings = settings_of("atdb")
    [port] = map(with_defaults, SERVICES["nginx"]["ports"])
    assert re.findall(r"listen (\d+) ssl;", NGINX) == [port.split(":")[-1]]
    upstreams = {f"http://{url}" for url in re.findall(r"set \$\w+ http://(\S+);", NGINX)}
    assert upstreams == {
        settings.atdb_url,
        settings.airflow_url.removesuffix(urlsplit(settings.airflow_public_url).path),
    }
    named = re.findall(r"(?:ssl_certificate|ssl_certificate_key|root) (/\S+);", NGINX)
    targets = [target for target in mounts("nginx") if target != "/etc/nginx/templates"]
    assert len(named) == 3
    assert all(any(path == target or path.startswith(f"{target}/") for target in targets) for path in named)
    assert len(targets) == 2


def test_each_health_check_exists() -> None:
    api = create_app(Config(database_url="postgresql+psycopg2://"))
    for name in services.PROCESSES:
        python, option, module = SERVICES[name]["healthcheck"]["test"][1:]
        assert (python, option) == ("python", "-m")
        assert find_spec(module), name
        assert module.endswith("worker_health") is name.startswith("worker")
    of_nginx = urlsplit(SERVICES["nginx"]["healthcheck"]["test"][-1])
    assert of_nginx.scheme == "https"
    assert api.url_map.bind(str(of_nginx.hostname)).match(of_nginx.path)[0] == "atdb.health.health"


def test_each_service_starts_after_what_it_needs() -> None:
    for name in OURS:
        after = {needed: each["condition"] for needed, each in SERVICES[name]["depends_on"].items()}
        if name in entry_point.MIGRATIONS:
            assert after == {"postgres": "service_healthy"}
        elif name == "telescope":
            assert after == {"atdb": "service_healthy"}
        else:
            migration = "migrate" if name == "atdb" else "migrate-airflow"
            assert after[migration] == "service_completed_successfully", name
        uses_redis = {"redis": ("redis",)}.items() <= secrets.PARTS[name].items()
        starts_tasks = name in ("airflow-scheduler", "worker", "worker-telescope")
        assert not starts_tasks or (uses_redis and after["redis"] == "service_healthy")


def test_each_image_is_built_from_its_dockerfile() -> None:
    for name in OURS:
        image, build = SERVICES[name]["image"].partition(":")[0], SERVICES[name]["build"]
        assert image == ("atdb" if name in {"migrate", "atdb", "telescope"} else "atdb-airflow")
        recipe = (REPOSITORY / build["dockerfile"]).read_text(encoding="utf-8")
        assert f"title={image} " in recipe, name
        assert set(re.findall(r"^ARG (\w+)", recipe, re.MULTILINE)) == build["args"].keys(), name
        assert with_defaults(build["args"]["PYTHON_IMAGE"]) in recipe


def test_the_containers_have_no_more_rights_than_they_need() -> None:
    for name in OURS:
        assert SERVICES[name]["cap_drop"] == ["ALL"], name
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"], name
    assert [name for name, each in SERVICES.items() if each.get("profiles")] == ["telescope"]
    assert SERVICES["telescope"]["profiles"] == ["simulator"]


def test_the_servers_of_others_have_the_options_that_the_stack_needs() -> None:
    command = SERVICES["postgres"]["command"]
    assert f"max_connections={database.MAX_CONNECTIONS}" in command
    assert SERVICES["postgres"]["stop_signal"] == "SIGINT"
    redis = SERVICES["redis"]["command"]
    options = dict(zip(redis[2::2], redis[3::2], strict=True))
    assert (options["--appendonly"], options["--appendfsync"]) == ("yes", "always")
    assert mounts("redis") == {options["--dir"]: "redis"}
    data = SERVICES["postgres"]["environment"]["PGDATA"]
    assert [source for target, source in mounts("postgres").items() if data.startswith(f"{target}/")] == [
        "postgres"
    ]
