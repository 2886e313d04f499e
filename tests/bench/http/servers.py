"""What `./dev bench http` compares: processes on free ports of loopback, pinned to one core.

Only processes that were started here are ended, by their handles.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
from support import service  # noqa: E402

NGINX_ECHO_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
GO_PATH = pathlib.Path("/usr/share/gocode")


@contextlib.contextmanager
def on_core(core):
    """Processes that are started within stay on this core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """A process that serves, its address, and the files with its CPU clocks."""

    def __init__(self, process, address):
        self.process = process
        self.address = address

    def clock_files(self):
        """One a thread; a thread that starts later is not seen, so ask when it is warm."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        return [str(task / "schedstat") for task in tasks.iterdir()]

    def stop(self):
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


class Frdpu(Server):
    def __init__(self, core, binary):
        service.binary = str(binary)
        with on_core(core):
            # One loop and one worker for the one core; no access log, as with the others. Waiting
            # for a workspace takes no CPU time.
            self.running = service.Service(threads=1, compute_threads=1, access_log_sample=0,
                                           queue_timeout="60s")
        super().__init__(self.running.process, self.running.address)

    def stop(self):
        self.running.stop()  # an error in its log is a failure of the run


def announced(core, command, env=None):
    """A server of ours that prints where it listens."""
    with on_core(core):
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                                   env={**os.environ, **(env or {})})
    line = process.stdout.readline().decode()
    found = re.match(r"listening ([\d.]+):(\d+)", line)
    if not found:
        process.kill()
        process.wait()
        raise RuntimeError(f"{command[0]} does not listen: {line!r}")
    return Server(process, (found.group(1), int(found.group(2))))


def floor(core, binary, payload_file, *codec):
    """The bare server; with a direction, coding and level, it works every body."""
    return announced(core, [binary, payload_file, *codec])


def node(core):
    return announced(core, [shutil.which("node"), HERE / "rival.js"])


def build_go(folder):
    """Builds the Go server from Debian's packages alone; returns the binary."""
    binary = folder / "rival_go"
    subprocess.run(["go", "build", "-o", str(binary), str(HERE / "rival.go")], check=True,
                   env={**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOFLAGS": "",
                        "GOPROXY": "off", "GOCACHE": str(folder / "go-cache")})
    return binary


def go(core, binary):
    return announced(core, [binary], env={"GOMAXPROCS": "1"})


def wait_until_it_listens(process, address):
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(address, timeout=1).close()
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def nginx_text(data):
    """Bytes as a parameter of nginx's configuration. It has no way to write a dollar sign."""
    assert b"$" not in data
    return '"' + data.decode().replace("\\", "\\\\").replace('"', '\\"') + '"'


def nginx(core, folder, small):
    """`/plain` and `/gzip` echo the posted body. `/return` and `/return_gzip` answer with `small`
    from the configuration and drop what was posted, which is the least that nginx can do."""
    # nginx 1.22 without a master process dies of sockets that it is handed: a port that is free now.
    with socket.create_server(("127.0.0.1", 0)) as free:
        host, port = free.getsockname()
    gzip = "gzip on; gzip_types *; gzip_comp_level 1; gzip_min_length 1; gzip_proxied any;"
    echo = "echo_read_request_body; echo_request_body;"
    answer = f"return 200 {nginx_text(small)};"
    config = folder / "nginx.conf"
    config.write_text(f"""
load_module {NGINX_ECHO_MODULE};
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log error;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type text/plain; keepalive_requests 1000000000; tcp_nodelay on;
  client_max_body_size 8m; client_body_buffer_size 2m; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen {host}:{port} backlog=512;
    location = /return {{ {answer} }}
    location = /return_gzip {{ {gzip} {answer} }}
    location = /plain {{ {echo} }}
    location = /gzip {{ {gzip} {echo} }}
  }}
}}
""")
    with on_core(core):
        process = subprocess.Popen(["nginx", "-e", f"{folder}/nginx.log", "-p", str(folder), "-c",
                                    str(config)])
    wait_until_it_listens(process, (host, port))
    return Server(process, (host, port))


def haproxy(core, folder, backend):
    """Compresses what `backend` answers; only HAProxy's own CPU time is counted."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    address = listening.getsockname()
    config = folder / "haproxy.cfg"
    config.write_text(f"""
global
  nbthread 1
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen gzip
  bind fd@{listening.fileno()}
  compression algo gzip
  http-reuse always
  server backend {backend[0]}:{backend[1]}
""")
    with on_core(core), listening:
        process = subprocess.Popen(["haproxy", "-db", "-f", str(config)],
                                   pass_fds=[listening.fileno()], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
    return Server(process, address)
