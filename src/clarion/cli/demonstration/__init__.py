"""What `clarion demo` shows: sample apps and devices, one real push through the HTTP API, and what became of it.

simulation.py   the provider simulator beside this process
samples.py      which apps and devices there are, per transport
client.py       calls to Clarion's and the simulator's HTTP interfaces
phones.py       devices: they register, and report what they have received
story.py        the whole course of events
summary.py      the table at its end
"""
