"""The engine's work as a competent person would write it in Python: aiokafka, pydantic v2, sqlite3.

    best_prices.py <bootstrap> <topic> <group> <records> <database file>

Reads the topic from its start, validates every book, keeps the highest bid and the lowest ask of each product and five-minute
window, and commits rows and offsets together, every two seconds and at the end. Prints one line of JSON: the records, and the
seconds from before the consumer is made to after the last commit. Starting Python and importing is not counted; there is no
just-in-time compiler to be warmed up.
"""

import asyncio
import json
import sqlite3
import sys
import time
from decimal import Decimal
from typing import Annotated, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import BaseModel, Field

WINDOW_MS = 300_000
COMMIT_SECONDS = 2
FETCH_RECORDS = 2_000

Positive = Annotated[Decimal, Field(gt=0, max_digits=38, decimal_places=18)]
Count = Annotated[int, Field(gt=0)]
TimeMs = Annotated[int, Field(ge=0)]
Level = tuple[Positive, Positive, Count | None]


class ProductBook(BaseModel):
    type: Literal["book"]
    venue: Literal["coinbase"]
    source: Literal["coinbase", "mock", "simulator"]
    product: Annotated[str, Field(pattern=r"^[A-Z0-9]+-[A-Z0-9]+$")]
    sequence: Annotated[int, Field(ge=0)] | None
    exchangeTimeMs: TimeMs | None
    receivedAtMs: TimeMs
    state: Literal["ok", "crossed", "locked", "indicative"]
    bids: Annotated[list[Level], Field(min_length=1, max_length=1000)]
    asks: Annotated[list[Level], Field(min_length=1, max_length=1000)]
    bidLevels: Count
    askLevels: Count
    since: None


class Tables:
    """Highest bid and lowest ask by (product, window), and the offsets they stand for."""

    def __init__(self, file: str):
        self.db = sqlite3.connect(file, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute(
            "CREATE TABLE best_prices (product TEXT, start_ms INTEGER, highest_bid TEXT, lowest_ask TEXT,"
            " PRIMARY KEY (product, start_ms))"
        )
        self.db.execute("CREATE TABLE positions (partition INTEGER PRIMARY KEY, position INTEGER)")
        self.rows: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
        self.dirty: set[tuple[str, int]] = set()

    def merge(self, book: ProductBook) -> None:
        if book.state != "ok":
            return
        at_ms = book.receivedAtMs if book.exchangeTimeMs is None else book.exchangeTimeMs
        key = (book.product, at_ms - at_ms % WINDOW_MS)
        bid, ask = book.bids[0][0], book.asks[0][0]
        row = self.rows.get(key)
        if row is None:
            self.rows[key] = (bid, ask)
        elif bid > row[0] or ask < row[1]:
            self.rows[key] = (max(bid, row[0]), min(ask, row[1]))
        else:
            return
        self.dirty.add(key)

    def commit(self, positions: dict[int, int]) -> None:
        rows = [(*key, *(str(price) for price in self.rows[key])) for key in self.dirty]
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany("INSERT OR REPLACE INTO best_prices VALUES (?, ?, ?, ?)", rows)
        self.db.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", positions.items())
        self.db.execute("COMMIT")
        self.dirty.clear()


async def main(bootstrap: str, topic: str, group: str, wanted: int, file: str) -> None:
    started = time.perf_counter()
    tables = Tables(file)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    seen = 0
    positions: dict[int, int] = {}
    committed = time.perf_counter()
    while seen < wanted:
        batches: dict[TopicPartition, list] = await consumer.getmany(timeout_ms=1_000, max_records=FETCH_RECORDS)
        for tp, records in batches.items():
            for record in records:
                tables.merge(ProductBook.model_validate_json(record.value))
            seen += len(records)
            positions[tp.partition] = records[-1].offset + 1
        if seen >= wanted or time.perf_counter() - committed >= COMMIT_SECONDS:
            tables.commit(positions)
            committed = time.perf_counter()
    seconds = time.perf_counter() - started
    await consumer.stop()
    print(json.dumps({"records": seen, "seconds": seconds, "windows": len(tables.rows)}))


if __name__ == "__main__":
    bootstrap, topic, group, records, file = sys.argv[1:]
    asyncio.run(main(bootstrap, topic, group, int(records), file))
