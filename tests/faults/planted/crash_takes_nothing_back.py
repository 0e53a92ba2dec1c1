"""
A worker with a planted bug: a later step is refused, and the earlier one stays.
"""

import sys

from engines.agent import execution
from loadtest.crash_worker import serve


execution.to_take_back = lambda record: []
serve(sys.argv[1])
