#!/usr/bin/env python3
"""Good and hostile clients together, for as long as asked for, against one service:
`soak.py FRDPU [--seconds 1800] [--clients 8] [--seed N]` (`./dev soak [PRESET] [SECONDS]`).

Every good answer is checked byte for byte, every hostile one for what it may be. Connections and
memory are bounded, the seed is printed. It ends by itself, at the first thing that is wrong or
when its time is over; then the service must still answer, every block and workspace must be home,
no descriptor lost, and SIGTERM must end it with status 0 and without an error in its log.
"""

import argparse
import collections
import os
import random
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from load import soak_client, soak_good, soak_hostile  # noqa: E402
from support import service  # noqa: E402

TIMEOUTS = "10s" if service.SANITIZED else "5s"
FLAGS = {"threads": 2, "compute_threads": 2, "pool_mtu_blocks": 2048, "pool_64k_blocks": 768,
         "workspace_bytes": "1g", "max_connections": 200, "max_body_bytes": "16m",
         "max_output_bytes": "32m", "max_stream_bytes": "4m", "max_frames": 10_000,
         "header_timeout": TIMEOUTS, "body_timeout": TIMEOUTS, "write_timeout": TIMEOUTS,
         "idle_timeout": TIMEOUTS, "queue_timeout": "5s", "access_log_rate": 5}


class Soak:
    def __init__(self, running, clients, seed):
        self.running = running
        self.clients = [soak_client.Client(running, f"{seed}-{i}") for i in range(clients)]
        self.lurkers = soak_hostile.Lurkers(running, f"{seed}-lurkers")
        self.stop = threading.Event()
        self.failures = []

    def guarded(self, name, work):
        """Runs `work` again and again; the first thing that is wrong ends the whole soak."""
        while not self.stop.is_set():
            try:
                work()
            except Exception:
                self.failures.append(f"{name}:\n{traceback.format_exc()}")
                self.stop.set()

    def live(self, client):
        deeds = soak_good.GOOD | soak_hostile.HOSTILE

        def deed():
            behaviour = client.random.choices(list(deeds), deeds.values())[0]
            try:
                behaviour(client)
            except Exception as error:
                error.add_note(f"in {behaviour.__name__}")
                raise
            client.deeds[behaviour.__name__] = client.deeds.get(behaviour.__name__, 0) + 1
        return deed

    def run(self, seconds):
        threads = [threading.Thread(target=self.guarded, args=(f"client {i}", self.live(client)))
                   for i, client in enumerate(self.clients)]
        threads.append(threading.Thread(target=self.guarded, args=("lurkers", self.lurkers.turn)))
        for thread in threads:
            thread.start()
        started = time.monotonic()
        while not self.stop.wait(min(60.0, max(0.0, started + seconds - time.monotonic()))):
            passed = time.monotonic() - started
            if passed >= seconds:
                self.stop.set()
            elif self.running.process.poll() is not None:
                self.failures.append("the service ended")
                self.stop.set()
            print(f"{passed:.0f} s: {self.summary()}", flush=True)
        for thread in threads:
            thread.join()
        self.lurkers.close()
        for client in self.clients:
            client.close()

    def summary(self):
        answers, deeds = collections.Counter(), collections.Counter()
        for client in self.clients:
            answers.update(dict(client.answers))
            deeds.update(dict(client.deeds))
        good = sum(deeds[behaviour.__name__] for behaviour in soak_good.GOOD)
        statuses = ", ".join(f"{count} x {status or 'broken off'}"
                             for status, count in sorted(answers.items()))
        return (f"{answers.total()} requests ({statuses}); {good} good and "
                f"{deeds.total() - good} hostile deeds, {self.lurkers.ended} lurkers ended; "
                f"RSS {self.running.status('VmRSS') >> 20} MiB, "
                f"peak {self.running.status('VmHWM') >> 20} MiB")


def check_end(running, descriptors):
    """What must hold when all clients are gone. Returns what does not."""
    wrong = []
    if not running.eventually(lambda: running.metric("frdpu_connections") == 0):
        wrong.append("connections are left")
    if unbalanced := running.unbalanced():
        wrong.append(f"blocks are not home: {unbalanced}")
    in_flight = running.metric("frdpu_http_requests_in_flight")
    if in_flight > 1:  # the one that asks
        wrong.append(f"{in_flight} requests in flight")
    if not running.eventually(lambda: running.descriptors() <= descriptors):
        wrong.append(f"{running.descriptors()} descriptors, {descriptors} at the start")
    client = soak_client.Client(running, 0)
    for _ in range(20):
        soak_good.round_trip(client)
    client.close()
    if client.answers.keys() - {200}:
        wrong.append(f"an idle service answers {client.answers}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    service.binary = arguments.binary
    print(f"soak: {arguments.seconds:.0f} s, {arguments.clients} clients, seed {arguments.seed}",
          flush=True)
    running = service.Service(**FLAGS)
    try:
        warm = soak_client.Client(running, 0)
        soak_good.round_trip(warm)  # opens what is opened once
        warm.close()
        running.eventually(lambda: running.metric("frdpu_connections") == 0)
        soak = Soak(running, arguments.clients, arguments.seed)
        descriptors = running.descriptors() + 1  # one that asks for the numbers
        soak.run(arguments.seconds)
        wrong = soak.failures or check_end(running, descriptors)
        summary = soak.summary() if running.process.poll() is None else "no summary"
        if not wrong:
            running.stop()  # status 0, and no error in the log
    finally:
        running.kill() if running.process.poll() is None else None
    for line in wrong + running.trouble():
        print(line)
    if wrong or running.trouble():
        print(running.log_text()[-5000:])
        print(f"soak: FAILED, seed {arguments.seed}; {summary}")
        return 1
    print(f"soak: {summary}; books balanced, exit status 0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
