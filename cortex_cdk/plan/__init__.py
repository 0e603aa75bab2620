"""What a deployment needs and costs, before there is one: instances, dollars, reaction to a burst, updates, quotas.

    from cortex_cdk.plan.planning import Assumptions, plan

Pure arithmetic on the specs of ``cortex.yaml`` and ``cluster.yaml``: nothing is looked up in AWS.
"""
