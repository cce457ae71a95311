"""The statement by which PostgreSQL decides on a request: `sentinel.api_usage.counting` as SQL.

It is written out, not built: its parts are read beside the functions that they repeat. The lock is
taken first and the clock is read after it, so that no request is counted at an earlier moment than
one before it. Nothing is written where a request is refused, unless the clock was set back or
leased units come back.
"""

from __future__ import annotations

from sentinel.api_usage.counting import SLACK

__all__ = ["DECIDE", "INSERT"]

DECIDE = f"""
WITH asked AS (
  SELECT * FROM unnest(
    %(ids)s::text[], %(kinds)s::text[], %(amounts)s::bigint[], %(periods)s::bigint[],
    %(capacities)s::bigint[], %(firsts)s::bigint[], %(seconds)s::bigint[], %(thirds)s::bigint[],
    %(dry)s::bool[], %(least)s::bigint[], %(most)s::bigint[], %(credits)s::bigint[],
    %(credits_at)s::bigint[], %(kept)s::bigint[]
  ) AS a (id, kind, amount, period, capacity, first, second, third, dry, least, most, credit,
          credit_at, kept)
),
held AS MATERIALIZED (
  SELECT a.*, s.at, s.used, s.previous, s.entries
  FROM asked a JOIN api_limit_state s ON s.id = a.id ORDER BY s.id FOR UPDATE OF s
),
clock AS MATERIALIZED (
  SELECT coalesce(%(now)s::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS now
  FROM (SELECT count(*) FROM held) AS locked
),
given AS (
  SELECT h.*,
    CASE WHEN h.at - c.now BETWEEN 1 AND {SLACK} THEN h.at ELSE c.now END AS now,
    CASE WHEN h.credit = 0 THEN h.used
         WHEN h.kind = 'bucket' THEN greatest(0, h.used - h.credit * h.period)
         WHEN h.kind = 'quota' AND h.at = h.credit_at THEN greatest(0, h.used - h.credit)
         ELSE h.used END AS left_used
  FROM held h, clock c
),
placed AS (
  SELECT g.*,
    CASE g.kind
      WHEN 'counter' THEN g.now - g.now %% g.period
      WHEN 'quota' THEN CASE WHEN g.now >= g.third THEN g.third
                             WHEN g.now >= g.second THEN g.second ELSE g.first END
      ELSE g.now END AS start
  FROM given g
),
settled AS (
  SELECT p.*,
    CASE p.kind
      WHEN 'bucket' THEN greatest(0, p.left_used - p.amount * CASE WHEN p.at > p.now THEN 0
        ELSE least(p.now - p.at, p.capacity * p.period / p.amount + 1) END)
      WHEN 'log' THEN l.units
      WHEN 'quota' THEN CASE WHEN p.at >= p.start THEN p.left_used ELSE 0 END
      ELSE CASE WHEN p.at > p.start THEN least(p.amount, p.left_used + p.previous)
                WHEN p.at = p.start THEN p.left_used ELSE 0 END END AS now_used,
    CASE WHEN p.kind <> 'counter' OR p.at > p.start THEN 0
         WHEN p.at = p.start THEN p.previous
         WHEN p.at = p.start - p.period THEN p.left_used ELSE 0 END AS now_previous,
    l.pairs AS now_entries,
    p.at > p.start AS set_back
  FROM placed p, LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_array(e.at, e.units) ORDER BY e.place), '[]') AS pairs,
           coalesce(sum(e.units), 0)::bigint AS units
    FROM (SELECT least((one ->> 0)::bigint, p.now) AS at, (one ->> 1)::bigint AS units, place
          FROM jsonb_array_elements(p.entries::jsonb) WITH ORDINALITY AS x (one, place)) AS e
    WHERE e.at > p.now - p.period
  ) AS l
),
weighed AS (
  SELECT s.*,
    CASE s.kind
      WHEN 'bucket' THEN (s.capacity * s.period - s.now_used) / s.period
      WHEN 'counter' THEN greatest(0, s.amount * s.period - s.now_used * s.period
        - s.now_previous * (s.period - (s.now - s.start))) / s.period
      ELSE s.amount - s.now_used END AS available
  FROM settled s
),
verdict AS (
  SELECT bool_and(available >= least OR dry) AS allowed, count(*) = %(count)s AS complete
  FROM weighed
),
charging AS (
  SELECT w.*, CASE WHEN v.allowed AND w.available >= w.least
                   THEN least(w.most, w.available) ELSE 0 END AS taken
  FROM weighed w, verdict v WHERE v.complete
),
written AS (
  UPDATE api_limit_state t SET
    at = c.start,
    used = c.now_used + c.taken * CASE WHEN c.kind = 'bucket' THEN c.period ELSE 1 END,
    previous = c.now_previous,
    entries = CASE WHEN c.kind = 'log' AND c.taken > 0
      THEN (c.now_entries || jsonb_build_array(jsonb_build_array(c.now, c.taken)))::text
      ELSE c.now_entries::text END,
    expires_at = c.now + c.kept
  FROM charging c
  WHERE t.id = c.id AND (c.taken > 0 OR c.set_back OR c.credit > 0)
)
SELECT id, now, start, now_used AS used, now_previous AS previous, now_entries AS entries,
       available, set_back FROM charging
"""  # noqa: S608 - the number in it is ours

INSERT = """
INSERT INTO api_limit_state (id, at, used, previous, entries, expires_at)
SELECT id, 0, 0, 0, '[]', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + kept
FROM unnest(%(ids)s::text[], %(kept)s::bigint[]) AS a (id, kept) ORDER BY id
ON CONFLICT (id) DO NOTHING
"""
