"""
A worker with a planted bug: what may have been sent is sent again, unasked.
"""

import sys

from engines.agent.shop_calls import ShopCalls
from loadtest.crash_worker import serve


async def look_up(self, record, key, deadline_s):
    return None


ShopCalls.look_up = look_up
serve(sys.argv[1])
