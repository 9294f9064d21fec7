# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the guides are read and followed, and that each of them is."""

import os
from pathlib import Path

import guide
import pytest

ROOT = Path(__file__).resolve().parents[3]
GUIDES = sorted(path for path in (ROOT / "docs").glob("*.md") if "```console" in path.read_text())
EXAMPLE = """# Title

## First things

Words with `$ code`.

```yaml
# repair.yml
- name: Repair
  # $ nothing
  x: y
```

```yaml
module_defaults: {}
```

```console
$ printf 'one\\ntwo  \\nthree\\n' >said
$ cat said \\
      repair.yml
one
...
three
```

## Without anything to do

```
$ not this
```

### Last things

```console
$ cat number-7
seven
```
"""


@pytest.fixture
def follow(tmp_path, monkeypatch):
    """Follows a guide in a directory of its own, with an inventory."""
    (tmp_path / "inventory").write_text("web7\n")
    (tmp_path / "guide.md").write_text("")
    monkeypatch.setenv("ANSIBLE_INVENTORY", "")
    monkeypatch.chdir(tmp_path)

    def run(text, **hooks):
        (tmp_path / "guide.md").write_text(text)
        guide.start(str(tmp_path / "inventory"), str(tmp_path / "there"))
        guide.follow(str(tmp_path / "guide.md"), **hooks)

    return run


def test_a_guide_is_read_section_by_section():
    first, last = guide.sections(EXAMPLE)
    assert [first.title, last.title] == ["First things", "Last things"]
    assert first.steps == [
        guide.File("repair.yml", "# repair.yml\n- name: Repair\n  # $ nothing\n  x: y\n"),
        guide.Command("printf 'one\\ntwo  \\nthree\\n' >said", []),
        guide.Command("cat said \\\n      repair.yml", ["one", "three"]),
    ]
    assert last.steps == [guide.Command("cat number-7", ["seven"])]


def test_a_guide_is_followed_in_its_order(tmp_path, follow):
    called = []

    def before(title):
        called.append(title)
        Path("number-8").write_text("seven\n")
        assert os.environ["ANSIBLE_INVENTORY"] == "hosts" and Path("hosts").read_text() == "web7\n"

    follow(
        EXAMPLE,
        before=before,
        said=lambda words, output: called.append(output),
        instead=lambda words: words.replace("7", "8"),
    )
    everything = "one\ntwo  \nthree\n# repair.yml\n- name: Repair\n  # $ nothing\n  x: y\n"
    assert called == ["First things", "", everything, "Last things", "seven\n"]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("$ false\n$ touch never\n", "false ended with 1"),
        ("$ echo one\ntwo\n$ touch never\n", "no line 'two' in:\none"),
        ("$ printf 'one\\ntwo\\n'\ntwo\none\n$ touch never\n", "no line 'one'"),
    ],
)
def test_what_is_not_as_the_guide_says_ends_it(tmp_path, follow, block, reason):
    with pytest.raises(SystemExit) as end:
        follow("```console\n%s```\n" % block)
    assert reason in str(end.value)
    assert not (tmp_path / "there" / "never").exists()


def test_a_block_that_begins_with_no_command_is_a_mistake():
    with pytest.raises(ValueError, match="does not begin with one"):
        guide.sections("```console\nansible web7\n```\n")


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_every_guide_is_followed_by_a_scenario(path):
    written = [
        *ROOT.glob("extensions/molecule/*/converge.yml"),
        *ROOT.glob("extensions/molecule/*/files/*.py"),
    ]
    assert [one for one in written if "docs/%s" % path.name in one.read_text()]


def commands(path):
    return {
        step[0]
        for one in guide.sections(path.read_text())
        for step in one.steps
        if isinstance(step, guide.Command)
    }


def test_the_readme_shows_nothing_that_no_guide_has():
    known = set().union(*map(commands, GUIDES))
    # The others build the collection or start its tests.
    shown = {
        words
        for words in commands(ROOT / "README.md")
        if words.startswith("ansible") and "galaxy" not in words
    }
    assert shown
    assert shown - known == set()
