"""Serves a GGUF model file with llama.cpp until standard input ends; prints its address. `python -m ... FILE`."""

from __future__ import annotations

import sys

import xllamacpp


def main() -> None:
    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.port = 0
    params.n_parallel = 1
    params.n_ctx = 1024
    params.cpuparams.n_threads = 2
    params.warmup = False
    params.sampling.temp = 0.0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
