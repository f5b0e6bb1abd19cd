"""How long leases and claims last, how often heartbeats come, and when each of them counts as lost."""

from datetime import timedelta

#: An owner has an observation to itself for this long, unless it asks for another time; for a day at most.
LEASE_SECONDS, LONGEST_LEASE_SECONDS = 60, 86_400
#: After this time the lease is renewed.
RENEW_SECONDS = 3.0
#: Work that looks up less often than this is interrupted when its lease is lost.
REACT_SECONDS = 5.0
#: How long after its start an observation still belongs to the run that started it.
STARTING_MARGIN_SECONDS = 300

#: A claim outlasts the queue before a stage's task; until then no other consumer gets the observation.
CLAIM_SECONDS = 900
#: So soon after a claim listen has created a run for it; one that has none by then has ended without beginning.
UNHEARD = timedelta(seconds=60)

#: Between two heartbeats of the DAG listen, and of the telescope simulator.
LISTEN_HEARTBEAT_SECONDS, SIMULATOR_HEARTBEAT_SECONDS = 15.0, 30.0
#: A service that has sent no heartbeat for longer is not responding.
GONE_AFTER = timedelta(seconds=60)
