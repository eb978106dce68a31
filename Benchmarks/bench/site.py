"""Wardpost's own site, certificates and jobs for the runs."""
import email
import email.policy
import os
import re
import shutil
import subprocess
import sys

from .tools import HERE, ROOT, SINK, TRACKER, work

sys.path.insert(0, os.path.join(HERE, "job"))
import generate  # noqa: E402

WARDPOST = os.environ.get("WARDPOST") or os.path.join(ROOT, ".build", "release", "wardpost")
CONNECTIONS = 10


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificates():
    """An authority and a server's certificate for localhost, good for a week."""
    ca, key, leaf = work("ca.pem"), work("ca.key"), work("server")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", key, "-out", ca, "-days", "7", "-subj", "/CN=Benchmark authority",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *curve, "-keyout", leaf + ".key", "-out", leaf + ".csr", "-subj", "/CN=localhost")
    with open(work("leaf.conf"), "w") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", leaf + ".csr", "-CA", ca, "-CAkey", key, "-CAcreateserial", "-out", leaf + ".pem",
            "-days", "7", "-extfile", work("leaf.conf"))


def table(rows):
    """A recipient table of so many rows; made once."""
    path = work(f"rows-{rows}.csv")
    if not os.path.exists(path):
        generate.write(rows, path + ".tmp")
        os.rename(path + ".tmp", path)
    return path


def job(path, rows, manifest=""):
    """A job's folder."""
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    for name in ("letter.html", "letter.txt"):
        shutil.copy(os.path.join(HERE, "job", name), path)
    with open(os.path.join(HERE, "job", "manifest.yaml")) as file:
        text = file.read()
    with open(os.path.join(path, "manifest.yaml"), "w") as file:
        file.write(text + manifest)
    shutil.copy(table(rows), os.path.join(path, "recipients.csv"))
    return path


def site(rows, manifest="", tracking=False, connections=CONNECTIONS, route="", dkim=()):
    """A new site with one job, `letters`; what was there of an earlier run is gone.

    `route` is more of the route's keys, `dkim` the kinds of keys to sign with."""
    path = work("site")
    shutil.rmtree(path, ignore_errors=True)
    subprocess.run([WARDPOST, "init", path], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(work("ca.pem"), os.path.join(path, "relay-ca.pem"))
    text = f"""site: Northside Clinic
postal_address: 1 North Road, Springfield
from_domains: [clinic.test]
keys: keys
routes:
  main:
    relay: localhost:{SINK}
    tls: starttls
    ca: relay-ca.pem
    own: true
    connections: {connections}
{route}"""
    if tracking:
        for name, target in (("server.pem", "tracker.pem"), ("server.key", "tracker.key")):
            shutil.copy(work(name), os.path.join(path, "keys", target))
            os.chmod(os.path.join(path, "keys", target), 0o600)
        text += f"""tracking:
  base_url: https://localhost:{TRACKER}
  listen: 127.0.0.1:{TRACKER}
  certificate: keys/tracker.pem
  key: keys/tracker.key
"""
    if dkim:
        text += f"dkim:\n  clinic.test: {{selector: bench, keys: [{', '.join(dkim)}]}}\n"
    with open(os.path.join(path, "wardpost.yaml"), "w") as file:
        file.write(text)
    if dkim:
        subprocess.run([WARDPOST, "--site", path, "keys", "dkim", "--domain", "clinic.test", "--selector", "bench"],
                       check=True, stdout=subprocess.DEVNULL)
    job(os.path.join(path, "jobs", "letters"), rows, manifest)
    return path


def past(path, jobs, month):
    """A site with a month of jobs that were sent, and what came back from them."""
    shutil.rmtree(path, ignore_errors=True)
    subprocess.run([WARDPOST, "init", path], check=True, stdout=subprocess.DEVNULL)
    script = os.path.join(ROOT, "Tests", "EndToEndTests", "Scripts", "reports_site.py")
    subprocess.run([sys.executable, script, path, str(jobs), "1000", "2", month], check=True, stdout=subprocess.DEVNULL)


def messages(path, rows):
    """Finished messages of the site's job, as `wardpost preview` writes them."""
    out = work("preview")
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run([WARDPOST, "--site", path, "preview", "letters", "--rows", f"1-{rows}", "--out", out], check=True,
                   stdout=subprocess.DEVNULL)
    for row in range(1, rows + 1):
        with open(os.path.join(out, f"row-{row}.eml"), "rb") as file:
            yield file.read()


def pixels(path, rows):
    """The paths of the messages' tracking pixels."""
    for raw in messages(path, rows):
        html = email.message_from_bytes(raw, policy=email.policy.default).get_body(("html",)).get_content()
        yield re.search(r'src="https://[^/"]+(/o/[^"]+)"', html)[1]
