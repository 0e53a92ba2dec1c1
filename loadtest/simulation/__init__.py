"""
The gateway core on virtual time: one seed is one history, replayed at will.

Real: dispatching, answering, admission, the human queue, the desk, the sweeper's
rounds, and every Lua function of the store. Simulated: the clock, the commands under
the Lua functions, the network, engines, customers, operators and every fault.
Not here: HTTP, channels, the ledger of L3, the store's disk; the fault matrix strikes
those on real processes.
"""
