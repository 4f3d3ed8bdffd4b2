import pytest, os
from sqlalchemy import text
from backend.core.database import transaction
from backend.core.redis import get_redis
@pytest.mark.parametrize("n", range(10))
async def test_a(services, n):
    async with transaction() as s:
        assert (await s.execute(text("select count(*) from people"))).scalar()==0
    assert await get_redis().dbsize()==0
    await get_redis().set("a","b")
    assert await get_redis().get("a")=="b"
def test_sync(database): assert "test_" in database
