"""The replica keeps to its own OpenAPI document, whatever is sent by it or against it."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.fuzz.target import Target

OPERATIONS = (
    *(("POST", "/api"), ("GET", "/api"), ("OPTIONS", "/api")),
    *(("GET", path) for path in ("/livez", "/readyz", "/metrics")),
)
# The predictor decides what it takes: any JSON is good to the document, and any of it may be a 400 to the model.
EXCLUDED = [positive_data_acceptance, negative_data_rejection]


@pytest.fixture(scope="module")
def schema(target: Target) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{target.replica.port}/openapi.json")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_requests_by_the_document_and_against_it(
    schema: schemathesis.BaseSchema, target: Target, method: str, path: str
) -> None:
    operation = schema[path][method]
    generation = schemathesis.GenerationMode
    cases = st.one_of(
        [operation.as_strategy(generation_mode=mode) for mode in (generation.POSITIVE, generation.NEGATIVE)]
    )

    @settings(suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
    @given(cases)
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(excluded_checks=EXCLUDED)

    check()
    target.check_log()
    target.check_idle()
