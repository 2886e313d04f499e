"""Three instances behind the real HAProxy: `haproxy_test.py FRDPU SOURCE_DIR`.

The shipped configuration, with addresses of loopback put in. Under load one instance is killed and
one is drained: no request may be lost, and no answer may be wrong.
"""

import http.client
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import service  # noqa: E402
from support.service import Service  # noqa: E402

SOURCE = pathlib.Path()
CLIENTS = 8
TEXT = b"all work and no play makes a dull boy "


def body_of(client, turn):
    return b"%d %d " % (client, turn) + TEXT * (30 + turn % 40)


def core_seconds(pid):
    """How long the threads of a process ran so far, and how long they waited for a core."""
    ran = waited = 0
    for schedstat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        on_core, in_queue, _ = schedstat.read_text().split()
        ran, waited = ran + int(on_core), waited + int(in_queue)
    return ran / 1e9, waited / 1e9


@unittest.skipUnless(shutil.which("haproxy"), "haproxy is not installed")
class BalancerTestCase(unittest.TestCase):
    first = {}  # settings of the first instance alone

    def setUp(self):
        self.instances = [Service(threads=1, compute_threads=1, drain_delay="3s", access_log_sample=0,
                                  **settings) for settings in (self.first, {}, {})]
        for instance in self.instances:
            self.addCleanup(instance.kill)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        # HAProxy takes a listening socket that it is handed: nobody else can have its port.
        listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = listening.getsockname()
        config = (SOURCE / "deploy/haproxy/haproxy.cfg").read_text()
        config = config.replace("bind :8080", f"bind fd@{listening.fileno()}")
        config = config.replace("check port 8081 ", "check ").replace("inter 1s", "inter 200ms")
        config = re.sub(r"^ *server frdpu-.*\n", "", config, flags=re.M)
        for number, instance in enumerate(self.instances):
            (host, port), admin = instance.address, instance.admin_address[1]
            config += f"    server frdpu-{number} {host}:{port} port {admin}\n"
        path = pathlib.Path(folder.name) / "haproxy.cfg"
        path.write_text(config)
        self.haproxy = subprocess.Popen(["haproxy", "-db", "-f", path], stdout=subprocess.DEVNULL,
                                        pass_fds=[listening.fileno()])
        self.addCleanup(self.haproxy.wait)
        self.addCleanup(self.haproxy.terminate)
        listening.close()
        deadline = time.monotonic() + service.TIMEOUT
        while self.ask("GET", "/v1/codings") != 200:
            self.assertLess(time.monotonic(), deadline, "HAProxy does not answer")

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(*self.address, timeout=service.TIMEOUT)
        try:
            connection.request(method, path, body)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def load(self, path, enough, noise=0):
        """Sends from many clients until `enough` says so. Returns how many were right, what was
        wrong."""
        right, wrong = [0] * CLIENTS, []
        hard_text = os.urandom(noise // 2).hex().encode()

        def client(number):
            connection = http.client.HTTPConnection(*self.address, timeout=service.TIMEOUT)
            while not enough.is_set():
                sent = body_of(number, right[number]) + hard_text[:noise]
                try:
                    connection.request("POST", path, sent)
                    answer = connection.getresponse()
                    body = answer.read()
                    if answer.status != 200 or zlib.decompress(body, 31) != sent:
                        wrong.append((answer.status, body[:100]))
                        continue
                    right[number] += 1
                    self.progress = sum(right)
                except (OSError, http.client.HTTPException, zlib.error) as error:
                    wrong.append(repr(error))
                    connection.close()
            connection.close()
        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        return threads, right, wrong

    def wait_for_progress(self, more):
        target = self.progress + more
        seen, deadline = self.progress, time.monotonic() + service.TIMEOUT
        while self.progress < target:
            if self.progress > seen:  # slow is no failure
                seen, deadline = self.progress, time.monotonic() + service.TIMEOUT
            self.assertLess(time.monotonic(), deadline, "no progress")
            time.sleep(0.01)

    def served(self, instance):
        return instance.metric("frdpu_http_requests_total", route="/v1/compress", status="200") or 0

    def assert_all_had_a_part(self, counts):
        # Who gets a busy machine's cores answers faster, and so gets more.
        self.assertGreater(min(counts), sum(counts) / 12, counts)


class BalancerTest(BalancerTestCase):
    def test_nothing_is_lost_when_one_is_killed_and_one_is_drained(self):
        enough, self.progress = threading.Event(), 0
        threads, right, wrong = self.load("/v1/compress?coding=gzip&level=1", enough)
        try:
            self.wait_for_progress(500)
            counts = [self.served(instance) for instance in self.instances]
            self.instances[0].process.kill()
            self.wait_for_progress(500)
            self.instances[1].terminate()
            self.wait_for_progress(500)
            self.assertEqual(self.instances[1].wait(), 0)  # drained: nothing was cut off
            self.wait_for_progress(500)
        finally:
            enough.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])
        self.assertGreaterEqual(sum(right), 2000)
        self.assert_all_had_a_part(counts)
        self.assertEqual(self.instances[2].trouble(), [])

    def work_for(self, instances, more):
        """Loads until `more` requests are done. Returns the seconds that took, and for each
        instance those in which it ran and those in which it could have, had a core been free."""
        enough, self.progress = threading.Event(), 0
        threads, _, wrong = self.load("/v1/compress?coding=gzip&level=9", enough, noise=400_000)
        try:
            self.wait_for_progress(CLIENTS)  # everybody is at it
            start, before = time.monotonic(), [core_seconds(each.pid) for each in instances]
            self.wait_for_progress(more)
            taken, after = time.monotonic() - start, [core_seconds(each.pid) for each in instances]
        finally:
            enough.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])
        return taken, [(ran_now - ran, waited_now - waited) for (ran_now, waited_now), (ran, waited)
                       in zip(after, before)]

    def test_throughput_adds_up_as_far_as_cores_allow(self):
        taken, times = self.work_for(self.instances, 60)
        self.assert_all_had_a_part([self.served(instance) for instance in self.instances])
        # What seconds say depends on the cores and on who else uses them, so they are printed for
        # people. What holds anywhere: each of the three has work all the time, and is held up by
        # nothing but cores; and a request costs no more than with one instance.
        busy = sum(ran + waited for ran, waited in times) / taken
        for instance in self.instances[1:]:
            instance.process.kill()
            instance.wait()
        taken_by_one, times_of_one = self.work_for(self.instances[:1], 60)
        print(f"60 requests of 400 KB: three instances {taken:.2f} s, one {taken_by_one:.2f} s; of "
              f"the three {busy:.2f} had work at a time; {os.cpu_count()} cores", file=sys.stderr)
        self.assertGreater(busy, 2)
        self.assertLess(sum(ran for ran, _ in times), 2 * sum(ran for ran, _ in times_of_one))

    def test_dictionaries_are_not_sent_twice(self):
        # 501 or 404 from the service, never retried into anything else.
        self.assertIn(self.ask("PUT", "/v1/dictionaries/x", b"y"), (404, 501))

    def test_the_shipped_file_is_valid(self):
        done = subprocess.run(["haproxy", "-c", "-f", SOURCE / "deploy/haproxy/haproxy.cfg"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in (done.stdout + done.stderr).splitlines():
            if "WARNING" in line:  # the names are the operator's
                self.assertIn("could not resolve address", line)


class RefusalTest(BalancerTestCase):
    first = {"max_queued_jobs": 1}

    def test_what_one_refuses_is_done_by_another(self):
        enough, self.progress = threading.Event(), 0
        threads, _, wrong = self.load("/v1/compress?coding=gzip&level=9", enough, noise=50_000)
        try:
            refused = 0
            for _ in range(20):  # the first few are enough, unless the machine is busy
                self.wait_for_progress(100)
                refused = self.instances[0].metric("frdpu_limit_hits_total", code="overloaded")
                if refused:
                    break
        finally:
            enough.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])
        self.assertGreater(refused, 0)


if __name__ == "__main__":
    service.binary = os.path.abspath(sys.argv.pop(1))
    SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
