"""
Reports of an acceptance run: HTML for people, JUnit XML for build servers.
"""

from __future__ import annotations

import html
import io
from pathlib import Path
from xml.etree import ElementTree as ET

from gateway.acceptance.running import Outcome, Result
from gateway.acceptance.suite import Suite


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem;color:#1b1f24;background:#fff}summary{cursor:pointer}"
    ".ok{color:#116329}.bad{color:#a40e26}li{margin:.2rem 0}"
    "blockquote{margin:.3rem 0 .3rem 1rem;padding-left:.6rem;border-left:3px solid #d0d7de}"
)


def write(suite: Suite, outcome: Outcome, folder: Path) -> tuple[Path, Path]:
    """
    Write both reports into *folder*; it is made if it is not there.

    Returns:
        The HTML file and the XML file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page, junit = folder / f"{suite.suite}.html", folder / f"{suite.suite}.xml"
    page.write_text(as_html(suite, outcome), encoding="utf-8")
    junit.write_bytes(as_junit(outcome))
    return page, junit


def as_junit(outcome: Outcome) -> bytes:
    """One test case for each case of each run."""
    failures = sum(not one.has_passed for one in outcome.results)
    root = ET.Element(
        "testsuite",
        name=outcome.suite,
        tests=str(len(outcome.results)),
        failures=str(failures),
        errors="0",
        time=f"{sum(one.ms for one in outcome.results) / 1e3:.3f}",
    )
    for one in outcome.results:
        node = ET.SubElement(
            root,
            "testcase",
            classname=f"{outcome.suite}.run{one.run}",
            name=one.case,
            time=f"{one.ms / 1e3:.3f}",
        )
        if one.problems:
            failure = ET.SubElement(node, "failure", message=_legal(one.problems[0]))
            failure.text = _legal("\n".join(one.problems))
    tree = io.BytesIO()
    ET.ElementTree(root).write(tree, encoding="utf-8", xml_declaration=True)
    return tree.getvalue()


def as_html(suite: Suite, outcome: Outcome) -> str:
    """One page with every case of the first run and every failure of the others."""
    titles = {case.id: case.title for case in suite.cases}
    shown = [one for one in outcome.results if one.run == 1 or one.problems]
    powers = "".join(
        f"<li>pass^{k} = {outcome.pass_power(k):.3f}</li>"
        for k in range(1, outcome.runs + 1)
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_e(outcome.suite)}</title><style>{_STYLE}</style>"
        f"<h1>{_e(suite.title or outcome.suite)}</h1><ul>{powers}</ul>"
        f"{''.join(_case(one, titles[one.case]) for one in shown)}</html>"
    )


def _case(one: Result, title: str) -> str:
    mark = '<b class="ok">pass</b>' if one.has_passed else '<b class="bad">fail</b>'
    talk = "".join(
        f"<p><b>{_e(line.said)}</b></p>"
        f"<blockquote>{_e(line.tier)} · {_e(line.status)} · {_e(line.reply)}</blockquote>"
        for line in one.talk
    )
    problems = "".join(f"<li>{_e(text)}</li>" for text in one.problems)
    return (
        f"<details{'' if one.has_passed else ' open'}><summary>{mark} {_e(one.case)}"
        f" {_e(title)} (run {one.run}, {one.ms:.0f} ms)</summary>"
        f'<ul class="bad">{problems}</ul>{talk}</details>'
    )


def _e(text: str) -> str:
    return html.escape(text, quote=True)


def _legal(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(mark for mark in text if mark >= " " or mark in "\t\n\r")
