# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the files of the tree, the layers, and how a check reports."""
import pathlib
import re
import sys

FOLDERS = (".ci", "bench", "cmake", "docs", "examples", "include", "scripts", "src", "tests", "tools", "traces")
SUFFIXES = {".hpp", ".cpp", ".py", ".sh", ".cmake", ".md", ".txt", ".in", ".map"}
CODE = {".hpp", ".cpp"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def files(root, suffixes=SUFFIXES, folders=FOLDERS):
    """Every text file of the tree below `folders`, and those of the top folder when `folders` is the default."""
    found = []
    for folder in folders:
        found += [p for p in (root / folder).rglob("*")
                  if p.is_file() and "__pycache__" not in p.parts
                  and (p.suffix in suffixes or (folder == ".ci" and ".sh" in suffixes))]
    if folders is FOLDERS:
        found += [p for p in root.iterdir() if p.is_file() and p.suffix in suffixes]
    return sorted(found)


class Layers:
    """layers.txt: the layers, lowest first, what each may include, and where the public headers belong."""

    def __init__(self, root):
        self.root, self.allowed, self.public, self.optional, self.faults = root, {}, {}, set(), []
        for line in (root / "layers.txt").read_text().splitlines():
            if not line or line.startswith("#"):
                continue
            name, _, rest = line.partition(":")
            if name.startswith("tarn/"):
                self._add_public(name.removeprefix("tarn/"), *rest.split())
            else:
                self._add_layer(name, rest.split())

    def _add_layer(self, name, below):
        self.faults += [f"layers.txt: {name} names {other}, which does not stand above it"
                        for other in below if other not in self.allowed]
        self.allowed[name] = set(below)

    def _add_public(self, header, layer, optional=""):
        if layer not in self.allowed:
            self.faults.append(f"layers.txt: tarn/{header} belongs to {layer}, which is no layer")
        if not (self.root / "include/tarn" / header).is_file():
            self.faults.append(f"layers.txt: tarn/{header} does not exist")
        self.public[header] = layer
        if optional == "optional":
            self.optional.add(header)

    def of(self, path):
        """The layer of a file of include/tarn or src; None when it has none."""
        parts = path.relative_to(self.root).parts
        if parts[:3] == ("include", "tarn", "detail") and len(parts) == 5:
            return parts[3] if parts[3] in self.allowed else None
        if parts[:2] == ("include", "tarn") and len(parts) == 3:
            return self.public.get(parts[2])
        if parts[:1] == ("src",) and len(parts) == 3:
            return parts[1] if parts[1] in self.allowed else None
        return None


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def main(check):
    """Runs check(root) for the tree named on the command line; prints the faults; 1 when there are any."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} ROOT")
    faults = check(pathlib.Path(sys.argv[1]).resolve())
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)
