"""A Postfix of its own, from nothing to nothing: queue and sender in one."""
import os
import shutil
import subprocess
import time

from .tools import LIMIT, QUEUE, SINK, Failed, Usage, end, listens, start, work

SERVICES = """\
127.0.0.1:{port} inet n - n - 100 smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
tlsproxy  unix  - - n - 0 tlsproxy
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


def can_run():
    return os.geteuid() == 0 and shutil.which("postfix") and shutil.which("smtp-source")


def configure(reuse):
    """Ten connections to the sink, certificate and name verified; `reuse` keeps them open between messages."""
    home = work("postfix")
    shutil.rmtree(home, ignore_errors=True)
    for name in ("etc", "spool", "data"):
        os.makedirs(os.path.join(home, name))
    settings = {
        "compatibility_level": "3.6", "queue_directory": f"{home}/spool", "data_directory": f"{home}/data",
        "command_directory": "/usr/sbin", "daemon_directory": "/usr/lib/postfix/sbin", "mail_owner": "postfix",
        "setgid_group": "postdrop", "myhostname": "queue.clinic.test", "mydestination": "",
        "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "mynetworks": "127.0.0.0/8",
        "smtpd_relay_restrictions": "permit_mynetworks, reject", "smtpd_recipient_restrictions": "",
        "smtpd_client_connection_count_limit": "0", "smtpd_client_connection_rate_limit": "0",
        "relayhost": f"[localhost]:{SINK}", "smtp_host_lookup": "native", "smtp_dns_support_level": "disabled",
        "smtp_tls_security_level": "secure", "smtp_tls_secure_cert_match": "localhost",
        "smtp_tls_CAfile": work("ca.pem"), "smtp_tls_connection_reuse": "yes" if reuse else "no",
        "smtp_connection_cache_on_demand": "yes",
        "smtp_connection_cache_destinations": f"[localhost]:{SINK}" if reuse else "",
        "default_destination_concurrency_limit": "10", "initial_destination_concurrency": "10",
        "default_process_limit": "50", "alias_maps": "", "maillog_file": f"{home}/log",
        "maillog_file_prefixes": home, "import_environment": "MAIL_CONFIG TZ LANG=C",
    }
    with open(f"{home}/etc/main.cf", "w") as file:
        file.writelines(f"{name} = {value}\n" for name, value in settings.items())
    with open(f"{home}/etc/master.cf", "w") as file:
        file.write(SERVICES.format(port=QUEUE))
    shutil.chown(f"{home}/data", "postfix")
    with open(work("log"), "a") as log:
        subprocess.run(["postfix", "-c", f"{home}/etc", "check"], stdout=log, stderr=log, timeout=60)
    return f"{home}/etc"


def processes(root):
    """A process and all below it."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def used(root):
    """CPU seconds of a tree of processes, those that ended in it included, and its memory in MiB, shared pages once."""
    cpu = memory = 0
    for process in processes(root):
        try:
            with open(f"/proc/{process}/stat") as file:
                cpu += sum(int(field) for field in file.read().rsplit(")", 1)[1].split()[11:15])
            with open(f"/proc/{process}/smaps_rollup") as file:
                memory += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return cpu / os.sysconf("SC_CLK_TCK"), memory / 1024


def send(count, octets, reuse, counted):
    """Injects `count` messages over ten connections and waits until the sink has them all.

    `counted` says how many it has."""
    configuration = configure(reuse)
    master = start(["postfix", "-c", configuration, "start-fg"])
    try:
        listens(QUEUE, master)
        time.sleep(0.5)
        before, _ = used(master.pid)
        begin = time.monotonic()
        source = start(["smtp-source", "-s", "10", "-m", str(count), "-l", str(octets), "-f", "visits@clinic.test", "-t",
                        "patient@example.test", "-d", f"127.0.0.1:{QUEUE}"])
        source.wait(LIMIT)
        while counted() < count:
            if time.monotonic() - begin > LIMIT:
                raise Failed(f"postfix: {counted()} of {count} messages after {LIMIT} s")
            time.sleep(0.02)
        wall = time.monotonic() - begin
        time.sleep(0.2)
        cpu, memory = used(master.pid)
        return Usage(count, wall, cpu - before, memory)
    finally:
        with open(work("log"), "a") as log:
            subprocess.run(["postfix", "-c", configuration, "stop"], stdout=log, stderr=log, timeout=60)
        end(master)
