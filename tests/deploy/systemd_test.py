"""The service under a service manager, played by this script: `systemd_test.py FRDPU SOURCE_DIR`."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import service  # noqa: E402
from support.service import Connection, Service  # noqa: E402

# Puts sockets where the protocol wants them, says for whom they are, and becomes the service.
EXEC = """
import os, sys
count = int(sys.argv[1])
for at in range(count):
    os.dup2(int(sys.argv[2 + at]), 100 + at)
for at in range(count):
    os.dup2(100 + at, 3 + at, inheritable=True)
    os.close(100 + at)
os.environ["LISTEN_PID"] = str(os.getpid() + int(os.environ.pop("PID_OFFSET", "0")))
os.environ["LISTEN_FDS"] = str(count)
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


class NotifyTest(unittest.TestCase):
    def manager(self, address):
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.bind(address)
        receiver.settimeout(service.TIMEOUT)
        self.addCleanup(receiver.close)
        return receiver

    def test_ready_when_it_listens_and_stopping_when_it_drains(self):
        with tempfile.TemporaryDirectory() as folder:
            for address, name in ((f"{folder}/notify", f"{folder}/notify"),
                                  (f"\0frdpu-{os.getpid()}", f"@frdpu-{os.getpid()}")):
                receiver = self.manager(address)
                running = Service(env={"NOTIFY_SOCKET": name})
                self.assertEqual(receiver.recv(100), b"READY=1")
                self.assertEqual(running.admin("/readyz").status, 200)
                running.terminate()
                self.assertEqual(receiver.recv(100), b"STOPPING=1")
                self.assertEqual(running.wait(), 0)

    def test_a_manager_that_is_not_there_is_nobody(self):
        for name in ("/nonexistent/socket", "relative", "@", "/" + "x" * 200, ""):
            with Service(env={"NOTIFY_SOCKET": name}) as running:
                self.assertEqual(running.admin("/livez").status, 200)

    def test_a_start_that_fails_does_not_say_ready(self):
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
            receiver = self.manager(f"{folder}/notify")
            done = subprocess.run(
                [service.binary, "serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}",
                 "--admin-listen", "127.0.0.1:0"], capture_output=True, check=False,
                env={"NOTIFY_SOCKET": f"{folder}/notify"}, timeout=service.TIMEOUT)
            self.assertEqual(done.returncode, 1)
            receiver.setblocking(False)
            self.assertRaises(BlockingIOError, receiver.recv, 100)


class SocketActivationTest(unittest.TestCase):
    def start(self, sockets, names, **env):
        numbers = [str(each.fileno()) for each in sockets]
        process = subprocess.Popen(
            [sys.executable, "-c", EXEC, str(len(sockets)), *numbers, service.binary, "serve",
             "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
            pass_fds=[each.fileno() for each in sockets], stderr=subprocess.PIPE, text=True,
            env={"LISTEN_FDNAMES": names, **env} if names is not None else env)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        bound = {}
        while len(bound) < 2:
            line = process.stderr.readline()
            self.assertTrue(line, "the service ended")
            if "msg=listening" in line:
                name, _, address = line.split()[-1].partition("=")
                bound[name] = address
        return process, bound

    def listening(self, count=2):
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        for each in sockets:
            self.addCleanup(each.close)
        return sockets, ["127.0.0.1:%d" % each.getsockname()[1] for each in sockets]

    def test_sockets_are_found_by_name_or_by_order(self):
        for names, order in (("service:admin", (0, 1)), ("admin:service", (1, 0)),
                             ("unknown:unknown", (0, 1)), (None, (0, 1))):
            with self.subTest(names=names):
                sockets, addresses = self.listening()
                process, bound = self.start(sockets, names)
                self.assertEqual((bound["service"], bound["admin"]),
                                 (addresses[order[0]], addresses[order[1]]))
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(service.TIMEOUT), 0)

    def test_connections_that_came_before_the_service_are_served(self):
        sockets, addresses = self.listening(1)
        waiting = [Connection(service.parse_address(addresses[0])) for _ in range(20)]
        process, bound = self.start(sockets, "service")
        self.assertEqual(bound["service"], addresses[0])
        for connection in waiting:
            with connection:
                self.assertEqual(connection.request("POST", "/v1/compress", b"x").status, 200)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(service.TIMEOUT), 0)

    def test_a_restart_refuses_nobody(self):
        sockets, addresses = self.listening(1)
        for _ in range(3):  # the manager keeps the socket open: connecting always works
            process, _ = self.start(sockets, "service")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(service.TIMEOUT), 0)
            Connection(service.parse_address(addresses[0])).close()

    def test_a_unix_socket_stays_where_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            listening = socket.socket(socket.AF_UNIX)
            self.addCleanup(listening.close)
            listening.bind(f"{folder}/frdpu")
            listening.listen()
            process, bound = self.start([listening], "service")
            self.assertEqual(bound["service"], f"unix:{folder}/frdpu")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(service.TIMEOUT), 0)
            self.assertTrue(os.path.exists(f"{folder}/frdpu"))

    def test_what_is_for_another_process_is_not_taken(self):
        sockets, addresses = self.listening()
        _, bound = self.start(sockets, "service:admin", PID_OFFSET="1")
        self.assertFalse(set(bound.values()) & set(addresses))

    def test_a_socket_that_does_not_listen_is_refused(self):
        with socket.socket() as idle:
            done = subprocess.run(
                [sys.executable, "-c", EXEC, "1", str(idle.fileno()), service.binary, "serve",
                 "--admin-listen", "127.0.0.1:0"], pass_fds=[idle.fileno()], text=True,
                capture_output=True, check=False, env={}, timeout=service.TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no listening stream socket", done.stderr)


if __name__ == "__main__":
    service.binary = os.path.abspath(sys.argv.pop(1))
    sys.argv.pop(1)
    unittest.main(verbosity=1)
