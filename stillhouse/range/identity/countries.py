"""Where people are, how many, and what time it is there. Shares are rounded and meant to be plausible, not a census."""

from typing import NamedTuple

from stillhouse.range.seeds import cumulative

__all__ = ["COUNTRIES", "COUNTRY_SUMS", "Country"]


class Country(NamedTuple):
    """ISO code, share of the people, hours ahead of UTC, and its place in the plan of addresses."""

    code: str
    share: float
    utc_hours: float
    number: int


_TABLE = (
    ("US", 20.0, -6),
    ("US", 8.0, -8),
    ("IN", 14.0, 5.5),
    ("GB", 5.0, 0),
    ("DE", 5.0, 1),
    ("BR", 5.0, -3),
    ("FR", 4.0, 1),
    ("JP", 4.0, 9),
    ("CA", 3.5, -5),
    ("ID", 3.5, 7),
    ("KR", 2.5, 9),
    ("ES", 2.5, 1),
    ("IT", 2.5, 1),
    ("AU", 2.2, 10),
    ("MX", 2.2, -6),
    ("NL", 2.0, 1),
    ("PL", 2.0, 1),
    ("VN", 2.0, 7),
    ("PH", 1.8, 8),
    ("TR", 1.6, 3),
    ("SG", 1.2, 8),
    ("SE", 1.0, 1),
    ("CH", 0.9, 1),
    ("AR", 0.9, -3),
    ("ZA", 0.8, 2),
    ("NG", 0.8, 1),
    ("EG", 0.7, 2),
    ("UA", 0.7, 2),
    ("IL", 0.6, 2),
    ("NZ", 0.5, 12),
)
COUNTRIES = tuple(Country(code, share, hours, number) for number, (code, share, hours) in enumerate(_TABLE))
COUNTRY_SUMS = cumulative([country.share for country in COUNTRIES])
