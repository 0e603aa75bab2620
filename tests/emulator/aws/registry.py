"""ECR's answer to a question for an image that is not there. The CLI asks before it builds one."""

from __future__ import annotations

from typing import Any

from ministack.services import ecr


def install() -> None:
    """Have ``DescribeImages`` fail for images that are not there, as the service does."""
    answer = ecr._describe_images

    def describe_images(request: dict[str, Any]) -> Any:
        response = answer(request)
        wanted = request.get("imageIds") or ()
        if response[0] == 200 and not all(ecr._find_image(request["repositoryName"], image) for image in wanted):
            message = "The image requested does not exist in the repository"
            return ecr.error_response_json("ImageNotFoundException", message, 400)
        return response

    ecr._describe_images = describe_images
