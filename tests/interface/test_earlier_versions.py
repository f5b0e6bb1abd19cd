"""The client reads the answers of earlier versions of ATDB, so that a program can be upgraded first."""

import pytest

from atdb_interface.base_models import Returned
from atdb_interface.dataproducts import DataProduct
from atdb_interface.leases import HeldLease
from atdb_interface.observations import Observation
from atdb_interface.services import Service

#: What the first version with a listener returned, except what is not in an answer of today.
FIELDS: dict[type[Returned], str] = {
    Observation: """
        beamPattern central_frequency claimed_until control_parameters creationTime data_location duration end_band
        endtime field_beam field_dec field_ha field_name field_ra generated_dataproducts id integration_factor
        irods_collection my_status name new_status node number_of_bins observing_mode options par_file_name
        parset_location priority process_type science_mode skip_auto_ingest start_band starttime status_history
        status_since taskID task_type telescopes""",
    DataProduct: """
        archive_copy checksum creationTime data_location dataproduct_type description filename
        generatedByObservation id my_status name new_status node quality removal_forced_by removal_forced_reason
        size status_history taskID""",
    Service: "detail last_seen name statuses",
    HeldLease: """
        began_at done_bytes expires_at lost_owners my_status owner taskID total_bytes trouble trouble_since""",
}


def test_every_returned_resource_is_compared() -> None:
    assert FIELDS.keys() == set(Returned.__subclasses__())


@pytest.mark.parametrize("model", FIELDS, ids=lambda model: model.__name__)
def test_an_answer_of_an_earlier_version_is_read(model: type[Returned]) -> None:
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required <= set(FIELDS[model].split())


@pytest.mark.parametrize("model", FIELDS, ids=lambda model: model.__name__)
def test_the_schema_of_an_answer_requires_every_field(model: type[Returned]) -> None:
    assert set(model.model_json_schema(mode="serialization")["required"]) == set(model.model_fields)
