"""Tells, one JSON object in a line, what pytest found and what each test came to; and runs only the tests it is told to.

Loaded with -p from a folder of its own. It uses only hooks that every pytest since 3.0 has, and changes nothing of a project's.
"""

import io
import json
import os

import pytest

HOME = os.path.dirname(os.path.abspath(__file__))
COMPARED = []
STOPPED = []
TOLD = []


def tell(**what):
    if not TOLD:
        TOLD.append(open(os.path.join(HOME, "told"), "a"))
    TOLD[0].write(json.dumps(what) + "\n")
    # A runner that is killed has told all that was known until then.
    TOLD[0].flush()


def wanted():
    path = os.path.join(HOME, "wanted")
    if not os.path.exists(path):
        return None
    # In an encoding of its own, whatever the system's is.
    with io.open(path, encoding="utf-8") as lines:
        return set(line.rstrip("\n") for line in lines)


def is_worker(config):
    return hasattr(config, "workerinput") or hasattr(config, "slaveinput")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    only = wanted()
    if only is not None:
        chosen = [item for item in items if item.nodeid in only]
        left = [item for item in items if item.nodeid not in only]
        config.hook.pytest_deselected(items=left)
        items[:] = chosen
    if getattr(config.option, "collectonly", False):
        for item in items:
            tell(kind="listed", id=item.nodeid, line=item.location[1])


def pytest_collection_finish(session):
    # Of the workers of pytest-xdist, which all find the same, one tells.
    worker = getattr(session.config, "workerinput", None) or getattr(session.config, "slaveinput", None) or {}
    if worker.get("workerid", "gw0") == "gw0" and not getattr(session.config.option, "collectonly", False):
        tell(kind="found", ids=[item.nodeid for item in session.items])


def pytest_collectreport(report):
    if report.failed:
        tell(kind="broken", id=report.nodeid, text=str(report.longrepr)[:20000])


def pytest_assertrepr_compare(config, op, left, right):
    if op == "==":
        del COMPARED[:]
        try:
            COMPARED.extend([repr(left)[:1000], repr(right)[:1000]])
        except Exception:
            del COMPARED[:]


def pytest_runtest_setup(item):
    del COMPARED[:]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and COMPARED and call.excinfo is not None and call.excinfo.errisinstance(AssertionError):
        report.naestro_compared = list(COMPARED)


def pytest_configure(config):
    if not is_worker(config):
        config.pluginmanager.register(Told(), "naestro-told")


class Told(object):
    """What only the process that sees every report tells."""

    def pytest_keyboard_interrupt(self, excinfo):
        # Also what `pytest.exit` does, with whatever code.
        STOPPED.append(excinfo)

    def pytest_sessionfinish(self, session):
        early = STOPPED or session.shouldstop or getattr(session, "shouldfail", False)
        tell(kind="end", stopped=bool(early))

    def pytest_runtest_logstart(self, nodeid, location):
        tell(kind="start", id=nodeid)

    def pytest_runtest_logfinish(self, nodeid, location):
        tell(kind="finish", id=nodeid)

    def pytest_runtest_logreport(self, report):
        outcome = report.outcome
        if outcome == "rerun":
            outcome = "failed"
        tell(
            kind="report",
            id=report.nodeid,
            line=report.location[1],
            when=report.when,
            outcome=outcome,
            xfail=hasattr(report, "wasxfail"),
            seconds=report.duration,
            text=str(report.longrepr)[:20000] if outcome == "failed" else "",
            compared=getattr(report, "naestro_compared", None),
        )
