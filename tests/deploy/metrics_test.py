"""Scrapes the service as scrapers do: `metrics_test.py FRDPU SOURCE_DIR`.

Readers that are not ours judge every answer: promtool and the strict OpenMetrics parser of
Prometheus' Python client.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import service  # noqa: E402
from support.service import Connection, Service  # noqa: E402

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families as read_text  # noqa: E402

OPENMETRICS = ("Accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
CODINGS = ("lz4", "zstd", "gzip", "deflate", "br", "identity")
LIMITS = ("request_timeout", "body_too_large", "output_limit_exceeded", "ratio_limit_exceeded",
          "window_too_large", "headers_too_large", "pool_exhausted", "overloaded", "draining",
          "cpu_limit_exceeded")


class MetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.running = Service(max_body_bytes="1m")
        cls.addClassCleanup(cls.running.stop)
        cls.fresh = cls.scrape()[1]  # before any other request
        text = b"all work and no play makes a dull boy " * 100
        for coding in CODINGS[:-1]:
            made = cls.running.post(f"/v1/compress?coding={coding}", text)
            cls.running.post(f"/v1/decompress?coding={coding}", made.body)
        cls.running.post("/v1/compress?coding=none", text)

    @classmethod
    def scrape(cls, *fields):
        with Connection(cls.running.admin_address) as connection:
            answer = connection.request("GET", "/metrics", None, fields)
        assert answer.status == 200, answer
        return answer, answer.body.decode() if not answer.field("Content-Encoding") else None

    @unittest.skipUnless(shutil.which("promtool"), "promtool (package prometheus) is not installed")
    def test_promtool_has_nothing_to_say(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.scrape()[1],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_both_formats_say_the_same(self):
        answer, text = self.scrape(OPENMETRICS)
        self.assertEqual(answer.field("Content-Type"),
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.assertTrue(text.endswith("# EOF\n"))
        plain_answer, plain = self.scrape()
        self.assertEqual(plain_answer.field("Content-Type"),
                         "text/plain; version=0.0.4; charset=utf-8")

        def shape(families):
            return {(family.name, family.type, family.documentation,
                     frozenset((sample.name, *sorted(
                         (k, float(v) if k == "le" else v) for k, v in sample.labels.items()))
                         for sample in family.samples))
                    for family in families}
        seen = shape(read_openmetrics(text))
        self.assertEqual(sorted(map(str, seen ^ shape(read_text(plain)))), [])
        self.assertGreater(len(seen), 20)

    def test_units_are_said(self):
        units = {family.name: family.unit for family in read_openmetrics(self.scrape(OPENMETRICS)[1])}
        for name, unit in (("frdpu_http_request_duration_seconds", "seconds"),
                           ("frdpu_codec_cpu_seconds", "seconds"),
                           ("frdpu_codec_input_bytes", "bytes"),
                           ("frdpu_pool_block_bytes", "bytes"),
                           ("frdpu_pool_utilization_ratio", "ratio")):
            self.assertEqual(units[name], unit)

    def test_compressed_when_asked_for(self):
        answer, _ = self.scrape(("Accept-Encoding", "gzip"))
        self.assertEqual(answer.field("Content-Encoding"), "gzip")
        self.assertEqual(answer.field("Vary"), "Accept-Encoding")
        text = gzip.decompress(answer.body).decode()
        self.assertLess(len(answer.body) * 4, len(text))
        self.assertIn("\nfrdpu_pool_blocks{", text)
        for accepted in ((), (("Accept-Encoding", "identity"),), (("Accept-Encoding", "gzip;q=0"),)):
            answer, text = self.scrape(*accepted)
            self.assertIsNone(answer.field("Content-Encoding"))
            self.assertIn("\nfrdpu_pool_blocks{", text)

    def test_every_fixed_series_is_there_before_the_first_request(self):
        series = service.parse_metrics(self.fresh)
        routes = set(re.findall(r'frdpu_http_requests_in_flight\{route="([^"]+)"\}', self.fresh))
        self.assertLessEqual({"/v1/compress", "/v1/decompress", "/v1/transcode", "/metrics", "other"},
                             routes)
        wanted = [f'frdpu_limit_hits_total{{code="{code}"}}' for code in LIMITS]
        wanted += [f'frdpu_connections{{state="{state}"}}' for state in ("active", "idle")]
        for what in ("input_bytes", "output_bytes", "cpu_seconds"):
            wanted += [f'frdpu_codec_{what}_total{{coding="{coding}",direction="{direction}"}}'
                       for coding in CODINGS for direction in ("compress", "decompress")]
        for route in routes - {"/metrics"}:
            wanted.append(f'frdpu_http_request_duration_seconds_count{{route="{route}"}}')
        for name in wanted:
            self.assertEqual(series.get(name), 0, name)
        pools = set(re.findall(r'frdpu_pool_blocks\{pool="([^"]+)"\}', self.fresh))
        self.assertLessEqual({"mtu", "64k"}, pools)
        for pool in pools:
            for what in ("blocks_in_use", "blocks_peak", "utilization_ratio", "acquisitions_total",
                         "releases_total", "exhaustions_total", "fallbacks_total"):
                self.assertEqual(series[f'frdpu_pool_{what}{{pool="{pool}"}}'], 0)

    def test_no_client_adds_a_series(self):
        def names():
            return {line.rpartition(" ")[0] for line in self.scrape()[1].splitlines()}

        def strange(turn):
            for method in ("GET", "BREW", f"M{turn}"):
                for target in (f"/v1/compress?coding=c{turn}", f"/{turn}", f"/v1/codings?x={turn}"):
                    self.running.request(method, target, None,
                                         ((f"X-{turn}", "1"), ("User-Agent", f"agent {turn}"),
                                          ("X-Request-Id", f"id-{turn}"), ("Host", f"host{turn}")))
        strange(0)
        before = names()
        for turn in range(1, 6):
            strange(turn)
        self.assertEqual(names(), before)

    def test_a_scrape_costs_under_two_milliseconds(self):
        def cpu_nanoseconds():
            total = 0
            for thread in os.listdir(f"/proc/{self.running.pid}/task"):
                with open(f"/proc/{self.running.pid}/task/{thread}/schedstat") as stat:
                    total += int(stat.read().split()[0])
            return total
        best = None
        with Connection(self.running.admin_address) as connection:
            for _ in range(5):
                before = cpu_nanoseconds()
                for _ in range(20):
                    connection.request("GET", "/metrics", None,
                                       (OPENMETRICS, ("Accept-Encoding", "gzip")))
                cost = (cpu_nanoseconds() - before) / 20
                best = min(best or cost, cost)
        self.assertLess(best, 2e6)


if __name__ == "__main__":
    service.binary = os.path.abspath(sys.argv.pop(1))
    sys.argv.pop(1)
    unittest.main(verbosity=1)
