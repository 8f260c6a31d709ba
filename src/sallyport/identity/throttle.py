"""How often someone may try to log in: per account and per source, in bounded memory. No clock.

NIST SP 800-63B-4 section 3.2.2 and OWASP ASVS 6.3: waiting times that double. Waiting is never a lock-out that an
attacker controls: an attempt with the right one-time code of a step that has not been used for this yet passes
the wait, so whoever holds the authenticator gets in within one step (30 s), however hard others try.
To an attacker this opens one guess of the password for each guessed code.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

from msgspec import Struct


class DelayRule(Struct, frozen=True, kw_only=True):
    """`free` attempts, then waits of `first` seconds, doubling up to `cap`; forgotten after `forget` quiet seconds."""

    free: int
    first: float = 1.0
    cap: float = 900.0
    forget: float = 86_400.0


ACCOUNT = DelayRule(free=5)
SOURCE = DelayRule(free=30, cap=300.0, forget=3600.0)


class Penalty(Struct, frozen=True):
    """Attempts that count against one account or source, and the time before which none is admitted."""

    attempts: int = 0
    until: float = 0.0
    last: float = 0.0


def penalise(penalty: Penalty, now: float, rule: DelayRule) -> Penalty:
    """The penalty after one more attempt that did not succeed (or has not yet)."""
    attempts = penalty.attempts + 1
    return Penalty(attempts, now + delay(attempts, rule), now)


def delay(attempts: int, rule: DelayRule) -> float:
    """Seconds to wait after so many attempts."""
    excess = attempts - rule.free
    return 0.0 if excess < 0 else min(rule.cap, rule.first * 2.0 ** min(excess, 60))


def source_key(source: str) -> str:
    """The network that an attempt came from: an IPv4 address, an IPv6 /64 (one subscriber has a whole one)."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), 64), strict=False).network_address)
    return str(address)


class Table:
    """Penalties by key, oldest attempt first.

    When the table is full, new keys share one penalty: a flood of invented names or sources makes nobody's
    penalty be forgotten, and costs no memory.
    """

    OVERFLOW = "\0overflow"

    def __init__(self, rule: DelayRule, capacity: int) -> None:
        self._rule, self._capacity = rule, capacity
        self._rows: OrderedDict[str, Penalty] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Seconds until an attempt is admitted, 0 if it is now."""
        self._forget(now)
        return max(0.0, self._rows.get(self._place(key), Penalty()).until - now)

    def count(self, key: str, now: float) -> None:
        """Count an attempt before its outcome is known, so that parallel attempts cannot outrun the count."""
        place = self._place(key)
        self._rows[place] = penalise(self._rows.get(place, Penalty()), now, self._rule)
        self._rows.move_to_end(place)

    def clear(self, key: str) -> None:
        """Forget the attempts on an account whose person has proven both factors."""
        self._rows.pop(key, None)

    def refund(self, key: str) -> None:
        """Take one attempt back: the one that succeeded. What others tried from there still counts."""
        place = self._place(key)
        penalty = self._rows.get(place)
        if penalty is not None and penalty.attempts > 0:
            fewer = penalty.attempts - 1
            self._rows[place] = Penalty(fewer, penalty.last + delay(fewer, self._rule), penalty.last)

    def __len__(self) -> int:
        return len(self._rows)

    def _place(self, key: str) -> str:
        return key if key in self._rows or len(self._rows) < self._capacity else self.OVERFLOW

    def _forget(self, now: float) -> None:
        while self._rows:
            key, penalty = next(iter(self._rows.items()))
            if penalty.last + self._rule.forget > now:
                return
            del self._rows[key]


class Throttle:
    """Admits login attempts. Times are monotonic seconds."""

    def __init__(
        self, *, account: DelayRule = ACCOUNT, source: DelayRule = SOURCE, capacity: int = 16_384
    ) -> None:
        self._accounts, self._sources = Table(account, capacity), Table(source, capacity)
        self._passed: dict[str, int] = {}  # account -> last step that passed a wait; only real people's

    def admit(self, account: str, source: str, now: float, step: int | None) -> float:
        """0 if the attempt may go on (it is then counted), else the seconds to wait.

        `step` is the time step of a right one-time code of this account, None if the code was not right.
        """
        wait = max(self._accounts.wait(account, now), self._sources.wait(source, now))
        if wait and not self._pass(account, step):
            return wait
        self._accounts.count(account, now)
        self._sources.count(source, now)
        return 0.0

    def succeeded(self, account: str, source: str) -> None:
        """Both factors were proven."""
        self._accounts.clear(account)
        self._sources.refund(source)

    def _pass(self, account: str, step: int | None) -> bool:
        if step is None or step <= self._passed.get(account, 0):
            return False
        self._passed[account] = step
        return True
