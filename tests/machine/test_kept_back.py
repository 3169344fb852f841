"""What a host kept back of a machine's time."""

from bootharness.machine.kept_back import KeptBack


def test_what_was_kept_back_since_a_moment() -> None:
    kept_back = KeptBack()
    assert kept_back.since(0.0) == 0.0
    for now, total_s in ((1.0, 0.5), (2.0, 0.5), (3.0, 0.55), (4.0, 2.5), (9.0, 6.5)):
        kept_back.note(now, total_s)
    assert kept_back.since(0.0) == kept_back.since(1.0) == 6.0
    assert kept_back.since(3.9) == 6.0
    assert kept_back.since(4.0) == 4.0
    assert kept_back.since(9.0) == kept_back.since(20.0) == 0.0
