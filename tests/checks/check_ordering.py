#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a protocol tag of the code has no row in docs/ordering.md, a row no tag, or a row's test does not exist."""
import collections
import re

import tree

TAG = re.compile(r"\[sync: ([\w-]+)\]")
ROW = re.compile(r"^\| ([a-z][\w-]*) \|.*\| `([^`]+)` \|$", re.M)


def check(root):
    places = collections.defaultdict(list)
    for path in tree.files(root, tree.CODE, ("include", "src")):
        text = path.read_text()
        for match in TAG.finditer(text):
            places[match[1]].append(f"{path.relative_to(root)}:{tree.line_of(text, match.start())}")
    table = root / "docs/ordering.md"
    rows = dict(ROW.findall(table.read_text())) if table.is_file() else {}
    faults = [f"{where[0]}: no row for [sync: {tag}] in docs/ordering.md"
              for tag, where in places.items() if tag not in rows]
    faults += [f"docs/ordering.md: [sync: {tag}] is nowhere in the code" for tag in rows if tag not in places]
    faults += [f"docs/ordering.md: {tag}: {test} does not exist"
               for tag, test in rows.items() if not (root / test).is_file()]
    return faults


if __name__ == "__main__":
    tree.main(check)
