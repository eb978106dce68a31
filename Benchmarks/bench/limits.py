"""What this machine can do at best: one core's cryptography, the disk, the wire."""
import os
import re
import subprocess
import time

from .tools import work


def openssl():
    """Bytes a second of what TLS and the ledger's chain are made of."""
    found = {}
    for name, size in (("aes-256-gcm", 8192), ("sha256", 8192)):
        text = subprocess.run(["openssl", "speed", "-seconds", "1", "-mr", "-bytes", str(size), "-evp", name],
                              capture_output=True, text=True, timeout=60).stdout
        match = re.search(r"^\+F:\d+:[^:]+:([\d.]+)", text, re.M)
        if match:
            found[f"openssl {name}, {size // 1024} KiB, MB/s"] = float(match[1]) / 1e6
    text = subprocess.run(["openssl", "speed", "-seconds", "1", "-mr", "rsa2048"], capture_output=True, text=True,
                          timeout=60).stdout
    match = re.search(r"^\+F2:\d+:2048:([\d.eE+-]+)", text, re.M)
    if match:
        found["openssl rsa2048, signatures/s"] = float(match[1])
    return found


def disk(seconds=1.0):
    """How often a second 200 and 200 x 256 bytes can be appended and made durable."""
    found = {}
    for lines in (1, 256):
        path = work("disk")
        file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND, 0o600)
        block, syncs, begin = b"x" * 200 * lines, 0, time.monotonic()
        while time.monotonic() - begin < seconds:
            os.write(file, block)
            os.fdatasync(file)
            syncs += 1
        wall = time.monotonic() - begin
        os.close(file)
        os.unlink(path)
        found[f"fdatasync/s, {lines} x 200 bytes each"] = syncs / wall
    return found


def cores():
    """What two busy processes get done of what they would alone: 1.0 if each has a core for itself."""
    spin = "import time; a = time.monotonic(); n = 0\nfor i in range(6_000_000): n += i\nprint(time.monotonic() - a)"

    def together(count):
        running = [subprocess.Popen(["python3", "-c", spin], stdout=subprocess.PIPE) for _ in range(count)]
        return max(float(process.communicate()[0]) for process in running)

    return {"two busy processes, speed of each beside one alone": together(1) / together(2)}
