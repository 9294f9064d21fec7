# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image and its layers are, whatever way Docker keeps them. PRIVATE to the collection.

An image is a configuration and a list of layers. Docker knows it by the digest of the configuration and names it in
`repositories.json`; before 1.10 an image was one layer with a name at will, over another image.
"""

import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from .._errors import Ambiguous, NotFound
from .._text import name as one_line
from .._text import printable
from . import layers, records, run_config
from .containers import Problem

_ID_PREFIX = re.compile(r"(sha256:)?[a-f0-9]{1,64}")
_DEFAULT_REGISTRY = re.compile(r"(index\.)?docker\.io/(library/)?")
_LISTED = 20


class Layer(NamedTuple):
    id: str  # the chain id; before 1.10 the image's
    diff_id: str
    parent: str  # the id of the layer below, empty for the lowest and where it is not known
    cache_id: str  # by what the storage driver knows it
    size: Optional[int]
    sources: List[str]
    trouble: str  # why the record of it cannot be right; empty when all is well


class Part(NamedTuple):
    """A layer as the configuration of an image names it."""

    chain_id: str
    diff_id: str
    below: str  # the chain id of the one below, empty for the lowest


class Image:
    """One image as its files tell it. Whatever could not be read is empty, and said in ``problems``."""

    def __init__(self, image_id: str) -> None:
        self.id = image_id
        self.record: Dict[str, Any] = {}
        self.layers: List[Layer] = []  # the lowest first
        self.steps: List[
            Tuple[Dict[str, Any], Optional[Layer]]
        ] = []  # its history: a record, and what it made
        self.problems: List[Problem] = []

    def problem(self, code: str, message: str) -> None:
        self.problems.append(Problem(code, self.id, printable(message)))

    def steps_of(self, history: Any) -> None:
        """Which entry of the configuration's history made which layer."""
        made = iter(self.layers)
        for entry in history if isinstance(history, list) else []:
            if isinstance(entry, dict):
                layer = None if records.flag_of(entry, "empty_layer") else next(made, None)
                self.steps.append((entry, layer))

    def facts(self, include_env: bool) -> Dict[str, Any]:
        """What image_info returns of the record itself, text as it was found."""
        config = records.mapping_of(self.record, "config")
        facts = {
            key: records.text_of(self.record, key)
            for key in ("created", "author", "comment", "architecture", "variant", "os", "docker_version")
        }
        if not facts["comment"] and self.steps:  # as Docker shows it
            facts["comment"] = records.text_of(self.steps[-1][0], "comment")
        sizes = [layer.size for layer in self.layers]
        broken = {"config_missing", "config_broken"}.intersection(one.code for one in self.problems)
        # Of a configuration that cannot be read, the layers are not known.
        known = self.record and not broken and None not in sizes
        return dict(
            facts,
            size=sum(size or 0 for size in sizes) if known else None,
            config=dict(
                run_config.facts(config, include_env),
                volumes=sorted(records.mapping_of(config, "Volumes")),
            ),
            history=[_step(entry, layer, include_env) for entry, layer in self.steps],
        )


class Store:
    """The images that one storage driver holds, in one layout."""

    layout = ""

    def __init__(self, driver: str) -> None:
        self.driver = driver
        self.ids: List[str] = []
        self.names: Dict[str, List[str]] = {}  # of an image: NAME:TAG and NAME@DIGEST
        self.parents: Dict[str, str] = {}  # of an image: the one that it was made from
        self.layers: Dict[str, Layer] = {}
        self.problems: List[Problem] = []  # of the lists themselves

    def read(self, image_id: str) -> Image:
        """One image of ``ids``."""
        raise NotImplementedError

    def problem(self, code: str, path: str, message: str) -> None:
        self.problems.append(Problem(code, path, printable(message)))


Choice = Tuple[Store, str]


def select(
    stores: Sequence[Store], wanted: Optional[Sequence[str]], missing_ok: bool
) -> Tuple[List[Choice], List[str]]:
    """The images that ids, names or unambiguous prefixes of ids choose, all by default, and the words that chose none.
    A name without a tag chooses all its tags, and an image that two drivers have counts as one. Raises NotFound
    unless ``missing_ok``, and Ambiguous."""
    every = [(store, image_id) for store in stores for image_id in store.ids]
    if wanted is None:
        return every, []
    chosen: List[Choice] = []
    not_found: List[str] = []
    for word in wanted:
        matches = _matching(every, word)
        if not matches:
            not_found.append(word)
        chosen += [one for one in matches if one not in chosen]
    if not_found and not missing_ok:
        words = ", ".join(repr(word) for word in not_found)
        there = _listed(every) if every else "no image"
        raise NotFound("no image %s" % words, "This data root holds %s" % there)
    return chosen, not_found


def parts_of(image: Image, path: str) -> List[Part]:
    """The layers that an image's configuration, the file at ``path``, names: the lowest first, by the chain ids that
    come out of their digests. What cannot be right ends the list, and is a problem of the image."""
    rootfs = image.record.get("rootfs")
    if not isinstance(rootfs, dict):
        image.problem("config_broken", "%s names no layers" % path)
        return []
    found: List[Part] = []
    chain_id = ""
    diff_ids = rootfs.get("diff_ids") or []  # none of an image without files
    for diff_id in diff_ids if isinstance(diff_ids, list) else [diff_ids]:
        wrong = not isinstance(diff_id, str) or not layers.CHAIN_ID.fullmatch(diff_id)
        if wrong or len(found) == layers.DEPTH_LIMIT:
            image.problem("config_broken", "%s: %s is no layer over another" % (path, repr(diff_id)[:80]))
            break
        below, chain_id = chain_id, layers.chain_id_of(chain_id, diff_id)
        found.append(Part(chain_id, diff_id, below))
    return found


def names_in_file(path: str, id_pattern: "re.Pattern[str]") -> Dict[str, List[str]]:
    """The names of each image: ``{"Repositories": {NAME: {"NAME:TAG" or "NAME@DIGEST": ID}}}``, before 1.10
    ``{"Repositories": {NAME: {TAG or DIGEST: ID}}}``. Raises NotFound or BadRecord."""
    found: Dict[str, List[str]] = {}
    for name, references in records.mapping_of(records.read_json(path), "Repositories").items():
        for reference, image_id in references.items() if isinstance(references, dict) else ():
            if isinstance(image_id, str) and id_pattern.fullmatch(image_id):
                if not reference.startswith((name + ":", name + "@")):
                    reference = "%s%s%s" % (name, "@" if ":" in reference else ":", reference)
                found.setdefault(image_id, []).append(familiar(reference))
    return found


def familiar(reference: str) -> str:
    """A name as Docker shows it: without the registry that it takes by default."""
    return _DEFAULT_REGISTRY.sub("", reference, 1) if _DEFAULT_REGISTRY.match(reference) else reference


def without_tag(name: str) -> str:
    """The name alone of NAME:TAG or NAME@DIGEST; a registry may have a port."""
    before, digest, _after = name.rpartition("@")
    if digest:
        return before
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def tags_and_digests(names: Iterable[str]) -> Tuple[List[str], List[str]]:
    ordered = sorted(names)
    return [one for one in ordered if "@" not in one], [one for one in ordered if "@" in one]


def _matching(every: Sequence[Choice], word: str) -> List[Choice]:
    exact = [one for one in every if word in (one[1], _digits(one[1]))]
    if exact:
        return exact
    called = familiar(word)
    named = [one for one in every if any(called in _callings(name) for name in one[0].names.get(one[1], ()))]
    if named or not _ID_PREFIX.fullmatch(word):
        return named
    prefixed = [one for one in every if _digits(one[1]).startswith(_digits(word))]
    if len({image_id for _store, image_id in prefixed}) > 1:
        raise Ambiguous(
            "image %r is ambiguous: %s" % (word, _listed(prefixed)),
            "Give the full id of the one that is meant",
        )
    return prefixed


def _digits(image_id: str) -> str:
    return image_id.rpartition(":")[2]


def _callings(name: str) -> Tuple[str, ...]:
    """How an image with a name may be called: by all of it, or without tag and digest; also as it is shown."""
    bare = without_tag(name)
    return name, bare, one_line(name), one_line(bare)


def _listed(choices: Sequence[Choice]) -> str:
    shown = ", ".join(
        "%s (%s)" % (printable((store.names.get(image_id) or ["no name"])[0]), _digits(image_id)[:12])
        for store, image_id in choices[:_LISTED]
    )
    more = len(choices) - _LISTED
    return "%s and %d more" % (shown, more) if more > 0 else shown


def _step(entry: Dict[str, Any], layer: Optional[Layer], include_env: bool) -> Dict[str, Any]:
    empty = records.flag_of(entry, "empty_layer")
    facts: Dict[str, Any] = {
        "created": records.text_of(entry, "created"),
        "author": records.text_of(entry, "author"),
        "comment": records.text_of(entry, "comment"),
        "empty_layer": empty,
        "layer": layer.id if layer else None,
        "size": 0 if empty else layer.size if layer else None,
    }
    if include_env:
        facts["created_by"] = records.text_of(entry, "created_by")
    return facts
