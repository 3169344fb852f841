"""A worker's own names for files are read by nobody."""

import zlib
from pathlib import Path

import msgspec

from bootharness.diagnosis.verdict import Verdict
from bootharness.runs.remote.parcel import Parcel
from bootharness.runs.remote.words import Words
from bootharness.runs.result import Attempt, BootFacts

DIGEST = "ab" * 32
KEPT = Path(f"/home/x/.cache/bootharness/sent/{DIGEST}-bz Image")


def test_all_that_is_said_has_the_names_that_were_given() -> None:
    words = Words.of({Parcel('builds/"new"/bz Image', DIGEST): KEPT})
    attempt = Attempt(
        Verdict.BAD, "kernel-panic", f"{KEPT}: broken; {KEPT.name} and {DIGEST}",
        facts=BootFacts(sha256=DIGEST, survived=(f"{KEPT.name} is large",)),
        trace=zlib.compress(msgspec.json.encode({"source": str(KEPT), "sha256": DIGEST})),
    )  # fmt: skip
    found = words.attempt(attempt)
    assert found.sentence == f'builds/"new"/bz Image: broken; bz Image and {DIGEST}'
    assert found.facts == BootFacts(sha256=DIGEST, survived=("bz Image is large",))
    told = msgspec.json.decode(zlib.decompress(found.trace))
    assert told == {"source": 'builds/"new"/bz Image', "sha256": DIGEST}


def test_what_belongs_to_a_loader_is_named_beside_it() -> None:
    parcel = Parcel("loaders/my.asm", DIGEST, folder=True, first="my.asm")
    words = Words.of({parcel: KEPT / "my.asm"})
    assert words.text(f"{KEPT}/my.asm:3") == "loaders/my.asm:3"
    assert words.text(f"{KEPT}/inc/more.asm") == "loaders/inc/more.asm"
