"""The records on `dead-letters.v1`: copies of what stopped a directory, for eyes only.

Each is a CloudEvent about a record of another topic; that record stays where it is.
"""

from datetime import UTC, datetime

import orjson

from shared.contracts.base import Contract
from shared.contracts.ids import DirectoryId

TYPE = "rollcall.event.parked.v1"
_MOST_CHARACTERS = 200_000


class DeadLetter(Contract):
    """Where the record is, who could not apply it, why (the class of the error), which try."""

    consumer: str
    topic: str
    partition: int
    offset: int
    directory: DirectoryId
    reason: str
    attempt: int
    time: datetime

    def document(self, record: bytes | None) -> bytes:
        """Return the CloudEvent with the record as text, cut where it is very long."""
        text = None if record is None else record.decode("utf-8", "replace")
        place = f"{self.topic}:{self.partition}:{self.offset}"
        return orjson.dumps({
            "specversion": "1.0",
            "id": f"{self.consumer}:{place}:{self.attempt}",
            "source": f"/consumers/{self.consumer}",
            "type": TYPE,
            "subject": f"directories/{self.directory}",
            "time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": {
                **self.model_dump(mode="json", by_alias=True, exclude={"time"}),
                "record": text and text[:_MOST_CHARACTERS],
                "isCut": len(text or "") > _MOST_CHARACTERS,
            },
        })  # fmt: skip
