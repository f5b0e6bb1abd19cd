"""What most specifications of the tests have in common, and the rules of an ATDB that accepts them."""

#: The coordinates of a field, in degrees: a specification without them is refused.
COORDINATES = {"field_ra": 24.422081, "field_dec": 33.159759}
#: Settings of the API. With fixed times, a test knows the taskIDs that it creates; and the simulator can observe
#: several fields at the same time.
RULES = {"ATDB_OVERLAPS": "warn", "ATDB_PAST_STARTS": "accept"}
