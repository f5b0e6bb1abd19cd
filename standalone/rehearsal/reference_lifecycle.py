"""The lifecycle as the checker knows it: copied by hand from the domain's description, not from ATDB's code.

A developer who changes the lifecycle must change it here too, or the rehearsal fails: the copy exists for this.
"""

WORKING = {"starting", "checking", "ingesting", "removing"}

#: The status that an observation gets when a stage starts to work on it.
BEGINS = {
    "specify": "scheduled",
    "observe": "starting",
    "validate": "checking",
    "ingest": "ingesting",
    "remove": "removing",
}

#: The status to which a held observation returns if a stage was working on it.
_REST = {"checking": "completing", "ingesting": "valid", "removing": "archived"}

_STEPS = """
defined > scheduled, on hold, aborted
scheduled > starting, error (too late), error (start obs), on hold, aborted
starting > running, error (start obs), aborted
running > completing, error (no completing), aborted
completing > checking, on hold, aborted
checking > valid, completed, incomplete, on hold, aborted
completed > valid, on hold, aborted
incomplete > valid, completing, on hold, aborted
valid > ingesting, on hold, aborted
ingesting > archived, ingest error, on hold
archived > removing, completing, on hold
removing > removed, remove error, on hold
error (too late) > scheduled, on hold, aborted
error (start obs) > scheduled, on hold, aborted
error (no completing) > running, on hold, aborted
ingest error > valid, completing, on hold
remove error > archived, completing, on hold
"""

_PRODUCT_STEPS = """
defined > valid, invalid
valid > invalid, ingesting
invalid > valid
ingesting > archived, valid, ingest error
ingest error > ingesting, valid, invalid
archived > removed, valid, invalid
"""


def _table(text: str) -> dict[str, set[str]]:
    lines = (line.partition(" > ") for line in text.strip().splitlines())
    return {source: set(targets.split(", ")) for source, _, targets in lines}


_NEXT, _NEXT_OF_PRODUCT = _table(_STEPS), _table(_PRODUCT_STEPS)


def is_step(before: list[str], target: str) -> bool:
    """Return whether an observation that had the statuses `before`, in this order, may move to `target`."""
    if before[-1] != "on hold":
        return target in _NEXT.get(before[-1], set())
    held = before[-2]
    back = _REST.get(held, held)
    return target == back or (target == "aborted" and "aborted" in _NEXT.get(held, set()))


def is_step_of_product(source: str, target: str) -> bool:
    """Return whether a data product may move from one status to another."""
    return target in _NEXT_OF_PRODUCT.get(source, set())
