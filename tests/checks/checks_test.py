# SPDX-License-Identifier: Apache-2.0
"""Shows for every check that it is content with a sound tree and that it fails on each planted fault.

A tiny tree is written to a temporary folder, one fault is planted, and the check must name it.
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import check_docs  # noqa: E402  (found through the line above)
import check_headers  # noqa: E402
import check_layers  # noqa: E402
import check_mirror  # noqa: E402
import check_netty  # noqa: E402
import check_ordering  # noqa: E402
import check_text  # noqa: E402
import check_threads  # noqa: E402

CPP = "// SPDX-License-Identifier: Apache-2.0\n"
SCRIPT = "# SPDX-License-Identifier: Apache-2.0\n"
SOUND = {
    "layers.txt": "# low first\nbase:\nsync: base\npool: base sync\n\ntarn/pool.hpp: pool\n",
    "README.md": "# T\n\nSee [the map](docs/map.md#the-map) and [here](#t).\n",
    "docs/map.md": "# The map\n\n```\n[not a link](nowhere.md)\n```\n",
    "include/tarn/pool.hpp": CPP + "#pragma once\n#include <tarn/detail/sync/cell.hpp>\n",
    "include/tarn/detail/base/bits.hpp": CPP + "#pragma once\n#include <cstddef>\n",
    "include/tarn/detail/sync/cell.hpp": CPP + '#pragma once\n#include "tarn/detail/base/bits.hpp"\n',
    "src/pool/arena.hpp": CPP + "#pragma once\n#include <tarn/detail/base/bits.hpp>\n",
    "src/pool/arena.cpp": CPP + '#include "pool/arena.hpp"\n',
    "src/pool/CMakeLists.txt": "target_sources(tarn PRIVATE arena.cpp)\n",
    "tools/main.cpp": CPP + '#include <tarn/pool.hpp>\n#include "options.hpp"\nint main() {}\n',
    "tools/options.hpp": CPP + "#pragma once\n",
    "tools/CMakeLists.txt": "add_executable(tarn_program main.cpp)\n",
    "scripts/run.sh": "#!/bin/sh\n" + SCRIPT,
    ".ci/run": "#!/bin/sh\n" + SCRIPT,
    "tests/unit/base/CMakeLists.txt": "tarn_add_unit_test(base bits_test)\n",
    "tests/unit/base/bits_test.cpp": CPP,
    "tests/unit/sync/CMakeLists.txt": "tarn_add_unit_test(sync cell_test)\n",
    "tests/unit/sync/cell_test.cpp": CPP,
    "tests/unit/pool/CMakeLists.txt": "tarn_add_unit_test(pool arena_test)\n"
                                      "tarn_add_unit_test(pool pool_test)\n",
    "tests/unit/pool/arena_test.cpp": CPP,
    "tests/unit/pool/pool_test.cpp": CPP,
}


class CheckTest(unittest.TestCase):
    check = None

    def faults(self, changes=None, append=None):
        """The faults of the sound tree after replacing (None: removing) and appending to files."""
        tree = dict(SOUND, **(changes or {}))
        for name, text in (append or {}).items():
            tree[name] = tree.get(name, "") + text
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in tree.items():
                if text is not None:
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_text(text)
            return type(self).check(root)

    def assert_fault(self, wanted, changes=None, append=None):
        faults = self.faults(changes, append)
        self.assertEqual(len(faults), 1, faults)
        self.assertIn(wanted, faults[0])

    def assert_sound(self, changes=None, append=None):
        self.assertEqual(self.faults(changes, append), [])


class Layers(CheckTest):
    check = check_layers.check

    def test_accepts_a_sound_tree(self):
        self.assert_sound()

    def test_an_upward_include(self):
        self.assert_fault("bits.hpp:4: layer base may not include tarn/detail/sync/cell.hpp of layer sync",
                          append={"include/tarn/detail/base/bits.hpp": "#include <tarn/detail/sync/cell.hpp>\n"})

    def test_an_upward_include_of_a_public_or_private_header(self):
        self.assert_fault("may not include tarn/pool.hpp",
                          append={"include/tarn/detail/sync/cell.hpp": '#include "tarn/pool.hpp"\n'})
        self.assert_fault("may not include pool/arena.hpp", append={
            "src/base/log.cpp": CPP + '#include "pool/arena.hpp"\n'})

    def test_an_edge_that_nobody_uses(self):
        self.assert_fault("pool never includes sync; drop the edge", {
            "include/tarn/pool.hpp": CPP + "#include <tarn/detail/base/bits.hpp>\n"})

    def test_a_layer_that_names_a_later_one(self):
        self.assert_fault("base names pool", {
            "layers.txt": SOUND["layers.txt"].replace("base:\n", "base: pool\n", 1)},
            append={"src/base/up.cpp": CPP + "#include <tarn/pool.hpp>\n"})

    def test_a_file_outside_the_layers(self):
        self.assert_fault("belongs to no layer", {"src/lost.cpp": CPP})
        self.assert_fault("belongs to no layer", {"include/tarn/new.hpp": CPP})

    def test_a_public_header_that_is_gone(self):
        self.assert_fault("tarn/old.hpp does not exist", append={"layers.txt": "tarn/old.hpp: pool\n"})

    def test_a_public_header_that_the_one_for_all_lacks(self):
        all_of_it = {"layers.txt": SOUND["layers.txt"] + "tarn/tarn.hpp: pool\n"}
        self.assert_sound(all_of_it, append={"include/tarn/tarn.hpp": '#include "tarn/pool.hpp"\n'})
        self.assert_fault("lacks tarn/pool.hpp", all_of_it, append={"include/tarn/tarn.hpp": CPP})
        optional = {"layers.txt": all_of_it["layers.txt"].replace("tarn/pool.hpp: pool", "tarn/pool.hpp: pool optional")}
        self.assert_sound(optional, append={"include/tarn/tarn.hpp": CPP})
        self.assert_fault("includes the optional tarn/pool.hpp", optional,
                          append={"include/tarn/tarn.hpp": '#include "tarn/pool.hpp"\n'})

    def test_an_installed_header_that_needs_a_private_one(self):
        self.assert_fault("is private", append={"include/tarn/pool.hpp": '#include "pool/arena.hpp"\n'})

    def test_a_path_that_depends_on_the_folder(self):
        self.assert_fault("write the path", append={"src/pool/arena.cpp": '#include "arena.hpp"\n'})
        self.assert_fault("no header of tarn", append={"src/pool/arena.cpp": '#include "gone.hpp"\n'})

    def test_a_user_that_looks_inside(self):
        self.assert_fault("main.cpp:5: tarn/detail/sync/cell.hpp is not public",
                          append={"tools/main.cpp": "#include <tarn/detail/sync/cell.hpp>\n"})
        self.assert_fault("pool/arena.hpp is not public",
                          append={"tests/consumers/a.cpp": '#include "pool/arena.hpp"\n'})


class Mirror(CheckTest):
    check = check_mirror.check

    def test_accepts_a_sound_tree(self):
        self.assert_sound()

    def test_a_header_without_its_test(self):
        self.assert_fault("cell.hpp: has no tests/unit/sync/cell_test.cpp",
                          {"tests/unit/sync/cell_test.cpp": None})
        self.assert_fault("include/tarn/pool.hpp: has no", {"tests/unit/pool/pool_test.cpp": None})
        self.assert_fault("src/pool/arena.hpp: has no", {"tests/unit/pool/arena_test.cpp": None})

    def test_a_test_that_nothing_builds(self):
        self.assert_fault("pool_test.cpp: is not built", {
            "tests/unit/pool/CMakeLists.txt": "tarn_add_unit_test(pool arena_test)\n"})

    def test_a_source_that_nothing_builds(self):
        self.assert_fault("src/pool/chunk.cpp: is not built", {"src/pool/chunk.cpp": CPP})

    def test_a_source_may_be_listed_by_a_folder_above_its_own(self):
        self.assert_sound({"tools/trace/reader.cpp": CPP},
                          append={"tools/CMakeLists.txt": "target_sources(tarn_program PRIVATE trace/reader.cpp)"})
        self.assert_fault("tools/trace/reader.cpp: is not built", {"tools/trace/reader.cpp": CPP})


class Text(CheckTest):
    check = check_text.check

    def test_accepts_a_sound_tree(self):
        self.assert_sound()

    def test_a_missing_licence_line(self):
        for name in ("src/pool/arena.cpp", "tools/options.hpp", "scripts/run.sh", ".ci/run"):
            self.assert_fault(f"{name}:1: lacks", {name: "int x;\n"})

    def test_notes_of_unfinished_work(self):
        self.assert_fault("unfinished", append={"src/pool/arena.cpp": "// TODO: later\n"})
        self.assert_fault("unfinished", append={"docs/map.md": "FIXME\n"})

    def test_switched_off_code_and_tests(self):
        self.assert_fault("switched-off", append={"src/pool/arena.cpp": "#if 0\n"})
        self.assert_fault("switched-off", append={
            "tests/unit/pool/arena_test.cpp": "TEST(Arena, DISABLED_Maps) {}\n"})

    def test_code_in_comments(self):
        for code in ("int x = 3;", "take_slow();", "region->refs = 1;", "if (x) {", "return x;", "}",
                     "#include <vector>", "std::size_t n = f(x);", "for (int i = 0; i < 3; ++i) f();",
                     "cache.give(region, 3);"):
            self.assert_fault("code in a comment", append={"src/pool/arena.cpp": f"  // {code}\n"})

    def test_prose_in_comments_is_no_code(self):
        for prose in ("Pushes to its queue (bounded);", "take_slow() is cold.", "if the queue is closed",
                      "The count, kept under the lock;", "i.e. a region = a piece of memory",
                      "[sync: last-handle] Release: our writes come first.", "returns null when refused;"):
            self.assert_sound(append={"src/pool/arena.cpp": f"  // {prose}\n"})
        self.assert_sound(append={"src/pool/arena.cpp": "/// take_slow();\n"})

    def test_a_long_readme(self):
        self.assert_sound({"README.md": "line\n" * 80})
        self.assert_fault("81 lines", {"README.md": "line\n" * 81})


class Docs(CheckTest):
    check = check_docs.check

    def test_accepts_a_sound_tree(self):
        self.assert_sound()

    def test_a_link_to_nothing(self):
        self.assert_fault("gone.md does not exist", append={"docs/map.md": "[x](gone.md)\n"})
        self.assert_fault("README.md:4: docs/gone", append={"README.md": "[x](docs/gone/a.md#b)\n"})

    def test_a_link_to_no_heading(self):
        self.assert_fault("no such heading", append={"README.md": "[x](docs/map.md#the-mop)\n"})

    def test_addresses_and_code_are_left_alone(self):
        self.assert_sound(append={"README.md": "[x](https://example.org/a) `[y](gone.md)`\n"})

    def test_shown_code_is_compiled_code(self):
        example = {"examples/one.cpp": CPP + "int main() { return 0; }\n"}
        shown = "<!-- from examples/one.cpp -->\n```cpp\nint main() { return 0; }\n```\n"
        self.assert_sound(example, append={"README.md": shown})
        self.assert_fault("word for word", example, append={"README.md": shown.replace("0", "1")})
        self.assert_fault("word for word", append={"README.md": shown})
        self.assert_fault("without a line", example, append={"README.md": shown.partition("\n")[2]})
        self.assert_fault("neither of", example, append={"README.md": shown.replace("examples/", "src/")})


class Headers(CheckTest):
    @staticmethod
    def check(root):
        return check_headers.check(root, "c++")

    def test_accepts_a_sound_tree(self):
        self.assert_sound()

    def test_a_header_that_needs_another_first(self):
        self.assert_fault("src/pool/arena.hpp", append={"src/pool/arena.hpp": "inline std::vector<int> v;\n"})

    def test_a_header_without_a_guard(self):
        self.assert_fault("options.hpp", {"tools/options.hpp": CPP + "struct Twice {};\n"})

    def test_a_public_header_that_needs_the_sources(self):
        self.assert_fault("include/tarn/pool.hpp", append={
            "include/tarn/pool.hpp": '#include "pool/arena.hpp"\n'})

    def test_a_header_that_warns(self):
        self.assert_fault("options.hpp", append={
            "tools/options.hpp": "inline int narrow(long x) { return x; }\n"})

    def test_a_header_that_does_not_say_that_it_needs_newer_cpp(self):
        newer = {"include/tarn/pool.hpp": "template <class T>\nconcept Any = true;\n"}
        self.assert_fault("include/tarn/pool.hpp", append=newer)
        self.assert_sound(append=newer | {
            "include/tarn/detail/base/bits.hpp": '#if __cplusplus < 202002L\n#error "needs C++20"\n#endif\n'})


class Ordering(CheckTest):
    check = check_ordering.check
    row = {"docs/ordering.md": "| turn | a | b | c | `tests/unit/sync/cell_test.cpp` |\n"}
    tag = {"include/tarn/detail/sync/cell.hpp": "// [sync: turn] Release.\n"}

    def test_accepts_a_sound_tree(self):
        self.assert_sound()
        self.assert_sound(append=self.row | self.tag)

    def test_a_tag_without_a_row(self):
        self.assert_fault("cell.hpp:4: no row for [sync: turn]", append=self.tag)

    def test_a_row_without_a_tag(self):
        self.assert_fault("[sync: turn] is nowhere", append=self.row)

    def test_a_row_whose_test_is_gone(self):
        gone = {"docs/ordering.md": self.row["docs/ordering.md"].replace("cell", "old")}
        self.assert_fault("old_test.cpp does not exist", append=gone | self.tag)


class Netty(CheckTest):
    check = check_netty.check
    page = {"docs/netty-tests.md": """# N

## SomeTest

Release 1. 5 tests: 3 covered, 2 without a meaning here.

| Netty's tests | here |
| --- | --- |
| `testOne`, `testTwo` | `Bits.AreSet` |
| `testThree` | `Bits.AreSet`, `Kinds.Differ` |

| without a meaning | number | why |
| --- | --- | --- |
| `testNull...` | 2 | there is no null: `Bits.AreSet` |
"""}
    tests = {"tests/unit/base/bits_test.cpp": "TEST(Bits, AreSet) {}\nSOME_VARIANT_TEST(Kinds, Differ) {}\n"}

    def changed(self, old, new):
        return {"docs/netty-tests.md": self.page["docs/netty-tests.md"].replace(old, new, 1)}

    def test_accepts_a_sound_tree(self):
        self.assert_sound()
        self.assert_sound(append=self.page | self.tests)

    def test_a_test_that_does_not_exist(self):
        self.assert_fault("netty-tests.md:10: there is no test Kinds.Agree",
                          append=self.changed("Kinds.Differ", "Kinds.Agree") | self.tests)

    def test_a_name_that_stands_there_twice(self):
        self.assert_fault("testOne stands there twice", append=self.changed("testThree", "testOne") | self.tests)

    def test_counts_that_are_wrong(self):
        self.assert_fault("2 names are covered, not 3", append=self.changed("`testOne`, ", "") | self.tests)
        self.assert_fault("3 are without a meaning, not 2", append=self.changed("...` | 2", "...` | 3") | self.tests)
        self.assert_fault("3 and 2 are not 6", append=self.changed("5 tests", "6 tests") | self.tests)
        self.assert_fault("says not how many", append=self.changed("5 tests:", "Some:") | self.tests)


class Threads(unittest.TestCase):
    def faults(self, *symbols):
        """The check's, of a program for each list of symbols."""
        with tempfile.TemporaryDirectory() as folder:
            nm = pathlib.Path(folder) / "nm"
            nm.write_text('#!/bin/sh\n[ "$1" = --undefined-only ] && cat "$2"\n')
            nm.chmod(0o755)
            programs = []
            for number, text in enumerate(symbols):
                programs.append(pathlib.Path(folder) / f"program{number}")
                programs[-1].write_text(text)
            return check_threads.check(nm, programs)

    def test_a_program_that_starts_none(self):
        self.assertEqual(self.faults(" U pthread_self@GLIBC_2.2.5\n U my_pthread_create_not\n"), [])

    def test_programs_that_start_some(self):
        faults = self.faults(" U malloc\n", " U pthread_create@GLIBC_2.34\n",
                             " U _ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateE@GLIBCXX_3.4.22\n")
        self.assertEqual(len(faults), 2, faults)
        self.assertIn("program1: starts threads", faults[0])
        self.assertIn("program2: starts threads", faults[1])

    def test_a_program_that_is_not_there(self):
        with self.assertRaises(subprocess.CalledProcessError):
            check_threads.check("nm", ["/nowhere"])


class CommandLine(unittest.TestCase):
    def test_faults_are_printed_and_change_the_exit_status(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "README.md").write_text("[x](gone.md)\n")
            command = [sys.executable, HERE / "check_docs.py", root]
            found = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual((found.returncode, found.stdout), (1, "README.md:1: gone.md does not exist\n"))
            (root / "gone.md").write_text("")
            self.assertEqual(subprocess.run(command).returncode, 0)


if __name__ == "__main__":
    unittest.main()
