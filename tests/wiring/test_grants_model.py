"""Grants, approvals, locks, time and running answers on two workers with one store, against a model of a few lines.

Whatever the order of acts: nobody has access after its end, without the needed approvals, or by their own word.
"""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from memory_store import MemoryStore

from sallyport.access.grant_book import GrantBook
from sallyport.access.grant_rules import Terms
from sallyport.access.grants import Requestable
from sallyport.access.room import AccessRoom
from sallyport.access.service import AccessService
from sallyport.errors import Refusal
from sallyport.gateway.ports import Question
from sallyport.identity import revocation
from sallyport.identity.revocation import RevocationFeed
from sallyport.model import Device, Model, Principal, TlsFacts
from sallyport.wiring.adapters import Policies

START, LONGEST, ANSWER = 1_800_000_000, 7200, 3600
PEOPLE = {
    "sam": ("support-agent",),
    "dan": ("lead", "support-agent"),
    "kim": ("lead", "owner", "support-agent"),
    "lea": ("lead",),
    "oli": ("owner",),
}
MODELS = {
    name: Model(
        name=name, segment=name, environment="prod", upstream="u", upstream_model="m", surfaces=("chat",)
    )
    for name in ("analysis", "tuning")
}
ELIGIBLE = frozenset({"support-agent"})
RULES = {
    ("role", "analyst"): Requestable(
        kind="role", name="analyst", eligible=ELIGIBLE, approvers={"lead": 1, "owner": 1},
        most_seconds=LONGEST, extend_seconds=LONGEST, emergency_seconds=600,
    ),
    ("model", "tuning"): Requestable(
        kind="model", name="tuning", eligible=ELIGIBLE, approvers={"owner": 1}, most_seconds=LONGEST
    ),
}  # fmt: skip
OPENS = {"analyst": "analysis", "tuning": "tuning"}
# Those whose word counts somewhere come first and more often.
approvers = st.sampled_from(["kim", "oli", "lea", "dan", "kim", "oli", "sam"])
names, things = st.sampled_from(sorted(PEOPLE)), st.sampled_from(sorted(OPENS))
workers, spans = st.integers(0, 1), st.sampled_from([60, 600, LONGEST])


class Expected:
    """A request as the model knows it."""

    def __init__(self, who, thing, seconds, now):
        self.who, self.thing, self.seconds, self.asked = who, thing, seconds, now
        self.agreed, self.more_agreed = set(), set()
        self.since = self.until = self.more = 0
        self.over = self.extended = False

    def enough(self, agreed):
        if self.thing == "tuning":
            return any("owner" in PEOPLE[name] for name in agreed)
        pairs = itertools.permutations(agreed, 2)
        return any("lead" in PEOPLE[a] and "owner" in PEOPLE[b] for a, b in pairs)

    def counts_for(self, name):
        wanted = {"owner"} if self.thing == "tuning" else {"lead", "owner"}
        return name != self.who and bool(wanted & set(PEOPLE[name]))

    def live(self, now):
        return not self.over and bool(self.since) and self.since <= now < self.until

    def pending(self, now):
        return not self.over and not self.since and now < self.asked + ANSWER


class Worker:
    """One process: its own feed, copy and decisions over the shared store."""

    def __init__(self, machine):
        clock = lambda: machine.now  # noqa: E731
        self.feed = RevocationFeed(machine.store, clock_monotonic=clock, stale=1e9, clock=clock)
        self.book = GrantBook(machine.store, RULES, bump=revocation.bump(), clock=clock)
        self.feed.follow(self.book.load)
        self.book.learn = self.feed.poll
        room = AccessRoom.build(None, tuple(MODELS.values()), dict.fromkeys(MODELS, "prod"))
        self.policies = Policies(room, self.feed, self.book, clock)
        self.service = AccessService(
            self.book, terms=Terms(answer_seconds=ANSWER), random=machine.random, names={"everything": [""]}
        )


class Access(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.loop = asyncio.new_event_loop()
        self.now, self.count = START, itertools.count(1)
        self.store, self.expected, self.locks, self.running = MemoryStore(), {}, {}, {}
        self.workers = [Worker(self), Worker(self)]
        self.noted = []
        for name, thing in itertools.product(("sam", "dan", "kim"), OPENS):
            self.request(0, name, thing, 600)

    def teardown(self):
        if hasattr(self, "loop"):
            self.loop.close()

    def random(self, length):
        return next(self.count).to_bytes(length, "big")

    def principal(self, name, age=0):
        return Principal(
            id=f"local|{name}", roles=PEOPLE[name], mfa=True, auth_time=self.now - age, session=name
        )

    async def write(self, noted):
        self.noted.append(noted)

    def run(self, work):
        return self.loop.run_until_complete(work)

    def act(self, worker, name, document, age=0):
        service = self.workers[worker].service
        return service.act(service.read(document), self.principal(name, age), self.write)

    def synced(self):
        for worker in self.workers:
            assert self.run(worker.feed.poll())

    @rule(worker=workers, name=names, thing=things, seconds=st.sampled_from([60, 600, LONGEST, LONGEST + 1]))
    def request(self, worker, name, thing, seconds):
        document = {"action": "request", "name": thing, "seconds": seconds, "reason": "r"}
        made = self.run(self.act(worker, name, document))
        mine = [e for e in self.expected.values() if (e.who, e.thing) == (name, thing)]
        busy = any(e.pending(self.now) or e.live(self.now) for e in mine)
        allowed = "support-agent" in PEOPLE[name] and seconds <= LONGEST and not busy
        assert allowed != isinstance(made, Refusal)
        if allowed:
            self.expected[made["id"]] = Expected(name, thing, seconds, self.now)

    def one(self, data):
        return data.draw(st.sampled_from(sorted(self.expected)))

    @rule(worker=workers, name=approvers, data=st.data(), age=st.sampled_from([0, 0, 900, 901]))
    def approve(self, worker, name, data, age):
        key = self.one(data)
        done = self.run(self.act(worker, name, {"action": "approve", "id": key}, age))
        assert self.approved(key, name, age) != isinstance(done, Refusal)

    def approved(self, key, name, age=0):
        """What the model makes of it; whether it counted."""
        e = self.expected[key]
        if not e.counts_for(name) or age > 900:
            return False
        if e.pending(self.now) and name not in e.agreed:
            e.agreed.add(name)
            if e.enough(e.agreed):
                e.since, e.until = self.now, self.now + e.seconds
            return True
        if e.live(self.now) and e.more and self.now < e.more_by and name not in e.more_agreed:
            e.more_agreed.add(name)
            if e.enough(e.more_agreed):
                e.until, e.more, e.extended = e.until + e.more, 0, True
            return True
        return False

    @rule(first=approvers, second=approvers, data=st.data())
    def approve_at_once_on_both(self, first, second, data):
        key = self.one(data)

        async def both():
            acts = [
                self.act(w, name, {"action": "approve", "id": key}) for w, name in enumerate((first, second))
            ]
            return await asyncio.gather(*acts)

        done = self.run(both())
        counted = sum(not isinstance(d, Refusal) for d in done)
        assert counted == self.approved(key, first) + self.approved(key, second)

    @rule(worker=workers, name=names, data=st.data(), action=st.sampled_from(["drop", "deny"]))
    def end(self, worker, name, data, action):
        key = self.one(data)
        done = self.run(self.act(worker, name, {"action": action, "id": key}))
        e = self.expected[key]
        may = e.who == name if action == "drop" else e.counts_for(name)
        ends = may and (e.pending(self.now) or e.live(self.now))
        assert ends != isinstance(done, Refusal)
        e.over = e.over or ends

    @rule(worker=workers, name=names, data=st.data(), seconds=spans)
    def extend(self, worker, name, data, seconds):
        key = self.one(data)
        document = {"action": "extend", "id": key, "seconds": seconds, "reason": "r"}
        done = self.run(self.act(worker, name, document))
        e = self.expected[key]
        open_already = e.more and self.now < e.more_by
        may = e.who == name and e.live(self.now) and e.thing == "analyst" and not (e.extended or open_already)
        assert may != isinstance(done, Refusal)
        if may:
            e.more, e.more_by, e.more_agreed = seconds, self.now + ANSWER, set()

    @precondition(lambda self: not self.locks)
    @rule(worker=workers, seconds=st.sampled_from([0, 60]))
    def freeze(self, worker, seconds):
        document = {"action": "lock", "scope": "everything", "reason": "r", "seconds": seconds}
        lock = self.run(self.act(worker, "lea", document))
        self.locks[lock["id"]] = lock["until"]

    @precondition(lambda self: self.locks)
    @rule(worker=workers, data=st.data())
    def thaw(self, worker, data):
        key = data.draw(st.sampled_from(sorted(self.locks)))
        until = self.locks.pop(key)
        self.synced()
        lifted = self.run(self.act(worker, "lea", {"action": "unlock", "id": key}))
        assert isinstance(lifted, Refusal) == bool(until and until <= self.now)

    @rule(seconds=st.sampled_from([1, 59, 60, 599, 600, 3600]))
    def time_passes(self, seconds):
        self.now += seconds

    def question(self, worker, name, target):
        who = worker.book.elevated(self.principal(name, self.now - START))  # one session, whatever the time
        return Question(
            principal=who, device=Device(), tls=TlsFacts(version="TLSv1.3"), action="chat",
            model=MODELS[target], surface="chat", at=self.now,
        )  # fmt: skip

    def may(self, name, target):
        frozen = any(not until or self.now < until for until in self.locks.values())
        has = (e for e in self.expected.values() if e.who == name and OPENS[e.thing] == target)
        return not frozen and any(e.live(self.now) for e in has)

    @invariant()
    def access_is_what_the_model_says_and_running_answers_end_with_it(self):
        if not hasattr(self, "workers"):
            return
        self.synced()
        for number, name, target in itertools.product((0, 1), PEOPLE, MODELS):
            worker, place = self.workers[number], (number, name, target)
            asked = self.question(worker, name, target)
            allowed = worker.policies.decide(asked).allowed
            assert allowed == self.may(name, target), place
            if place in self.running:
                assert (worker.policies.stop(self.running[place]) is None) == allowed, place
            if allowed:  # from now on an answer runs, until it is cut
                self.running.setdefault(place, asked)
            else:
                self.running.pop(place, None)

    @invariant()
    def the_log_heard_of_everything_first(self):
        if hasattr(self, "noted"):
            logged = {noted.id for noted in self.noted}
            assert {*self.expected, *self.locks} <= logged


TestAccess = Access.TestCase
TestAccess.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
