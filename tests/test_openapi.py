"""The API against its own document: the document is valid, every route is in it, and no request makes a server error."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator

from kiosk.openapi import document
from tests.conftest import Tablet

schema = schemathesis.openapi.from_dict(document())


def test_the_document_is_valid_openapi_and_served(client: Any) -> None:
    OpenAPIV31SpecValidator(document()).validate()
    assert client.get("/api/v1/openapi.json").get_json() == document()


def test_every_route_of_the_device_api_is_in_the_document(app: Flask) -> None:
    routes = {(str(rule).replace("<uuid:scan_id>", "{scan_id}"), method.lower())
              for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")
              for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert routes == {(path, method) for path, calls in document()["paths"].items()
                      for method in calls if method != "parameters"}


@pytest.fixture
def mode_tokens(pair: Callable[[str], Tablet]) -> dict[str, str]:
    return {key: pair(key).token for key in ("desk-1", "gate-1", "kiosk-1", "board")}


@schema.exclude(path="/api/v1/live").parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_makes_a_server_error_or_an_answer_out_of_shape(case: Any, app: Flask,
                                                                   mode_tokens: dict[str, str]) -> None:
    for token in mode_tokens.values():
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
        answer = case.call_wsgi(app) if hasattr(case, "call_wsgi") else case.call(app=app)
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, checks=(schemathesis.checks.not_a_server_error,
                                               schemathesis.specs.openapi.checks.response_schema_conformance,
                                               schemathesis.specs.openapi.checks.status_code_conformance))
