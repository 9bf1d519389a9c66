#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a link in a document leads to a file or a heading of this tree that does not exist."""
import re

import tree

FENCED = re.compile(r"^```.*?^```", re.M | re.S)
INLINE_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.*?) *$", re.M)


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def anchor(heading):
    """The fragment under which GitHub and GitLab show a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path):
    return {anchor(h) for h in HEADING.findall(FENCED.sub(blank, path.read_text()))}


def check(root):
    faults = []
    for path in tree.files(root, {".md"}):
        text = INLINE_CODE.sub(blank, FENCED.sub(blank, path.read_text()))
        for match in LINK.finditer(text):
            if re.match(r"[a-z]+:", match[1]):
                continue
            file, _, fragment = match[1].partition("#")
            target = path.parent / file if file else path
            at = f"{path.relative_to(root)}:{tree.line_of(text, match.start())}"
            if not target.exists():
                faults.append(f"{at}: {match[1]} does not exist")
            elif fragment and target.suffix == ".md" and fragment not in anchors(target):
                faults.append(f"{at}: {match[1]}: no such heading")
    return faults


if __name__ == "__main__":
    tree.main(check)
