"""The modules that can lose data or let an intruder in, and the tests that cover each of them."""

from collections.abc import Iterator
from pathlib import Path

_API = "atdb_api"
_RACES = "tests/api/test_races.py"
_BULK = "tests/api/test_bulk.py"
_CLAIMS = "tests/api/test_claims.py"
_LEASES = "tests/api/test_leases.py"
_ACCOUNTS_OF_WORK = "tests/api/test_accounts_of_work.py"
_STAGES = "tests/api/test_stages.py"
_TRANSITIONS = "tests/api/test_transitions.py"
_OBSERVATIONS = "tests/api/test_observations.py"
_KEYS = "tests/api/test_idempotency.py"
_RIGHTS = "tests/api/test_rights.py"
_LIMITS = "tests/api/test_login_limits.py"
_NUL = "tests/api/test_nul.py"
_PERMISSIONS = "tests/api/test_permissions.py"
_LOGINS = (
    "tests/api/test_guards.py",
    "tests/api/test_accounts.py",
    "tests/api/test_logins.py",
    "tests/api/test_sessions.py",
)
_ACCESS = (*_LOGINS, _LIMITS, _PERMISSIONS)
_LIFECYCLE = ("tests/api/test_lifecycle.py", "tests/api/test_actions.py")
_PUBLICATION = (
    "tests/plugins/test_archive_to_disk.py",
    "tests/plugins/test_archive_publication.py",
    "tests/plugins/test_archive_partial_files.py",
)
_ARCHIVE = ("tests/plugins/test_archive*.py",)
_INGEST = (
    "tests/operators/test_ingest*.py",
    "tests/operators/test_lost_leases.py",
    "tests/operators/test_lease.py",
    "tests/operators/test_archive_identity.py",
    *_ARCHIVE,
)
_DELETION = ("tests/operators/test_deletion.py",)
_REMOVE = (
    "tests/operators/test_removal_failures.py",
    "tests/operators/test_removal.py",
    "tests/operators/test_remov*.py",
    "tests/api/test_receipts.py",
    "tests/operators/test_local_products.py",
)
_VALIDATE = ("tests/operators/test_validate*.py", "tests/operators/test_local_products.py")
_RECONCILE = ("tests/operators/test_reconcile*.py",)

#: Patterns of modules, each with patterns of their tests: those that find the most run first. A module has the
#: tests of the first pattern that it matches. Tests that start a whole stack are in none of them, because each
#: would take minutes per fault.
TESTS: dict[str, tuple[str, ...]] = {
    f"{_API}/services/bulk_changes.py": (_BULK, _RACES),
    f"{_API}/services/claims.py": (_CLAIMS, _ACCOUNTS_OF_WORK, _STAGES, _RACES),
    f"{_API}/services/leases.py": (_LEASES, _ACCOUNTS_OF_WORK, _CLAIMS, _STAGES),
    f"{_API}/services/authority.py": (_LEASES, _ACCOUNTS_OF_WORK, _CLAIMS, _TRANSITIONS, *_LIFECYCLE),
    f"{_API}/services/stages.py": (_STAGES, _CLAIMS, _RACES),
    f"{_API}/services/dataproducts.py": (
        _RACES,
        _BULK,
        _TRANSITIONS,
        _OBSERVATIONS,
        _LIFECYCLE[0],
        "tests/api/test_receipts.py",
    ),
    f"{_API}/services/observations.py": (_RACES, _BULK, _OBSERVATIONS, _TRANSITIONS, _CLAIMS, *_LIFECYCLE),
    f"{_API}/services/accounts.py": _ACCESS,
    f"{_API}/services/login_attempts.py": (_LIMITS, *_LOGINS, _NUL),
    f"{_API}/services/rights.py": (_RIGHTS,),
    f"{_API}/services/*.py": (_RACES, _TRANSITIONS, _CLAIMS, _STAGES, _BULK, *_LIFECYCLE),
    f"{_API}/rest/idempotency.py": (_KEYS, _RACES),
    f"{_API}/rest/auth.py": _ACCESS,
    f"{_API}/rest/admission.py": (*_ACCESS, _NUL, "tests/api/test_slow_queries.py"),
    f"{_API}/rest/endpoint.py": (*_ACCESS, _KEYS, _TRANSITIONS, "tests/api/test_reads.py"),
    f"{_API}/views/sessions.py": (*_ACCESS, "tests/api/test_openapi.py"),
    f"{_API}/views/tokens.py": (*_ACCESS, "tests/api/test_openapi.py"),
    "atdb_interface/roles.py": (_PERMISSIONS, *_LOGINS, _RIGHTS),
    "atdb_interface/checksum.py": ("tests/interface/test_checksum.py", *_VALIDATE, *_INGEST),
    "atdb_interface/data_hosts.py": _VALIDATE,
    "atdb_interface/lifecycle.py": ("tests/interface/test_lifecycle.py", *_LIFECYCLE),
    "atdb_plugins/archive/publication.py": (*_PUBLICATION, "tests/plugins/test_archive_store.py"),
    "atdb_plugins/archive/partial_files.py": _PUBLICATION,
    "atdb_plugins/archive/*.py": (*_ARCHIVE, *_INGEST, *_REMOVE),
    "atdb_plugins/hooks/archive.py": _INGEST,
    "atdb_plugins/auth_manager.py": ("tests/plugins/test_auth_manager.py",),
    "operators/data/archive_transfer.py": _INGEST,
    "operators/data/deletion.py": _DELETION,
    "operators/data/tombstones.py": _DELETION,
    "operators/data/renames.py": _DELETION,
    "operators/data/removal*.py": _REMOVE,
    "operators/data/*.py": (*_VALIDATE, *_REMOVE, *_INGEST, *_RECONCILE),
    "operators/lease.py": ("tests/operators/test_lease.py", "tests/operators/test_ingest*.py"),
    "operators/stages/base.py": (*_INGEST, "tests/operators/test_stages.py", "tests/operators/test_failures.py"),
    "operators/stages/ingest.py": _INGEST,
    "operators/stages/observe.py": ("tests/operators/test_observe*.py",),
    "operators/stages/when_due.py": ("tests/operators/test_observe*.py",),
    "operators/stages/remove*.py": _REMOVE,
    "operators/stages/validate.py": _VALIDATE,
    "operators/reconcile/*.py": _RECONCILE,
}


def modules(root: Path = Path()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the path of each module below a checkout, and its tests."""
    seen = set()
    for modules_of, tests in TESTS.items():
        for path in sorted(root.glob(modules_of)):
            module = path.relative_to(root).as_posix()
            if module not in seen and path.name != "__init__.py":
                seen.add(module)
                paths = [test for pattern in tests for test in sorted(root.glob(pattern))]
                yield module, tuple(dict.fromkeys(test.relative_to(root).as_posix() for test in paths))
