"""The script that makes the plot of the README, on a short ramp: `plot_test.py FRDPU SOURCE_DIR`."""

import importlib.util
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../load"))
import ramp  # noqa: E402

FRDPU = ""
SOURCE = pathlib.Path()


class RampTest(unittest.TestCase):
    def test_quantiles_are_read_as_prometheus_reads_them(self):
        def scrape(*counts):
            name = "frdpu_http_request_duration_seconds_bucket{" + ramp.ROUTE
            return {f'{name},le="{bound}"}}': count
                    for bound, count in zip(("0.1", "0.25", "1", "+Inf"), counts)}
        before = scrape(5, 5, 5, 5)
        self.assertIsNone(ramp.quantile(before, before, 0.5))
        self.assertAlmostEqual(ramp.quantile(before, scrape(5, 15, 15, 15), 0.5), 0.175)
        self.assertAlmostEqual(ramp.quantile(before, scrape(15, 15, 105, 105), 0.55), 0.25 + 0.75 * 0.5)
        self.assertEqual(ramp.quantile(before, scrape(5, 5, 5, 9), 0.99), 1)

    def test_a_short_ramp_is_measured_and_drawn(self):
        for step_seconds in (0.2, 1, 5):  # the service's workers wait for everybody else
            rows, limit_mib = ramp.measure(FRDPU, 3, step_seconds, step_seconds / 4)
            if any(row["good"] for row in rows):
                break
        self.assertGreater(max(row["clients"] for row in rows), 1)
        self.assertGreater(max(row["good"] for row in rows), 0)
        self.assertGreater(max(row["p99"] or 0 for row in rows), 0)
        for name in ("blocks", "workspaces"):
            used = [row[name] for row in rows]
            self.assertTrue(0 < max(used) <= 1, (name, used))
        for row in rows:
            self.assertTrue(0 < row["rss"] < limit_mib, row)
        if not importlib.util.find_spec("matplotlib"):
            self.skipTest("matplotlib (package python3-matplotlib) is not installed")
        with tempfile.TemporaryDirectory() as folder:
            picture = pathlib.Path(folder) / "ramp.svg"
            ramp.plot(rows, limit_mib, picture)
            text = picture.read_text()
        shipped = (SOURCE / "deploy/load-ramp.svg").read_text()
        for label in ("requests / s", "duration, s", "pool utilization", "MiB", "seconds",
                      "what --dry-run says", "for service and clients"):
            self.assertIn(label, text)
            self.assertIn(label, shipped)


if __name__ == "__main__":
    FRDPU = os.path.abspath(sys.argv.pop(1))
    SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
