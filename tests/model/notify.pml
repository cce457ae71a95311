/* How Sentinel notifies a receiver of one group of alerts: what evaluations write, how the relay
 * publishes it, how Prefect wakes a sender, and how senders claim, send and finish.
 *
 * A variable is a row or a column of the shared database; an `atomic` block is one transaction.
 * Everything else may be interleaved, die (`crashes`), get lost (`losses`), fail (`failures`) or
 * outlast its claim (`stalls`), each so many times as is given below.
 *
 * Each step prints its name and the state after it; `test_notify_model.py` carries the same steps
 * out on the store. A word such as MUTANT_NO_EXPIRY breaks the protocol, to show that the check
 * would find it.
 */
#ifndef CHANGES
#define CHANGES 2   /* alerts that open, one after another */
#endif
#define SENDERS 2   /* a notify flow that Prefect starts, and the relay, which looks by itself */
#define NOBODY 0

mtype = { open, lapse, retry, claim, nothing, crash, send, fail, finished };

byte happened;           /* alerts that have opened: the group's sequence number */
byte notified;           /* the newest that a finished notification named */
byte heard;              /* the newest that the receiver knows of */
bool due;                /* a decision about the group is due */
bool backs_off;          /* the last attempt failed, and the next one is not to come at once */
bool waits;              /* the group is due when that time is over */
byte holder = NOBODY;    /* who has claimed the group */
bool lapsed;             /* that claim has run out */
byte outbox;             /* events to publish */
byte sent;               /* messages that reached the receiver */
byte spent;              /* crashes and stalls so far: each may cost one repeated message */
byte crashes = 2, losses = 1, failures = 1, stalls = 1;
bool dead[SENDERS + 1];  /* whether the process that made the claim has died since */

chan wakes = [CHANGES] of { bool };

inline state(what, who) {
  printf("STEP %e %d | %d %d %d %d %d\n", what, who, happened, notified, heard,
         (due && (holder == NOBODY || lapsed)), sent)
}

inline finish(who, seq, good) {
  atomic {
    if
    :: good -> notified = (seq > notified -> seq : notified); backs_off = false
    :: else
    fi;
    if
    :: holder == who && !dead[who] ->
      holder = NOBODY; lapsed = false;
#ifdef MUTANT_FORGETS_NEWS
      due = false;
#else
      due = true;  /* the next decision says whether there is anything else to send, and when */
#endif
      backs_off = !good
    :: else  /* the claim is another's meanwhile: it decides */
    fi
  }
}

active proctype Evaluations() {
  do
  :: happened < CHANGES ->
    atomic {
      happened++; outbox++;
      due = true;
      state(open, 0)
    }
  :: else -> break
  od
}

/* Publishes an event before it says so: a crash between both publishes it twice, which does no harm. */
active proctype Relay() {
end:
  do
  :: outbox > 0 && nfull(wakes) ->
    if
    :: wakes!true
    :: losses > 0 -> losses--  /* Prefect is down, or an Automation did not fire */
    fi;
    outbox--
  od
}

/* Time: what a process has claimed and not finished is another's after a while. */
active proctype Clock() {
end:
  do
#ifndef MUTANT_NO_EXPIRY
  :: atomic { holder != NOBODY && !lapsed && dead[holder] -> lapsed = true; state(lapse, holder) }
  :: atomic {
      holder != NOBODY && !lapsed && !dead[holder] && stalls > 0 ->
      stalls--; spent++; lapsed = true; state(lapse, holder)
    }
#endif
  :: atomic { waits -> waits = false; backs_off = false; due = true; state(retry, 0) }
  od
}

proctype Sender(byte me; bool polls) {
  byte seq;
  bool good;
idle:
end:
  do
  :: atomic { wakes?_ -> goto claiming }
#ifndef MUTANT_ONLY_WAKES
  :: atomic { polls && due && (holder == NOBODY || lapsed) -> goto claiming }
#endif
  od;
claiming:
  atomic {
    if
#ifdef MUTANT_CLAIMS_TWICE
    :: due ->
#else
    :: due && (holder == NOBODY || lapsed) ->
#endif
      assert(holder == NOBODY || lapsed);
      if
      :: happened > notified && !backs_off ->
        waits = false; holder = me; lapsed = false; dead[me] = false; seq = happened;
        state(claim, me)
      :: else ->
        holder = NOBODY; lapsed = false; due = false; waits = backs_off;
        state(nothing, me); goto idle
      fi
    :: else -> goto idle
    fi
  };
  if
  :: atomic { crashes > 0 -> crashes--; dead[me] = true; state(crash, me); goto idle }
  :: atomic {
    good = true;
    heard = (seq > heard -> seq : heard); sent++;
    assert(sent <= CHANGES + spent);  /* twice only after a crash or a stall */
    state(send, me)
  }
  :: atomic { failures > 0 -> failures--; good = false; state(fail, me) }
  fi;
  if
  :: atomic { crashes > 0 -> crashes--; spent++; dead[me] = true; state(crash, me); goto idle }
  :: atomic { finish(me, seq, good); state(finished, me) }
  fi;
  goto idle
}

init {
  atomic { run Sender(1, false); run Sender(2, true) }
}

/* Where nothing can happen any more, every wait has ended, and nobody is left untold. That each run
 * comes to that is checked too: `pan -l` finds no run that goes on for ever.
 */
active proctype AtTheEnd() {
end:
  timeout ->
    assert(happened == CHANGES && heard == CHANGES && notified == CHANGES);
    assert(!due && !waits && holder == NOBODY && outbox == 0)
}
