"""The errors that a predictor may see. Each says what to do; the HTTP front decides on the status by type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ModelInputError(ValueError):
    """The model input given to ``tensorflow_client.predict()`` does not fit the model's signature.

    When a predictor lets it through, the request is answered with 400.

    Attributes:
        input_name: the input at fault, or None when the error is about the whole input.
        dtype: its dtype in the signature, such as ``float32``, or None.
        shape: its shape in the signature (-1 for an unknown dimension; None when the rank is unknown or no
            single input is at fault).
    """

    def __init__(
        self,
        message: str,
        *,
        input_name: str | None = None,
        dtype: str | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(message)
        self.input_name = input_name
        self.dtype = dtype
        self.shape = list(shape) if shape is not None else None

    def details(self) -> Mapping[str, Any]:
        """Fields for a JSON error body: ``input``, ``dtype`` and ``shape`` where one input is at fault."""
        if self.input_name is None:
            return {}
        return {"input": self.input_name, "dtype": self.dtype, "shape": self.shape}


class SignatureError(ValueError):
    """The model has no signature that can be used: the configured key is absent, or none can be chosen."""


class ModelServerError(RuntimeError):
    """The model server failed or could not be reached; ``code`` is the gRPC status name, such as ``UNAVAILABLE``."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
