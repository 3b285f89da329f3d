"""A client that keeps to the limits which a service states in its answers. Needs Python 3.9 and no packages.

Run as "python3 obeying_client.py URL NUMBER", it makes that many calls and prints the statuses that it received.
"""

# tag::client[]
import datetime
import email.utils
import re
import sys
import time
import urllib.error
import urllib.request


class ObeyingClient:
    """Calls one service, from one thread. A call waits for at most max_wait seconds in all."""

    def __init__(self, max_wait=60.0, retries=5):
        self.max_wait = max_wait
        self.retries = retries
        self.not_before = 0.0
        self.statuses = []

    def get(self, url):
        """Returns the status and the body of the last answer."""
        deadline = time.monotonic() + self.max_wait
        for attempt in range(self.retries + 1):
            if self.not_before > deadline:
                raise TimeoutError(f"The service asks to wait for more than {self.max_wait} s.")
            time.sleep(max(0.0, self.not_before - time.monotonic()))
            status, headers, body = self._call(url)
            wait = seconds_to_wait(status, headers)
            self.not_before = max(self.not_before, time.monotonic() + wait)
            denied = status in (429, 503)
            if not denied or attempt == self.retries or self.not_before > deadline:
                return status, body

    def _call(self, url):
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                status, headers, body = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            status, headers, body = answer.code, answer.headers, answer.read()
        self.statuses.append(status)
        return status, headers, body


def seconds_to_wait(status, headers):
    """Returns the seconds until the next call, 0 or more."""
    retry_after = headers.get("Retry-After")
    if status in (429, 503) and retry_after:
        if retry_after.isascii() and retry_after.isdigit():
            return int(retry_after)
        try:
            date = email.utils.parsedate_to_datetime(retry_after)
            return max(0.0, (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds())
        except (TypeError, ValueError):
            pass  # unreadable, so the other header decides
    wait = 0
    for limit in (headers.get("RateLimit") or "").split(","):  # such as "burst";r=0;t=1
        numbers = dict(re.findall(r";\s*([rt])=(\d{1,9})", limit))
        if numbers.get("r") == "0":
            wait = max(wait, int(numbers.get("t", 0)))
    return wait
# end::client[]


if __name__ == "__main__":
    client = ObeyingClient()
    for _ in range(int(sys.argv[2])):
        client.get(sys.argv[1])
    print(*client.statuses)
