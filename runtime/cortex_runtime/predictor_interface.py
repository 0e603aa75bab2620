"""What a ``TensorFlowPredictor`` class must look like. Shared by the worker and by ``cortex-cdk validate``."""

from __future__ import annotations

import inspect

CLASS_NAME = "TensorFlowPredictor"
# Parameters by method, in order: the runtime passes them by position, as Cortex did.
METHODS: dict[str, tuple[str, ...]] = {
    "__init__": ("self", "tensorflow_client", "config"),
    "predict": ("self", "payload"),
}


def expected(method: str) -> str:
    """The signature that ``method`` must have, as one would write it: ``def predict(self, payload)``."""
    return f"def {method}({', '.join(METHODS[method])})"


def signature_problem(method: str, signature: inspect.Signature) -> str | None:
    """Say what is wrong with a method's signature, or None.

    Args:
        method: a key of ``METHODS``.
        signature: the function's signature as defined in the class, ``self`` included.

    Further parameters are fine when they have defaults; so are ``*args`` and ``**kwargs``, defaults and annotations.
    """
    names = METHODS[method]
    parameters = list(signature.parameters.values())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    surplus = [p.name for p in positional[len(names) :] if p.default is p.empty]
    surplus += [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if tuple(p.name for p in positional[: len(names)]) != names or surplus:
        found = inspect.Signature([p.replace(annotation=p.empty) for p in parameters])
        return f"{CLASS_NAME}.{method} must be defined as `{expected(method)}`, but is `def {method}{found}`"
    return None
