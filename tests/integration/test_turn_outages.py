"""Redis or Postgres goes away while an answer streams: the turn goes on, nothing is lost, nothing is said twice."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from backend.core import events
from backend.core.database import dispose_engine
from backend.core.embedded.cluster import forget_cluster
from backend.core.embedded.data_dir import DataDir
from backend.core.embedded.migrations import migrate
from backend.core.embedded.postgres import Postgres, start_postgres
from backend.core.embedded.valkey import Valkey, start_valkey
from backend.core.errors import Unavailable
from backend.core.events import EventHub, Frame
from backend.core.redis import close_redis, get_redis
from backend.dialogue import StartedTurn, ask, follow_turn, stop, turns
from backend.dialogue.following import CHECKPOINT_ID, END_ID
from backend.dialogue.models import TurnStatus
from backend.dialogue.turns import replay as replayed
from tests.support.replay import Replay
from tests.support.replay_answers import openai_answer
from tests.support.school import School, found_school, messages_of, turn_of
from tests.support.services import SECRET_KEY, environment, run_folder
from tests.support.tutoring import ended, fold, tutoring, until
from tests.support.web import closed

WORDS = [f"word{number} " for number in range(120)]
TEXT = "".join(WORDS)
PATIENCE = 3.0


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "TICK", 0.1)
    monkeypatch.setattr(turns, "SAVE_RETRY", 0.1)


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Valkey]:
    server = start_valkey(tmp_path)
    with environment(REDIS_URL=server.url):
        yield server
    server.child.process.send_signal(signal.SIGCONT)
    server.stop()


@pytest.fixture
async def school(database: str, private: Valkey) -> AsyncIterator[School]:
    yield await found_school()
    await close_redis()


@pytest.fixture
async def replay() -> AsyncIterator[Replay]:
    async with Replay(openai_answer(WORDS).pace(60)) as server:
        yield server


async def begin(school: School) -> StartedTurn:
    return await ask(await school.actor(), school.here.id, "What is gluten?")


class Follower:
    """Somebody who listens, and whose browser connects again when the connection ends before the answer does."""

    def __init__(self, school: School, turn: StartedTurn) -> None:
        self.frames: list[Frame] = []
        self.task = asyncio.create_task(self._follow(school, turn))

    async def _follow(self, school: School, turn: StartedTurn) -> None:
        batches = await follow_turn(await school.actor(), turn.id)
        assert batches is not None
        async for batch in batches:
            self.frames += [frame for frame in batch if frame.name]

    @property
    def text(self) -> str:
        return fold(self.frames)

    def told_by_postgres(self) -> bool:
        return self.frames[-1:] != [] and self.frames[-1].id in {CHECKPOINT_ID, END_ID}

    async def end(self) -> str:
        await asyncio.wait_for(self.task, 30)
        return self.frames[-1].name


async def said(turn: StartedTurn, share: float) -> None:
    """Wait until Postgres has this share of the answer."""

    async def far_enough() -> bool:
        return len((await messages_of(turn.conversation_id))[-1].content) >= share * len(TEXT)

    await until(far_enough)


# Redis


async def test_redis_lost_and_found_again_while_an_answer_streams(
    school: School, private: Valkey, replay: Replay
) -> None:
    async with tutoring(replay):
        turn = await begin(school)
        follower = Follower(school, turn)
        await until(lambda: len(follower.text) > 50)
        private.stop()
        await until(follower.told_by_postgres)
        shown = len(follower.text)
        await until(lambda: len(follower.text) > shown, 10)  # it goes on without Redis
        late = Follower(school, turn)
        await until(late.told_by_postgres)
        private.restart()
        assert await follower.end() == await late.end() == "end"
        assert follower.text == late.text == TEXT
        assert await ended(turn.id) is TurnStatus.FINISHED
        assert (await messages_of(turn.conversation_id))[-1].content == TEXT
        for place, frame in enumerate(follower.frames[:-1]):
            if frame.id:
                rest = await follow_turn(await school.actor(), turn.id, frame.id)
                assert rest is not None
                again = [each async for batch in rest for each in batch]
                assert fold(again, fold(follower.frames[: place + 1])) == TEXT


async def test_redis_that_comes_back_empty_gets_the_whole_again(
    school: School, private: Valkey, replay: Replay
) -> None:
    async with tutoring(replay):
        turn = await begin(school)
        follower = Follower(school, turn)
        await until(lambda: len(follower.text) > 50)
        private.stop()
        shutil.rmtree(private.folder / "appendonlydir")
        await until(follower.told_by_postgres)
        private.restart()
        assert await follower.end() == "end"
        assert follower.text == TEXT
        stream = await events.EventHub().read(turns.stream_name(turn.id))
        assert replayed(stream) == TEXT


async def test_redis_that_stays_away_keeps_nobody_from_the_answer(
    school: School, private: Valkey, replay: Replay
) -> None:
    async with tutoring(replay):
        private.stop()
        turn = await begin(school)
        follower = Follower(school, turn)
        assert await follower.end() == "end"
        assert (follower.text, follower.frames[-1].id) == (TEXT, END_ID)
        assert (await messages_of(turn.conversation_id))[-1].content == TEXT
        late = Follower(school, turn)
        assert await late.end() == "end"
        assert late.text == TEXT
        private.restart()
        again = Follower(school, turn)
        assert await again.end() == "end"
        assert again.text == TEXT


async def test_a_turn_is_stopped_in_time_while_redis_hangs(school: School, private: Valkey, replay: Replay) -> None:
    async with tutoring(replay):
        turn = await begin(school)
        await said(turn, 0.1)
        private.child.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        await stop(await school.actor(), turn.id)
        assert await ended(turn.id) is TurnStatus.STOPPED
        assert time.monotonic() - begun < PATIENCE
        private.child.process.send_signal(signal.SIGCONT)


class Proxy:
    """Stands before Redis and can swallow replies: what was asked is done, but nobody hears so."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.swallow = False
        self.swallowed = 0

    @asynccontextmanager
    async def run(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1]
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, replies: bool) -> None:
            while data := await source.read(65_536):
                if replies and self.swallow:
                    self.swallow = False
                    self.swallowed += 1
                    break
                target.write(data)
            target.close()

        pumps = [pump(reader, up_writer, replies=False), pump(up_reader, writer, replies=True)]
        await asyncio.gather(*pumps, return_exceptions=True)
        up_writer.close()
        writer.close()


async def test_a_lost_reply_doubles_no_text(private: Valkey) -> None:
    proxy = Proxy(private.port)
    async with proxy.run() as port:
        url = private.url.replace(f":{private.port}/", f":{port}/")
        with environment(REDIS_URL=url):
            hub = EventHub()
            hub.publish("stream", "text", {"text": "first "})
            await hub._flush()
            hub.publish("stream", "text", {"text": "second "})
            proxy.swallow = True
            await hub._flush()
            assert proxy.swallowed == 1
            assert hub.has_lost("stream")
            await hub.close_stream("stream", "end", {}, whole={"text": "first second third"})
            stored = await hub.read("stream")
            assert replayed(stored) == "first second third"
            assert replayed(stored[:2]) == "first second "
            await close_redis()


# Postgres


async def test_postgres_away_at_the_end_of_an_answer_gets_it_later(
    school: School, database: str, replay: Replay
) -> None:
    async with tutoring(replay) as runner:
        turn = await begin(school)
        await said(turn, 0.2)
        follower = Follower(school, turn)
        await until(lambda: follower.frames)
        with closed(database):
            with pytest.raises(Unavailable, match="services"):
                await begin(school)
            await until(lambda: any(answer.ending for answer in runner._answers.values()))
            assert not follower.task.done(), "the end isn't told before it is true"
            assert fold(follower.frames) == TEXT
        assert await follower.end() == "end"
        assert await ended(turn.id) is TurnStatus.FINISHED
        answer = (await messages_of(turn.conversation_id))[-1]
        assert (answer.content, answer.model, answer.output_tokens) == (TEXT, "replay", len(WORDS))
        assert await ended((await begin(school)).id) is TurnStatus.FINISHED


async def test_postgres_and_redis_away_at_once_lose_nothing(
    school: School, database: str, private: Valkey, replay: Replay
) -> None:
    async with tutoring(replay) as runner:
        turn = await begin(school)
        follower = Follower(school, turn)
        await until(lambda: len(follower.text) > 50)
        private.stop()
        with closed(database):
            await until(lambda: any(answer.ending for answer in runner._answers.values()))
        assert await follower.end() == "end"
        assert follower.text == TEXT
        assert (await turn_of(turn.id)).status == "finished"


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    data_dir = DataDir(run_folder() / f"own-{uuid4().hex[:8]}")
    server = start_postgres(data_dir.path, {"fsync": "off"})  # what a killed server said it keeps, it keeps
    yield server
    server.stop()
    forget_cluster(data_dir.path)


async def test_postgres_restarted_while_an_answer_streams(own_postgres: Postgres, valkey: str, replay: Replay) -> None:
    with environment(DATABASE_URL=own_postgres.url, SECRET_KEY=SECRET_KEY):
        await asyncio.to_thread(migrate)
        school = await found_school()
        async with tutoring(replay):
            turn = await begin(school)
            await said(turn, 0.1)
            follower = Follower(school, turn)
            await until(lambda: follower.frames)
            os.kill(own_postgres.child.process.pid, signal.SIGQUIT)  # no goodbye
            own_postgres.child.process.wait()
            await asyncio.sleep(0.3)
            assert not follower.task.done()
            own_postgres.restart()
            assert await follower.end() == "end"
            assert follower.text == TEXT
            assert await ended(turn.id) is TurnStatus.FINISHED
            assert (await messages_of(turn.conversation_id))[-1].content == TEXT
        await dispose_engine()


async def test_a_client_for_writes_is_closed_with_the_other(valkey: str) -> None:
    assert get_redis() is get_redis()
    assert get_redis(retries=0) is not get_redis()
    held = get_redis(), get_redis(retries=0)
    for client in held:
        await client.set("x", "y")
    await close_redis()
    assert all(
        not connection.is_connected for client in held for connection in client.connection_pool._available_connections
    )
    assert get_redis() not in held
