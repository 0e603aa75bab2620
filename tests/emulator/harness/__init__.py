"""A deployment on one machine: the CDK's own command line, an emulator of AWS, and containers that really run.

``machine`` is what has to be installed, ``podman`` runs the containers, ``base_images`` makes what the project's
Dockerfiles begin with, ``emulator`` is AWS, ``cdk`` deploys, ``projects`` is what is deployed, ``cloud`` looks at what
became of it. ``python -m tests.emulator.harness`` is the command line.

It needs Debian, root and a network namespace of the machine's own. All that it keeps is in ``machine.HOME``: images,
containers and networks are not those of the machine's podman.
"""
