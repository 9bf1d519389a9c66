#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails on a file without its licence line, on leftovers, on code in comments and on a long README."""
import re

import tree

LICENSED = {".hpp": "//", ".cpp": "//", ".py": "#", ".sh": "#", ".cmake": "#"}
README_LINES = 80

LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
OFF = re.compile(r"\bDISABLED_\w|^\s*#\s*if\s+0\b")
# What a whole comment line looks like when it is code. Documentation (///) may hold examples, and
# prose may end in a semicolon, so only shapes that no sentence has are looked for.
CODE_SHAPES = [re.compile(r"^\s*//(?!/)\s*" + shape) for shape in (
    r"#\s*(include|define|undef|ifdef|ifndef|endif|pragma)\b",
    r"(if|for|while|switch|else if)\s*\(.*\)\s*(\{|.*;)\s*$",
    r"(return|break|continue|delete|throw|goto)\b[^.]*;\s*$",
    r"(const |constexpr |static |auto |std::|[\w:<>]+[&*]? )?[\w.>\[\]:-]+ (=|\+=|-=|\|=|&=) .*;\s*$",
    r"(\w+(\.|->|::))*\w+\([^()]*(\([^()]*\)[^()]*)*\);\s*$",
    r"[{}];?\s*$",
)]


def is_code_in_comment(line):
    return any(shape.search(line) for shape in CODE_SHAPES)


def check_licence(path, lines):
    start = LICENSED.get(path.suffix, "#" if path.suffix == "" else None)
    if start is None:
        return []
    first = 1 if lines and lines[0].startswith("#!") else 0
    if len(lines) > first and lines[first] == f"{start} SPDX-License-Identifier: Apache-2.0":
        return []
    return [f"1: lacks '{start} SPDX-License-Identifier: Apache-2.0' as its first line"]


def check_lines(path, lines):
    faults = []
    for number, line in enumerate(lines, 1):
        if LEFTOVER.search(line):
            faults.append(f"{number}: a note of unfinished work; finish it or file an issue")
        if OFF.search(line):
            faults.append(f"{number}: switched-off code or test")
        if path.suffix in tree.CODE and is_code_in_comment(line):
            faults.append(f"{number}: code in a comment")
    return faults


def check(root):
    faults = []
    for path in tree.files(root):
        where, lines = path.relative_to(root), path.read_text().splitlines()
        found = check_licence(path, lines)
        if where.parts[:2] != ("tests", "checks"):  # which name what they look for
            found += check_lines(path, lines)
        faults += [f"{where}:{fault}" for fault in found]
    length = len((root / "README.md").read_text().splitlines())
    if length > README_LINES:
        faults.append(f"README.md: {length} lines, at most {README_LINES}")
    return faults


if __name__ == "__main__":
    tree.main(check)
