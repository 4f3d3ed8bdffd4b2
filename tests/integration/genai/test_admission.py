"""Caps, breakers and rates that processes share; vanishing clients; and Redis away."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from backend import genai
from backend.access import SYSTEM
from backend.core.embedded.valkey import start_valkey
from backend.core.errors import Unavailable
from backend.core.redis import close_redis, get_redis
from backend.genai import admission, shared
from backend.genai.admission import breaker_key
from backend.genai.errors import OverCapacity
from backend.genai.health import close_breaker, open_breaker, read_health
from backend.genai.shared import MemoryStore, RedisStore, Store, get_shared
from tests.support.asking import elsewhere, outcomes
from tests.support.genai import Servers, ask, ask_in_vain, question, routes, text_of
from tests.support.replay_answers import openai_answer, openai_error
from tests.support.services import environment

WELL = openai_answer("Six.")
SLOW = openai_answer(["word "] * 20).pace(40)
ENDLESS = openai_answer(["word "] * 600).pace(50)
OVERLOADED = openai_error(503, "overloaded")


async def in_flight() -> list[int]:
    """How many answers the health page shows under way, model by model."""
    return [each.in_flight for each in (await read_health(SYSTEM)).models]


async def test_fifty_at_once_against_a_cap_of_ten_are_ten_upstream(servers: Servers) -> None:
    (only,) = await servers.chain(SLOW, fields=({"max_concurrent": 10},))
    answers = asyncio.create_task(outcomes(50))
    while only.under_way < 10:
        await asyncio.sleep(0.005)
    assert await in_flight() == [10]
    assert Counter(await answers) == {"primary": 10, "over_capacity": 40}
    assert only.most_under_way == 10
    assert await in_flight() == [0]
    assert text_of(await ask()) == "word " * 20


async def test_what_overflows_a_cap_is_answered_by_the_secondary(servers: Servers) -> None:
    first, second = await servers.chain(SLOW, SLOW, fields=({"max_concurrent": 10},))
    assert Counter(await outcomes(50)) == {"primary": 10, "primary_full": 40}
    assert (first.most_under_way, len(second.requests)) == (10, 40)
    assert await in_flight() == [0, 0]


async def test_clients_that_vanish_leave_no_place_taken(servers: Servers) -> None:
    (only,) = await servers.chain(ENDLESS, fields=({"max_concurrent": 10},))
    tasks = [asyncio.create_task(ask()) for _ in range(50)]
    while only.under_way < 10:
        await asyncio.sleep(0.005)
    for place, task in enumerate(tasks):
        if place % 3 == 0:
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    begun = time.monotonic()
    while only.under_way or await in_flight() != [0]:
        assert time.monotonic() - begun < 3
        await asyncio.sleep(0.02)
    assert only.most_under_way <= 10
    only.play(WELL)
    assert text_of(await ask()) == "Six."


async def test_clients_that_vanish_at_any_moment_leave_no_place_taken(servers: Servers) -> None:
    (only,) = await servers.chain(openai_answer("one two three").pace(100), fields=({"max_concurrent": 3},))
    for wait in range(40):
        task = asyncio.create_task(ask())
        await asyncio.sleep(wait * 0.001)
        task.cancel()
        with suppress(asyncio.CancelledError, OverCapacity):
            await task
    while only.under_way or await in_flight() != [0]:
        await asyncio.sleep(0.02)
    assert len(await asyncio.gather(*(ask() for _ in range(3)))) == 3


async def test_two_processes_share_one_cap(servers: Servers) -> None:
    (only,) = await servers.chain(openai_answer(["word "] * 60).pace(10), fields=({"max_concurrent": 10},))
    theirs = asyncio.create_task(elsewhere(25))
    while not only.under_way:
        await asyncio.sleep(0.01)
    ours = asyncio.create_task(outcomes(25))
    assert Counter([*await theirs, *await ours]) == {"primary": 10, "over_capacity": 40}
    assert only.most_under_way == 10
    assert await in_flight() == [0]


async def test_two_processes_agree_that_a_breaker_is_open(servers: Servers) -> None:
    first, _ = await servers.chain(OVERLOADED, WELL, fields=({"breaker_cooldown": 60},))
    await elsewhere(5)
    seen = len(first.requests)
    assert seen >= 5
    assert routes(await ask()) == [("second", "primary_open")]
    assert len(first.requests) == seen
    health, _ = (await read_health(SYSTEM)).models
    assert (health.state, health.next_probe_at is not None) == ("open", True)
    assert "503" in health.last_error


async def test_one_probe_at_a_time_whoever_asks(servers: Servers) -> None:
    first, _ = await servers.chain(OVERLOADED, WELL, fields=({"breaker_cooldown": 0.5},))
    for _ in range(3):
        await ask()
    asked = len(first.requests)
    first.play(SLOW)
    await asyncio.sleep(0.6)
    assert Counter(await outcomes(20)) == {"primary": 1, "primary_open": 19}
    assert len(first.requests) == asked + 1


async def test_a_bad_probe_doubles_the_wait(servers: Servers) -> None:
    first, _ = await servers.chain(OVERLOADED, WELL, fields=({"breaker_cooldown": 1.0},))
    for _ in range(3):
        await ask()
    await asyncio.sleep(1.1)
    assert routes(await ask())[0] == ("primary", "primary")  # the probe, which fails
    asked = len(first.requests)
    await asyncio.sleep(1.1)
    assert routes(await ask()) == [("second", "primary_open")]
    await asyncio.sleep(1)
    await ask()
    assert len(first.requests) == asked + 1


async def test_a_model_taken_out_by_hand_is_left_alone_until_it_is_put_back(servers: Servers) -> None:
    first, _ = await servers.chain(WELL, WELL, fields=({"breaker_cooldown": 0.1},))
    health, _ = (await read_health(SYSTEM)).models
    await open_breaker(SYSTEM, health.id)
    await asyncio.sleep(0.3)
    assert routes(await ask()) == [("second", "primary_open")]
    health, _ = (await read_health(SYSTEM)).models
    assert (health.state, health.forced, health.next_probe_at) == ("open", True, None)
    await close_breaker(SYSTEM, health.id)
    assert routes(await ask()) == [("primary", "primary")]
    assert len(first.requests) == 1


async def test_taking_a_model_out_of_service_doesnt_expire_and_holds_without_redis(
    servers: Servers, tmp_path: Path
) -> None:
    server = start_valkey(tmp_path)
    await close_redis()
    try:
        with environment(REDIS_URL=server.url):
            await servers.chain(WELL, WELL)
            health, _ = (await read_health(SYSTEM)).models
            await open_breaker(SYSTEM, health.id)
            assert await get_redis().ttl(breaker_key(health.id)) == -1
            server.stop()
            assert routes(await ask()) == [("second", "primary_open")]
            with pytest.raises(Unavailable):
                await close_breaker(SYSTEM, health.id)
    finally:
        await close_redis()
        server.stop()


async def test_what_is_under_way_counts_when_redis_goes_away(servers: Servers, tmp_path: Path) -> None:
    server = start_valkey(tmp_path)
    await close_redis()
    try:
        with environment(REDIS_URL=server.url):
            (only,) = await servers.chain(ENDLESS, fields=({"max_concurrent": 10},))
            tasks = [asyncio.create_task(ask()) for _ in range(10)]
            while only.under_way < 10:
                await asyncio.sleep(0.01)
            server.stop()
            assert set(await outcomes(5)) == {"over_capacity"}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            only.play(WELL)
            assert text_of(await ask()) == "Six."
    finally:
        await close_redis()
        server.stop()


async def test_a_probe_that_is_cancelled_at_once_leaves_the_door_ajar(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = await servers.chain(OVERLOADED, WELL, fields=({"breaker_cooldown": 0.5},))
    for _ in range(3):
        await ask()
    await asyncio.sleep(0.6)
    swap, swapped = RedisStore.swap, asyncio.Event()

    async def late(store: RedisStore, key: str, before: str | None, after: str) -> bool:
        done = await swap(store, key, before, after)
        swapped.set()
        await asyncio.sleep(0.1)  # Redis has it, we don't know yet
        return done

    with monkeypatch.context() as patch:
        patch.setattr(RedisStore, "swap", late)
        task = asyncio.create_task(ask())
        await swapped.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.5)
    first.play(openai_answer("First."))
    assert routes(await ask()) == [("primary", "primary")]


async def test_workers_have_places_of_their_own(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    with environment(STOA_COMPLETIONS_PER_POOL="1"):
        (only,) = await servers.chain(ENDLESS)
        under_way = asyncio.create_task(ask())
        while not only.under_way:
            await asyncio.sleep(0.01)
        assert isinstance((await ask_in_vain())[1], OverCapacity)
        monkeypatch.setattr(admission, "_pool", "web")
        genai.use_pool("worker")
        only.play(WELL)
        assert text_of(await ask()) == "Six."
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)


async def test_the_cap_of_a_pool_is_for_all_models_together(servers: Servers) -> None:
    with environment(STOA_COMPLETIONS_PER_POOL="4"):
        first, second = await servers.chain(SLOW, SLOW)
        assert Counter(await outcomes(10)) == {"primary": 4, "over_capacity": 6}
        assert (len(first.requests), len(second.requests)) == (4, 0)


async def test_without_redis_each_process_keeps_its_own_and_comes_back(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "OUTAGE", 0.2)
    (only,) = await servers.chain(SLOW, fields=({"max_concurrent": 10},))
    server = start_valkey(tmp_path)
    await close_redis()
    try:
        with environment(REDIS_URL=server.url), capture_logs() as lines:
            assert text_of(await ask()) == "word " * 20
            server.stop()
            assert Counter(await outcomes(50)) == {"primary": 10, "over_capacity": 40}
            assert not (await read_health(SYSTEM)).shared
            server.restart()
            await asyncio.sleep(0.3)
            assert text_of(await ask()) == "word " * 20
            assert (await read_health(SYSTEM)).shared
            assert await in_flight() == [0]
    finally:
        await close_redis()
        server.stop()
    assert only.most_under_way == 10
    said = [line["event"] for line in lines if line["event"].startswith("routing")]
    assert said == ["routing_without_redis", "routing_is_shared_again"]


async def test_a_place_whose_process_died_is_free_after_its_lease() -> None:
    store = RedisStore(get_redis())
    now = time.time()
    assert await store.enter({"room": 1}, "dead", now) is None
    assert await store.enter({"room": 1}, "next", now + shared.LEASE - 1) == "room"
    assert await store.enter({"room": 1}, "next", now + shared.LEASE + 1) is None


async def test_a_place_that_is_renewed_stays_taken() -> None:
    store = RedisStore(get_redis())
    now = time.time()
    await store.enter({"room": 1}, "alive", now)
    await store.renew({"alive": ["room"]}, now + 20)
    assert await store.enter({"room": 1}, "next", now + shared.LEASE + 1) == "room"
    await store.leave(["room"], "alive")
    await store.renew({"alive": ["room"]}, now + 40)  # too late: it doesn't come back
    assert await store.count(["room"], now + 41) == [0]


async def test_places_are_renewed_as_long_as_they_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "LEASE", 0.6)
    assert await get_shared().enter({"room": 1}, "alive") is None
    await asyncio.sleep(1.5)
    assert await get_shared().enter({"room": 1}, "next") == "room"
    await get_shared().leave("alive")
    assert await get_shared().enter({"room": 1}, "next") is None


@pytest.fixture(params=["redis", "memory"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each store: they must behave alike."""
    return RedisStore(get_redis()) if request.param == "redis" else MemoryStore()


async def test_a_record_changes_only_from_what_it_was(store: Store) -> None:
    assert await store.read(["a", "b"]) == [None, None]
    assert await store.swap("a", None, "1")
    assert not await store.swap("a", None, "2")
    assert not await store.swap("a", "0", "2")
    assert await store.swap("a", "1", "2")
    assert await store.read(["a", "b"]) == ["2", None]


async def test_a_place_is_taken_in_every_room_or_in_none(store: Store) -> None:
    now = time.time()
    assert await store.enter({"small": 1, "large": 3}, "one", now) is None
    assert await store.enter({"large": 3, "small": 1}, "two", now) == "small"
    assert await store.count(["small", "large"], now) == [1, 1]
    await store.leave(["small", "large"], "one")
    assert await store.count(["small", "large"], now) == [0, 0]


async def test_many_changes_at_once_are_all_made() -> None:
    def one_more(text: str | None) -> str:
        return str(int(text or 0) + 1)

    await asyncio.gather(*(get_shared().change("count", one_more) for _ in range(50)))
    assert await get_shared().read(["count"]) == ["50"]


async def test_a_rate_is_used_up_by_what_is_more_than_is_left() -> None:
    assert await get_shared().use("tokens", 100, 90)
    assert await get_shared().may("tokens", 100)
    assert not await get_shared().use("tokens", 100, 5000)
    assert not await get_shared().may("tokens", 100)
    assert 0 < await get_shared().wait_for("tokens", 100) <= 60


async def test_an_explicit_model_keeps_its_cap_too(servers: Servers) -> None:
    (only,) = await servers.chain(SLOW, fields=({"max_concurrent": 1},))
    under_way = asyncio.create_task(ask(question(model="primary")))
    while not only.under_way:
        await asyncio.sleep(0.01)
    assert isinstance((await ask_in_vain(question(model="primary")))[1], OverCapacity)
    await under_way


async def test_a_stop_at_shutdown_leaves_no_place_taken(servers: Servers) -> None:
    (only,) = await servers.chain(ENDLESS, fields=({"max_concurrent": 1},))
    task = asyncio.create_task(ask())
    while not only.under_way:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await genai.close_providers()
    assert await in_flight() == [0]
