"""Country codes that exist: a rule against `UK` would let in all of `GB` without a word."""

from collections.abc import Iterable

from stillhouse.errors import ConfigError

__all__ = ["check_countries"]

# ISO 3166-1 alpha-2 as assigned in 2026, and XK, which every database of addresses has for Kosovo.
_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI
SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
VN VU WF WS XK YE YT ZA ZM ZW
"""
_MEANT = {"UK": "GB", "EL": "GR", "EN": "GB", "SU": "RU"}


def check_countries(codes: Iterable[str], place: str) -> tuple[str, ...]:
    """The codes in capitals. ConfigError, opened by `place`, for the first that is no code of ISO 3166-1 alpha-2."""
    known, found = frozenset(_CODES.split()), []
    for code in codes:
        capitals = code.upper()
        if capitals not in known:
            meant = _MEANT.get(capitals)
            remedy = f"did you mean {meant}?" if meant else "give two letters like DE"
            raise ConfigError(f"{place}: '{code}' is no country code of ISO 3166-1; {remedy}")
        found.append(capitals)
    return tuple(found)
