"""The formats of days and times on the wire. Health checks import this module, so it imports nothing."""

#: Without 1970 and 2199, so that no time zone leads out of the range.
_YEARS = "(197[1-9]|19[89][0-9]|20[0-9]{2}|21[0-8][0-9]|219[0-8])"
_LEAP_YEARS = "19(7[26]|8[048]|9[26])|2000|2[01](0[48]|[2468][048]|[13579][26])"
_DAYS = (
    rf"{_YEARS}-"
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_DAY = rf"({_DAYS}|({_LEAP_YEARS})-02-29)"
DAY_PATTERN = f"^{_DAY}$"
#: The format of a time: a day from 1971 to 2198, with an optional time of day and time zone. A number alone is
#: refused, because it is more likely a mistake than seconds since 1970.
_TIME_OF_DAY = (
    r"[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?"
)
TIME_PATTERN = f"^{_DAY}({_TIME_OF_DAY})?$"
#: The format of a time that must have a time of day.
FULL_TIME_PATTERN = f"^{_DAY}{_TIME_OF_DAY}$"
