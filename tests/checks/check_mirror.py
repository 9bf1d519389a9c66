#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a header has no test of its name, or when a source or a test exists that nothing builds."""
import re

import tree


def is_built(root, source):
    """Whether a CMakeLists.txt names the file, with .cpp or (a test) without."""
    for folder in source.relative_to(root).parents:
        lists, name = root / folder / "CMakeLists.txt", str(source.relative_to(root / folder))
        if lists.is_file() and re.search(rf"(?<!\w)(?<!\w/){re.escape(name[:-4])}(\.cpp)?[\s)]", lists.read_text()):
            return True
    return False


def check(root):
    layers, faults = tree.Layers(root), []
    for header in tree.files(root, {".hpp"}, ("include", "src")):
        layer = layers.of(header)
        test = root / "tests/unit" / str(layer) / f"{header.stem}_test.cpp"
        if layer is not None and not test.is_file():
            faults.append(f"{header.relative_to(root)}: has no {test.relative_to(root)}")
    for source in tree.files(root, {".cpp"}, ("src", "tests/unit", "tools", "examples")):
        if not is_built(root, source):
            faults.append(f"{source.relative_to(root)}: is not built by any CMakeLists.txt above it")
    return faults


if __name__ == "__main__":
    tree.main(check)
