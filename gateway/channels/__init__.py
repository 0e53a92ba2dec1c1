"""
Where customers are: one module per platform, and the contract they all keep.

What is here verifies raw bytes, decodes them, and speaks to platforms. What is
deliberately not here: answers, the store's keys, HTTP routes, and whether a
message was seen before: every channel may be sent everything twice.
"""
