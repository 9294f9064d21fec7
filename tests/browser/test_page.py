# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the report in a real browser: what hostile hosts wrote is text, nothing is loaded, nothing runs, and it
fits on a phone. With DRYDOCK_PICTURES=DIRECTORY it leaves pictures to look at."""

import json
import os
import time
from pathlib import Path

import pytest

from ansible_collections.drydock.rescue.plugins.plugin_utils._report import changes, fleet, page
from ansible_collections.drydock.rescue.tests.browser.browser import Browser
from ansible_collections.drydock.rescue.tests.unit.support.fleet import (
    HOUR,
    backed_up,
    backup,
    pool,
    put,
    seen,
    survey,
)

NOW = 1795312800
PWN = "window.pwned=1"
HOSTILE = [
    "<script>%s</script>" % PWN,
    "</script><script>%s</script>" % PWN,
    "<img src=x onerror=%s>" % PWN,
    "<img src=http://127.0.0.1:9/beacon.png>",
    "'\" onmouseover='%s' x=\"" % PWN,
    "</style><style>@import url(http://127.0.0.1:9/a.css);body{display:none}</style>",
    "</title><svg/onload=%s>" % PWN,
    "<iframe src='javascript:parent.pwned=1'></iframe>",
    "<base href=http://127.0.0.1:9/><meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "-->]]><!--",
    "javascript:%s//" % PWN,
    "{{ 7*7 }}{% raw %}{# comment #}",
    "{{ lookup('pipe', 'touch /tmp/pwned') }}",
    "&lt;b&gt;&#x27;&amp;",
    "red\x1b[31m\x07\x00\x9b2J\r\nsecond line\u2028third",
    "abc\u202egnp.exe\u2066\u200f\ufeff",
    "\ud800\udfff",
    "\u05d0\u05d1\u05d2 \u0639\u0631\u0628\u064a",
    "long-" + "x" * 5000,
    "zalgo" + "\u0301\u0316" * 80,
]
SHOWN = [  # what escapes stand for what cannot be seen
    ("red\x1b[31m\x07\x00\x9b2J\r\nsecond", "red\\x1b[31m\\x07\\x00\\x9b2J\\r\\nsecond"),
    ("abc\u202egnp.exe\u2066\u200f\ufeff", "abc\\u202egnp.exe\\u2066\\u200f\\ufeff"),
]


def shown(text):
    """How the page has it."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped if len(escaped) <= 200 else escaped[:199] + "\u2026"


@pytest.fixture(scope="module")
def browser():
    with Browser() as one:
        yield one


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Hosts in every state; all their texts are hostile."""
    directory = tmp_path_factory.mktemp("results")
    hosts = []
    for number, text in enumerate(HOSTILE):
        host = (
            "h%02d-" % number
            + "".join(c for c in text if c not in "/\0" and not "\ud800" <= c <= "\udfff")[:60]
        )
        hosts.append(host)
        age = HOUR * (40 if number % 5 == 0 else 1)
        status = ("failed", "partial", "stored")[number % 3]
        one = dict(backed_up("c%d" % number, status, [text] if status != "stored" else []), container=text)
        one.update(method=text, consistency=text, backup_id=text)
        error = text if status == "failed" else ""
        put(
            directory,
            host,
            "backup",
            NOW - age,
            dict(backup(one, backed_up("web")), warnings=[text]),
            error=error,
        )
        facts = seen(
            "c%d" % number, text, image=text, created=text, problems=[{"code": text, "message": text}]
        )
        thin = pool(text, data=95, mode=text)
        found = survey(facts, pools=[thin], pool_problems=[{"code": text, "subject": text, "message": text}])
        found.update(driver=[text], data_root=text, kernel=text, docker_at_least=text)
        put(directory, host, "survey", NOW - age, found)
        rehearsed = dict(container=text, container_id=one["id"], restored=False, reason=text)
        put(directory, host, "verify_backups", NOW - age, {"rehearsed": [rehearsed]})
        put(directory, host, "rescue", NOW - age, {"containers": [{"container": text, "method": text}]})
        put(directory, "stranger " + host, "backup", NOW, backup())
    return directory, hosts


def made(path, directory, hosts, before=None):
    wanted = fleet.Wanted(str(directory), hosts, ["backup"], 26 * HOUR, 90.0, NOW)
    document = fleet.document(wanted, before, [])
    path.write_text(page.html(document), encoding="utf-8")
    return document


@pytest.fixture(scope="module")
def hostile_page(results, tmp_path_factory):
    directory, hosts = results
    path = tmp_path_factory.mktemp("page") / "report.html"
    before = {"format": 1, "time": "2026-11-21T02:00:00Z", "hosts": []}
    for host in [*hosts[2:], *HOSTILE]:
        old = {"id": "x", "name": host, "status": "stored", "level": "ok", "last_good": None}
        before["hosts"].append({"name": host, "status": "ok", "drivers": [host], "containers": [old]})
    made(path, directory, hosts, changes.read(json.dumps(before).encode()))
    return path


def open_everything(browser):
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")


# What does not fit and is wider than what it stands in.
TOO_WIDE = """[...document.querySelectorAll('body *')].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 1 || box.left < -1)}).map(one => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_what_hosts_say_is_text_and_fits(browser, hostile_page, width, dark):
    browser.show(hostile_page, width=width, dark=dark)
    open_everything(browser)
    assert browser.run("window.pwned") is None
    assert browser.run("document.scripts.length") == 0
    assert browser.scripts == []
    assert browser.dialogs == []
    assert browser.requests == ["file://" + str(hostile_page)]
    # The policy had nothing to forbid: nothing was even tried.
    assert browser.complaints == []
    assert (
        browser.run("document.querySelectorAll('img, iframe, base, object, embed, form, a, style').length")
        == 1
    )
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(TOO_WIDE) == []
    picture(browser, "hostile-%d-%s" % (width, "dark" if dark else "light"))


def test_every_hostile_text_is_shown_literally(browser, hostile_page):
    browser.show(hostile_page)
    open_everything(browser)
    said = browser.run("document.body.innerText")
    for text in HOSTILE:
        assert shown(text) in said
    for text, escaped in SHOWN:
        assert text not in said
        assert escaped in said
    # And as the name of a container, in its cell alone.
    cells = browser.run("[...document.querySelectorAll('.containers bdi')].map(one => one.textContent)")
    assert {shown(text) for text in HOSTILE} <= set(cells)


def test_names_of_hosts_do_not_reach_out_of_their_place(browser, hostile_page, results):
    browser.show(hostile_page)
    found = browser.run("document.querySelectorAll('details.host').length")
    assert found == len(results[1])


def test_the_policy_would_stop_a_script(browser, tmp_path, results):
    """The second wall, should an escape ever be forgotten."""
    path = tmp_path / "report.html"
    made(path, *results)
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            "<main>", "<main><script>%s</script><img src='http://127.0.0.1:9/x' onerror='%s'>" % (PWN, PWN)
        ),
        encoding="utf-8",
    )
    browser.show(path)
    assert browser.run("window.pwned") is None
    assert any("Content Security Policy" in text for text in browser.complaints)


@pytest.fixture(scope="module")
def fleet_page(tmp_path_factory):
    """A thousand hosts, ten containers each."""
    directory = tmp_path_factory.mktemp("fleet")
    hosts = ["host%04d.example.org" % number for number in range(1000)]
    for number, host in enumerate(hosts):
        stored = [backed_up("container-%d" % each) for each in range(10)]
        if number % 50 == 7:
            stored[0].update(status="failed", warnings=["no room"])
        if number % 50 != 9:
            put(directory, host, "backup", NOW - HOUR, backup(*stored), seconds=number)
        if number % 10 == 3:
            put(
                directory,
                host,
                "survey",
                NOW - HOUR,
                survey(seen("db", "devicemapper"), pools=[pool(data=number / 11)]),
            )
    path = tmp_path_factory.mktemp("page") / "report.html"
    made(path, directory, hosts)
    return path


def test_a_thousand_hosts_are_still_a_page(browser, fleet_page):
    begin = time.monotonic()
    browser.show(fleet_page, width=360)
    took = time.monotonic() - begin
    said = browser.run("document.body.innerText")
    assert said.index("Did not report: 20") < said.index("Failed: ") < said.index("Storage drivers")
    # What is well is folded away, and takes a line.
    assert browser.run("document.documentElement.scrollHeight") < 40000
    assert fleet_page.stat().st_size < 8e6
    assert took < 20
    picture(browser, "fleet-360-light", whole=False)


def test_in_print_troubled_hosts_are_unfolded_and_the_others_left_out(browser, hostile_page):
    browser.show(hostile_page, media="print")
    shut = "document.querySelector('.trouble .host:not([open]) table').checkVisibility({contentVisibilityAuto: true})"
    assert browser.run(shut)
    assert browser.run("[...document.querySelectorAll('.fine')].every(one => !one.checkVisibility())")


def picture(browser, name, whole=True):
    place = os.environ.get("DRYDOCK_PICTURES")
    if place:
        Path(place).mkdir(parents=True, exist_ok=True)
        browser.picture(Path(place) / (name + ".png"), whole)
