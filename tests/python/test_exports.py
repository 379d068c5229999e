"""What is public is all there, documented, and nothing else is."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import inspect
import types
from pathlib import Path

import pytest

import notmodified
from notmodified import exceptions

MEMBERS = {
    "Headers": "get_all raw of_raw",
    "Request": "url method headers content identity proxy timeout full context",
    "Session": "request get head post get_many stats flush forget compact close aclose __aenter__ __aexit__",
    "Response": "status status_code ok url request headers content wire_content at_hand text encoding json"
    " not_modified changed outcome reason cache_status stored elapsed wire_bytes bytes_saved acknowledge"
    " raise_for_status",
    "Cache": "plan aplan at_hand stats flush entries forget compact close closed"
    " __enter__ __exit__ __aenter__ __aexit__",
    "Entries": "unreadable __iter__ __next__",
    "Entry": "url method partition responses acknowledgements last_used",
    "StoredResponse": "status headers etag last_modified size received_at validated_at",
    "Plan": "response headers conditions may_stop at_hand settle asettle fail abandon",
    "Resend": "headers reason",
    "ETag": "parse weak value strongly_equals weakly_equals",
    "Evaluation": "PROCEED NOT_MODIFIED PRECONDITION_FAILED IGNORE_RANGE",
}
BASES: dict[str, list[type[Exception]]] = {
    "InvalidRequestError": [ValueError],
    "ConnectError": [exceptions.RequestError, ConnectionError],
    "ProxyError": [exceptions.ConnectError],
    "TlsError": [exceptions.ConnectError],
    "RequestTimeout": [exceptions.RequestError, TimeoutError],
    "ConnectTimeout": [exceptions.RequestTimeout],
    "ReadTimeout": [exceptions.RequestTimeout],
    "TotalTimeout": [exceptions.RequestTimeout],
    "ProtocolError": [exceptions.RequestError],
    "DisconnectedError": [exceptions.ProtocolError, ConnectionError],
    "IncompleteBodyError": [exceptions.RequestError],
    "BodyTooLargeError": [exceptions.RequestError],
    "TooManyRedirectsError": [exceptions.RequestError],
    "UnexpectedNotModifiedError": [exceptions.RequestError],
    "DecodingError": [ValueError],
    "StoreError": [OSError],
    "SessionClosedError": [RuntimeError],
    "WrongEventLoopError": [RuntimeError],
    "ForkError": [RuntimeError],
    "PlanSettledError": [RuntimeError],
}


@functools.cache
def documented_in_the_stub() -> frozenset[str]:
    """Find what has a docstring in the stub, which is where the extension's documentation stands."""
    stub = Path(notmodified.__file__).with_name("_core.pyi")
    told = set()
    for entry in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(entry, ast.ClassDef):
            told |= {entry.name} if ast.get_docstring(entry) else set()
            members = [member for member in entry.body if isinstance(member, ast.FunctionDef)]
            told |= {f"{entry.name}.{member.name}" for member in members if ast.get_docstring(member)}
    return frozenset(told)


CLASSES = [name for name in notmodified.__all__ if inspect.isclass(getattr(notmodified, name))]


def test_all_is_sorted_and_complete() -> None:
    public = {
        name
        for name, value in vars(notmodified).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert sorted(public | {"__version__"}) == sorted(notmodified.__all__)
    assert sorted(set(notmodified.__all__)) == sorted(notmodified.__all__)


def test_all_exceptions_are_exported() -> None:
    defined = {name for name, value in vars(exceptions).items() if inspect.isclass(value)}
    assert defined == set(exceptions.__all__)
    assert defined < set(notmodified.__all__)


def test_all_exceptions_have_their_place_in_the_documented_tree() -> None:
    assert exceptions.__doc__ is not None
    # The tree's lines are in the order of the classes: each stands further to the right than its base.
    lines = {
        line.split("── ")[-1].split()[0]: line
        for line in exceptions.__doc__.splitlines()
        if "Error" in line or "Timeout" in line
    }
    for name in exceptions.__all__:
        assert name in lines, name
        bases = [base for base in getattr(exceptions, name).__bases__ if base.__name__ in lines]
        for base in bases:
            assert lines[base.__name__].index(base.__name__) < lines[name].index(name), name


@pytest.mark.parametrize("name", exceptions.__all__)
def test_exception_is_what_it_claims(name: str) -> None:
    error = getattr(exceptions, name)
    assert issubclass(error, exceptions.NotModifiedError)
    assert all(issubclass(error, base) for base in BASES.get(name, []))


@pytest.mark.parametrize("name", MEMBERS)
def test_class_has_its_members(name: str) -> None:
    value = getattr(notmodified, name)
    assert not [member for member in MEMBERS[name].split() if not hasattr(value, member)]


@pytest.mark.parametrize("name", MEMBERS)
def test_class_has_no_members_that_nobody_described(name: str) -> None:
    # `Session` has a few for the other modules of the package.
    inner = {"open", "send", "submit_many", "cancel", "aflush", "aforget", "acompact", "aclose"}
    inherited = {"get", "items", "keys", "values"} if name == "Headers" else set()
    public = {member for member in dir(getattr(notmodified, name)) if not member.startswith("_")}
    assert public - inner - inherited <= set(MEMBERS[name].split())


@pytest.mark.parametrize("name", CLASSES)
def test_class_and_its_public_members_are_documented(name: str) -> None:
    value = getattr(notmodified, name)
    told = documented_in_the_stub()
    members = [
        f"{name}.{member}"
        for member, kind in vars(value).items()
        if not member.startswith("_")
        and (callable(kind) or isinstance(kind, property) or inspect.isgetsetdescriptor(kind))
    ]
    if name in told or value.__module__ == "notmodified":
        assert not {name, *members} - told
    else:
        assert (value.__doc__ or "").strip()
        assert not [member for member in members if not getattr(value, member.split(".")[1]).__doc__]


def test_modules_have_docstrings() -> None:
    modules = [value for value in vars(notmodified).values() if isinstance(value, types.ModuleType)]
    assert [module.__name__ for module in [notmodified, *modules] if not (module.__doc__ or "").strip()] == []


def test_version_is_that_of_the_distribution() -> None:
    assert notmodified.__version__ == importlib.metadata.version("notmodified")
