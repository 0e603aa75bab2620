"""The rules of a listener: one exact path for each API."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct, IConstruct

from cortex_cdk.constructs.priority import Claims, priority_of
from cortex_cdk.spec.cluster.model import JwtVerification

MAX_PATH = 128
"""Characters of a path that a rule can match
(https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html)."""

# By app and listener: a listener may be imported more than once.
_CLAIMS: WeakKeyDictionary[IConstruct, dict[str, Claims]] = WeakKeyDictionary()


class ListenerRules:
    """Adds rules to ``listener``, before each of which a token is verified where ``jwt`` says so."""

    def __init__(self, listener: elbv2.IApplicationListener, jwt: JwtVerification | None) -> None:
        self.listener = listener
        self._jwt = jwt

    def add(
        self,
        scope: Construct,
        id: str,
        *,
        api: str,
        path: str,
        target_group: elbv2.IApplicationTargetGroup,
        priority: int | None,
    ) -> Sequence[str]:
        """See ``Endpoint.add_api``."""
        priority = priority_of(api) if priority is None else priority
        problems = self._claims(scope).claim(api, path, priority)
        if len(path) > MAX_PATH:
            problems.append(f"its path has {len(path)} characters, at most {MAX_PATH} can be matched: {path}")
        action = elbv2.ListenerAction.forward([target_group])
        if self._jwt is not None:
            action = elbv2.ListenerAction.authenticate_jwt(
                issuer=self._jwt.issuer, jwks_endpoint=self._jwt.jwks_uri, next=action
            )
        elbv2.ApplicationListenerRule(
            scope,
            id,
            listener=self.listener,
            priority=max(1, priority),  # a wrong one is reported with all else that is wrong
            conditions=[elbv2.ListenerCondition.path_patterns([path])],
            action=action,
        )
        return problems

    def _claims(self, scope: Construct) -> Claims:
        return _CLAIMS.setdefault(scope.node.root, {}).setdefault(self.listener.listener_arn, Claims())
