"""How long leases and claims last, and how often owners and services must renew them or send a heartbeat."""

from datetime import timedelta

#: The duration of a lease unless the owner requests another one, and the longest duration: one day.
LEASE_SECONDS, LONGEST_LEASE_SECONDS = 60, 86_400
#: The interval at which an owner renews its lease.
RENEW_SECONDS = 3.0
#: Work that does not check its lease at least this often is interrupted when the lease is lost.
REACT_SECONDS = 5.0
#: How long after its start an observation still belongs to the run that started it.
STARTING_MARGIN_SECONDS = 300

#: The duration of a claim. No other consumer gets the observation before it ends, so it must be longer than the
#: time that a stage's task can be queued.
CLAIM_SECONDS = 900
#: Listen creates the run for a claim within this time. After that, reconcile releases a claim that has no run.
CLAIM_RUN_WITHIN = timedelta(seconds=60)

#: The intervals between heartbeats of the DAG listen and of the telescope simulator.
LISTEN_HEARTBEAT_SECONDS, SIMULATOR_HEARTBEAT_SECONDS = 15.0, 30.0
#: A service is not responding if it has sent no heartbeat for longer than this.
GONE_AFTER = timedelta(seconds=60)
