"""The OpenAPI document, made from the table of routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from mcp_server.http.routes import Route
from mcp_server.models.service import ErrorAnswer
from mcp_server.security.tokens import Right

if TYPE_CHECKING:
    from pydantic import BaseModel

_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    "400": "An argument is missing, unknown or not allowed; the message names the valid ones",
    "401": "No token, or a wrong one",
    "403": "The page's Origin is not allowed, or the control token is needed",
    "404": "No such market, bot or report; the message names the closest",
    "421": "The Host header names another server",
    "429": "Too many requests; Retry-After says when to try again",
    "503": "There is nothing to show yet",
}
_BODY_ERRORS = {"408": "The body came too slowly", "413": "The body is too large", "415": "The body is not JSON"}


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """Describe the routes as OpenAPI 3.1.

    Parameters
    ----------
    routes
        Which.
    version
        Of the service.
    """
    answers: list[type[BaseModel]] = [route.answer for route in routes if route.answer is not None]
    shapes = [(model, "serialization") for model in dict.fromkeys([*answers, ErrorAnswer])]
    takes = [(route.arguments, "validation") for route in routes if route.policy.takes_json]
    references, found = models_json_schema([*shapes, *dict.fromkeys(takes)], ref_template=_REFERENCE)  # type: ignore[list-item]
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cryptobot price server", "version": version},
        "paths": paths,
        "components": {
            "schemas": found.get("$defs", {}),
            "securitySchemes": {
                "read": {"type": "http", "scheme": "bearer", "description": "The token of the state file"},
                "control": {"type": "http", "scheme": "bearer", "description": "The control token"},
            },
        },
    }


def _operation(route: Route, references: Any) -> dict[str, Any]:
    errors = dict(_ERRORS)
    if route.policy.takes_json:
        errors |= _BODY_ERRORS
    if route.policy.right is Right.NONE:
        errors = {status: errors[status] for status in ("400", "403", "421", "429")}
    schema = references[route.answer, "serialization"] if route.answer else {"type": "string"}
    content = {route.media: {"schema": schema}}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}{route.path.replace('/', '_').replace('{', '').replace('}', '')}",
        "responses": {
            "200": {"description": "As asked", "content": content},
            **{
                status: {
                    "description": text,
                    "content": {"application/json": {"schema": references[ErrorAnswer, "serialization"]}},
                }
                for status, text in sorted(errors.items())
            },
        },
    }
    if route.policy.right is Right.NONE:
        operation["security"] = []
    else:
        operation["security"] = (
            [{"control": []}] if route.policy.right is Right.CONTROL else [{"read": []}, {"control": []}]
        )
    if route.policy.takes_json:
        shape = references[route.arguments, "validation"]
        operation["requestBody"] = {"content": {"application/json": {"schema": shape}}}
        operation["parameters"] = _parameters(route, only_path=True)
    else:
        operation["parameters"] = _parameters(route)
    return operation


def _parameters(route: Route, *, only_path: bool = False) -> list[dict[str, Any]]:
    schema = route.arguments.model_json_schema(mode="validation")
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "path" if name in route.path_names else "query",
            "required": name in required,
            "description": shape.get("description", name),
            "schema": _in_a_query({key: value for key, value in shape.items() if key not in ("title", "description")}),
            **({"style": "form", "explode": False} if shape.get("type") == "array" else {}),
        }
        for name, shape in schema.get("properties", {}).items()
        if name in route.path_names or not only_path
    ]


def _in_a_query(shape: dict[str, Any]) -> dict[str, Any]:
    """Leave null out: an argument of a query that is not given is left out, it cannot be null."""
    choices = [choice for choice in shape.get("anyOf", []) if choice.get("type") != "null"]
    if not choices:
        return shape
    rest = {key: value for key, value in shape.items() if key not in ("anyOf", "default")}
    return {**(choices[0] if len(choices) == 1 else {"anyOf": choices}), **rest}
