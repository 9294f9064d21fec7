# Copyright (c) 2026, the drydock.rescue authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What container_files does inside an open tree: list, copy out, delete. PRIVATE to the collection."""

import contextlib
import os
import stat
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .. import _files, _mountinfo, _ours
from .._errors import CommandFailed, NotFound, Refused
from .._host import Host, quote
from .._text import few
from .._tree import copying, deleting, listing, private, view
from .._tree.inside import Entry, Inside, Parts, shown
from . import drivers, found


class Wanted(NamedTuple):
    container: Optional[str]
    root: Optional[str]
    state: str
    paths: List[str]
    dest: Optional[str]
    archive: bool
    largest: Optional[int]


def work(host: Host, wanted: Wanted, check_mode: bool) -> Dict[str, Any]:
    """The result of container_files. Raises NotFound, Refused or CommandFailed."""
    if wanted.largest is not None and wanted.largest < 0:
        raise Refused("largest %d is not a number of files" % wanted.largest, "Give 1 or more")
    root, opened = _root(host, wanted)
    tree = Inside(root)
    try:
        matches, nothing = tree.find(wanted.paths)
        if wanted.state == "listed":
            result = _listed(tree, matches, wanted.largest)
        elif wanted.state == "copied":
            _check_volumes(host, opened, matches, wanted.dest or "")
            result = _copied(host, tree, matches, nothing, wanted, check_mode)
            if opened and opened.label.method == "live":
                result["warnings"] += _raceable(host, root, "the container lives")
            elif opened and opened.below:
                result["warnings"] += _raceable(host, root, "a container with the same volume may live")
        else:
            result = _absent(tree, matches, opened, wanted, check_mode)
    finally:
        tree.close()
    _trust(host, opened)
    result.update(root=root, not_matched=nothing)
    return result


def _listed(tree: Inside, matches: List[Entry], largest: Optional[int]) -> Dict[str, Any]:
    entries = listing.below(tree, matches)
    chosen = listing.largest(entries, largest) if largest else list(entries)
    return {"changed": False, "files": [listing.facts(entry) for entry in chosen]}


def _copied(
    host: Host, tree: Inside, matches: List[Entry], nothing: List[str], wanted: Wanted, check_mode: bool
) -> Dict[str, Any]:
    if nothing:
        raise NotFound("nothing in %s is named %s" % (tree.root, ", ".join(repr(one) for one in nothing)))
    dest = wanted.dest or ""
    host.require(("tar",))
    _check_dest(dest, tree.root)
    selection = copying.select(tree, matches)
    result: Dict[str, Any] = {
        "dest": dest,
        "left_out": [shown(one.parts) for one in selection.left_out],
        "warnings": [],
    }
    if wanted.archive:
        return _archived(host, tree, selection.entries, dest, result, check_mode)
    todo = copying.missing(selection.entries, dest)
    result.update(
        changed=bool(todo),
        copied=[shown(one.parts) for one in todo],
        actions=[
            "tar --create --directory=%s ... | tar --extract --directory=%s"
            % (quote([tree.root]), quote([dest]))
        ]
        if todo
        else [],
        diff=(["%s%s" % (dest, shown(one.parts)) for one in todo]),
    )
    if todo and not check_mode:
        copying.require_space(todo, _existing_parent(dest))
        private.make(dest)
        result["warnings"] = copying.to_directory(host, tree.root, todo, dest) + _exposed(todo, dest)
        copying.verify(tree, todo, dest)
    return result


def _archived(
    host: Host, tree: Inside, entries: List[Entry], dest: str, result: Dict[str, Any], check_mode: bool
) -> Dict[str, Any]:
    """One tar; one that is there already with the same bytes is left alone."""
    result.update(changed=True, copied=[shown(one.parts) for one in entries], sha256=None, size_bytes=None)
    result["actions"] = ["tar --create --file=%s --directory=%s ..." % (quote([dest]), quote([tree.root]))]
    result["diff"] = [dest]
    if check_mode:
        return result
    copying.require_space(entries, _existing_parent(os.path.dirname(dest)))
    private.make(os.path.dirname(dest))
    partial = dest + ".drydock-partial"
    with contextlib.suppress(
        FileNotFoundError
    ):  # of a run that was killed; never written into, it may be another's
        os.unlink(partial)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            result["warnings"] = copying.to_archive(host, tree.root, entries, descriptor)
        finally:
            os.close(descriptor)
        result.update(sha256=copying.sha256(partial), size_bytes=os.path.getsize(partial))
        if os.path.isfile(dest) and copying.sha256(dest) == result["sha256"]:
            result.update(changed=False, copied=[], actions=[], diff=[])
        else:
            os.replace(partial, dest)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
    return result


def _absent(
    tree: Inside, matches: List[Entry], opened: Optional[_ours.Tree], wanted: Wanted, check_mode: bool
) -> Dict[str, Any]:
    if opened is None:
        raise Refused(
            "%s is not a tree that container_rootfs opened: nothing is deleted there" % tree.root,
            "Open the container with `access: in_place` (or `scratch`)",
        )
    if opened.label.access == "read_only":
        raise Refused(
            "%s is open read_only" % tree.root, "Close it and open it with `access: in_place` (or `scratch`)"
        )
    _check_no_volume_goes(opened, matches)
    freed = deleting.freed_bytes(tree, matches)
    names = [shown(one.parts) for one in matches]
    if not check_mode:
        deleting.delete(tree, matches)
    return {
        "changed": bool(matches),
        "deleted": names,
        "freed_bytes": freed,
        "actions": ["rm -r -- %s" % quote([tree.root + "/" + "/".join(one.parts)]) for one in matches],
        "diff": [tree.root + name for name in names],
    }


def _root(host: Host, wanted: Wanted) -> "tuple[str, Optional[_ours.Tree]]":
    if wanted.root:
        path = os.path.normpath(wanted.root)
        trees = [one for one in _ours.trees(host.mounts()) if one.path == path and one.mount]
        return path, (trees[0] if trees else None)
    word = wanted.container or ""
    there = found.matching(host, word)
    trees = [one for one in there.trees if one.label.method != "bind" and one.mount] if there else []
    if not trees:
        raise NotFound(
            "container %r is not open" % word, "Open it with drydock.rescue.container_rootfs, or give `root`"
        )
    return trees[0].path, trees[0]


def _volumes(opened: _ours.Tree) -> List[Tuple[_mountinfo.Mount, Parts]]:
    """What is mounted in an open tree, with its place in it; one in another after it."""
    found = [(one, tuple(one.mount_point[len(opened.path) + 1 :].split("/"))) for one in opened.below]
    return sorted(found, key=lambda one: len(one[1]))


def _check_no_volume_goes(opened: _ours.Tree, matches: List[Entry]) -> None:
    """What is in a volume is deleted only where it is named itself, never with a directory that the volume lies in."""
    volumes = _volumes(opened)
    for match in matches:
        for _mount, inside in volumes:
            if inside[: len(match.parts)] == match.parts:
                raise Refused(
                    "%s is not deleted: the volume at %s lies in it" % (shown(match.parts), shown(inside)),
                    "Name what is to go, as in `%s/*`" % shown(inside),
                )
        around = [one for one in volumes if match.parts[: len(one[1])] == one[1]]
        if around and "ro" in around[-1][0].options.split(","):
            raise Refused(
                "%s lies in the volume at %s, which is shown read-only"
                % (shown(match.parts), shown(around[-1][1]))
            )


def _check_volumes(host: Host, opened: Optional[_ours.Tree], matches: List[Entry], dest: str) -> None:
    """A copy must not go into what is copied, also where that is seen in the tree through a volume."""
    mounts = host.mounts()
    device, path = _mountinfo.place_of(mounts, os.path.realpath(dest))
    for mount, inside in _volumes(opened) if opened else []:
        top = mount.root.rstrip("/") + "/"
        if mount.device != device or not (path + "/").startswith(top):
            continue
        seen = inside + tuple(part for part in path[len(top) :].split("/") if part)
        if any(seen[: len(one.parts)] == one.parts for one in matches):
            raise Refused("dest %s is copied itself: the tree shows it at %s" % (dest, shown(seen)))


def _trust(host: Host, opened: Optional[_ours.Tree]) -> None:
    """A copy or a list is good only when nothing happened to what the tree came from."""
    if opened is None:
        return
    now = found.of_container(host, opened.label.container_id, opened.label.name)
    trouble = drivers.distrust(host, now)
    if trouble:
        raise CommandFailed("do not trust what was read from %s: %s" % (opened.path, trouble))


def _check_dest(dest: str, root: str) -> None:
    if not os.path.isabs(dest):
        raise Refused("dest %r is not an absolute path" % dest)
    if _files.is_in(os.path.realpath(dest), os.path.realpath(root)):
        raise Refused("dest %s lies inside the tree that is copied" % dest)


def _raceable(host: Host, root: str, who: str) -> List[str]:
    with view.opened(host, root) as tree:
        if not tree.follows_links:
            return []
    return [
        "%s, and this kernel (before 5.14) cannot keep a link that it puts in the place of a"
        " directory meanwhile from being followed: if you do not trust it, stop it and copy again" % who
    ]


def _exposed(entries: List[Entry], dest: str) -> List[str]:
    """A set-user-ID program of a container is one of this host wherever others can enter."""
    special = [
        shown(one.parts)
        for one in entries
        if one.kind == "file" and one.facts.st_mode & (stat.S_ISUID | stat.S_ISGID)
    ]
    if not special or not os.stat(dest).st_mode & 0o011:
        return []
    return [
        "others than root can enter %s, and set-user-ID or set-group-ID programs lie in it now: %s"
        % (dest, few(special))
    ]


def _existing_parent(path: str) -> str:
    while path and not os.path.isdir(path):
        path = os.path.dirname(path)
    return path or "/"
