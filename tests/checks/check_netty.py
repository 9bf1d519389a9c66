#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when docs/netty-tests.md names a test that does not exist, names one of Netty's twice, or has counted wrong.

A section is a class of Netty's: a line "N tests: C covered, M without a meaning here.", a table of Netty's names and
ours, and perhaps one of what has no meaning, with its numbers.
"""
import collections
import re

import tree

PAGE = "docs/netty-tests.md"
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.M | re.S)
COUNTS = re.compile(r"(\d+) tests: (\d+) covered, (\d+) without a meaning here\.")
COVERED = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| (`\w+\.\w+`(?:, `\w+\.\w+`)*) \|$", re.M)
WITHOUT = re.compile(r"^\| `.*? \| (\d+) \| .* \|$", re.M)
OURS = re.compile(r"`([A-Z]\w+\.\w+)`")
TEST = re.compile(r"^(?:\w+_)?TEST(?:_\w+)?\((\w+),\s*(\w+)\)", re.M)


def tests_of(root):
    found = set()
    for path in tree.files(root, {".cpp"}, ("tests",)):
        found |= {f"{suite}.{test}" for suite, test in TEST.findall(path.read_text())}
    return found


def check_section(title, body):
    counts = COUNTS.search(body)
    if not counts:
        return [f"{PAGE}: {title}: says not how many tests are covered"]
    total, covered, without = map(int, counts.groups())
    names = [name.strip("`") for row in COVERED.findall(body) for name in row[0].split(", ")]
    faults = [f"{PAGE}: {title}: {name} stands there twice"
              for name, count in collections.Counter(names).items() if count > 1]
    if len(names) != covered:
        faults.append(f"{PAGE}: {title}: {len(names)} names are covered, not {covered}")
    numbers = sum(map(int, WITHOUT.findall(body)))
    if numbers != without:
        faults.append(f"{PAGE}: {title}: {numbers} are without a meaning, not {without}")
    if total != covered + without:
        faults.append(f"{PAGE}: {title}: {covered} and {without} are not {total}")
    return faults


def check(root):
    page = root / PAGE
    if not page.is_file():
        return []
    text, faults = page.read_text(), []
    for title, body in SECTION.findall(text):
        faults += check_section(title, body)
    ours = tests_of(root)
    faults += [f"{PAGE}:{tree.line_of(text, match.start())}: there is no test {match[1]}"
               for match in OURS.finditer(text) if match[1] not in ours]
    return faults


if __name__ == "__main__":
    tree.main(check)
