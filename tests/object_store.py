"""A local object store that speaks the protocol of S3, for tests."""

import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer


@contextmanager
def object_store(monkeypatch: pytest.MonkeyPatch) -> Generator["Bucket"]:
    """A store with one bucket, to which the environment leads for the length of the block."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with urllib.request.urlopen(
        f"http://{host}:{port}/moto-api/reset", b""
    ) as reply:  # stores of one process share all
        assert reply.status == 200
    for name, text in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "a secret of the store",
        "AWS_DEFAULT_REGION": "eu-north-1",
    }.items():
        monkeypatch.setenv(name, text)
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        yield Bucket("talks")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


class Bucket:
    """A bucket, filled from outside of our code."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._client = boto3.client("s3")
        self._client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})

    def put(self, key: str, content: str | bytes) -> None:
        self._client.put_object(Bucket=self.name, Key=key, Body=content)

    def keys(self) -> list[str]:
        found = self._client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [each["Key"] for each in found]

    def read(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=key)
