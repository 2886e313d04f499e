"""Holds the Dockerfile and the compose file to what they promise: `image_test.py FRDPU SOURCE_DIR`.

By their text, so that a promise does not go unnoticed where `./dev test-containers`, which tries
them, can't run.
"""

import pathlib
import re
import sys
import unittest

import yaml

SOURCE = pathlib.Path()


class ContainerTest(unittest.TestCase):
    def test_compose_starts_one_behind_the_other_with_no_rights(self):
        services = yaml.safe_load((SOURCE / "docker-compose.yml").read_text())["services"]
        self.assertEqual(services["prometheus"]["depends_on"],
                         {"frdpu": {"condition": "service_healthy"}})
        self.assertEqual(services["grafana"]["depends_on"],
                         {"prometheus": {"condition": "service_healthy"}})
        self.assertIn("healthcheck", services["prometheus"])
        self.assertTrue(services["frdpu"]["read_only"])
        self.assertEqual(services["frdpu"]["cap_drop"], ["ALL"])
        self.assertEqual(services["frdpu"]["security_opt"], ["no-new-privileges:true"])
        for name, service in services.items():
            for port in service["ports"]:
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name} for everybody: {port}")

    def test_the_services_find_each_other(self):
        services = yaml.safe_load((SOURCE / "docker-compose.yml").read_text())["services"]
        provisioning = SOURCE / "deploy/grafana/provisioning"
        scrape, = yaml.safe_load((SOURCE / "deploy/prometheus/prometheus.yml").read_text())[
            "scrape_configs"]
        (target,), = (each["targets"] for each in scrape["static_configs"])
        source, = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())[
            "datasources"]
        for asked, asks in ((target, "prometheus"), (source["url"].split("//")[1], "grafana")):
            name, port = asked.split(":")
            self.assertNotEqual(name, asks)
            self.assertTrue(services[name]["ports"][-1].endswith(":" + port), asked)
        provider, = yaml.safe_load((provisioning / "dashboards/frdpu.yml").read_text())["providers"]
        folder = provider["options"]["path"]
        self.assertIn(f"./deploy/grafana/dashboards:{folder}:ro", services["grafana"]["volumes"])
        self.assertEqual(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"],
                         f"{folder}/frdpu.json")

    def test_the_image_is_upgraded_has_no_root_and_says_how_it_is(self):
        _, built, shipped = (SOURCE / "Dockerfile").read_text().split("\nFROM ")
        self.assertIn(" AS build\n", built)
        for promise in (r"apt-get upgrade -y", r"^USER [1-9]\d*:[1-9]\d*$", r"^STOPSIGNAL SIGTERM$",
                        r'^HEALTHCHECK .* CMD \["frdpu", "healthcheck"\]$',
                        r"^LABEL org\.opencontainers\.image\.title"):
            self.assertRegex(shipped, re.compile(promise, re.M))


if __name__ == "__main__":
    sys.argv.pop(1)
    SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
