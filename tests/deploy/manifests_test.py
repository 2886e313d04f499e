"""Holds the Kubernetes manifests and the compose file against the binary:
`manifests_test.py FRDPU SOURCE_DIR`.

No cluster and no kustomize here (Debian has neither in a version that takes these files): overlays
are put together as kustomize does it, by the rules that these files use.
"""

import copy
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

FRDPU = ""
SOURCE = pathlib.Path()
OVERLAYS = ("small", "production")


def load_all(path):
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def settings(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if line)


def merge(base, patch):
    """A strategic merge: maps by key, lists of maps by name, everything else replaced."""
    if isinstance(base, dict) and isinstance(patch, dict):
        merged = dict(base)
        for key, value in patch.items():
            merged[key] = merge(base[key], value) if key in base else value
        return merged
    named = lambda items: isinstance(items, list) and all(
        isinstance(each, dict) and "name" in each for each in items)
    if named(base) and named(patch):
        by_name = {each["name"]: each for each in base}
        for each in patch:
            by_name[each["name"]] = merge(by_name.get(each["name"], {}), each)
        return list(by_name.values())
    return copy.deepcopy(patch)


class Manifests:
    """One overlay, or the base alone."""

    def __init__(self, overlay=None):
        base = SOURCE / "deploy/kubernetes/base"
        kustomization, = load_all(base / "kustomization.yaml")
        self.files = kustomization["resources"]
        self.objects = [each for file in self.files for each in load_all(base / file)]
        self.settings = settings(base / "settings.env")
        if overlay:
            folder = SOURCE / "deploy/kubernetes/overlays" / overlay
            kustomization, = load_all(folder / "kustomization.yaml")
            assert kustomization["resources"] == ["../../base"]
            for generator in kustomization["configMapGenerator"]:
                assert generator["name"] == "frdpu-settings" and generator["behavior"] == "merge"
                for env in generator["envs"]:
                    self.settings |= settings(folder / env)
            for patch in kustomization["patches"]:
                changes = load_all(folder / patch["path"]) if "path" in patch else list(
                    yaml.safe_load_all(patch["patch"]))
                for change in changes:
                    self.apply(change)

    def apply(self, patch):
        at, = [i for i, each in enumerate(self.objects)
               if (each["kind"], each["metadata"]["name"]) ==
               (patch["kind"], patch["metadata"]["name"])]
        if patch.get("$patch") == "delete":
            del self.objects[at]
        else:
            self.objects[at] = merge(self.objects[at], patch)

    def one(self, kind, name="frdpu"):
        found, = [each for each in self.objects
                  if (each["kind"], each["metadata"]["name"]) == (kind, name)]
        return found

    @property
    def pod(self):
        return self.one("Deployment")["spec"]["template"]

    @property
    def container(self):
        container, = self.pod["spec"]["containers"]
        return container


def dry_run_mebibytes(environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")}
    done = subprocess.run([FRDPU, "serve", "--dry-run"], capture_output=True, text=True, check=False,
                          env={**clean, **{k: str(v) for k, v in environment.items()}})
    found = re.search(r"^total +([\d.]+) MiB$", done.stdout, re.M)
    assert found, done.stdout + done.stderr
    return float(found.group(1))


def readme():
    return (SOURCE / "deploy/README.md").read_text()


def mebibytes(text):
    return float(re.fullmatch(r"(\d+)(?:Mi|m)", text).group(1))


def adapter_rule():
    adapter, = load_all(SOURCE / "deploy/kubernetes/adapter-rule.yaml")
    rule, = adapter["rules"]["custom"]
    return rule


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text).group(1))


class MemoryTest(unittest.TestCase):
    def check(self, limit, environment):
        need = dry_run_mebibytes(environment) * 17 / 16
        self.assertGreaterEqual(limit, need)
        self.assertEqual(limit % 16, 0)
        self.assertLess(limit, need + 32, f"{math.ceil(need)} MiB are enough")

    def test_what_kubernetes_grants_is_what_a_dry_run_says_and_a_sixteenth(self):
        for overlay in (None, *OVERLAYS):
            with self.subTest(overlay=overlay):
                manifests = Manifests(overlay)
                resources = manifests.container["resources"]
                self.assertEqual(resources["requests"]["memory"], resources["limits"]["memory"])
                self.check(mebibytes(resources["limits"]["memory"]), manifests.settings)
                self.assertEqual(resources["requests"]["cpu"], manifests.settings["FRDPU_THREADS"])
                self.assertNotIn("cpu", resources["limits"])

    def test_compose_likewise(self):
        compose, = load_all(SOURCE / "docker-compose.yml")
        service = compose["services"]["frdpu"]
        self.check(mebibytes(service["mem_limit"]), service["environment"])
        self.assertEqual(service["mem_limit"], service["memswap_limit"])
        said, limit = re.search(r"(\d+) MiB x 17/16 = \d+ MiB, in steps of 16 MiB (\d+)",
                                readme()).groups()
        self.assertAlmostEqual(float(said), dry_run_mebibytes(service["environment"]), delta=1)
        self.assertEqual(float(limit), mebibytes(service["mem_limit"]))

    def test_the_formula_of_the_readme_says_what_a_dry_run_says(self):
        text = readme()
        (mtu_kib, big_kib, connection_kib, thread_mib, request_kib, tls_kib, client_kib,
         rest_mib) = (
            float(re.search(pattern, text).group(1)) for pattern in (
                r"= mtu blocks x ([\d.]+) KiB", r"\+ 64k blocks x ([\d.]+) KiB",
                r"\+ connections x ([\d.]+) KiB \+ threads", r"\+ threads x ([\d.]+) MiB",
                r"connections and mtu blocks x ([\d.]+) KiB",
                r"\+ connections x ([\d.]+) KiB with TLS", r"with TLS, x ([\d.]+) KiB where",
                r"\+ ([\d.]+) MiB +program"))
        tls = {"FRDPU_TLS_CERT": "cert.pem", "FRDPU_TLS_KEY": "key.pem"}
        clients = {**tls, "FRDPU_TLS_CLIENT_CA": "ca.pem"}
        for threads, mtu, big, workspaces, connections, files, for_tls in (
                (1, 1024, 1024, 400, 10_000, {}, 0),
                (2, 4096, 4096, 512, 10_000, {}, 0),
                (4, 16_384, 16_384, 2048, 10_000, {}, 0),
                (16, 10_000, 2000, 600, 40_000, {}, 0),
                (3, 4096, 4096, 512, 5000, tls, tls_kib),
                (3, 4096, 4096, 512, 5000, clients, client_kib)):
            with self.subTest(threads=threads, connections=connections, files=files):
                said = (mtu * mtu_kib + big * big_kib + connections * (connection_kib + for_tls)
                        + min(connections, mtu) * request_kib
                        ) / 1024 + workspaces + 2 * threads * thread_mib + rest_mib
                need = dry_run_mebibytes({
                    "FRDPU_THREADS": threads, "FRDPU_COMPUTE_THREADS": threads,
                    "FRDPU_POOL_MTU_BLOCKS": mtu, "FRDPU_POOL_64K_BLOCKS": big,
                    "FRDPU_WORKSPACE_BYTES": f"{workspaces}m",
                    "FRDPU_MAX_CONNECTIONS": connections, **files})
                self.assertAlmostEqual(said / need, 1, delta=0.003)


class StructureTest(unittest.TestCase):
    def setUp(self):
        self.overlays = {overlay: Manifests(overlay) for overlay in (None, *OVERLAYS)}
        self.base = self.overlays[None]

    def test_every_file_is_used(self):
        folder = SOURCE / "deploy/kubernetes/base"
        self.assertEqual({path.name for path in folder.glob("*.yaml")},
                         {*self.base.files, "kustomization.yaml"})
        kinds = {each["kind"] for each in self.base.objects}
        self.assertEqual(kinds, {"Deployment", "Service", "PodDisruptionBudget", "ServiceMonitor",
                                 "HorizontalPodAutoscaler", "NetworkPolicy"})

    def test_everybody_means_the_same_pods(self):
        labels = self.base.pod["metadata"]["labels"]
        pods = [self.base.one("Deployment")["spec"]["selector"]["matchLabels"],
                self.base.one("Service")["spec"]["selector"],
                self.base.one("Service", "frdpu-admin")["spec"]["selector"],
                self.base.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                self.base.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]]
        for selector in pods:
            self.assertEqual(selector, labels)
        target = self.base.one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
        self.assertEqual((target["kind"], target["name"]), ("Deployment", "frdpu"))
        admin = self.base.one("Service", "frdpu-admin")["metadata"]["labels"]
        monitor = self.base.one("ServiceMonitor")["spec"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), admin.items())
        self.assertFalse(monitor["selector"]["matchLabels"].items()
                         <= self.base.one("Service")["metadata"]["labels"].items(),
                         "the monitor would scrape the service's port, too")
        self.assertEqual(admin[monitor["jobLabel"]], "frdpu")

    def test_ports_have_one_name_each(self):
        ports = {port["name"]: port["containerPort"] for port in self.base.container["ports"]}
        self.assertEqual(ports, {"http": 8080, "admin": 8081})
        self.assertEqual(self.base.one("Service")["spec"]["ports"][0]["targetPort"], "http")
        self.assertEqual(self.base.one("Service", "frdpu-admin")["spec"]["ports"][0]["targetPort"],
                         "admin")
        for probe, path in (("startupProbe", "/readyz"), ("readinessProbe", "/readyz"),
                            ("livenessProbe", "/livez")):
            self.assertEqual(self.base.container[probe]["httpGet"], {"path": path, "port": "admin"})
        rules = self.base.one("NetworkPolicy")["spec"]["ingress"]
        self.assertEqual([port["port"] for rule in rules for port in rule["ports"]],
                         ["http", "admin"])

    def test_pods_may_do_nothing_that_they_need_not(self):
        for manifests in self.overlays.values():
            pod, container = manifests.pod["spec"], manifests.container["securityContext"]
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertFalse(pod["automountServiceAccountToken"])
            self.assertEqual(container, {"allowPrivilegeEscalation": False,
                                         "readOnlyRootFilesystem": True,
                                         "capabilities": {"drop": ["ALL"]}})

    def test_a_pod_gets_the_time_to_drain(self):
        for manifests in self.overlays.values():
            drain = seconds(manifests.settings["FRDPU_DRAIN_DELAY"]) + seconds(
                manifests.settings["FRDPU_DRAIN_TIMEOUT"])
            self.assertGreater(manifests.pod["spec"]["terminationGracePeriodSeconds"], drain)
            # Readiness is seen to turn before the listener closes.
            probe = manifests.container["readinessProbe"]
            self.assertGreater(seconds(manifests.settings["FRDPU_DRAIN_DELAY"]),
                               probe["periodSeconds"] * probe["failureThreshold"])

    def test_the_autoscaler_follows_the_pools(self):
        rule = adapter_rule()
        metric = self.base.one("HorizontalPodAutoscaler")["spec"]["metrics"][0]["pods"]["metric"]
        self.assertEqual(metric["name"], rule["name"]["as"])
        for manifests in self.overlays.values():
            scaler = manifests.one("HorizontalPodAutoscaler")["spec"]
            self.assertGreaterEqual(scaler["minReplicas"], 2)
            self.assertGreater(scaler["maxReplicas"], scaler["minReplicas"])
            self.assertNotIn("replicas", manifests.one("Deployment")["spec"])
            # A metric that nobody scrapes would keep it from taking instances away.
            asked = [metric["type"] for metric in scaler["metrics"]]
            scraped = any(each["kind"] == "ServiceMonitor" for each in manifests.objects)
            self.assertEqual(asked, ["Pods", "Resource"] if scraped else ["Resource"])

    @unittest.skipUnless(shutil.which("promtool"), "promtool (package prometheus) is not installed")
    def test_the_autoscaler_is_told_of_the_fullest_pool_of_a_pod(self):
        query = adapter_rule()["metricsQuery"]
        for template, what in (("<<.GroupBy>>", "pod"),
                               ("<<.LabelMatchers>>", 'namespace="n",pod=~"a|b"')):
            self.assertIn(template, query)
            query = query.replace(template, what)
        series = (("n", "a", "64k", "0.2x9"), ("n", "a", "br-compress-1m", "0.5x9"),
                  ("n", "a", "mtu", "1x9"), ("n", "b", "64k", "0.25x9"), ("m", "b", "64k", "1x9"))
        case = {"interval": "1m", "input_series": [
            {"series": f'frdpu_pool_utilization_ratio{{namespace="{n}",pod="{pod}",pool="{pool}"}}',
             "values": values} for n, pod, pool, values in series],
                "promql_expr_test": [{"expr": query, "eval_time": "5m", "exp_samples": [
                    {"labels": '{pod="a"}', "value": 0.5}, {"labels": '{pod="b"}', "value": 0.25}]}]}
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump({"evaluation_interval": "1m", "tests": [case]}, file)
            file.flush()
            done = subprocess.run(["promtool", "test", "rules", file.name], capture_output=True,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_overlays_change_what_they_say(self):
        small, production = (self.overlays[name] for name in OVERLAYS)
        self.assertNotIn("ServiceMonitor", {each["kind"] for each in small.objects})
        self.assertEqual(production.one("HorizontalPodAutoscaler")["spec"]["minReplicas"], 3)
        self.assertEqual(small.container["args"], ["serve"])


if __name__ == "__main__":
    FRDPU = os.path.abspath(sys.argv.pop(1))
    SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
