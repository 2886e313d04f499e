"""Holds deploy/prometheus against promtool and the service: `rules_test.py FRDPU SOURCE_DIR`.

promtool judges the files and runs the cases beside this script; what promtool can't know is tested
here: that no alert is without a case that fires and one that does not, that each says what to do,
and that the metrics which rules name are metrics that the service has.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest
import urllib.request

import yaml

FRDPU = ""
SOURCE = pathlib.Path()
CASES = pathlib.Path(__file__).parent / "rules"


def rule_files():
    return sorted((SOURCE / "deploy/prometheus/rules").glob("*.yml"))


def rules(kind):
    """Every rule that is an `alert` or a `record`, by its name."""
    found = {}
    for path in rule_files():
        for group in yaml.safe_load(path.read_text())["groups"]:
            found |= {rule[kind]: rule for rule in group["rules"] if kind in rule}
    return found


def cases():
    return [case for path in sorted(CASES.glob("*.yml"))
            for case in yaml.safe_load(path.read_text())["tests"]]


@unittest.skipUnless(shutil.which("promtool"), "promtool (package prometheus) is not installed")
class PromtoolTest(unittest.TestCase):
    def promtool(self, *arguments):
        done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False,
                              cwd=CASES)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_configuration_and_its_rules_are_valid(self):
        self.promtool("check", "config", SOURCE / "deploy/prometheus/prometheus.yml")

    def test_every_case_holds(self):
        self.promtool("test", "rules", *sorted(CASES.glob("*.yml")))


class CoverageTest(unittest.TestCase):
    def test_every_alert_has_a_case_that_fires_and_one_that_does_not(self):
        tests = [test for case in cases() for test in case.get("alert_rule_test", [])]
        self.assertTrue(rules("alert"))
        for alert in rules("alert"):
            fires = {bool(test["exp_alerts"]) for test in tests if test["alertname"] == alert}
            self.assertEqual(fires, {True, False}, alert)

    def test_every_recording_rule_has_a_case(self):
        asked = " ".join(test["expr"] for case in cases()
                         for test in case.get("promql_expr_test", []))
        for name in rules("record"):
            self.assertRegex(asked, re.escape(name) + r"(?![\w:])", name)

    def test_every_alert_says_how_urgent_it_is_and_what_to_do(self):
        readme = (SOURCE / "deploy/README.md").read_text()
        for name, alert in rules("alert").items():
            self.assertIn(alert["labels"]["severity"], ("page", "ticket"), name)
            for annotation in ("summary", "description", "runbook"):
                self.assertGreater(len(alert["annotations"][annotation]), 10, name)
            self.assertTrue(f"`{name}`" in readme, f"{name} is not in deploy/README.md")

    def test_rules_name_metrics_that_the_service_has(self):
        process = subprocess.Popen(
            [FRDPU, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")})
        try:
            for line in process.stderr:
                if found := re.search(r"listening admin=(\S+)", line):
                    break
            with urllib.request.urlopen(f"http://{found.group(1)}/metrics", timeout=60) as answer:
                text = answer.read().decode()
        finally:
            process.terminate()
            process.communicate(timeout=60)
        families = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
        known = set(families) | {"up"}
        for name, kind in families.items():
            if kind == "histogram":
                known |= {name + suffix for suffix in ("_bucket", "_count", "_sum")}
        for rule in (rules("alert") | rules("record")).values():
            # Neither a part of a recorded name nor a label's value.
            bare = re.sub(r'"[^"]*"', "", rule["expr"])
            used = re.findall(r"(?<![\w:])(?:frdpu|process)_\w+", bare)
            recorded = re.findall(r"\w+:\w+:\w+", bare)
            self.assertTrue(used or recorded or "up" in bare, rule)
            self.assertLessEqual(set(used), known)
            self.assertLessEqual(set(recorded), set(rules("record")))


if __name__ == "__main__":
    FRDPU = os.path.abspath(sys.argv.pop(1))
    SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
