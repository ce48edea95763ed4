#!/usr/bin/env python3
"""Runs real, unmodified clients against a server of its own, and says which of them work.

    python3 -m venv VENV && VENV/bin/pip install -r tests/clients/requirements.txt
    VENV/bin/python tests/clients/run.py --bartizan target/debug/bartizan

The server is `bartizan demo` on a temporary data directory and free ports; it is stopped at the end, whatever happens.
"""

import argparse
import functools
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
XDR = "https://api.security.microsoft.com"
# Seconds that one client may take, and the demo to load.
CASE_LIMIT = 60
START_LIMIT = 600
# Of the caller's environment these would send a client elsewhere, or make it trust others.
FOREIGN = [
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
    "AZURE_AUTHORITY_HOST",
]


class Failed(Exception):
    """A client did not do what it does against Microsoft's servers."""


class Suite:
    """The cases in turn, counted."""

    def __init__(self, bartizan, environment, data=None):
        self.bartizan = str(bartizan)
        self.data = data
        self.environment = environment
        self.passed = self.failed = self.skipped = 0

    def case(self, name, run):
        """Runs a case and says how it went."""
        started = time.monotonic()
        try:
            said = run()
        except (Failed, AssertionError, KeyError, ValueError, subprocess.TimeoutExpired) as error:
            self.failed += 1
            print("FAILED   %s: %s: %s" % (name, type(error).__name__, error), flush=True)
            return
        self.passed += 1
        print("ok       %s (%.1f s): %s" % (name, time.monotonic() - started, said), flush=True)

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

    def below_run(self, *command):
        """The same below `bartizan run`: the command's calls to Microsoft's hosts come to the server."""
        return self.run(self.bartizan, "run", "--", *command)


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


def token_answer(text):
    """The access token of an answer of the v2 endpoint, checked as a client sees it."""
    answer = json.loads(text)
    assert answer["token_type"] == "Bearer", answer
    assert answer["expires_in"] == 3599, "v2 says a number: %r" % answer["expires_in"]
    return answer["access_token"]


def curl_cases(suite):
    """curl, as the documentation pages have it."""
    env = suite.environment
    own, tenant = env["BARTIZAN_URL"], env["BARTIZAN_TENANT_ID"]
    v2 = "/%s/oauth2/v2.0/token" % tenant
    curl = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "30"]
    trust = ["--cacert", env["BARTIZAN_CA"]]

    def form(**fields):
        body = {"grant_type": "client_credentials", **fields}
        return [part for pair in body.items() for part in ("--data-urlencode", "%s=%s" % pair)]

    identity = {"client_id": env["BARTIZAN_CLIENT_ID"], "client_secret": env["BARTIZAN_CLIENT_SECRET"]}

    def incidents(token, base, run, more=()):
        header = ["--header", "Authorization: Bearer " + token]
        found = json.loads(run(*curl, *more, *header, base + "/api/incidents"))["value"]
        assert found, "no incident"
        return "%d incidents" % len(found)

    def v2_own():
        # The two scopes of Microsoft's pages; the first is the one of Defender for Endpoint.
        mde = "https://securitycenter.onmicrosoft.com/windowsatpservice/.default"
        token_answer(suite.run(*curl, *trust, *form(scope=mde, **identity), own + v2))
        token = token_answer(suite.run(*curl, *trust, *form(scope=XDR + "/.default", **identity), own + v2))
        return incidents(token, own, suite.run, trust)

    def v1_own():
        answer = json.loads(
            suite.run(*curl, *trust, *form(resource=XDR, **identity), "%s/%s/oauth2/token" % (own, tenant))
        )
        assert answer["expires_in"] == "3599", "v1 says a string: %r" % answer["expires_in"]
        assert answer["resource"] == XDR, answer
        return incidents(answer["access_token"], own, suite.run, trust)

    def basic():
        user = "%s:%s" % (identity["client_id"], identity["client_secret"])
        token = token_answer(
            suite.run(*curl, *trust, "--user", user, *form(scope=XDR + "/.default"), own + v2)
        )
        return incidents(token, own, suite.run, trust)

    def plain_http():
        http = env["BARTIZAN_HTTP_URL"]
        token = token_answer(suite.run(*curl, *form(scope=XDR + "/.default", **identity), http + v2))
        return incidents(token, http, suite.run)

    def cloud():
        hosts = "https://login.microsoftonline.com"
        token = token_answer(suite.below_run(*curl, *form(scope=XDR + "/.default", **identity), hosts + v2))
        return incidents(token, XDR, suite.below_run)

    def wrong_secret():
        wrong = {**identity, "client_secret": "wrong"}
        lenient = [word for word in curl if word != "--fail-with-body"]
        told = [*form(scope=XDR + "/.default", **wrong), "--write-out", "\n%{http_code}"]
        body, status = suite.run(*lenient, *trust, *told, own + v2).rsplit("\n", 1)
        answer = json.loads(body)
        assert status == "401", status
        assert answer["error"] == "invalid_client" and answer["error_codes"] == [7000215], answer
        return "401, AADSTS7000215"

    suite.case("curl, v2 token", v2_own)
    suite.case("curl, v1 token", v1_own)
    suite.case("curl, Basic authentication", basic)
    suite.case("curl, plain HTTP", plain_http)
    suite.case("curl below bartizan run, Microsoft's hosts", cloud)
    suite.case("curl, wrong secret", wrong_secret)


def python_cases(suite):
    """urllib, MSAL and azure-identity."""
    bundle = suite.environment["BARTIZAN_CA"]
    trust = {"REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle}
    script = str(HERE / "python_clients.py")

    def urllib_script():
        lines = suite.below_run(sys.executable, "docs/examples/token.py").splitlines()
        assert lines, "no incident"
        return "%d incidents" % len(lines)

    suite.case("urllib script with Microsoft's hosts, below bartizan run", urllib_script)
    for name, case in [
        ("MSAL Python, own origin", "msal-own"),
        ("MSAL Python, OIDC authority", "msal-oidc"),
        ("MSAL Python, wrong secret", "msal-wrong-secret"),
        ("azure-identity, own origin", "azure-own"),
        ("azure-identity, asynchronous", "azure-async"),
        ("azure-identity, wrong secret", "azure-wrong-secret"),
    ]:
        suite.case(name, lambda: suite.run(sys.executable, script, case, environment=trust).strip())
    for name, case in [
        ("MSAL Python with Microsoft's hosts, below bartizan run", "msal-cloud"),
        ("azure-identity with Microsoft's hosts, below bartizan run", "azure-cloud"),
    ]:
        suite.case(name, lambda: suite.below_run(sys.executable, script, case).strip())


def node_cases(suite):
    """@azure/msal-node and @azure/identity."""
    direct = [
        ("msal-node, own origin", "msal-own"),
        ("msal-node, wrong secret", "msal-wrong-secret"),
        ("@azure/identity, own origin", "azure-own"),
    ]
    proxied = [("@azure/identity with Microsoft's hosts, below bartizan run", "azure-cloud")]
    if not (shutil.which("node") and shutil.which("npm")):
        for name, _ in direct + proxied:
            suite.skip(name, "no Node.js here")
        return
    folder = HERE / "node"
    install_node(folder)
    script = str(folder / "clients.mjs")
    trust = {"NODE_EXTRA_CA_CERTS": suite.environment["BARTIZAN_CA"]}
    for name, case in direct:
        suite.case(name, lambda: suite.run("node", script, case, environment=trust).strip())
    for name, case in proxied:
        suite.case(name, lambda: suite.below_run("node", script, case).strip())


def browser_cases(suite, data):
    """The pages for people, in Chromium."""
    names = ["sign-in", "without scripts", "second factors", "admin consent", "device code"]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not (chromium and shutil.which("node") and shutil.which("npm")):
        for name in names:
            suite.skip("browser, " + name, "no Chromium or no Node.js here")
        return
    folder = ROOT / "tests" / "browser"
    install_node(folder)
    profile = tomllib.loads((data / "admin.toml").read_text())
    more = {
        "NODE_EXTRA_CA_CERTS": suite.environment["BARTIZAN_CA"],
        "OPERATOR_ID": profile["client-id"],
        "OPERATOR_SECRET": profile["client-secret"],
        "CHROMIUM": chromium,
    }
    script = str(folder / "pages.mjs")
    for name in names:
        suite.case("browser, " + name, lambda: suite.run("node", script, name, environment=more).strip())


def install_node(folder):
    """What a folder's lock file names."""
    # The caller's own environment: the registry may lie behind a proxy.
    install = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder, text=True, capture_output=True, timeout=2 * CASE_LIMIT,
    )
    if install.returncode != 0:
        raise Failed("npm ci: " + install.stderr.strip()[-600:])


def readme_cases(suite):
    """The README's tour, line by line, in a folder that has the files which it names."""
    if not shutil.which("bash"):
        suite.skip("the README's tour", "no bash here")
        return
    lines, inside, tour = [], False, False
    # Empty lines for all the rest, so that a line of the script has the number that it has in the README.
    for line in (ROOT / "README.md").read_text().splitlines():
        if line.startswith("## "):
            tour = line == "## Five minutes"
        fence = line.startswith("```")
        inside = line == "```sh" if fence else inside
        lines.append(line if tour and inside and not fence else "")
    expected = {}
    for number, line in enumerate(lines, 1):
        if "exit code " in line:
            expected[number] = int(line.rsplit("exit code ", 1)[1])

    def tour_works():
        with tempfile.TemporaryDirectory(prefix="bartizan-tour-") as folder:
            folder = pathlib.Path(folder)
            failures = folder / "failures"
            (folder / "docs").symlink_to(ROOT / "docs")
            shutil.copy(next((ROOT / "demo/telemetry/otrf").glob("*.zip")), folder / "recording.zip")
            shutil.copy(sorted((ROOT / "demo/rules").glob("*.toml"))[0], folder / "my-rule.toml")
            row = {"Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "DeviceName": "tour", "FileName": "a.exe"}
            (folder / "rows.ndjson").write_text(json.dumps(row) + "\n")
            (folder / "rows.csv").write_text("name,size\na,1\n")
            (folder / "query.kql").write_text("T | count\n")
            (folder / ".curlrc").write_text("fail-with-body\n")
            trap = "set -E -o pipefail; trap 'echo $((LINENO - 1)) $? >> %s' ERR" % shlex.quote(str(failures))
            script = folder / "tour.sh"
            script.write_text("\n".join([trap, *lines, ""]))
            # As somebody who has sourced nothing: the administrator's profile of the data directory.
            names = [name for name in suite.environment if not name.startswith("BARTIZAN_")]
            environment = {name: suite.environment[name] for name in names}
            environment["BARTIZAN_DATA"] = str(suite.data)
            environment["CURL_HOME"] = str(folder)
            environment["PATH"] = "%s:%s" % (pathlib.Path(suite.bartizan).parent, environment["PATH"])
            done = subprocess.run(
                ["bash", str(script)], cwd=folder, env=environment, text=True, capture_output=True, timeout=5 * CASE_LIMIT
            )
            pairs = [line.split() for line in failures.read_text().splitlines()] if failures.exists() else []
        found = {int(line): int(code) for line, code in pairs}
        assert found == expected, "lines and exit codes: %r instead of %r: %s" % (found, expected, done.stderr[-1500:])
        return "%d lines" % sum(1 for line in lines if line)

    suite.case("the README's tour", tour_works)


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bartizan", required=True, type=pathlib.Path, help="the binary")
    arguments = parser.parse_args()
    bartizan = arguments.bartizan.resolve()
    if not bartizan.exists():
        parser.error("%s does not exist" % bartizan)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in FOREIGN and not name.startswith(("BARTIZAN_", "AZURE_"))
    }
    # The caller's patience ends with a signal; the server must end then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    suite = None
    with tempfile.TemporaryDirectory(prefix="bartizan-clients-") as folder:
        data = pathlib.Path(folder) / "data"
        try:
            suite = Suite(bartizan, {**environment, **start(bartizan, data, environment)}, data)
            groups = [curl_cases, python_cases, node_cases, readme_cases]
            for group in [*groups, functools.partial(browser_cases, data=data)]:
                try:
                    group(suite)
                except Failed as error:
                    suite.failed += 1
                    print("FAILED   %s: %s" % (getattr(group, "func", group).__doc__, error), flush=True)
        except Failed as error:
            suite = suite or Suite(bartizan, environment)
            suite.failed += 1
            print("FAILED   %s" % error, flush=True)
        finally:
            stop(bartizan, data, environment)
    skipped = ", %d skipped" % suite.skipped if suite.skipped else ""
    print("clients: %d passed, %d failed%s" % (suite.passed, suite.failed, skipped))
    return 1 if suite.failed or not suite.passed else 0


if __name__ == "__main__":
    sys.exit(main())
