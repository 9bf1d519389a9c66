#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when an #include crosses an edge that layers.txt does not allow, or when an edge is not used.

Users of the library inside the tree (tools, examples, bench, consumer tests) may include public headers only.
"""
import tree

USERS = ("tools", "examples", "bench", "tests/consumers")
# The model-check build puts its own atomics in place of the standard's, from the tests' side.
SEAMS = {"model/model_atomic.hpp"}


def resolve(root, including, quote, name):
    """The file of the library that an include means; None for the system's and for a user's own."""
    if name.startswith("tarn/"):
        return root / "include" / name
    beside = including.parent / name
    in_src = root / "src" / name
    if quote == '"' and in_src.is_file():
        return in_src
    if quote == '"' and beside.is_file():
        return beside.resolve()
    return None


def check_library(root, layers):
    faults, used = [], set()
    for file in tree.files(root, tree.CODE, ("include", "src")):
        here, where = layers.of(file), file.relative_to(root)
        if here is None:
            faults.append(f"{where}: belongs to no layer; add it to layers.txt or move it")
            continue
        text = file.read_text()
        for match in tree.INCLUDE.finditer(text):
            quote, name = match.groups()
            at = f"{where}:{tree.line_of(text, match.start())}"
            target = resolve(root, file, quote, name)
            if target is None:
                if quote == '"' and name not in SEAMS:
                    faults.append(f'{at}: "{name}" is no header of tarn; write the path from src/ or include/')
                continue
            there = layers.of(target)
            if there is None or not target.is_file():
                faults.append(f"{at}: {name} belongs to no layer")
            elif there != here and there not in layers.allowed[here]:
                faults.append(f"{at}: layer {here} may not include {name} of layer {there}")
            elif where.parts[0] == "include" and root / "src" in target.parents:
                faults.append(f"{at}: {name} is private, and this header is installed")
            elif "/" not in name or ".." in name:
                faults.append(f"{at}: write the path of {name} from src/ or include/")
            used.add((here, there))
    faults += [f"layers.txt: {above} never includes {below}; drop the edge"
               for above in layers.allowed for below in sorted(layers.allowed[above])
               if (above, below) not in used]
    return faults


def check_umbrella(root, layers):
    """tarn.hpp, where there is one, includes every other public header but the optional ones."""
    umbrella = root / "include/tarn/tarn.hpp"
    if "tarn.hpp" not in layers.public:
        return []
    included = {name for _, name in tree.INCLUDE.findall(umbrella.read_text())}
    faults = [f"include/tarn/tarn.hpp: lacks tarn/{header}" for header in layers.public
              if header not in layers.optional | {"tarn.hpp"} and f"tarn/{header}" not in included]
    return faults + [f"include/tarn/tarn.hpp: includes the optional tarn/{header}"
                     for header in sorted(layers.optional) if f"tarn/{header}" in included]


def check_users(root):
    faults = []
    for file in tree.files(root, tree.CODE, USERS):
        text = file.read_text()
        for match in tree.INCLUDE.finditer(text):
            target = resolve(root, file, *match.groups())
            private = target is not None and (root / "src" in target.parents
                                              or root / "include/tarn/detail" in target.parents)
            if private:
                faults.append(f"{file.relative_to(root)}:{tree.line_of(text, match.start())}: "
                              f"{match[2]} is not public")
    return faults


def check(root):
    layers = tree.Layers(root)
    return (layers.faults + check_library(root, layers) + check_umbrella(root, layers)
            + check_users(root))


if __name__ == "__main__":
    tree.main(check)
