#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a document links to a file or heading that does not exist, or shows C++ that nothing compiles.

A block of C++ follows a line `<!-- from FILE -->` and stands in that file word for word; examples/ and tests/ are
built and run, so what a document shows works.
"""
import re

import tree

FENCED = re.compile(r"^```.*?^```", re.M | re.S)
INLINE_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
CPP_BLOCK = re.compile(r"(?:^<!-- from (\S+) -->\n)?^```(?:cpp|c\+\+)\n(.*?)^```", re.M | re.S)
HEADING = re.compile(r"^#+ +(.*?) *$", re.M)


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def anchor(heading):
    """The fragment under which GitHub and GitLab show a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path):
    return {anchor(h) for h in HEADING.findall(FENCED.sub(blank, path.read_text()))}


def check_links(root, path, text):
    faults = []
    for match in LINK.finditer(INLINE_CODE.sub(blank, FENCED.sub(blank, text))):
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


def check_code(root, path, text):
    faults = []
    for match in CPP_BLOCK.finditer(text):
        source, block = match.groups()
        at = f"{path.relative_to(root)}:{tree.line_of(text, match.start())}"
        if source is None:
            faults.append(f"{at}: C++ without a line <!-- from FILE --> before it")
        elif source.partition("/")[0] not in ("examples", "tests"):
            faults.append(f"{at}: {source} is neither of examples/ nor of tests/")
        elif not (root / source).is_file() or block not in (root / source).read_text():
            faults.append(f"{at}: {source} does not hold this code word for word")
    return faults


def check(root):
    faults = []
    for path in tree.files(root, {".md"}):
        text = path.read_text()
        faults += check_links(root, path, text) + check_code(root, path, text)
    return faults


if __name__ == "__main__":
    tree.main(check)
