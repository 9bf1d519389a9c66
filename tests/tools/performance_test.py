#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/performance.py: tables and plots of the results of tarn bench; the page in docs/ shows the results beside it.

usage: performance_test.py SCRIPT [unittest's arguments]
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(sys.argv.pop(1)).resolve()


def row(case, peer, size, median, best=None, floor=None, **more):
    return {"case": case, "peer": peer, "size": size, "ns_min": median - 1, "ns_median": median, "ratio_to_floor": floor,
            "ratio_to_best_peer": best, "spread": 0.1, "unsteady": False, "objects_created": None, **more}


RESULTS = {"tarn": "1.2.3", "results": [
    row("pair", "tarn", 16, 5.0, 0.5, 2.5), row("pair", "floor", 16, 2.0, 0.2, 1), row("pair", "malloc", 16, 10.0, 1, 5),
    row("pair", "tarn", 65536, 50.25, 2.01, 25, unsteady=True), row("pair", "floor", 65536, 2.0, 0.08, 1),
    row("pair", "malloc", 65536, 25.0, 1, 12.5), row("pair", "jemalloc", 65536, None or 300.0, 12, 150),
    row("window", "tarn", None, 1234.5, 3.0), row("window", "malloc", None, 411.5, 1)],
    "run": {"processor": "2 x Some", "rounds": "5", "unsteady": "a rule"}}

PAGE = """# Title
before
<!-- results: {} -->
old
<!-- end of results -->
after
"""


class Performance(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.results = self.folder / "results.json"
        self.results.write_text(json.dumps(RESULTS))
        self.page = self.folder / "page.md"

    def run_script(self, *arguments):
        return subprocess.run([SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)

    def filled(self, block):
        self.page.write_text(PAGE.format(block))
        done = self.run_script(self.results, self.page)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = self.page.read_text()
        self.assertTrue(text.startswith("# Title\nbefore\n<!-- results: " + block))
        self.assertTrue(text.endswith("<!-- end of results -->\nafter\n"))
        self.assertNotIn("old", text)
        return text

    def test_a_case_has_a_line_a_size_and_everyone_s_median(self):
        text = self.filled("cases pair")
        self.assertIn("|  | tarn, least | tarn | floor | malloc | jemalloc | x best peer | x floor |", text)
        self.assertIn("| 16 B | 4.00 | **5.00** | 2.00 | 10.0 | - | 0.50 | 2.50 |", text)
        self.assertIn("| 64 KiB | 49.2 | **~50.2** | 2.00 | 25.0 | 300.0 | 2.01 | 25.0 |", text)

    def test_several_cases_are_named(self):
        text = self.filled("cases pair window")
        self.assertIn("| pair 16 B |", text)
        self.assertIn("| window | 1,234 | **1,234** |", text)

    def test_losses_are_the_lines_above_1_worst_first(self):
        text = self.filled("losses")
        self.assertNotIn("pair 16 B", text)
        self.assertLess(text.index("| window | 1,234 | malloc | 411.5 | 3.00 |"),
                        text.index("| pair 64 KiB | ~50.2 | malloc | 25.0 | 2.01 |"))

    def test_the_machine_is_described(self):
        text = self.filled("machine")
        self.assertIn("tarn 1.2.3", text)
        self.assertIn("| Processor | 2 x Some |", text)

    def test_a_second_run_changes_nothing(self):
        first = self.filled("cases pair")
        again = self.run_script(self.results, self.page)
        self.assertEqual((again.returncode, self.page.read_text()), (0, first))

    def test_check_tells_a_page_of_other_results(self):
        self.filled("cases pair")
        self.assertEqual(self.run_script("--check", self.results, self.page).returncode, 0)
        text = self.page.read_text().replace("**5.00**", "**4.00**")
        self.page.write_text(text)
        done = self.run_script("--check", self.results, self.page)
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not show", done.stderr)
        self.assertEqual(self.page.read_text(), text, "nothing is written")

    def test_results_become_shorter_and_stay_the_same(self):
        self.filled("machine")
        text = self.results.read_text()
        self.assertEqual(len([line for line in text.splitlines() if line.startswith('{"case"')]), 9)
        again = json.loads(text)
        self.assertEqual(again["run"], RESULTS["run"])
        for old, new in zip(RESULTS["results"], again["results"]):
            for name, value in old.items():
                self.assertEqual(new.get(name), value)

    def test_unknown_blocks_and_arguments_are_refused(self):
        self.page.write_text(PAGE.format("frob"))
        done = self.run_script(self.results, self.page)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no block is called frob", done.stderr)
        self.assertEqual(self.run_script("--frob").returncode, 2)

    @unittest.skipIf(shutil.which("gnuplot") is None, "no gnuplot")
    def test_plots_are_made_of_what_there_is(self):
        self.filled("machine")
        for name in ("pair.svg", "live.svg"):
            text = (self.folder / name).read_text()
            self.assertIn("<svg", text)
            self.assertIn("malloc", text)
        self.assertFalse((self.folder / "recycler.svg").exists(), "nothing of it was measured")

    def test_the_documents_show_the_results_beside_them(self):
        done = self.run_script("--check")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
