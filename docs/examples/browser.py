"""A browser without a screen, for tests: goes to an address of a Bartizan server and does on its pages what a person does.

    SIGN_IN_USER=anna@example.com SIGN_IN_PASSWORD=… python3 docs/examples/browser.py ADDRESS

It signs in, answers "stay signed in?" with no, and accepts what an application asks for. When the pages send it away, to the
application, it prints that address and does not go there; when they end, it prints the last one. Which pages it saw is said on
standard error. It ends with 0 when the pages let it do what it came for, else with 1.

It is for accounts of tests alone. Whoever gives a password to a program has given it away, and consent that no person has read is
none. It knows Bartizan's pages, by the word that each of their forms carries; those of Microsoft's cloud need a real browser.

The server's authority is found in BARTIZAN_CA. Of the second factor it needs the key that was shown when the authenticator app was
set up (`--press add_factor`), in SIGN_IN_TOTP.
"""

import argparse
import base64
import hashlib
import hmac
import html.parser
import http.cookiejar
import os
import ssl
import struct
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# Pages in one go; more of them lead in a circle.
MOST_PAGES = 20


class Page(html.parser.HTMLParser):
    """What a page shows, and its forms."""

    # Elements without an end tag.
    EMPTY = {"input", "link", "meta", "br", "path", "rect"}
    # Elements whose text stands on lines of its own.
    BLOCKS = {"h1", "h2", "p", "li", "dt", "dd"}

    def __init__(self, status, text):
        super().__init__()
        self.status, self.forms, self._lines = status, [], []
        self.title = self.alert = self.key = ""
        self._open = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.EMPTY:
            self._open.append((tag, attrs))
        if tag in self.BLOCKS or tag == "br":
            self._lines.append("")
        if tag == "form":
            self.forms.append({"action": attrs.get("action", ""), "fields": {}, "names": set()})
        elif tag in ("input", "button") and self.forms and attrs.get("name"):
            form = self.forms[-1]
            form["names"].add((attrs["name"], attrs.get("value", "")))
            if attrs.get("type") == "hidden":
                form["fields"][attrs["name"]] = attrs.get("value", "")

    def handle_endtag(self, tag):
        while tag not in self.EMPTY and self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        words = " ".join(data.split())
        inside = [tag for tag, _ in self._open]
        if not words or "main" not in inside:
            return
        if "h1" in inside:
            self.title = words
        if self.BLOCKS & set(inside):
            self._lines[-1] += data
        for tag, attrs in self._open:
            if attrs.get("role") == "alert":
                self.alert += words
            if tag == "code" and attrs.get("class") == "key":
                self.key = words

    @property
    def lines(self):
        """What can be read, by paragraphs."""
        lines = [" ".join(line.split()) for line in self._lines]
        return [line for line in lines if line]

    def form(self, step):
        """The form of a step."""
        return next((form for form in self.forms if form["fields"].get("step") == step), None)

    def steps(self):
        """The steps that the page offers."""
        return [form["fields"].get("step") for form in self.forms]


class Stay(urllib.request.HTTPRedirectHandler):
    """Leaves redirects to the browser, which stays at one origin."""

    def redirect_request(self, *_):
        return None


class Browser:
    """Cookies, and going from page to page."""

    def __init__(self, origin, cookies):
        self.origin = origin
        self.jar = http.cookiejar.MozillaCookieJar(cookies)
        if cookies and os.path.exists(cookies):
            self.jar.load(ignore_discard=True)
        # Below `bartizan run` the variables of the proxy and SSL_CERT_FILE say the same as this.
        context = ssl.create_default_context(cafile=os.environ.get("BARTIZAN_CA"))
        self.opener = urllib.request.build_opener(
            Stay, urllib.request.HTTPCookieProcessor(self.jar), urllib.request.HTTPSHandler(context=context)
        )

    def go(self, address, fields=None):
        """The page at an address, or the address outside the origin to which it leads."""
        for _ in range(MOST_PAGES):
            if origin_of(address) != self.origin:
                return None, address
            body = urllib.parse.urlencode(fields).encode() if fields is not None else None
            request = urllib.request.Request(address, body, {"Accept": "text/html"})
            if body is not None:
                # Browsers say where a form comes from, and the server looks at it.
                request.add_header("Origin", self.origin)
            try:
                answer = self.opener.open(request, timeout=60)
            except urllib.error.HTTPError as error:
                answer = error
            location = answer.headers.get("Location")
            if location is None:
                return Page(answer.status, answer.read().decode()), None
            address, fields = urllib.parse.urljoin(address, location), None
        raise SystemExit("the pages lead in a circle")

    def close(self):
        """Keeps the cookies, when there is a file for them."""
        if self.jar.filename:
            descriptor = os.open(self.jar.filename, os.O_CREAT | os.O_WRONLY, 0o600)
            os.close(descriptor)
            self.jar.save(ignore_discard=True)


def origin_of(address):
    parts = urllib.parse.urlsplit(address)
    return "%s://%s" % (parts.scheme, parts.netloc)


def one_time_code(key, ahead=0):
    """The code that an authenticator app shows now, or in so many steps (RFC 6238)."""
    key = key.replace(" ", "")
    secret = base64.b32decode(key + "=" * (-len(key) % 8))
    step = struct.pack(">Q", int(time.time()) // 30 + ahead)
    digest = hmac.new(secret, step, hashlib.sha1).digest()
    word = struct.unpack(">I", digest[(digest[-1] & 15):][:4])[0] & 0x7FFFFFFF
    return "%06d" % (word % 1000000)


def setting(name):
    value = os.environ.get(name)
    if not value:
        raise SystemExit("the page asks for it, but %s is not set" % name)
    return value


def answer(page, arguments, seen):
    """The form to send, with what a person would enter; nothing when the page is the end."""
    again = set(page.steps()) & seen
    for press in arguments.press:
        if page.form(press) and press not in seen:
            return page.form(press), press, {}
    if page.form("user_name"):
        return page.form("user_name"), "user_name", {"username": setting("SIGN_IN_USER")}
    if page.form("password") and "password" not in again:
        return page.form("password"), "password", {"password": setting("SIGN_IN_PASSWORD")}
    if page.form("totp") and "totp late" not in seen:
        # A code works once. The next one is taken half a minute early, as from a device whose clock is fast.
        late = "totp" in again
        code = one_time_code(setting("SIGN_IN_TOTP"), 1 if late else 0)
        return page.form("totp"), "totp late" if late else "totp", {"code": code}
    if page.form("set_up_totp") and "set_up_totp" not in again:
        print(page.key.replace(" ", ""))
        return page.form("set_up_totp"), "set_up_totp", {"code": one_time_code(page.key)}
    if page.form("account"):
        return page.form("account"), "account", {"session": "other"}
    if page.form("stay"):
        return page.form("stay"), "stay", {"stay": "no"}
    if page.form("device_code") and arguments.code and "device_code" not in again:
        return page.form("device_code"), "device_code", {"otc": arguments.code}
    for step in ("consent", "device_confirm"):
        form = page.form(step)
        word = "decline" if arguments.decline else "accept"
        # Where only an administrator may accept, the page has no such button.
        if form and ("decision", word) in form["names"]:
            fields = {"decision": word}
            if arguments.everybody and ("everybody", "yes") in form["names"]:
                fields["everybody"] = "yes"
            return form, step, fields
    return None, None, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="where to go")
    parser.add_argument("--code", help="the code that a device shows, for /devicelogin")
    parser.add_argument("--everybody", action="store_true", help="tick: consent on behalf of your organization")
    parser.add_argument("--decline", action="store_true", help="press Cancel where an application asks for something")
    parser.add_argument("--press", action="append", default=[], metavar="STEP",
                        help="press a button that nothing else asks for: add_factor (then the key is printed, and no page), sign_out_everywhere")
    parser.add_argument("--cookies", metavar="FILE", help="stay signed in there from one call to the next")
    arguments = parser.parse_args()

    browser, seen = Browser(origin_of(arguments.address), arguments.cookies), set()
    page, left_for = browser.go(arguments.address)
    while page:
        print("page: %s" % page.title, file=sys.stderr)
        if page.forms and "://" in page.forms[0]["action"]:
            # An answer that travels as a form.
            left_for = "%s?%s" % (page.forms[0]["action"], urllib.parse.urlencode(page.forms[0]["fields"]))
            break
        form, step, fields = answer(page, arguments, seen)
        if form is None:
            break
        seen.add(step)
        if len(seen) > MOST_PAGES:
            raise SystemExit("the pages lead in a circle")
        page, left_for = browser.go(urllib.parse.urljoin(arguments.address, form["action"]), {**form["fields"], **fields})
    browser.close()
    if left_for:
        print(left_for)
        parts = urllib.parse.urlsplit(left_for)
        told = dict(urllib.parse.parse_qsl(parts.query) + urllib.parse.parse_qsl(parts.fragment))
        return 1 if "error" in told else 0
    if "set_up_totp" not in seen:
        print("\n".join(page.lines))
    # The end of a page that was not to be the end: a refusal, or a form that could not be filled in.
    stuck = page.alert or page.status >= 400 or "consent" in page.steps() or "password" in page.steps()
    return 1 if stuck else 0


if __name__ == "__main__":
    sys.exit(main())
