"""How days and times are written on the wire. Health checks import this, so it imports nothing."""

#: Without their first and last year, so that no zone leads out of them.
_YEARS = "(197[1-9]|19[89][0-9]|20[0-9]{2}|21[0-8][0-9]|219[0-8])"
_LEAP_YEARS = "19(7[26]|8[048]|9[26])|2000|2[01](0[48]|[2468][048]|[13579][26])"
_DAYS = (
    rf"{_YEARS}-"
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
DAY_PATTERN = rf"^({_DAYS}|({_LEAP_YEARS})-02-29)$"
#: How a time is written: a day from 1971 to 2198, perhaps a time of day, perhaps a zone. A bare number is not
#: taken as seconds since 1970: it is rather a slip.
TIME_PATTERN = (
    rf"^({_DAYS}|({_LEAP_YEARS})-02-29)"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?)?$"
)
