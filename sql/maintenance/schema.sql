-- The expired rows of ATDB, and no others: the role `maintenance` reads and deletes through these views only. Each
-- view has one column, a time, so the role can read neither secrets nor history. The minimum retention is defined
-- here, so no setting can be shorter.
-- Every upgrade of the database runs this file, after the migrations and in their transaction.

create schema maintenance;

-- Sessions of browsers that have ended. Tokens stay until an administrator revokes them.
create view maintenance.ended_sessions with (security_barrier) as
    select expires_at as ended_at from public.tokens where is_session and expires_at < now();

-- Answers to requests with an Idempotency-Key. ATDB repeats an answer for a day.
create view maintenance.used_idempotency_keys with (security_barrier) as
    select created_at as used_at from public.kept_answers where created_at < now() - interval '1 day';

-- Claims whose lease has expired. ATDB repeats the answer to a claim for a day after that.
create view maintenance.expired_claims with (security_barrier) as
    select expires_at as expired_at from public.claims where expires_at < now() - interval '1 day';

-- If the server does not have the role, the upgrade reports that and continues without these grants.
do $$
begin
    if exists (select from pg_roles where rolname = 'maintenance') then
        grant usage on schema maintenance to maintenance;
        grant select, delete on all tables in schema maintenance to maintenance;
    end if;
end $$;
