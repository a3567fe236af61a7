"""The store in a bucket of S3, by boto3 (``pip install iaas[s3]``).

A blob is a multipart upload: nothing is visible until it is completed, and only one part is in memory. What was never
completed is found by ListMultipartUploads and removed by name. The library tries TRIES times with its own delays;
connecting and every read have a deadline.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore
from iaas.errors import Conflict, Invalid, NotFound, Unavailable
from iaas.image.remote import RemoteBlob
from iaas.image.store import Blob, Writer, checked, listed

CONNECT_S, SILENCE_S, TRIES = 10, 60, 4
_GONE = {"NoSuchKey", "NoSuchUpload", "404", "NotFound"}


class S3Store:
    READ_ONLY = False

    def __init__(self, options: ImageStore, image: ImageOptions) -> None:
        try:
            boto3, config = importlib.import_module("boto3"), importlib.import_module("botocore.config")
            self._faults = importlib.import_module("botocore.exceptions")
        except ImportError:
            raise Invalid("The s3 store needs boto3: pip install iaas[s3].", field="stores") from None
        if not options.s3_bucket:
            raise Invalid("The s3 store needs s3_bucket.", field="s3_bucket")
        self.bucket = options.s3_bucket
        self.part = max(5, options.s3_part_mib) * 1024 * 1024  # the protocol takes no smaller parts
        self.client = boto3.client(
            "s3", endpoint_url=options.s3_endpoint or None, region_name=options.s3_region,
            aws_access_key_id=options.s3_access_key or None, aws_secret_access_key=options.s3_secret_key or None,
            config=config.Config(
                connect_timeout=CONNECT_S, read_timeout=SILENCE_S,
                retries={"max_attempts": TRIES, "mode": "standard"}, s3={"addressing_style": "path"},
                request_checksum_calculation="when_required", response_checksum_validation="when_required",
            ),
        )  # fmt: skip

    @contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except self._faults.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _GONE:
                raise NotFound("There are no such data in the bucket.") from None
            raise Unavailable(f"The image store can't be used: {code[:64]}.") from error
        except self._faults.BotoCoreError as error:
            raise Unavailable(f"The image store can't be used: {type(error).__name__}.") from error

    def takes(self, url: str) -> bool:
        return False

    def writer(self, name: str) -> Writer:
        return _S3Writer(self, checked(name))

    def open(self, name: str) -> BinaryIO:
        checked(name)
        return cast(BinaryIO, RemoteBlob(lambda offset: self._body(name, offset), self.translated))

    def _body(self, name: str, offset: int) -> Any:
        span = {"Range": f"bytes={offset}-"} if offset else {}
        with self.translated():
            return self.client.get_object(Bucket=self.bucket, Key=name, **span)["Body"]

    def exists(self, name: str) -> bool:
        try:
            with self.translated():
                self.client.head_object(Bucket=self.bucket, Key=name)
        except NotFound:
            return False
        return True

    def delete(self, name: str) -> bool:
        found = self.exists(checked(name))
        with self.translated():
            if found:
                self.client.delete_object(Bucket=self.bucket, Key=name)
        for upload in list(self._uploads(name)):
            if upload["Key"] == name:
                self.abort(name, upload["UploadId"])
                found = True
        return found

    def abort(self, name: str, upload_id: str) -> None:
        try:
            with self.translated():
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=name, UploadId=upload_id)
        except NotFound:
            return

    def inventory(self) -> Iterator[Blob]:
        with self.translated():
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
                for item in page.get("Contents", ()):
                    yield from listed(item["Key"], item["Size"], False, item["LastModified"])
        for upload in self._uploads(""):
            with self.translated():
                pages = self.client.get_paginator("list_parts").paginate(
                    Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
                size = sum(part["Size"] for page in pages for part in page.get("Parts", ()))
            yield from listed(upload["Key"], size, True, upload["Initiated"])

    def _uploads(self, prefix: str) -> Iterator[dict[str, Any]]:
        with self.translated():
            pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                yield from page.get("Uploads", ())

    def describe(self) -> dict[str, str]:
        return {"bucket": self.bucket}

    def free(self) -> int | None:
        return None


class _S3Writer:
    def __init__(self, store: S3Store, name: str) -> None:
        self._store, self._name = store, name
        self._where = {"Bucket": store.bucket, "Key": name}
        self._buffer = bytearray()
        self._etags: list[str] = []
        with store.translated():
            self._upload: str | None = store.client.create_multipart_upload(**self._where)["UploadId"]

    def write(self, data: bytes | memoryview) -> None:
        self._buffer += data
        while len(self._buffer) >= self._store.part:
            self._send(self._store.part)

    def _send(self, size: int) -> None:
        number = len(self._etags) + 1
        with self._store.translated():
            answer = self._store.client.upload_part(
                **self._where, UploadId=self._upload, PartNumber=number, Body=bytes(memoryview(self._buffer)[:size])
            )
        self._etags.append(answer["ETag"])
        del self._buffer[:size]

    def commit(self) -> None:
        if self._store.exists(self._name):  # a name has one writer, by the image's generation: this is not a race
            raise Conflict(f"There are data {self._name} already.")
        self._send(len(self._buffer))
        parts = [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(self._etags, 1)]
        with self._store.translated():
            self._store.client.complete_multipart_upload(
                **self._where, UploadId=self._upload, MultipartUpload={"Parts": parts}
            )
        self._upload = None

    def abandon(self) -> None:
        if self._upload is not None:
            upload, self._upload = self._upload, None
            self._store.abort(self._name, upload)


PLUGIN = S3Store
