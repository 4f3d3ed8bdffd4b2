"""The bucket itself."""

import asyncio

from botocore.exceptions import ClientError

from backend.storage.connection import caller, place, told


async def ensure_bucket() -> None:
    """Create the bucket if it is missing. Raises `StorageUnavailable`."""
    with told():
        await asyncio.to_thread(_ensure)


async def ping_storage() -> None:
    """Raises `StorageUnavailable` when the storage doesn't answer, or not to us, or has no such bucket."""
    with told():
        await asyncio.to_thread(lambda: caller().head_bucket(Bucket=place().bucket))


def _ensure() -> None:
    client, here = caller(), place()
    try:
        client.head_bucket(Bucket=here.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise
    else:
        return
    elsewhere = {} if here.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": here.region}}
    try:
        client.create_bucket(Bucket=here.bucket, **elsewhere)
    except (client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
        client.head_bucket(Bucket=here.bucket)  # another process was faster; if it is a stranger's, this is refused
