# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk that can lose its power: replays effects and keeps what was synced, and any part of the rest.

A directory is a table of names, each name's change is one entry to keep or to lose; a file's content is another one.
This is harder than any file system in use, which keeps at least some order.
"""

from __future__ import annotations

import itertools
from pathlib import Path

CONTENT = ""  # the name under which a file's table holds its content


class Node:
    """A directory, a file or a link, found by identity: names come and go."""

    def __init__(self, kind, value=None):
        self.kind = kind
        self.value = {} if kind == "directory" else value


class Disk:
    """Starts from a tree on the real disk, listens to effects, and knows every tree that a power loss may leave."""

    def __init__(self, root):
        self.root = Path(root)
        self.tree = _read(self.root)
        self.changes = []  # (node, what changes in its table), in order
        self.lost = []  # the indexes of changes that are not synced yet

    def observe(self, moment, effect):
        if moment == "after":
            getattr(self, "_" + effect.name)(effect)

    def outcomes(self):
        """For every subset of what is not synced: the tree with the synced changes and that subset."""
        reachable = set(self._reachable(self.tree))
        lost = [index for index in self.lost if id(self.changes[index][0]) in reachable]
        for size in range(len(lost) + 1):
            for kept in itertools.combinations(lost, size):
                dropped = set(lost) - set(kept)
                yield [change for index, change in enumerate(self.changes) if index not in dropped]

    def _reachable(self, node):
        """Every node that some outcome still has a way to."""
        yield id(node)
        if node.kind != "directory":
            return
        possible = {name: [value] for name, value in node.value.items()}
        for index, (changed, change) in enumerate(self.changes):
            for name, value in change.items() if changed is node else ():
                possible[name] = [value] + (possible.get(name, []) if index in self.lost else [])
        for values in possible.values():
            for value in filter(None, values):
                yield from self._reachable(value)

    def write_to(self, target, changes):
        """Make one outcome real."""
        tables = {}
        for node, change in changes:
            tables.setdefault(id(node), {}).update(change)
        _write(self.tree, Path(target), tables)

    def _note(self, node, change):
        self.lost.append(len(self.changes))
        self.changes.append((node, change))

    def _find(self, path):
        node = self.tree
        for part in Path(path).relative_to(self.root).parts:
            node = self._table(node)[part]
        return node

    def _table(self, node):
        table = dict(node.value)
        for changed, change in self.changes:
            if changed is node:
                table.update(change)
        return {name: value for name, value in table.items() if value is not None}

    def _name(self, path, node):
        self._note(self._find(path.parent), {path.name: node})

    def _make_directory(self, effect):
        self._name(effect.path, Node("directory"))

    def _create_file(self, effect):
        self._name(effect.path, Node("file", b""))

    def _write_file(self, effect):
        self._note(self._find(effect.path), {CONTENT: effect.content})

    def _append_file(self, effect):
        if effect.path.name not in self._table(self._find(effect.path.parent)):
            self._create_file(effect)
        self._note(self._find(effect.path), {CONTENT: effect.path.read_bytes()})

    def _change_access(self, effect):
        """Who may read a file changes nothing of what is in it."""

    def _symlink(self, effect):
        self._name(effect.path, Node("link", effect.other))

    def _unlink(self, effect):
        self._name(effect.path, None)

    _remove_directory = _unlink

    def _rename(self, effect):
        """One change of one directory: either both names change or none does."""
        old = Path(effect.other)
        assert old.parent == effect.path.parent
        self._note(self._find(old.parent), {old.name: None, effect.path.name: self._find(old)})

    def _sync(self, effect):
        if effect.path != self.root and self.root not in effect.path.parents:
            return
        node = self._find(effect.path)
        self.lost = [index for index in self.lost if self.changes[index][0] is not node]


def _read(path):
    if path.is_symlink():
        return Node("link", str(path.readlink()))
    if path.is_file():
        return Node("file", path.read_bytes())
    node = Node("directory")
    node.value = {entry.name: _read(entry) for entry in path.iterdir()}
    return node


def _write(node, path, tables):
    changed = tables.get(id(node), {})
    if node.kind == "link":
        path.symlink_to(node.value)
    elif node.kind == "file":
        path.write_bytes(changed.get(CONTENT, node.value))
        path.chmod(0o600)
    else:
        path.mkdir(0o700)
        for name, entry in {**node.value, **changed}.items():
            if entry is not None:
                _write(entry, path / name, tables)
