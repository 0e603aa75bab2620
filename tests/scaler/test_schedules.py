"""Whatever is delivered and whatever fails: the counts are those of the pure rules, fed with what could be read."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cortex_cdk.autoscaling import History, LoadReport, Observation, Policy, decide, observe, rollout
from cortex_cdk.scaler.service_tags import Strategy
from cortex_cdk.scaler.settings import Settings
from cortex_cdk.scaler.tick import Scaler
from tests.support.aws import CLUSTER, NEW, TABLE, FakeAws, fails

POLICIES = [
    Policy(min_replicas=1, max_replicas=20, window_s=20, downscale_stabilization_period_s=40),
    Policy(min_replicas=3, init_replicas=5, max_replicas=8, window_s=30, downscale_stabilization_period_s=0),
    Policy(max_replicas=50, target_replica_concurrency=0.5, window_s=60, upscale_window_s=10),
    Policy(max_replicas=20, window_s=10, upscale_stabilization_period_s=30, downscale_stabilization_period_s=20),
]
BLIND = ("ListServices", "DescribeServices", "BatchGetItem")
SPARE = "spare"


class Schedule(RuleBasedStateMachine):
    """One API under test and one beside it that nothing ever happens to, on two processes."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeAws()
        self.now = NEW + 5
        self.policy = POLICIES[0]
        self.count = 2
        self.history = History()
        self.slot: int | None = None
        self.fake.add_service("iris", self.policy, desired=self.count)
        self.fake.add_service(SPARE, POLICIES[0], desired=7)
        self.lines: list[dict[str, object]] = []
        self.clock = self.now
        self.processes = [
            Scaler(
                Settings(cluster=CLUSTER, table=TABLE, threads=2),
                self.fake.aws,
                clock=lambda: self.clock,
                write=lambda line: self.lines.append(json.loads(line)),
            )
            for _ in range(2)
        ]

    def teardown(self) -> None:
        for process in self.processes:
            process.close()

    @rule(seconds=st.sampled_from([0.1, 3, 10, 10, 10, 10, 25, 300]))
    def time_passes(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 3)

    @rule(
        in_flight=st.sampled_from([0, 0.4, 1, 2.5, 7, 30]),
        replica=st.sampled_from("ab"),
        late=st.integers(1, 4),
        seconds=st.sampled_from([10, 10, 10, 3]),
    )
    def replica_reports(self, in_flight: float, replica: str, late: int, seconds: float) -> None:
        self.fake.report("iris", self.now - 10 * late, in_flight, replica, seconds)

    @rule(in_flight=st.sampled_from([0, 1, 5, 12, 40]))
    def replica_reports_and_the_usual_tick_comes(self, in_flight: float) -> None:
        self.time_passes(10)
        self.replica_reports(in_flight, "a", 1, 10)
        self.tick(0, 0, None)

    @rule(policy=st.sampled_from(POLICIES))
    def policy_changes(self, policy: Policy) -> None:
        self.policy = policy
        self.fake.retag("iris", policy)

    @rule(count=st.integers(0, 25))
    def user_sets_the_count(self, count: int) -> None:
        self.count = count
        self.fake.service("iris")["desiredCount"] = count

    @precondition(lambda self: self.slot is not None)
    @rule()
    def state_is_lost(self) -> None:
        del self.fake.items["scaler#iris", "state"]
        self.slot, self.history = None, History()
        for process in self.processes:
            process._finished_slot = None

    @rule(
        process=st.integers(0, 1),
        clock_is_off=st.sampled_from([0, 0, 0, -2, 2]),
        fault=st.sampled_from([None, None, *BLIND, "Query", "PutItem", "UpdateService", "lost PutItem", "lost Update"]),
    )
    def tick(self, process: int, clock_is_off: float, fault: str | None) -> None:
        self.fake.faults = [fails(fault, when=_is_not_about_spare)] if fault and not fault.startswith("lost") else []
        self.fake.lost = []
        if fault == "lost PutItem":
            self.fake.lost = [fails("PutItem", when=_is_not_about_spare)]
        if fault == "lost Update":
            self.fake.lost = [fails("UpdateService", when=_is_not_about_spare)]
        self.clock = round(self.now + clock_is_off, 3)
        self.processes[process].tick()
        self.model_ticks(fault)

    def model_ticks(self, fault: str | None) -> None:
        """The rules alone."""
        slot = int(self.clock // 10)
        if fault in BLIND or (self.slot is not None and slot <= self.slot <= slot + 6):
            return
        observation = observe(self.policy, self.readable(), self.clock, self.count)
        if fault == "Query":
            observation = Observation(replicas=self.count, average_in_flight=None)
        decision = decide(self.policy, observation, self.history, self.clock)
        if fault == "PutItem":
            return
        self.slot, self.history = slot, decision.history
        if fault not in ("lost PutItem", "UpdateService"):
            self.count = decision.desired

    def readable(self) -> list[LoadReport]:
        """Every report that has been written, back to three buckets before the window of the oldest fresh one."""
        since = self.clock - 20 - self.policy.window_s - 30 - 10
        return [
            LoadReport(sk[11:], int(sk[:10]), float(item["in_flight"]["N"]), float(item["seconds"]["N"]))
            for (pk, sk), item in self.fake.items.items()
            if pk == "load#iris" and int(sk[:10]) > since
        ]

    @invariant()
    def count_is_that_of_the_rules(self) -> None:
        assert self.fake.desired("iris") == self.count
        assert self.fake.desired(SPARE) == 7

    @invariant()
    def faults_of_one_api_are_not_those_of_another(self) -> None:
        failed = [line["message"] for line in self.lines if line.get("Api") == SPARE and line["result"] == "failed"]
        assert all("BatchGetItem" in str(message) for message in failed)

    @invariant()
    def percents_belong_to_the_count_that_was_set_last(self) -> None:
        updates = [update for update in self.fake.called("UpdateService") if update["service"].endswith("/iris")]
        for update in updates:
            configuration = update["deploymentConfiguration"]
            found = configuration["maximumPercent"], configuration["minimumHealthyPercent"]
            assert found == tuple(rollout(Strategy(), update["desiredCount"]))


def _is_not_about_spare(request: dict[str, object]) -> bool:
    return f"{SPARE}'" not in str(request) or "services" in request or "RequestItems" in request


Schedule.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestSchedules = Schedule.TestCase
