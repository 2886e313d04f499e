"""10,000 idle keep-alive connections: what each costs, and whether any is answered at once."""

import random
import time

from support import service

CONNECTIONS = 9_900  # of 10,000 that may be there
ASKED = 500


def run():
    small = service.make_request("POST", "/v1/compress", b"x" * 1400)
    request = small[0] + b"".join(small[1])
    # The connections idle longer than the default's 75 s on a slow machine.
    with service.Service(idle_timeout="10m", max_connections=10_000, access_log_sample=0) as running:
        warm = [running.connect() for _ in range(64)]
        for connection in warm:
            connection.send(request)
        for connection in warm:
            connection.read_response()
            connection.close()
        before = running.status("VmRSS")
        idle = [running.connect() for _ in range(CONNECTIONS)]
        for connection in idle:  # each has had a request, as an idle keep-alive connection has
            connection.send(request)
            connection.read_response()
        cost = (running.status("VmRSS") - before) / CONNECTIONS
        in_use = sum(pool["in_use"] for pool in running.pools().values())
        times = []
        for connection in random.Random(1).sample(idle, ASKED):
            started = time.perf_counter()
            connection.send(request)
            connection.read_response()
            times.append(time.perf_counter() - started)
        times.sort()
        for connection in idle:
            connection.close()
    yield "process memory of an idle connection, bytes", cost, 1024
    yield "blocks and workspaces that they hold", in_use, 0
    yield f"slowest of {ASKED} answers on them, ms", times[-1] * 1000, 50
