"""Three times what the machine can do: goodput, refusals, memory, and how fast it is over.

The clients have the same cores, so a request must cost the service far more than it costs them:
at 64 KiB three times the rate took a sixth of the machine for the clients alone.
"""

import os

from load import clients
from support import codings, service

SECONDS = 8
TARGET = "/v1/compress?coding=zstd&level=19"
BODY_BYTES = 128 << 10


def good_per_second(results, start, end):
    return sum(1 for _, answered, status in results
               if status == 200 and start <= answered < end) / (end - start)


def spent(running):
    """CPU seconds of the service so far, and those of its codecs."""
    return clients.cpu_seconds(running.pid), running.metric("frdpu_codec_cpu_seconds_total")


def run():
    body = codings.text(BODY_BYTES)
    cores = len(os.sched_getaffinity(0))
    settings = {"threads": cores, "compute_threads": cores, "access_log_sample": 0,
                "max_queued_jobs": 32, "workspace_bytes": "512m", "pool_64k_blocks": 2048}
    stated = clients.stated_bytes(settings)
    with service.Service(**settings) as running:
        with clients.processes(4 * cores) as submit:
            jobs = [submit(clients.posts, running.address, TARGET, body, SECONDS)
                    for _ in range(4 * cores)]
            best = sum(job.result().get(200, 0) for job in jobs) / SECONDS
            usual = spent(running)
            results = submit(clients.offered, running.address, TARGET, body, 3 * best,
                             SECONDS).result()
            overloaded = [now - before for now, before in zip(spent(running), usual)]
            peak = running.status("VmHWM")
            # As soon as nobody offers more than it can do:
            after = submit(clients.offered, running.address, TARGET, body, best / 2, 3).result()
        unbalanced = running.unbalanced()
    statuses = clients.counted([results])
    refused = sorted(answered - due for due, answered, status in results if status == 503)
    yield "best goodput, requests a second", best, None
    yield "goodput lost at three times as much", 1 - good_per_second(results, 1, SECONDS) / best, 0.1
    # What a good answer costs the codec is the machine's speed at the time, which changes here.
    good = sum(1 for _, _, status in results if status == 200)
    yield "codec's CPU for a good answer, x usual", (
        overloaded[1] / good / (usual[1] / (best * SECONDS))), None
    yield "codecs' share of the service's CPU, lost", (
        1 - overloaded[1] / overloaded[0] / (usual[1] / usual[0])), 0.1
    yield f"answers that are neither 200 nor 503 ({statuses})", sum(
        count for status, count in statuses.items() if status not in (200, 503)), 0
    if refused:
        yield "median of a refusal, ms", 1000 * clients.quantile(refused, 0.5), None
    yield "peak of the process, MiB", peak / (1 << 20), stated * 1.05 / (1 << 20) + 16
    late = [due for due, _, status in after if status != 200 and due >= 1]
    yield "refusals later than a second after it", len(late), 0
    yield "pools that miss a block", len(unbalanced), 0
