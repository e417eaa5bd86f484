"""How many of each kind of look-alike there are, and how big they are. Zero of a kind leaves it out."""

from typing import Literal

from pydantic import Field

from stillhouse.config import Settings

__all__ = [
    "AgentSettings",
    "BackfillSettings",
    "ClassroomSettings",
    "DataShopSettings",
    "GatewaySettings",
    "HarnessSettings",
    "NightlySettings",
    "ProductSettings",
    "RelaySettings",
    "ReleaseDaySettings",
    "TimerSettings",
    "TranslatorSettings",
]


class NightlySettings(Settings):
    """Evaluation suites that run every night."""

    labs: int = Field(3, ge=0, description="labs, each one account with suites, harness and hour of its own")
    items: int = Field(120, ge=1, description="items that a lab asks each night, the same ones")
    seconds_between: float = Field(1.0, gt=0, description="mean time between two items")
    logprobs: float = Field(
        0.4,
        ge=0,
        le=1,
        description="share that asks for log-probabilities of the labs whose API has them: three of four labs, about",
    )


class AgentSettings(Settings):
    """Coding agents on a build server."""

    organisations: int = Field(3, ge=0, description="organisations, each with one key")
    pushes_per_day: float = Field(12.0, gt=0, description="sessions on a working day of one organisation")


class BackfillSettings(Settings):
    """Filling of a retrieval index."""

    jobs: int = Field(2, ge=0, description="jobs, each one account and one template")
    requests: int = Field(1500, ge=1, description="passages of one job")
    hours: float = Field(12.0, gt=0, description="how long a job takes, at an even pace")


class GatewaySettings(Settings):
    """A company behind one key and one address."""

    companies: int = Field(1, ge=0, description="companies")
    people: int = Field(2000, ge=1, description="employees of one company")
    sessions_per_day: float = Field(0.1, gt=0, description="median sessions of an employee on a weekday")


class ClassroomSettings(Settings):
    """A class with one assignment."""

    classes: int = Field(3, ge=0, description="classes")
    pupils: int = Field(60, ge=1, description="accounts of one class")
    hours: float = Field(5.0, gt=0, description="time in which nearly all of them ask")


class HarnessSettings(Settings):
    """People on one popular open-source program."""

    people: int = Field(1000, ge=0, description="accounts, all with the same system text and user agent")
    sessions_per_day: float = Field(0.4, gt=0, description="median sessions of one of them on a weekday")


class TranslatorSettings(Settings):
    """A translation office with one template."""

    shops: int = Field(2, ge=0, description="offices")
    accounts: int = Field(8, ge=1, le=20, description="accounts of one office")
    requests_per_day: float = Field(200.0, gt=0, description="texts of one office on a working day")


class ReleaseDaySettings(Settings):
    """Strangers who try a new model on public benchmarks."""

    accounts: int = Field(60, ge=0, description="unrelated accounts")
    items: int = Field(60, ge=1, description="median items of one of them")
    harnesses: int = Field(2, ge=1, le=6, description="different programs among them")
    day: float = Field(2.0, ge=0, description="day of the release, from the start")


class RelaySettings(Settings):
    """An operator who resells access to people who mean no harm."""

    operators: int = Field(1, ge=0, description="operators")
    accounts: int = Field(20, ge=1, description="accounts of one operator")
    people: int = Field(400, ge=1, description="people behind one operator")
    sessions_per_day: float = Field(0.4, gt=0, description="median sessions of one of them on a weekday")
    routing: Literal["sticky", "request", "mixed"] = Field(
        "mixed", description="each person on one account, each request on any, or every second operator so"
    )


class ProductSettings(Settings):
    """A product built on the API."""

    products: int = Field(1, ge=0, description="products, each with one template")
    accounts: int = Field(1, ge=1, description="accounts of one product")
    users: int = Field(1000, ge=1, description="end users of one product")
    sessions_per_day: float = Field(0.2, gt=0, description="median sessions of an end user on a weekday")


class TimerSettings(Settings):
    """A server that asks for a digest on a timer."""

    jobs: int = Field(3, ge=0, description="organisations with such a server")
    minutes: int = Field(30, ge=1, le=1440, description="time between two digests")


class DataShopSettings(Settings):
    """A company that makes test data for a permitted use of its own."""

    shops: int = Field(1, ge=0, description="companies")
    requests: int = Field(400, ge=1, description="requests of one of them")
