"""The description is what the routes are, and its examples of right and wrong are those of the code."""

import re
from typing import Any

from tests.guard.admin.conftest import TOKEN, DeskAt


def test_every_route_is_described_and_the_other_way_round(desk_at: DeskAt) -> None:
    desk = desk_at()
    described = desk.ask("GET", "/v1/openapi.json")
    assert described["openapi"] == "3.1.0"
    found = {(path, method.upper()) for path, methods in described["paths"].items() for method in methods}
    app: Any = desk.client.app
    routes = {(route.path, method) for route in app.routes for method in route.methods - {"HEAD"}}
    assert found == routes - {("/v1/openapi.json", "GET")}
    names = [one["operationId"] for methods in described["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names)) == 26


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {value["$ref"]} if "$ref" in value else set().union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_reference_leads_somewhere(desk_at: DeskAt) -> None:
    described = desk_at().ask("GET", "/v1/openapi.json")
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert references(described) <= known


def test_unknown_fields_are_described_as_wrong(desk_at: DeskAt) -> None:
    described = desk_at().ask("GET", "/v1/openapi.json")
    schemas = described["components"]["schemas"]
    bodies = {
        one["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for methods in described["paths"].values()
        for one in methods.values()
        if "requestBody" in one
    }
    assert len(bodies) == 10
    assert all(schemas[name]["additionalProperties"] is False for name in bodies)
    for one in described["paths"]["/v1/organisations/{id}"]["get"]["parameters"]:
        assert re.fullmatch(one["schema"]["pattern"], "acme") and not re.fullmatch(one["schema"]["pattern"], "a/b")


def test_the_token_is_described_where_one_is_asked_for(desk_at: DeskAt) -> None:
    assert "security" not in desk_at().ask("GET", "/v1/openapi.json")
    desk = desk_at(token=TOKEN.encode())
    assert desk.ask("GET", "/v1/openapi.json", authorization=f"Bearer {TOKEN}")["security"] == [{"token": []}]
