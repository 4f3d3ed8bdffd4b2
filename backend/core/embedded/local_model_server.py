"""The process that serves the small local model: `python -m backend.core.embedded.local_model_server PORT PARENT_PID`.

llama.cpp's own HTTP server speaks OpenAI's API at 127.0.0.1; it stops generating when a client disconnects, and obeys
JSON schemas. Prompt reuse works without being asked for: a slot keeps its last conversation, and up to `_CACHE_MIB`
of earlier ones wait in memory. Measured on 2 cores with a lesson of 2,250 tokens: first turn 7 s of prefill, each
further turn, another student's question on the same lesson, or the way back to an earlier lesson 0.1-0.8 s.
"""

import os
import sys
import threading

from backend.core.embedded import wheels
from backend.core.embedded.ports import LOOPBACK
from backend.core.embedded.processes import watch_parent

_CONTEXT = 8192  # tokens of one request, the model's most; sharing them let two long requests fail each other
_SLOTS = 2  # requests answered at once; each reserves memory for its whole context (185 MiB)
_THREADS = 2
_CACHE_MIB = 512  # a conversation of 2,250 tokens takes about 50 MiB


def main() -> None:
    """Serve until the process is ended."""
    port, parent = int(sys.argv[1]), int(sys.argv[2])
    watch_parent(parent, grace=0.5)
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(wheels.model_file())
    params.model_alias = {"local"}
    params.hostnames = [LOOPBACK]
    params.port = port
    params.n_ctx = _CONTEXT * _SLOTS
    params.n_parallel = _SLOTS
    params.kv_unified = False
    params.cache_ram_mib = _CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = min(_THREADS, os.cpu_count() or 1)
    params.n_gpu_layers = 0
    params.ui = False
    params.endpoint_slots = False
    params.cors_origins = f"http://{LOOPBACK}:{port}"  # no web page may call it from somebody's browser
    _server = xllamacpp.Server(params)
    threading.Event().wait()


if __name__ == "__main__":
    main()
