#!/usr/bin/env python3
"""What a bucket holds, seen and changed by a client that is not ours (boto3). Server and keys come by environment, as tests/tools/rgw.sh prints
them: S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY, S3_CA_FILE.

  s3_look.py keys BUCKET [PREFIX]          each key and its size, a line each
  s3_look.py sha256 BUCKET KEY             of the object's bytes
  s3_look.py get BUCKET KEY                its bytes
  s3_look.py uploads BUCKET PREFIX         how many uploads were begun and not completed
  s3_look.py versions BUCKET PREFIX        how many versions and delete markers there are, and their bytes
  s3_look.py versioning BUCKET             Enabled, Suspended or nothing
  s3_look.py put BUCKET KEY TEXT           stores an object
  s3_look.py version BUCKET                turns versioning on
  s3_look.py lockable BUCKET               makes a bucket with object locks
  s3_look.py lock BUCKET KEY SECONDS       holds the newest version (governance) so long
  s3_look.py destroy BUCKET KEY            removes an object with all its versions
  s3_look.py unlock BUCKET                 removes everything in it, locks notwithstanding
"""
import datetime
import hashlib
import os
import sys

import boto3
from botocore.config import Config


def client():
    settings = {"s3": {"addressing_style": "path"}, "retries": {"max_attempts": 5}}
    try:  # newer ones send checksums that RGW 16 does not know
        config = Config(request_checksum_calculation="when_required", response_checksum_validation="when_required", **settings)
    except TypeError:
        config = Config(**settings)
    return boto3.client(
        "s3", endpoint_url=os.environ["S3_ENDPOINT"], aws_access_key_id=os.environ["S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["S3_SECRET_KEY"], region_name="us-east-1",
        verify=os.environ.get("S3_CA_FILE") or None, config=config)


def versions(s3, bucket, prefix):
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Versions", [])
        yield from page.get("DeleteMarkers", [])


def main(command, bucket, *rest):
    s3 = client()
    if command == "keys":
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=rest[0] if rest else ""):
            for item in page.get("Contents", []):
                print(item["Key"], item["Size"])
    elif command == "sha256":
        digest = hashlib.sha256()
        for chunk in s3.get_object(Bucket=bucket, Key=rest[0])["Body"].iter_chunks(1 << 20):
            digest.update(chunk)
        print(digest.hexdigest())
    elif command == "get":
        for chunk in s3.get_object(Bucket=bucket, Key=rest[0])["Body"].iter_chunks(1 << 20):
            sys.stdout.buffer.write(chunk)
    elif command == "uploads":
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=rest[0])
        print(sum(len(page.get("Uploads", [])) for page in pages))
    elif command == "versions":
        found = list(versions(s3, bucket, rest[0]))
        print(len(found), sum(item.get("Size", 0) for item in found))
    elif command == "versioning":
        print(s3.get_bucket_versioning(Bucket=bucket).get("Status", ""))
    elif command == "put":
        s3.put_object(Bucket=bucket, Key=rest[0], Body=rest[1].encode())
    elif command == "version":
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    elif command == "lockable":
        s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    elif command == "lock":
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(rest[1]))
        s3.put_object_retention(Bucket=bucket, Key=rest[0], Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
        print(until.strftime("%Y-%m-%dT%H:%M"))
    elif command == "destroy":
        for item in versions(s3, bucket, rest[0]):
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
    elif command == "unlock":
        for item in versions(s3, bucket, ""):
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"], BypassGovernanceRetention=True)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
