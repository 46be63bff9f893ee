"""Drives `orchestrate` to its end with the Python client of the protocol, and prints what came of it as one JSON object.

Usage: client.py MODE stdio PROGRAM | client.py MODE http URL TOKEN-FILE; MODE is auto, legacy or a revision.
The goal comes as JSON arguments on standard input.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


def transport(kind, rest):
    if kind == "stdio":
        # The whole environment is handed on: the state directory and the model's address are in it.
        return StdioServerParameters(command=rest[0], args=["mcp"], env=dict(os.environ), cwd=os.getcwd())
    url, token_file = rest
    with open(token_file, encoding="utf-8") as file:
        headers = {"Authorization": "Bearer " + file.read().strip()}
    return streamable_http_client(url, http_client=httpx2.AsyncClient(headers=headers, timeout=120))


async def main():
    mode, kind, *rest = sys.argv[1:]
    goal = json.load(sys.stdin)
    heard = []

    async def progress(done, total, message):
        heard.append(message)

    async with Client(transport(kind, rest), mode=mode) as client:
        tools = await client.list_tools()
        result = await client.call_tool("orchestrate", goal, progress_callback=progress)
        run = result.structured_content
        while run["state"] == "running":
            waited = await client.call_tool("trace", {"op": "wait", "run": run["run"]})
            run = waited.structured_content
        diff = await client.read_resource(run["diff"])
        print(
            json.dumps(
                {
                    "tools": [tool.name for tool in tools.tools],
                    "run": run,
                    "diff": diff.contents[0].text,
                    "progress": len(heard),
                }
            )
        )


asyncio.run(main())
