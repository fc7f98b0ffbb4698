"""What `clarion demo` shows: sample apps and devices, one real push through the HTTP API, and what became of it.

simulation.py   the provider simulator beside this process
samples.py      which apps and devices there are, per transport
texts.py        what the messages say
client.py       calls to Clarion's and the simulator's HTTP interfaces
phones.py       devices: they register, and report what they have received
story.py        the whole course of events
sending.py      instant sendings, and waiting for their end
past.py         earlier sendings: sent for real, then moved into the past
plans.py        what the console shows beside: groups, events, weekly and planned sendings, a refused credential
living.py       what goes on while people look
summary.py      the table at its end
"""
