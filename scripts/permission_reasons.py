"""Why each permission is there, for ``generate_permissions.py``. Who adds a grant adds its reason here."""

from __future__ import annotations

_LOG = "its own log"
_PULL = "pull the three images"
_LIBRARY = "comes with the library's grant"
_MODEL = "see what there is below the model's key, and nothing else of the bucket"
_READ = "read the model"

ROLES: dict[str, tuple[str, dict[str, str]]] = {
    "Cluster/Scaler/Role": (
        "The Lambda of the scaler",
        {
            "logs:CreateLogStream": _LOG,
            "logs:PutLogEvents": _LOG,
            "sqs:SendMessage": "send itself the ticks of the next minute",
            "sqs:ReceiveMessage": "take the ticks: Lambda polls the queue with this role",
            "sqs:DeleteMessage": "remove a tick that is done",
            "sqs:GetQueueAttributes": "Lambda's polling",
            "sqs:ChangeMessageVisibility": _LIBRARY,
            "sqs:GetQueueUrl": _LIBRARY,
            "ecs:ListServices": "find the services; it has no resource level, the condition limits it to the cluster",
            "ecs:DescribeServices": "their counts, percents and tags",
            "ecs:UpdateService": "set the count and the percents, of services that carry the scaler's tag",
            "dynamodb:Query": "the load reports of an API",
            "dynamodb:BatchGetItem": "the former decisions, 100 a call",
            "dynamodb:PutItem": "its decisions; it cannot write load reports",
        },
    ),
    "Cluster/Instances-default/Role": (
        "The instances of a group",
        {
            "ecs:RegisterContainerInstance": "join the cluster",
            "ecs:DeregisterContainerInstance": "leave it",
            "ecs:SubmitAttachmentStateChanges": "report network interfaces of tasks",
            "ecs:SubmitContainerStateChange": "report containers",
            "ecs:SubmitTaskStateChange": "report tasks",
            "ecs:Poll": "be told what to run; of instances of this cluster",
            "ecs:StartTelemetrySession": "report CPU and memory; of instances of this cluster",
            "ecs:DiscoverPollEndpoint": "where to ask; it has no resource level",
        },
    ),
    "Cluster/Vpc/FlowLog/IAMRole": (
        "The flow log of the VPC",
        {
            "logs:CreateLogStream": _LOG,
            "logs:PutLogEvents": _LOG,
            "logs:DescribeLogStreams": _LOG,
        },
    ),
    "Api/Task/Definition/TaskRole": (
        "The containers of a replica, and so the predictor",
        {
            "s3:ListBucket": _MODEL,
            "s3:GetObject": _READ,
            "dynamodb:PutItem": "write load reports of this API, and of no other",
        },
    ),
    "Api/Task/Definition/ExecutionRole": (
        "ECS, when it starts a replica",
        {
            "ecr:GetAuthorizationToken": "sign in to the account's registry; it has no resource level",
            "ecr:BatchCheckLayerAvailability": _PULL,
            "ecr:GetDownloadUrlForLayer": _PULL,
            "ecr:BatchGetImage": _PULL,
            "logs:CreateLogStream": "the containers' log",
            "logs:PutLogEvents": "the containers' log",
        },
    ),
    "Api/Model/Role": (
        "The look-up of the model's version at deployment",
        {
            "logs:CreateLogStream": _LOG,
            "logs:PutLogEvents": _LOG,
            "s3:ListBucket": _MODEL,
            "s3:GetObject": _READ,
        },
    ),
}
"""By path: what the role is for, and why it may do what."""

_TLS = "without TLS"
_ALARMS = "send alarms to an encrypted topic"
RESOURCES: dict[str, dict[str, str]] = {
    "Cluster/Endpoint/AccessLogs": {
        "Deny s3:*": _TLS,
        "s3:PutObject": "write access logs, of load balancers of this account",
    },
    "Cluster/Monitoring/Topic/Key": {
        "kms:*": "manage the key, as far as the account's own policies allow",
        "kms:Decrypt": _ALARMS,
        "kms:GenerateDataKey*": _ALARMS,
    },
    "Cluster/Monitoring/Topic/Topic": {
        "Deny sns:Publish": _TLS,
        "sns:Publish": "send alarms, and news of failed deployments",
    },
    "Cluster/Scaler/DeadLetters": {"Deny sqs:*": _TLS},
    "Cluster/Scaler/Ticks": {"Deny sqs:*": _TLS},
    "Cluster/Scaler/Function": {"lambda:InvokeFunction": "have the ticks of a minute sent"},
}
"""By path: why others may do what with a resource, or may not."""
