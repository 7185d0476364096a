"""What reading a queue that a bucket notifies costs by itself, in a process of its own:

    python -m tools.benches.obs_loop bare|kind QUEUE_URL REGION ACCESS_KEY SECRET_KEY RECORDS

`bare` is a loop over aiobotocore that receives ten messages and deletes them. `kind` is the trigger on an intake that accepts at once and
has an event made of every fifty records. Prints records a second and CPU microseconds a record, from the first to the last; a message
holds one record, as stores send them.
"""

import asyncio
import json
import sys
from urllib.parse import urlsplit

import msgspec
import uvloop
from aiobotocore.session import AioSession

from sluice.binding import Binding
from sluice_obs import KIND
from sluice_obs.settings import ObsSettings
from tools.benches.loop import AcceptsAtOnce, Count

BATCH = 50
AT_ONCE = 10
PREFETCH = 400
HIDDEN_S = 60
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"


async def kind(url: str, region: str, access_key: str, secret_key: str, count: Count) -> None:
    keys = {"region": region, "access_key": access_key, "secret_key": secret_key}
    wanted = {"bucket": "photos", "events": ["ObjectCreated"], "prefetch": PREFETCH, "batch_size": BATCH}
    text = json.dumps({**keys, **wanted, "queue_url": url}).encode()
    settings = msgspec.json.decode(text, type=ObsSettings)
    binding = Binding("bench", "p1", "OBS", "obs", FUNCTION, text, batch_size=BATCH)
    running = asyncio.ensure_future(KIND.build(binding, settings).run(AcceptsAtOnce(KIND, binding, settings, count), lambda: None))
    await count.done.wait()
    running.cancel()
    await asyncio.wait((running,))


async def bare(url: str, region: str, access_key: str, secret_key: str, count: Count) -> None:
    place = urlsplit(url)
    login = {"region_name": region, "aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
    async with AioSession().create_client("sqs", endpoint_url=f"{place.scheme}://{place.netloc}", **login) as client:
        while not count.done.is_set():
            answer = await client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=1, VisibilityTimeout=HIDDEN_S, AttributeNames=["All"]
            )
            messages = answer.get("Messages", ())
            for _ in messages:
                count.one()
            if messages:
                entries = [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(messages)]
                await client.delete_message_batch(QueueUrl=url, Entries=entries)


async def main() -> None:
    what, url, region, access_key, secret_key, records = sys.argv[1:]
    count = Count(int(records))
    await {"bare": bare, "kind": kind}[what](url, region, access_key, secret_key, count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
