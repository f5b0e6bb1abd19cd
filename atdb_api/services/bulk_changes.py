"""Change all items that match a filter in one transaction, after a preview of the same change."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, selectinload

from atdb_api.config import SpecificationRules
from atdb_api.models import DataProduct, Observation
from atdb_api.search import columns, filters
from atdb_api.services import dataproducts, observations
from atdb_interface.bulk import MOST_ITEMS, Bulk, BulkAnswer, BulkItem, DataProductBulk, ObservationBulk, Verdict
from atdb_interface.errors import AtdbError, BadRequest, SetChanged

Row = Observation | DataProduct
REFUSES = (SetChanged,)


def change_observations(
    session: Session, ask: ObservationBulk, *, actor: str, rules: SpecificationRules
) -> BulkAnswer:
    """Preview or make a change of all observations that match. Raises BadRequest and SetChanged.

    The observations are locked, in the order of their taskIDs, until the transaction ends, so that none changes
    after the comparison with the preview.
    """
    rows = _locked(session, filters.where(columns.OBSERVATION_COLUMNS, ask.filters.items()))
    token = _fingerprint(ask, [(row.id, row.status, row.status_since.isoformat()) for row in rows])

    def change(row: Observation) -> bool:
        return observations.change(session, row, ask.change, actor=actor, rules=rules)

    return _carry_out(session, ask, token, rows, change)


def change_dataproducts(session: Session, ask: DataProductBulk, *, actor: str) -> BulkAnswer:
    """Preview or make a change of all data products that match, as `change_observations` does.

    Their observations are locked, as for every change of a product.
    """
    conditions = filters.where(columns.PRODUCT_COLUMNS, ask.filters.items())
    # The session forgets rows without a reference. Then each product would read its observation again.
    locked = _locked(session, [Observation.id.in_(select(DataProduct.observation_id).where(*conditions))])
    of_locked = DataProduct.observation_id.in_([observation.id for observation in locked])
    rows = session.scalars(
        select(DataProduct).where(of_locked, *conditions).order_by(DataProduct.id).limit(MOST_ITEMS + 1)
    ).all()
    _refuse_too_many(rows)
    token = _fingerprint(ask, [(row.id, row.status) for row in rows])
    return _carry_out(
        session, ask, token, rows, lambda row: dataproducts.change(session, row, ask.change, actor=actor)
    )


def _locked(session: Session, conditions: Sequence[ColumnElement[bool]]) -> Sequence[Observation]:
    rows = session.scalars(
        select(Observation)
        .where(*conditions)
        .order_by(Observation.task_id)
        .limit(MOST_ITEMS + 1)
        .with_for_update()
        .options(selectinload(Observation.lease))
    ).all()
    _refuse_too_many(rows)
    return rows


def _refuse_too_many(rows: Sequence[Row]) -> None:
    if len(rows) > MOST_ITEMS:
        raise BadRequest(f"More than {MOST_ITEMS} items match. Narrow the filters.")


def _fingerprint(ask: Bulk[Any], items: Sequence[tuple[Any, ...]]) -> str:
    """Return a digest of this request and of the items that it matches now.

    If either changes, so does the digest.
    """
    fields = ask.model_dump(mode="json", exclude={"token"}, exclude_unset=True)
    return hashlib.sha256(json.dumps([fields, items], sort_keys=True).encode()).hexdigest()


def _carry_out(
    session: Session, ask: Bulk[Any], token: str, rows: Sequence[Row], change: Callable[[Any], bool]
) -> BulkAnswer:
    """Change each item, and roll back if this is only a preview."""
    if ask.token is not None and ask.token != token:
        raise SetChanged("The matching items or their statuses have changed since the preview. Preview again.")
    savepoint = session.begin_nested()
    results = [_result(row, change) for row in rows]
    session.flush()
    if ask.token is None:
        savepoint.rollback()
    return BulkAnswer(
        token=token,
        executed=ask.token is not None,
        count=len(results),
        verdicts=dict(Counter(result.verdict for result in results)),
        results=results,
    )


def _result(row: Row, change: Callable[[Any], bool]) -> BulkItem:
    result = BulkItem(
        id=row.id,
        taskID=row.task_id,
        filename=row.filename if isinstance(row, DataProduct) else None,
        my_status=row.status,
        verdict=Verdict.UNCHANGED,
        detail="",
    )
    try:
        if change(row):
            result.verdict = Verdict.CHANGED
    except AtdbError as refusal:
        result.verdict, result.detail = Verdict.REFUSED, refusal.detail
    return result
