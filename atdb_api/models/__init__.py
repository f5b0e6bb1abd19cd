"""The tables. Their names are snake_case; search/columns.py maps them to wire names."""

from atdb_api.models.accounts import Account, FailedLogins, KeptAnswer, Token
from atdb_api.models.base import Base, StatusText
from atdb_api.models.dataproducts import LONGEST_DATA_PATH, DataProduct, Receipt
from atdb_api.models.history import Change, Event, Transition
from atdb_api.models.night_reports import StoredReport
from atdb_api.models.observations import Claim, Lease, Observation, TaskDay
from atdb_api.models.observatory import DiskUsage, Service, StageSetting

__all__ = [
    "LONGEST_DATA_PATH",
    "Account",
    "Base",
    "Change",
    "Claim",
    "DataProduct",
    "DiskUsage",
    "Event",
    "FailedLogins",
    "KeptAnswer",
    "Lease",
    "Observation",
    "Receipt",
    "Service",
    "StageSetting",
    "StatusText",
    "StoredReport",
    "TaskDay",
    "Token",
    "Transition",
]
