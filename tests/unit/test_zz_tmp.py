import socket, pytest, httpx
async def test_n():
    with pytest.raises(RuntimeError):
        socket.create_connection(("127.0.0.1",1))
