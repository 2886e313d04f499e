"""Small requests beside heavy jobs: what each loses to the other."""

import os
import statistics
import time

from load import clients
from support import codings, service

SECONDS = 12
PAIRS = 5  # of heavy jobs alone and beside small requests, in turns: the machine changes its speed
PAIR_SECONDS = 5  # of each half
RATE = 200
SMALL = "/v1/compress?coding=lz4"
HEAVY = [("/v1/compress?coding=br&level=11", clients.posts)] * 3 + [
    ("/v1/compress?coding=zstd&level=19", clients.posts)] * 3 + [
    ("/v1/compress?coding=zstd&level=3", clients.endless_upload)] * 2


def worked(running):
    """Bytes that went through the codecs of the heavy jobs."""
    return {coding: running.metric("frdpu_codec_input_bytes_total", coding=coding,
                                   direction="compress") for coding in ("br", "zstd")}


def rates(running, before, started):
    """Codec bytes a second since then, by coding."""
    seconds = time.monotonic() - started
    return {coding: (after - before[coding]) / seconds
            for coding, after in worked(running).items()}


def beside_heavy(running, text):
    """Returns (seconds of small requests, pairs of codec bytes a second, counts)."""
    times, pairs = [], []
    with clients.processes(len(HEAVY) + 1) as submit:
        jobs = [submit(client, running.address, target, text[:1 << 20],
                       2 * PAIRS * PAIR_SECONDS + 2) for target, client in HEAVY]
        time.sleep(1.0)  # until all of them are under way
        for _ in range(PAIRS):
            before, started = worked(running), time.monotonic()
            time.sleep(PAIR_SECONDS)
            alone = rates(running, before, started)
            before, started = worked(running), time.monotonic()
            times += submit(clients.paced, running.address, SMALL, text[:1400], RATE,
                            PAIR_SECONDS).result()
            pairs.append((alone, rates(running, before, started)))
        return sorted(times), pairs, [job.result() for job in jobs]


def run():
    text = codings.text(2 << 20)
    cores = len(os.sched_getaffinity(0))
    with service.Service(threads=cores, compute_threads=cores, access_log_sample=0,
                         max_body_bytes=0) as running:
        with clients.processes(1) as submit:
            unloaded = submit(clients.paced, running.address, SMALL, text[:1400], RATE,
                              SECONDS).result()
        loaded, pairs, counts = beside_heavy(running, text)
    p99 = [clients.quantile(times, 0.99) * 1000 for times in (unloaded, loaded)]
    yield "p99 of 1,400 B unloaded, ms", p99[0], None
    yield "p99 beside heavy jobs, ms (goal: 3x + 1)", p99[1], 3 * p99[0] + 1
    for coding in ("br", "zstd"):
        lost = statistics.median(1 - both[coding] / alone[coding] for alone, both in pairs)
        yield f"{coding}: throughput lost to small requests, median of {PAIRS} pairs", lost, 0.3
    finished = [sum(count.values()) for count in counts if isinstance(count, dict)]
    yield "heavy clients that finished nothing", sum(1 for count in finished if count == 0), 0
    yield "heavy jobs refused", sum(count.get(503, 0) for count in counts
                                    if isinstance(count, dict)), 0
    yield "plot", {"unloaded": unloaded, "beside heavy jobs": loaded}, None
