"""What a deployed cluster does right now, read from AWS: the APIs' status, load, traffic, decisions and logs.

Reading and judging are apart: what AWS answers becomes plain objects, and the rules about these know no AWS. Nothing
here changes anything. boto3 is imported with the first call.
"""
