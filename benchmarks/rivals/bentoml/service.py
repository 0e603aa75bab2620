"""The service that ``serve.py`` has BentoML serve."""

import bentoml
from predictors import chosen


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Iris:
    def __init__(self) -> None:
        self._function = chosen()

    @bentoml.api(route="/predict")
    def predict(self, sepal_length: float, sepal_width: float, petal_length: float, petal_width: float) -> str:
        return self._function(
            {
                "sepal_length": sepal_length,
                "sepal_width": sepal_width,
                "petal_length": petal_length,
                "petal_width": petal_width,
            }
        )
