"""What most specifications of the tests have in common."""

#: The coordinates of a field, in degrees: a specification without them is refused.
COORDINATES = {"field_ra": 24.422081, "field_dec": 33.159759}
