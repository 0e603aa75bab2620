"""The scaler at work: a Lambda that decides every 10 seconds how many replicas each API of an ECS cluster has.

The rules are those of ``cortex_cdk.autoscaling``; here is only what carries them out, with the standard library and
botocore, which every Lambda runtime has. ``handler.handler`` is the Lambda's entry point, ``tick.Scaler`` one tick over
all APIs, ``service_tags`` how an ECS service carries its policy.
"""
