"""Clients for load tests, each a function that runs in a process of its own and ends by itself.

    with clients.processes(3) as run:
        slow = run(clients.posts, address, "/v1/compress?coding=br&level=11", body, 10)
        slow.result()
"""

import collections
import contextlib
import concurrent.futures
import multiprocessing
import os
import pathlib
import re
import selectors
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import service  # noqa: E402


@contextlib.contextmanager
def processes(count):
    """Yields `submit` of a pool of processes, each of which is there before the first job."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(count, mp_context=context) as pool:
        list(pool.map(time.sleep, [0.05] * count))  # started, imports done
        yield pool.submit


def posts(address, target, body, seconds):
    """One request after the other; returns how many had which status."""
    counts = {}
    until = time.monotonic() + seconds
    connection = service.Connection(address)
    while time.monotonic() < until:
        try:
            status = connection.request("POST", target, body).status
        except (OSError, service.BrokenOff):
            status = "broken"
        if status != 200:
            connection.close()
            connection = service.Connection(address)
        counts[status] = counts.get(status, 0) + 1
    connection.close()
    return counts


def endless_upload(address, target, body, seconds):
    """Sends one chunked body that never ends, as fast as it is taken; returns bytes sent."""
    connection = service.Connection(address)
    connection.send(service.make_request("POST", target, chunked=True)[0])
    threading.Thread(target=connection.rest, daemon=True).start()
    piece = next(service.encode_chunks(body[:65536], 65536))
    sent = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection.send(piece)
        sent += 65536
    connection.socket.shutdown(socket.SHUT_RDWR)
    return sent


def paced(address, target, body, rate, seconds):
    """Requests at a steady rate on one connection; returns their seconds, sorted.

    A request that has to wait for the one before it is late from when it was due.
    """
    connection = service.Connection(address)
    head, pieces = service.make_request("POST", target, body)
    request = head + b"".join(pieces)
    times = []
    due = time.perf_counter()
    end = due + seconds
    while due < end:
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        started = time.perf_counter() if wait > 0 else due
        connection.send(request)
        if connection.read_response().status != 200:
            raise RuntimeError("a small request was refused")
        times.append(time.perf_counter() - started)
        due += 1 / rate
    connection.close()
    return sorted(times)


def offered(address, target, body, rate, seconds, patience=10):
    """Requests at a rate that does not care whether they are answered, each on a connection of its
    own; returns (due, answered, status) of each, in seconds since the start."""
    head, pieces = service.make_request("POST", target, body)
    request = memoryview(head + b"".join(pieces))
    selector = selectors.DefaultSelector()
    results, started, due = [], time.monotonic(), 0.0

    def finish(key, status):
        selector.unregister(key.fileobj)
        key.fileobj.close()
        results.append((key.data["due"], time.monotonic() - started, status))

    while due < seconds or selector.get_map():
        now = time.monotonic() - started
        while due <= now and due < seconds:
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(address)
            selector.register(one, selectors.EVENT_WRITE,
                              {"due": due, "left": request, "got": b""})
            due += 1 / rate
        if now > seconds + patience:
            for key in list(selector.get_map().values()):
                finish(key, "unanswered")
            break
        for key, events in selector.select(max(0.0, min(due - now, 0.01))):
            state = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    state["left"] = state["left"][key.fileobj.send(state["left"]):]
                    wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if state["left"] else 0)
                    selector.modify(key.fileobj, wanted, state)
                if events & selectors.EVENT_READ:
                    data = key.fileobj.recv(1 << 16)
                    state["got"] += data
                    head_end = state["got"].find(b"\r\n\r\n")
                    if head_end >= 0 and is_whole(state["got"], head_end):
                        finish(key, int(state["got"][9:12]))
                    elif not data:
                        finish(key, "broken")
            except BlockingIOError:
                pass
            except OSError as error:
                whole = state["got"].find(b"\r\n\r\n") >= 0
                finish(key, int(state["got"][9:12]) if whole else type(error).__name__)
    return results


def counted(results_of_several):
    """How many results of `offered` have which status."""
    return dict(collections.Counter(status for results in results_of_several
                                    for _, _, status in results))


def stated_bytes(settings):
    """What --dry-run says that a service with these settings takes."""
    flags = [part for name, value in settings.items()
             for part in ("--" + name.replace("_", "-"), str(value))]
    said = subprocess.run([service.binary, "serve", "--dry-run", *flags], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return float(re.search(r"^total +([\d.]+) MiB", said, re.M).group(1)) * (1 << 20)


def is_whole(answer, head_end):
    head = answer[:head_end].lower()
    at = head.find(b"content-length: ")
    length = int(head[at + 16:].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return len(answer) >= head_end + 4 + length


def quantile(ordered, q):
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def cpu_seconds(pid):
    """User and system time of all threads of a process."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
