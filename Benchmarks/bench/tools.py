"""Starting programs, and knowing what they used."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(HERE)
WORK = os.path.join(HERE, ".work")
PYTHON = os.path.join(WORK, "venv", "bin", "python3")
LIMIT = 180  # seconds that any one run may take
SINK, QUEUE, TRACKER, PEER = 14587, 14525, 14443, 14444  # ports on 127.0.0.1

_started = []


def work(*parts):
    return os.path.join(WORK, *parts)


def start(command, **options):
    """A process that ends with us at the latest."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", open(work("log"), "a"))
    options.setdefault("stderr", open(work("log"), "a"))
    process = subprocess.Popen(command, start_new_session=True, **options)
    _started.append(process)
    return process


def end(process, patience=20):
    """Asks a process to end, and makes it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def end_all():
    for process in _started:
        end(process, 5)


def listens(port, process=None, seconds=20):
    """Waits until something answers on a port."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process is not None and process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Failed(f"nothing listens on port {port}; see {work('log')}")


class Failed(Exception):
    """A run that did not do its work: its figures are no figures."""


class Usage:
    """What one run did and used."""

    def __init__(self, count, wall, cpu=0.0, peak=0.0, note=None):
        self.count, self.wall, self.cpu, self.peak, self.note = count, wall, cpu, peak, note or {}
        self.others, self.round = 0.0, 0

    @property
    def rate(self):
        return self.count / self.wall

    @property
    def cpu_per_1000(self):
        return self.cpu * 1000 / self.count

    def for_json(self):
        return {"count": self.count, "wall": self.wall, "cpu": self.cpu, "peak": self.peak, "others": self.others,
                **self.note}


_runs = 0


class Measured:
    """A command under `measure`: its CPU (children included), its peak memory, its time."""

    def __init__(self, command, **options):
        global _runs
        _runs += 1
        self.file = work(f"usage.{_runs}")
        self.process = start([work("measure"), self.file, *command], **options)

    def usage(self, count):
        with open(self.file) as file:
            status, cpu, peak, wall = file.read().split()
        os.unlink(self.file)
        return int(status), Usage(count, float(wall), float(cpu), int(peak) / 1024)


def run(command, count, good=(0,), **options):
    """Runs a command to its end. What it prints as JSON must have the same count, if it prints any."""
    options.setdefault("stdout", subprocess.PIPE)
    measured = Measured(command, **options)
    try:
        output, _ = measured.process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(measured.process.pid, signal.SIGKILL)
        measured.process.wait()
        raise Failed(f"{command[0]}: took more than {LIMIT} s") from None
    status, usage = measured.usage(count)
    if status not in good:
        raise Failed(f"{' '.join(command[:4])}: ended with status {status}; see {work('log')}")
    text = (output or b"").decode().strip()
    if text.startswith("{"):
        usage.note = json.loads(text.splitlines()[-1])
        if usage.note.get("count", count) != count or usage.note.get("bad"):
            raise Failed(f"{command[0]}: did {usage.note}, not {count}")
    return usage


def outdated(source, made):
    made, source = work(made), os.path.join(HERE, source)
    return not os.path.exists(made) or os.path.getmtime(made) < os.path.getmtime(source)


def counting_syncs(command, count, **options):
    """Runs a command to its end, and counts its calls of fsync and fdatasync."""
    path = work("syncs")
    if os.path.exists(path):
        os.unlink(path)
    usage = run(command, count, env={**os.environ, "LD_PRELOAD": work("count.so"), "SYNCS": path}, **options)
    with open(path) as file:
        usage.note["syncs"] = sum(map(int, file.read().split()))
    return usage


def build():
    """Everything that is compiled or fetched; nothing where it is there already."""
    os.makedirs(WORK, exist_ok=True)
    open(work("log"), "w").close()
    for name in ("measure", "sink", "source"):
        if outdated(name + ".c", name):
            subprocess.run(["gcc", "-O2", "-o", work(name), os.path.join(HERE, name + ".c"), "-lssl", "-lcrypto"],
                           check=True)
    if outdated("count.c", "count.so"):
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", work("count.so"), os.path.join(HERE, "count.c")], check=True)
    parts = os.environ.get("PARTS") or work("build", "release", "parts")
    if "PARTS" not in os.environ:
        subprocess.run(["swift", "build", "-c", "release", "--package-path", HERE, "--scratch-path", work("build")],
                       check=True, stdout=sys.stderr)
    if not os.path.exists(PYTHON):
        subprocess.run([sys.executable, "-m", "venv", work("venv")], check=True)
    wanted = os.path.join(HERE, "peers", "requirements.txt")
    stamp = work("venv", "installed")
    if not os.path.exists(stamp) or os.path.getmtime(stamp) < os.path.getmtime(wanted):
        subprocess.run([PYTHON, "-m", "pip", "install", "-q", "-r", wanted], check=True, stdout=sys.stderr)
        shutil.copy(wanted, stamp)
    return parts


def busy():
    """CPU seconds that the whole machine has used."""
    with open("/proc/stat") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def wait_until_quiet(patience, limit=0.15):
    """Waits, so long at most, until all other programs together use less than `limit` of one CPU."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        before = busy()
        time.sleep(0.3)
        if (busy() - before) / 0.3 < limit:
            return
