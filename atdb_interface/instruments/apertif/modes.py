"""The kinds of observing modes, one row for each."""

from datetime import timedelta

from atdb_interface.instruments.apertif.products import measurement_sets, pulsar_files, survey_files
from atdb_interface.instruments.interface import Mode

IMAGING_COMPLETES_AFTER = timedelta(minutes=1)

MODES = (
    Mode("imaging", data_host="wcudata1", products=measurement_sets, completes_after=IMAGING_COMPLETES_AFTER),
    Mode("arts_sc1", data_host="arts001", products=pulsar_files),
    Mode("arts_sc4", data_host="arts001", products=survey_files),
)
