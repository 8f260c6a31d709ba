"""How often someone may try to log in: per account and per source, in bounded memory. No clock.

NIST SP 800-63B-4 section 3.2.2, RFC 4226 section 7.3: waiting times that double, whichever factor was wrong. Waiting
must not become a lock-out that an attacker controls. So each device from which a person has logged in, or enrolled,
holds a token (OWASP "device cookie") and is counted by itself: attempts from elsewhere never make it wait. The token
opens nothing else. Without one, an account under attack waits; a recovery link brings a new token.
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
    until: float = float("-inf")
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
    """Admits login attempts. Times are monotonic seconds; `device` is the digest of a known device's token, or ""."""

    def __init__(
        self, *, account: DelayRule = ACCOUNT, source: DelayRule = SOURCE, capacity: int = 16_384
    ) -> None:
        self._accounts, self._sources = Table(account, capacity), Table(source, capacity)
        self._devices = Table(account, capacity)  # only real people's real devices: nobody can flood it

    def admit(self, account: str, source: str, now: float, device: str = "") -> float:
        """0 if the attempt may go on (it is then counted), else the seconds to wait."""
        counters = self._counters(account, source, device)
        wait = max(table.wait(key, now) for table, key in counters)
        if not wait:
            for table, key in counters:
                table.count(key, now)
        return wait

    def succeeded(self, account: str, source: str, device: str = "") -> None:
        """Both factors were proven."""
        (table, key), *sources = self._counters(account, source, device)
        table.clear(key)
        for spread, place in sources:
            spread.refund(place)

    def _counters(self, account: str, source: str, device: str) -> list[tuple[Table, str]]:
        if device:
            return [(self._devices, f"{account}\n{device}")]
        return [(self._accounts, account), (self._sources, source)]
