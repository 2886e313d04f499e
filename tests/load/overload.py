"""Three times what the machine can do: goodput, refusals, memory, and how fast it is over.

Slices of the best that the service does, and between two of them one of three times as much: each
of these is compared with its two neighbours, since the machine's speed changes within a minute by
more than what is to be shown. The clients have the same cores, so a request must cost the service
far more than it costs them: at 64 KiB three times the rate took a sixth of the machine for the
clients alone.
"""

import os
import statistics
import time

from load import clients
from support import codings, service

SETTLING = 1  # seconds of each slice that do not count: the queue fills, or empties
SECONDS = 3
OVERLOADS = 7
TARGET = "/v1/compress?coding=zstd&level=19"
BODY_BYTES = 128 << 10


class Slice:
    """What the service says that it did in `SECONDS` from now on."""

    def __init__(self, running):
        time.sleep(SETTLING)
        before, started = self.state(running), time.monotonic()
        time.sleep(SECONDS)
        after, seconds = self.state(running), time.monotonic() - started
        answers, cpu, codec_cpu = (now - then for now, then in zip(after, before))
        if not answers:
            raise RuntimeError(f"not one answer in {seconds:.1f} s: the machine does something else")
        self.rate = answers / seconds
        self.codec_share = codec_cpu / cpu
        self.codec_seconds = codec_cpu / answers

    @staticmethod
    def state(running):
        return (running.metric("frdpu_http_requests_total", route="/v1/compress", status="200") or 0,
                clients.cpu_seconds(running.pid), running.metric("frdpu_codec_cpu_seconds_total"))


def run():
    body = codings.text(BODY_BYTES)
    cores = len(os.sched_getaffinity(0))
    settings = {"threads": cores, "compute_threads": cores, "access_log_sample": 0,
                "max_queued_jobs": 32, "workspace_bytes": "512m", "pool_64k_blocks": 2048}
    stated = clients.stated_bytes(settings)
    with service.Service(**settings) as running:
        with clients.processes(4 * cores) as submit:
            def best():
                jobs = [submit(clients.posts, running.address, TARGET, body, SETTLING + SECONDS)
                        for _ in range(4 * cores)]
                measured = Slice(running)
                for job in jobs:
                    job.result()
                return measured

            def offer(rate, seconds=SETTLING + SECONDS):
                return submit(clients.offered, running.address, TARGET, body, rate, seconds)

            bests, overloads, results = [best()], [], []
            for _ in range(OVERLOADS):
                job = offer(3 * bests[-1].rate)
                overloads.append(Slice(running))
                results.append(job.result())
                bests.append(best())
            peak = running.status("VmHWM")
            # As soon as nobody offers more than it can do:
            offer(3 * bests[-1].rate).result()
            after = offer(bests[-1].rate / 2).result()
        unbalanced = running.unbalanced()

    def ratios(of):
        """Of each overloaded slice to the mean of the two beside it."""
        return [of(overload) / statistics.mean((of(before), of(behind)))
                for before, overload, behind in zip(bests, overloads, bests[1:])]

    rates = sorted(ratios(lambda each: each.rate))
    statuses = clients.counted(results)
    refused = sorted(answered - due for answers in results for due, answered, status in answers
                     if status == 503)
    yield "best goodput, requests a second", statistics.median(each.rate for each in bests), None
    yield (f"goodput lost at three times as much, median of {1 - rates[-1]:.2f} to "
           f"{1 - rates[0]:.2f}", 1 - statistics.median(rates), 0.1)
    yield "codec's CPU for a good answer, x usual", statistics.median(
        ratios(lambda each: each.codec_seconds)), None
    yield "codecs' share of the service's CPU, lost", 1 - statistics.median(
        ratios(lambda each: each.codec_share)), 0.1
    yield f"answers that are neither 200 nor 503 ({statuses})", sum(
        count for status, count in statuses.items() if status not in (200, 503)), 0
    if refused:
        yield "median of a refusal, ms", 1000 * clients.quantile(refused, 0.5), None
    yield "peak of the process, MiB", peak / (1 << 20), stated * 1.05 / (1 << 20) + 16
    late = [due for due, _, status in after if status != 200 and due >= 1]
    yield "refusals later than a second after it", len(late), 0
    yield "pools that miss a block", len(unbalanced), 0
