"""Findings as SARIF 2.1.0, the format in which code hosts show what a check found in the file itself.

A result's fingerprint is made of the code, the element and the field, never of the line, so that it stays the same finding when
lines move; the number after the colon tells equal ones apart, in file order.
"""

import hashlib
from collections import Counter
from typing import Any

from melanzana.cli.checking.report import Checked
from melanzana.graph.catalogue import CODES
from melanzana.graph.findings import Finding, Severity
from melanzana.version import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "melanzanaFinding/v1"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def to_sarif(checked: Checked) -> dict[str, Any]:
    """One log with one run. Rules are those that have results, in the order of their codes."""
    codes = sorted({finding.code for finding in checked.findings})
    seen: Counter[str] = Counter()
    results = [_result(checked.name, finding, codes.index(finding.code), seen) for finding in checked.findings]
    driver = {"name": "melanzana", "semanticVersion": __version__, "version": __version__, "rules": [_rule(code) for code in codes]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code, "name": "".join(word.capitalize() for word in code.replace("_", "-").split("-"))}
    if known := CODES.get(code):
        rule["shortDescription"] = {"text": _sentence(known.says)}
        rule["help"] = {"text": f"{_sentence(known.says)} To mend it: {known.fix}."}
        rule["defaultConfiguration"] = {"level": _LEVELS[known.severity]}
    else:
        rule["shortDescription"] = {"text": _sentence(code.replace("-", " "))}
        rule["help"] = {"text": "The message of each result says how to mend it."}
    return rule


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _result(name: str, finding: Finding, rule: int, seen: Counter[str]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(name)}}
    if finding.line is not None:
        place["region"] = {"startLine": finding.line, "startColumn": finding.column or 1}
    location: dict[str, Any] = {"physicalLocation": place}
    if finding.element is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.element}]
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [location],
        "partialFingerprints": {FINGERPRINT: _fingerprint(finding, seen)},
    }


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    said = "" if finding.element else finding.message  # findings of no element differ only in what they say
    key = "\x1f".join((finding.code, finding.element or "", finding.field or "", said))
    digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"


def _uri(name: str) -> str:
    """A file name as a relative reference; `<stdin>` is none."""
    from urllib.parse import quote

    return quote(name.replace("\\", "/"), safe="/:@!$&'()*+,;=~-._")
