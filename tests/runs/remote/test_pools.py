"""Which worker gets what: of one kind, in turns, and what failed at one goes to another."""

from bootharness.runs.remote.pools import Peer, Pool, Question, choose, why_none

QUESTION: Question = (len, ("mbr",))
OTHER: Question = (len, ("uefi",))


def peer(address: str, slots: int = 1, kind: str = "cpu", *answers: object) -> Peer:
    made = Peer(address, f"host-{address}", slots, kind)
    for question, said in zip((QUESTION, OTHER), answers or ("facts",), strict=False):
        made.answers[question] = (said is not None, said or "no such tool")
    return made


def pool_of(*peers: Peer) -> Pool:
    pool = Pool(QUESTION, "cpu", "facts")
    pool.join(*peers)
    return pool


def test_those_of_which_there_are_most_boot() -> None:
    peers = [peer("a", 4, "old"), peer("b", 3), peer("c", 3), peer("d", 9, "cpu", None)]
    assert choose(QUESTION, peers, []) == ("cpu", "facts")
    assert choose(QUESTION, peers, ["old"]) == ("old", "facts")


def test_what_only_some_can_do_they_do() -> None:
    peers = [peer("a", 9, "old", "facts", None), peer("b", 1, "cpu", "facts", "uefi")]
    assert choose(OTHER, peers, ["old"]) == ("cpu", "uefi")
    assert choose(OTHER, peers[:1], []) is None
    assert why_none(OTHER, peers[:1], {"c": "old"}) == "host-a (a): no such tool; c: old"
    assert why_none(OTHER, [], {}) == "the cluster has no worker"


def test_workers_take_turns_slot_by_slot() -> None:
    one, two = peer("one", 2), peer("two", 1)
    pool = pool_of(one, two)
    found = []
    while taken := pool.next():
        taken.busy[len(found)] = None
        found.append(taken.address)
    assert found == ["one", "two", "one"]


def test_what_failed_at_a_worker_goes_to_another_as_long_as_there_is_one() -> None:
    one, two = peer("one"), peer("two")
    pool = pool_of(one, two)
    assert pool.next({"one"}) is two
    two.busy[1] = None
    assert pool.next({"one"}) is None
    two.retired = "full"
    assert pool.next({"one"}) is one


def test_one_call_more_is_given_only_while_there_is_enough_for_all() -> None:
    one = peer("one")
    pool = pool_of(one)
    assert pool.next() is one
    one.busy[1] = None
    pool.freed(one)
    assert pool.next() is None
    pool.waiting += [1, 2]
    assert pool.next() is one
    one.busy[2] = None
    assert pool.next() is None


def test_what_is_gone_or_retired_gets_nothing() -> None:
    one, two, three = (peer(each) for each in ("one", "two", "three"))
    pool = pool_of(one, two, three)
    one.gone, two.retired = True, "full"
    assert pool.next() is three
    assert pool.next() is None
