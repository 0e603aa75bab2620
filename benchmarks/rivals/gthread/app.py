"""A Falcon app for gunicorn's threads. What it predicts with is built when a worker starts."""

import os

import falcon
from falcon import Request, Response


class Predict:
    def __init__(self) -> None:
        if os.environ["PREDICTOR"] == "model":
            from model import Model

            self._function = Model(os.environ["MODEL_SERVER"], os.environ["MODEL_NAME"]).predict
        else:
            from predictors import chosen

            self._function = chosen()

    def on_post(self, req: Request, resp: Response) -> None:
        resp.media = self._function(req.get_media())


app = falcon.App()
app.add_route("/predict", Predict())
