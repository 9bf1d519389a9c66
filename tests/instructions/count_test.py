# SPDX-License-Identifier: Apache-2.0
"""Shows that count.py counts what a probe of known cost does, and that it fails when it should.

Usage: count_test.py PROBE, the program built from count_test_probe.cpp.
"""
import contextlib
import io
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import count  # noqa: E402  (found through the line above)

PROBE = None


def counted(*arguments):
    """(exit status, what was printed) of count.py over the probe."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = count.main([PROBE, *arguments])
    return status, out.getvalue() + err.getvalue()


def figures(printed):
    found = re.search(r"([\d.]+) instructions, ([\d.]+) of them locked", printed)
    return float(found[1]), float(found[2])


class Count(unittest.TestCase):
    def test_counts_exactly_what_an_operation_executes(self):
        ten, _ = figures(counted("nops_10", "--budget", "1000")[1])
        thirty, _ = figures(counted("nops_30", "--budget", "1000")[1])
        self.assertEqual(thirty - ten, 20)

    def test_start_up_and_warm_up_cancel_out(self):
        plain, _ = figures(counted("nops_10", "--budget", "1000")[1])
        warmed, _ = figures(counted("nops_10_warmed", "--budget", "1000")[1])
        self.assertEqual(warmed, plain)

    def test_counts_locked_instructions(self):
        self.assertEqual(figures(counted("locked_2", "--budget", "1000")[1])[1], 2)
        self.assertEqual(figures(counted("nops_10", "--budget", "1000")[1])[1], 0)

    def test_counts_an_exchange_with_memory_as_locked(self):
        self.assertEqual(figures(counted("exchange_1", "--budget", "1000")[1])[1], 1)

    def test_is_content_at_the_budget_and_fails_below_it(self):
        needed, _ = figures(counted("nops_10", "--budget", "1000")[1])
        self.assertEqual(counted("nops_10", "--budget", str(needed))[0], 0)
        status, printed = counted("nops_10", "--budget", str(needed - 0.5))
        self.assertEqual(status, 1)
        self.assertIn("main", printed, "a failure names the functions that cost most")

    def test_what_a_whole_run_scatters_by_is_no_operations_cost(self):
        needed, _ = figures(counted("nops_10_and_once_0", "--budget", "1000")[1])
        scattered, _ = figures(counted("nops_10_and_once_30", "--budget", "1000")[1])
        self.assertGreater(scattered, needed)
        self.assertEqual(counted("nops_10_and_once_30", "--budget", str(needed))[0], 0)
        self.assertEqual(counted("nops_10_and_once_100", "--budget", str(needed))[0], 1)

    def test_fails_above_the_budget_of_locked_instructions(self):
        self.assertEqual(counted("locked_2", "--budget", "1000", "--locked", "2")[0], 0)
        self.assertEqual(counted("locked_2", "--budget", "1000", "--locked", "1")[0], 1)

    def test_a_probe_that_fails_is_no_success(self):
        status, printed = counted("no_such_case", "--budget", "1000")
        self.assertEqual(status, 2)
        self.assertIn("no_such_case", printed)

    def test_a_missing_valgrind_is_no_success(self):
        status, _ = counted("nops_10", "--budget", "1000", "--valgrind", "/no/such/valgrind")
        self.assertEqual(status, 2)


if __name__ == "__main__":
    PROBE = sys.argv.pop()
    unittest.main()
