"""Any sequence of logins, look-ups, refreshes, ends and administrators' acts, in two processes around one store,
against a model that is a few lines long: access ends when it ends, whoever ended it and wherever one asks.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from identity_world import ADMIN, PASSWORD, Clock, World
from memory_store import MemoryStore

from sallyport.errors import Refusal
from sallyport.identity.directory_records import IssuedKey
from sallyport.identity.throttle import DelayRule, Throttle
from sallyport.model import Principal

KEY, SESSION, IDLE, NOTED = 3600, 43_200, 1800, 60
FREE = DelayRule(free=10**9)
PEOPLE, PROCESSES = ("ann", "sam"), (0, 1)
PAUSES = (1, 29, 30, 31, 60, 299, 900, 1740, 1800, 1801, 3599, 3600, 10_000, 43_199, 43_200)


@dataclass
class Session:
    person: str
    began: int
    last_used: int
    key: str
    ended: bool = False


@dataclass
class Key:
    session: str
    issued: int
    replaced: int | None = None


@dataclass
class Model:
    """What ought to be true. Times in seconds."""

    suspended: set[str] = field(default_factory=set)
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    last_step: dict[str, int] = field(default_factory=dict)
    not_before: dict[str, int] = field(default_factory=dict)  # by an administrator of the directory
    revoked: dict[str, int] = field(default_factory=dict)  # by the feed
    sessions: dict[str, Session] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)

    def ends(self, session: Session, now: int) -> bool:
        before = max(self.not_before.get(session.person, 0), self.revoked.get(session.person, 0))
        return (
            session.ended
            or session.person in self.suspended
            or session.began <= before
            or now >= session.began + SESSION
            or now - session.last_used > IDLE
        )

    def unsure(self, session: Session, now: int) -> bool:
        """A use is written once a minute: a process may think a session idle that much too early."""
        return now - session.last_used > IDLE - NOTED


class Sessions(RuleBasedStateMachine):
    keys = Bundle("keys")

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.store, self.clock, self.born = MemoryStore(), Clock(), 0
        self.model = Model()
        self.worlds = [self.process(), self.process()]
        for name in PEOPLE:
            self.run(self.worlds[0].enrol(name, "agent"))
            self.model.roles[name] = ("agent",)
            self.model.last_step[name] = self.now // 30 - 1
        self.share()

    def process(self) -> World:
        self.born += 1
        throttle = Throttle(account=FREE, source=FREE)
        return World(self.store, self.clock, seed=f"process{self.born}.", throttle=throttle)

    def share(self) -> None:
        """The authenticator is the person's: whatever process they talk to."""
        known = {name: secret for world in self.worlds for name, secret in world.totp.items()}
        for world in self.worlds:
            world.totp = known

    def run(self, work):
        return self.runner.run(work)

    @property
    def now(self) -> int:
        return int(self.clock())

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            for world in self.worlds:
                world.directory.close()
            self.runner.close()

    @rule(seconds=st.sampled_from(PAUSES))
    def wait(self, seconds):
        self.clock.forward(seconds)

    @rule(at=st.sampled_from(PROCESSES))
    def restart(self, at):
        self.run(self.worlds[at].sessions._upkeep.flush())
        totp = self.worlds[at].totp
        self.worlds[at].directory.close()
        self.worlds[at] = self.process()
        self.worlds[at].totp = totp

    @rule(at=st.sampled_from(PROCESSES))
    def purge(self, at):
        self.run(self.worlds[at].sessions._upkeep.purge())

    @rule(
        target=keys,
        at=st.sampled_from(PROCESSES),
        name=st.sampled_from(PEOPLE),
        drift=st.sampled_from([-2, -1, 0, 0, 0, 1, 2]),
        right=st.sampled_from([True, True, True, False]),
    )
    def login(self, at, name, drift, right):
        world, model, now = self.worlds[at], self.model, self.now
        step = now // 30 + drift
        expected = (
            right
            and abs(drift) <= 1
            and step > model.last_step[name]
            and name not in model.suspended
            and now > model.not_before.get(name, 0)
        )
        answer = self.run(
            world.try_login(name, password=PASSWORD if right else "wrong" * 4, code=world.code(name, drift))
        )
        assert isinstance(answer, IssuedKey) == expected, answer
        if not isinstance(answer, IssuedKey):
            return multiple()
        model.last_step[name] = step
        model.sessions[answer.session] = Session(name, now, now, answer.key)
        model.keys[answer.key] = Key(answer.session, now)
        return answer.key

    @rule(at=st.sampled_from(PROCESSES), key=keys)
    def lookup(self, at, key):
        world, model, now = self.worlds[at], self.model, self.now
        known = model.keys[key]
        session = model.sessions[known.session]
        dead = known.replaced is not None or now >= known.issued + KEY or model.ends(session, now)
        self.run(world.feed.poll())
        answer = self.run(world.sessions.lookup(key))
        if dead:
            assert isinstance(answer, Refusal)
        elif isinstance(answer, Refusal):
            assert model.unsure(session, now), answer
        else:
            assert isinstance(answer, Principal)
            assert (answer.id, answer.session) == (f"local|{session.person}", known.session)
            assert (answer.roles, answer.mfa) == (model.roles[session.person], True)
            session.last_used = now
            self.run(world.sessions._upkeep.flush())

    @rule(target=keys, at=st.sampled_from(PROCESSES), key=keys)
    def refresh(self, at, key):
        world, model, now = self.worlds[at], self.model, self.now
        known = model.keys[key]
        session = model.sessions[known.session]
        dead = known.replaced is not None or model.ends(session, now) or now < known.issued + 60
        answer = self.run(world.sessions.refresh(key))
        if known.replaced is not None and now - known.replaced > 30:
            session.ended = True
        if isinstance(answer, Refusal):
            assert dead or model.unsure(session, now), answer
            return multiple()
        assert not dead
        known.replaced, session.last_used, session.key = now, now, answer.key
        model.keys[answer.key] = Key(known.session, now)
        return answer.key

    @rule(at=st.sampled_from(PROCESSES), key=consumes(keys))
    def logout(self, at, key):
        self.run(self.worlds[at].directory.logout(key))
        self.model.sessions[self.model.keys[key].session].ended = True
        self.refused_everywhere(key)

    @rule(at=st.sampled_from(PROCESSES), key=keys)
    def end(self, at, key):
        session = self.model.keys[key].session
        self.run(self.worlds[at].sessions.end(session, by=ADMIN, reason="test"))
        self.model.sessions[session].ended = True
        self.refused_everywhere(key)

    @rule(at=st.sampled_from(PROCESSES), name=st.sampled_from(PEOPLE))
    def suspend(self, at, name):
        self.run(self.worlds[at].directory.suspend(name, by=ADMIN))
        self.model.suspended.add(name)
        self.model.not_before[name] = self.now

    @rule(at=st.sampled_from(PROCESSES), name=st.sampled_from(PEOPLE))
    def resume(self, at, name):
        self.run(self.worlds[at].directory.resume(name, by=ADMIN))
        self.model.suspended.discard(name)

    @rule(
        at=st.sampled_from(PROCESSES),
        name=st.sampled_from(PEOPLE),
        roles=st.sets(st.sampled_from(["agent", "analyst"])),
    )
    def set_roles(self, at, name, roles):
        self.run(self.worlds[at].directory.set_roles(name, roles, by=ADMIN))
        self.model.roles[name] = tuple(sorted(roles))

    @rule(at=st.sampled_from(PROCESSES), name=st.sampled_from(PEOPLE))
    def revoke_principal(self, at, name):
        self.run(self.worlds[at].feed.revoke_principal(f"local|{name}", by=ADMIN, reason="test"))
        self.model.revoked[name] = self.now

    @rule(at=st.sampled_from(PROCESSES))
    def revoke_everything(self, at):
        self.run(self.worlds[at].feed.revoke_everything(by=ADMIN, reason="test"))
        self.model.revoked |= dict.fromkeys(PEOPLE, self.now)

    @rule(at=st.sampled_from(PROCESSES), name=st.sampled_from(PEOPLE))
    def recover(self, at, name):
        if name in self.model.suspended:
            return
        world = self.worlds[at]
        link = self.run(world.directory.recovery_link(name, by=ADMIN))
        self.clock.forward(900)
        self.run(world.take(link.secret, name))
        self.share()
        self.model.not_before[name] = self.now - 30
        self.model.last_step[name] = self.now // 30 - 1

    def refused_everywhere(self, key):
        for world in self.worlds:
            assert (
                self.run(world.ask(key))
                != f"local|{self.model.sessions[self.model.keys[key].session].person}"
            )

    @invariant()
    def no_key_and_no_password_is_stored(self):
        if hasattr(self, "model"):
            stored = self.store.stored()
            assert PASSWORD.encode() not in stored
            assert not any(key.encode() in stored for key in self.model.keys)


TestSessions = Sessions.TestCase
TestSessions.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
