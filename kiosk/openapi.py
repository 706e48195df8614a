"""The OpenAPI 3.1 document of the device API, put together from the shapes that the code decodes and encodes."""
from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from flask import Response

from guard import may
from kiosk import shapes
from kiosk.api import api, say
from models.version import VERSION

_REF = "#/components/schemas/{name}"
_TAKEN = (shapes.ScanIn, shapes.VoidIn, shapes.PairIn, shapes.GrantIn, shapes.LookupIn, shapes.SearchIn)
_GIVEN = (shapes.ScansOut, shapes.ResultOut, shapes.ErrorItem, shapes.AttendeeOut,
          shapes.RosterOut)
_ERROR = {"type": "object", "required": ["error", "message"], "properties": {
    "error": {"type": "string"}, "message": {"type": "string", "description": "for a person"},
    "field": {"type": "string"}}}
_OBJECT: dict[str, Any] = {"type": "object"}
_BOTH: list[dict[str, list[str]]] = [{"station": []}, {"cookie": []}]


@api.get("/api/v1/openapi.json")
@may("anyone")
def openapi() -> Response:
    """This document."""
    return say(document())


@cache
def document() -> dict[str, Any]:
    """The whole document as JSON values."""
    _, schemas = msgspec.json.schema_components([*_TAKEN, *_GIVEN], ref_template=_REF)
    schemas["ScansOut"]["properties"]["results"] = {
        "type": "array", "items": {"anyOf": [_ref("ResultOut"), _ref("ErrorItem")]}}
    schemas["Error"] = _ERROR
    return {
        "openapi": "3.1.0",
        "info": {"title": "Huiwu 会务 device API", "version": VERSION,
                 "description": "Stations send a bearer token. Errors are {error, message}."},
        "paths": _paths(),
        "components": {"schemas": schemas, "securitySchemes": {
            "station": {"type": "http", "scheme": "bearer"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "huiwu_station"}}},
    }


def _paths() -> dict[str, Any]:
    scans_in = {"oneOf": [_ref("ScanIn"), {"type": "array", "items": _ref("ScanIn"), "minItems": 1,
                                            "maxItems": shapes.BATCH}]}
    scan_id = {"name": "scan_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    grant = {"name": "X-Grant", "in": "header", "required": False, "schema": {"type": "string"},
             "description": "a lead's grant for this tablet: allows force and a late undo"}
    return {
        "/healthz": {"get": _call("healthz", "whether the ledger can be written", 200, _OBJECT, [503], public=True)},
        "/api/v1/openapi.json": {"get": _call("openapi", "this document", 200, _OBJECT, [], public=True)},
        "/api/v1/pair": {"post": _call("pair", "a pairing code becomes a token", 201, _OBJECT, [400, 404, 410, 429],
                                       "PairIn", public=True)},
        "/api/v1/station": {"get": _call("station", "what this tablet is and may do", 200, _OBJECT, [401, 403])},
        "/api/v1/scans": {"post": {
            **_call("scans", "one scan or a list of up to 500, judged in the order sent", 200, _ref("ScansOut"),
                    [400, 401, 403, 409, 503]),
            "parameters": [grant], "requestBody": _body(scans_in)}},
        "/api/v1/scans/{scan_id}/void": {"parameters": [scan_id], "post": {
            **_call("void", "undo, as a new row of the ledger", 200, _ref("ScansOut"), [400, 401, 403, 404, 409, 503],
                    "VoidIn"), "parameters": [grant]}},
        "/api/v1/grant": {"post": _call("grant", "a lead at the tablet: five minutes", 201, _OBJECT,
                                        [400, 401, 403, 429], "GrantIn")},
        "/api/v1/roster": {"get": {
            **_call("roster", "the offline snapshot: sealed entries of everybody, or of those that changed", 200,
                    _ref("RosterOut"), [401, 403, 410, 429, 503]),
            "parameters": [{"name": "since", "in": "query", "required": False, "schema": {"type": "string"},
                            "description": "the revision that the tablet holds"}]}},
        "/api/v1/lookup": {"post": _call("lookup", "who this is and what is open; records nothing", 200, _OBJECT,
                                         [400, 401, 403, 429], "LookupIn")},
        "/api/v1/search": {"post": _call("search", "people by name", 200, _OBJECT, [400, 401, 403, 429], "SearchIn")},
        "/api/v1/counts": {"get": _call("counts", "the dashboard's numbers", 200, _OBJECT, [401, 403])},
        "/api/v1/live": {"get": {
            **_call("live", "Server-Sent Events: counts, arrival, printer, station, alert", 200, _OBJECT,
                    [401, 403, 503], media="text/event-stream")}},
    }


def _call(name: str, summary: str, good: int, shape: dict[str, Any], errors: list[int], takes: str = "", *,
          public: bool = False, media: str = "application/json") -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": name, "summary": summary, "security": [] if public else _BOTH,
        "responses": {str(good): {"description": "done", "content": {media: {"schema": shape}}},
                      **{str(status): {"description": "refused", "content": {"application/json": {
                          "schema": _ref("Error")}}} for status in errors}}}
    if takes:
        said["requestBody"] = _body(_ref(takes))
    return said


def _body(shape: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": shape}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(name=name)}
