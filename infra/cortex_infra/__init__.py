"""The CDK app of a project: ``cortex.yaml`` and ``cluster.yaml`` as stacks.

``add_project`` reads the files of a folder and adds their stacks to an app; ``add_stacks`` does that for specs. The
constructs themselves are in ``cortex_cdk.constructs``, and whoever writes stacks of their own needs nothing of this.
"""

from cortex_infra.plain_errors import plain_errors
from cortex_infra.project import add_project
from cortex_infra.stacks import ApiStack, ClusterStack, ProjectStacks, add_stacks

__all__ = ["ApiStack", "ClusterStack", "ProjectStacks", "add_project", "add_stacks", "plain_errors"]
