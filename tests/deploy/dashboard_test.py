"""Holds deploy/ against the real things: `dashboard_test.py FRDPU SOURCE_DIR`.

Starts the service and Prometheus (Debian's package; skipped without it) with the shipped
configuration, sends traffic, and asks Prometheus every query of every panel: none may fail, none may
come back empty.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

FRDPU = ""
SOURCE = pathlib.Path()
PATIENCE = 90  # seconds, for what takes a few on an idle machine


def clean_environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")}


def wait_for(what):
    """Asks until there is an answer. Returns it."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(what.__name__)
        time.sleep(0.05)
    return answer


def dashboard():
    return json.loads((SOURCE / "deploy/grafana/dashboards/frdpu.json").read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


class StructureTest(unittest.TestCase):
    def test_every_panel_says_what_it_shows_in_which_unit(self):
        ids = [panel["id"] for panel in dashboard()["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        for panel in panels():
            with self.subTest(panel=panel["title"]):
                self.assertTrue(panel["description"])
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                self.assertTrue(panel["targets"])
                self.assertTrue(all(target["legendFormat"] for target in panel["targets"]))

    def test_rows_variables_and_uid_are_what_people_link_to(self):
        rows = [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"]
        self.assertEqual(rows, ["Traffic", "Pools", "Codecs", "Limits and refusals", "Connections",
                                "Process"])
        self.assertEqual([v["name"] for v in dashboard()["templating"]["list"]],
                         ["instance", "coding"])
        self.assertEqual(dashboard()["uid"], "frdpu")
        for panel in panels():  # a variable that a panel does not heed misleads
            for target in panel["targets"]:
                for selector in re.findall(r"(?:frdpu|process)_\w+(?:{[^}]*})?", target["expr"]):
                    self.assertIn('instance=~"$instance"', selector, panel["title"])
                    if selector.startswith("frdpu_codec_"):
                        self.assertIn('coding=~"$coding"', selector, panel["title"])

    def test_durations_are_shown_for_each_route(self):
        asked = [target["expr"] for panel in panels() for target in panel["targets"]]
        for part in ("0.5", "0.95", "0.99"):
            wanted = f"histogram_quantile({part}, sum by (le, route) ("
            self.assertTrue(any(each.startswith(wanted) for each in asked), part)

    def test_thresholds_are_those_of_the_alerts(self):
        rules = (SOURCE / "deploy/prometheus/rules/alerts.yml").read_text()
        for title, alert, color in (("Utilization", "PoolNearExhaustion", "orange"),
                                    ("Duration, p99", "LatencyHigh", "red")):
            defaults, = (panel["fieldConfig"]["defaults"] for panel in panels()
                         if panel["title"] == title)
            expression = re.search(rf"Frdpu{alert}$.*? > ([\d.]+)", rules, re.M | re.S)
            drawn, = (step["value"] for step in defaults["thresholds"]["steps"]
                      if step["color"] == color)
            self.assertEqual(drawn, float(expression.group(1)))
            self.assertEqual(defaults["custom"]["thresholdsStyle"]["mode"], "line")

    def test_what_can_run_out_has_thresholds(self):
        for panel in panels():
            if panel["fieldConfig"]["defaults"]["unit"] != "percentunit":
                continue
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            self.assertEqual([step["color"] for step in steps], ["green", "orange", "red"])
            self.assertEqual(panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"],
                             "line", panel["title"])

    def test_the_datasource_is_the_one_that_is_provisioned(self):
        text = (SOURCE / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
        uid = re.search(r"^ *uid: (\S+)$", text, re.M).group(1)
        used = {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]}
        used |= {v["datasource"]["uid"] for v in dashboard()["templating"]["list"]}
        self.assertEqual(used, {uid})

    def test_panels_do_not_overlap(self):
        taken = set()
        for panel in dashboard()["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24)
            taken |= cells

    @unittest.skipUnless(shutil.which("promtool"), "promtool (package prometheus) is not installed")
    def test_promtool_takes_the_configuration(self):
        done = subprocess.run(["promtool", "check", "config",
                               SOURCE / "deploy/prometheus/prometheus.yml"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


@unittest.skipUnless(shutil.which("prometheus"), "prometheus (Debian package) is not installed")
class QueryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.start_service()
        cls.start_prometheus()
        cls.leave_one_under_way()
        cls.wait_for_rates()

    @classmethod
    def start(cls, name, *command):
        log = (cls.folder / f"{name}.log").open("w+")
        process = subprocess.Popen(command, stdout=log, stderr=log, env=clean_environment())

        def stop():
            process.terminate()
            process.wait(timeout=60)
            log.close()
        cls.addClassCleanup(stop)

        def look_for(pattern):
            def found():
                if process.poll() is not None:
                    raise ChildProcessError(pathlib.Path(log.name).read_text())
                return re.search(pattern, pathlib.Path(log.name).read_text())
            return wait_for(found).group(1)
        return look_for

    @classmethod
    def start_service(cls):
        look_for = cls.start("frdpu", FRDPU, "serve", "--listen", "127.0.0.1:0", "--admin-listen",
                             "127.0.0.1:0", "--max-body-bytes", "1m", "--body-timeout", "60m")
        cls.service = look_for(r"listening service=(\S+)")
        cls.admin = look_for(r"listening admin=(\S+)")

    @classmethod
    def start_prometheus(cls):
        shipped = (SOURCE / "deploy/prometheus/prometheus.yml").read_text()
        config = shipped.replace("frdpu:8081", cls.admin).replace(": 5s", ": 1s")
        config = config.replace("rules/*.yml", str(SOURCE / "deploy/prometheus/rules/*.yml"))
        (cls.folder / "prometheus.yml").write_text(config)
        look_for = cls.start("prometheus", "prometheus", f"--config.file={cls.folder}/prometheus.yml",
                             f"--storage.tsdb.path={cls.folder}/data",
                             "--web.listen-address=127.0.0.1:0")
        cls.prometheus = look_for(r"address=(127\.0\.0\.1:[1-9]\d*)")
        look_for(r"(Server is ready)")

    @classmethod
    def leave_one_under_way(cls):
        host, _, port = cls.service.rpartition(":")
        connection = socket.create_connection((host, int(port)))
        cls.addClassCleanup(connection.close)
        connection.sendall(b"POST /v1/compress HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nx")

    @classmethod
    def post(cls, path, body):
        request = urllib.request.Request(f"http://{cls.service}{path}", data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            error.read()
            return b""

    @classmethod
    def traffic(cls):
        text = b"all work and no play makes a dull boy " * 2000
        for coding in ("lz4", "zstd", "gzip", "deflate", "br"):
            made = cls.post(f"/v1/compress?coding={coding}", text)
            if made:
                cls.post(f"/v1/decompress?coding={coding}", made)
        cls.post("/v1/compress?coding=none", text)
        cls.post("/v1/compress", bytes(2 << 20))  # above --max-body-bytes

    @classmethod
    def query(cls, expression):
        text = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"http://{cls.prometheus}/api/v1/query?{text}",
                                        timeout=30) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None

    @classmethod
    def wait_for_rates(cls):
        def rates():
            cls.traffic()
            found = cls.query("rate(frdpu_limit_hits_total{code='body_too_large'}[10s]) > 0")
            seen = cls.query("rate(frdpu_http_requests_total{status='400'}[10s]) > 0")
            begun = cls.query("frdpu_http_requests_in_flight{route='/v1/compress'} > 0")
            return found and seen and begun
        wait_for(rates)

    def test_every_query_of_every_panel_has_an_answer(self):
        def asked(expression):
            expression = expression.replace("$__rate_interval", "30s")
            return expression.replace("$instance", ".*").replace("$coding", ".*")
        for panel in panels():
            for target in panel["targets"]:
                with self.subTest(panel=panel["title"], query=target["expr"]):
                    result = self.query(asked(target["expr"]))
                    self.assertTrue(result, "empty")
                    for series in result:
                        self.assertNotEqual(series["value"][1], "NaN", series["metric"])

    def test_every_rule_is_evaluated_and_nothing_fires(self):
        def evaluated():
            with urllib.request.urlopen(f"http://{self.prometheus}/api/v1/rules",
                                        timeout=30) as answer:
                groups = json.load(answer)["data"]["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            return rules if all(rule["health"] != "unknown" for rule in rules) else []
        for rule in wait_for(evaluated):
            self.assertEqual(rule["health"], "ok", rule)
            self.assertNotEqual(rule.get("state"), "firing", rule)
            if rule["type"] == "recording":
                wait_for(lambda name=rule["name"]: self.query(name))

    def test_every_metric_of_ours_is_in_a_panel(self):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=30) as answer:
            ours = re.findall(r"^# TYPE (frdpu_\w+) ", answer.read().decode(), re.M)
        asked = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
        self.assertGreater(len(ours), 15)
        self.assertEqual([name for name in ours if name not in asked], [])

    def test_the_variables_have_values(self):
        for variable in dashboard()["templating"]["list"]:
            name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)",
                                       variable["definition"]).groups()
            self.assertTrue(self.query(f"count by ({label}) ({name})"))


if __name__ == "__main__":
    FRDPU = os.path.abspath(sys.argv.pop(1))
    SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
