# SPDX-License-Identifier: Apache-2.0
"""Shows that a hot path that has become worse fails, by how much, and a better one asks for a refresh.

Usage: golden_test.py PROBE, the program built from count_test_probe.cpp.
"""
import contextlib
import io
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import count  # noqa: E402  (found through the line above)
import golden  # noqa: E402

PROBE = None


class Golden(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "compiler.txt"

    def counted(self, case, *, refreshing=False):
        """(exit status, what was printed) of count.py for a case by the name "path"."""
        environment = {golden.REFRESHING: "1"} if refreshing else {}
        out = io.StringIO()
        with mock.patch.dict(os.environ, environment), contextlib.redirect_stdout(out):
            if not refreshing:
                os.environ.pop(golden.REFRESHING, None)
            status = count.main([PROBE, case, "--budget", "1000", "--golden", str(self.file),
                                 "--name", "path"])
        return status, out.getvalue()

    def test_a_refresh_writes_down_what_a_second_run_counts(self):
        self.assertEqual(self.counted("nops_10", refreshing=True)[0], 0)
        self.assertEqual(list(golden.read(self.file)), ["path"])
        self.assertEqual(self.counted("nops_10")[0], 0)

    def test_a_rise_fails_and_says_by_how_much(self):
        self.counted("nops_10", refreshing=True)
        status, printed = self.counted("nops_30")
        self.assertEqual(status, 1)
        self.assertRegex(printed, r"worse by \+(19\.9\d|20\.0\d) instructions, \+0\.00 locked")

    def test_a_fall_asks_for_a_refresh(self):
        self.counted("nops_30", refreshing=True)
        status, printed = self.counted("nops_10")
        self.assertEqual(status, 1)
        self.assertRegex(printed, r"better by (19\.9\d|20\.0\d) instructions")
        self.assertIn("--refresh", printed)

    def test_one_instruction_more_is_a_rise(self):
        golden.write(self.file, "path", 40, 0)
        self.assertIsNone(golden.judge(self.file, "path", 40.3, 0))
        self.assertIn("worse by +1.00", golden.judge(self.file, "path", 41, 0))

    def test_a_locked_instruction_more_is_a_rise_whatever_the_rest_does(self):
        golden.write(self.file, "path", 40, 0)
        self.assertIn("worse", golden.judge(self.file, "path", 30, 1))

    def test_a_path_that_nobody_wrote_down_fails(self):
        status, printed = self.counted("nops_10")
        self.assertEqual(status, 1)
        self.assertIn("not in", printed)

    def test_names_without_a_figure_and_figures_without_a_test_fail(self):
        golden.write(self.file, "path", 40, 0)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(golden.compare_names(self.file, ["path"]), 0)
            self.assertEqual(golden.compare_names(self.file, ["path", "new"]), 1)
            self.assertEqual(golden.compare_names(self.file, []), 1)
        self.assertIn("lacks new", out.getvalue())
        self.assertIn("has path", out.getvalue())

    def test_a_damaged_file_is_no_success(self):
        self.file.write_text("path forty 0\n")
        with self.assertRaises(golden.BadGolden):
            golden.judge(self.file, "path", 40, 0)

    def test_refreshing_keeps_to_the_budget(self):
        self.counted("nops_10", refreshing=True)
        out = io.StringIO()
        with mock.patch.dict(os.environ, {golden.REFRESHING: "1"}), contextlib.redirect_stdout(out):
            status = count.main([PROBE, "nops_30", "--budget", "5", "--golden", str(self.file),
                                 "--name", "path"])
        self.assertEqual(status, 1)


if __name__ == "__main__":
    PROBE = sys.argv.pop()
    unittest.main()
