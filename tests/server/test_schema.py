"""Every route against the server's own OpenAPI document, by schemathesis: what fits it, what does not, what comes back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mcp_server.rest.table import ROUTES
from mcp_server.server import PriceServer

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
ASKED = [(route.method, route.path) for route in ROUTES if route.path != "/shutdown"]  # it ends the server
TAKING = [(route.method, route.path) for route in ROUTES if route.arguments.model_fields and route.path != "/shutdown"]
_SURROGATE = re.compile(r"\\ud[89a-f]")  # as repr writes them
CONFIG = SchemathesisConfig.from_dict(
    {
        # Wrong tokens and other headers are the attack matrix's.
        "generation": {"with-security-parameters": False},
        "checks": {"negative_data_rejection": {"expected-statuses": ["400", "404", "413"]}},
    }
)
FEW = settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False  # no proxy stands before this machine's own address
        yield made


@pytest.fixture
def schema(server: PriceServer, session: requests.Session) -> Any:
    headers = {"Authorization": f"Bearer {server.token}"}
    answer = session.get(f"{server.url}/openapi.json", headers=headers, timeout=10)
    return schemathesis.openapi.from_dict(answer.json(), config=CONFIG)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_route_keeps_to_its_document(
    server: PriceServer, session: requests.Session, schema: Any, mode: GenerationMode
) -> None:
    asked = Counter[tuple[str, str]]()
    routes = ASKED if mode is GenerationMode.POSITIVE else TAKING
    for method, path in routes:
        hold(schema[path][method], mode, server, session, asked)
    assert set(asked) == set(routes)


def test_a_route_that_breaks_its_word_is_found(server: PriceServer, session: requests.Session, schema: Any) -> None:
    document = schema.raw_schema
    document["components"]["schemas"]["Symbols"]["properties"]["symbols"] = {"type": "integer"}
    broken = schemathesis.openapi.from_dict(document, config=CONFIG)["/symbols"]["GET"]
    with pytest.raises(FailureGroup) as found:
        hold(broken, GenerationMode.POSITIVE, server, session, Counter())
    assert [failure.title for failure in found.value.exceptions] == ["Response violates schema"]


def hold(
    operation: Any,
    mode: GenerationMode,
    server: PriceServer,
    session: requests.Session,
    asked: Counter[tuple[str, str]],
) -> None:
    """Hold one operation against its document, with a dozen requests."""

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        # Halves of a surrogate pair are two characters here and one on the wire: too long is then not too long.
        assume(not _SURROGATE.search(repr(case.body)))
        asked[operation.method.upper(), operation.path] += 1
        headers = {"Authorization": f"Bearer {server.control_token}"}
        case.call_and_validate(base_url=server.url, session=session, headers=headers, checks=CHECKS, timeout=10)

    ask()
