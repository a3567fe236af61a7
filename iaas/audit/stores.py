"""Volumes and images against the bytes that are kept for them. I-09, I-10."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from iaas.audit.evidence import Evidence
from iaas.audit.violation import GRACE, Violation
from iaas.model.volume import BY_ATTACHMENTS, AttachmentState, State, state_by


def volumes_have_files(evidence: Evidence) -> Iterator[Violation]:
    """I-09: an available volume has its file on its host; no file is without a volume there."""
    volumes = {volume.id: volume for volume in evidence.facts.volumes}
    for host, inventory in evidence.volume.items():
        for volume_id in inventory.volumes:
            volume = volumes.get(volume_id)
            if volume is None or volume.host != host:
                yield Violation(invariant="I-09", subject=f"file of volume {volume_id} on {host}", text="has no volume")
        for name in inventory.partial_files:
            yield Violation(invariant="I-09", subject=f"file {name} on {host}", text="is a forgotten partial file")
    for volume in evidence.facts.volumes:
        if volume.task is not None or volume.state not in ("available", "reserved", "in-use"):
            continue
        there = evidence.volume.get(volume.host)
        if volume.host is None or (there and volume.id not in there.volumes):
            text = "has no file on its host" if volume.host else "is available on no host"
            yield Violation(invariant="I-09", subject=f"volume {volume.id}", text=text)


def volumes_follow_attachments(evidence: Evidence) -> Iterator[Violation]:
    """I-09: a volume's state is what its attachments make it."""
    by_volume: dict[str, list[AttachmentState]] = defaultdict(list)
    for row in evidence.facts.attachments:
        by_volume[row.volume_id].append(AttachmentState(row.state))
    for volume in evidence.facts.volumes:
        if State(volume.state) not in BY_ATTACHMENTS:
            continue
        expected = state_by(by_volume[volume.id])
        if volume.state != expected:
            text = f"is {volume.state}, its attachments make it {expected}"
            yield Violation(invariant="I-09", subject=f"volume {volume.id}", text=text)


def images_have_bytes(evidence: Evidence) -> Iterator[Violation]:
    """I-10: an image with data has its bytes, all of them, in each store that it is said to be in; no bytes are without
    an image that keeps them there."""
    if evidence.stored is None:
        return
    images = {image.id: image for image in evidence.facts.images}
    places = [place for place in evidence.facts.locations if place.image_id in images]
    for image in images.values():
        if image.state in ("active", "deactivated") and image.task is None:
            yield from _lacking(evidence.stored, image, [place for place in places if place.image_id == image.id])
    held = {(place.store, place.name) for place in places if place.state != "failed"}
    busy = {image.id for image in images.values() if image.task}
    for store, blobs in sorted(evidence.stored.items()):
        for name in sorted(blobs or ()):
            if (store, name) not in held and name.partition(".")[0] not in busy:
                yield Violation(invariant="I-10", subject=f"stored image {name}", text=f"in {store} has no image")
    for name in evidence.old_parts:
        yield Violation(invariant="I-10", subject=f"part of stored image {name}", text="is forgotten")


def _lacking(stored: Mapping[str, Mapping[str, int] | None], image: Any, places: list[Any]) -> Iterator[Violation]:
    active = [place for place in places if place.state == "active"]
    if not active:
        yield Violation(invariant="I-10", subject=f"image {image.id}", text="is in no store")
    for place in active:
        if place.store not in stored:
            text = f"is in the store {place.store}, which is not configured"
            yield Violation(invariant="I-10", subject=f"image {image.id}", text=text)
        blobs = stored.get(place.store)
        if blobs is not None and blobs.get(place.name) != image.size:
            text = f"has {blobs.get(place.name)} bytes in the store {place.store} instead of {image.size}"
            yield Violation(invariant="I-10", subject=f"image {image.id}", text=text)


def uploads_end(evidence: Evidence) -> Iterator[Violation]:
    """I-10: no upload, no deletion and no import is past its lease; an image that is being imported has its task."""
    now = evidence.facts.now
    importing = {task.image_id for task in evidence.facts.image_tasks}
    for task in evidence.facts.image_tasks:
        if task.status == "processing" and (task.lease_until is None or task.lease_until < now - GRACE):
            yield Violation(invariant="I-10", subject=f"image task {task.id}", text="is past its lease")
    for image in evidence.facts.images:
        if image.task == "importing":
            if image.id not in importing:
                yield Violation(invariant="I-10", subject=f"image {image.id}", text="is importing without a task")
        elif image.task and (image.lease_until is None or image.lease_until < now - GRACE):
            yield Violation(invariant="I-10", subject=f"image {image.id}", text=f"is {image.task} past its lease")


CHECKS = (volumes_have_files, volumes_follow_attachments, images_have_bytes, uploads_end)
