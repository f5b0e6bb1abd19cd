"""Public imports: the requests of services, such as claims and leases. Each is defined with its resource.

Clients import from here. In this project, only the example in docs/client.md does.
"""

from atdb_interface.claims import (
    Claim,
    ClaimedTask,
    ClaimRequest,
    OpenClaim,
    OpenClaims,
    Release,
    Released,
    Waiting,
)
from atdb_interface.dataproducts import MovedProduct, MovedProducts, ProductMove, ProductMoves
from atdb_interface.leases import HeldLease, Lease, LeaseSeconds
from atdb_interface.transitions import Move

__all__ = [
    "Claim",
    "ClaimRequest",
    "ClaimedTask",
    "HeldLease",
    "Lease",
    "LeaseSeconds",
    "Move",
    "MovedProduct",
    "MovedProducts",
    "OpenClaim",
    "OpenClaims",
    "ProductMove",
    "ProductMoves",
    "Release",
    "Released",
    "Waiting",
]
