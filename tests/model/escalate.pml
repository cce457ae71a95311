/* How Sentinel escalates one group of alerts: which step is due, who carries it out, and what an
 * acknowledgement stops.
 *
 * As in notify.pml a variable is a column of the shared database and an `atomic` block is one
 * transaction; processes die (`crashes`) and outlast their claims (`stalls`) between them.
 * `test_escalate_model.py` carries the printed steps out on the store.
 */
#define LEVELS 3    /* steps of the policy */
#define PROCESSES 2 /* a flow that is woken, and the relay: both look by themselves */
#define NOBODY 0

mtype = { due_now, claim, carry, lost, crash, lapse, acknowledge };

byte level;              /* steps that are done */
byte pages;              /* steps whose people were paged, each as often as it was */
bool due = true;         /* the next step is due */
bool acknowledged;
byte holder = NOBODY;    /* who has claimed the step */
bool lapsed;             /* that claim has run out */
byte crashes = 2, stalls = 2;
bool dead[PROCESSES + 1];

inline state(what, who) {
  printf("STEP %e %d | %d %d %d %d\n", what, who, level, pages, acknowledged,
         (due && (holder == NOBODY || lapsed)))
}

/* Time: the delay of the next step is over, or a claim has run out. */
active proctype Clock() {
end:
  do
  :: atomic {
      !due && level < LEVELS && !acknowledged -> due = true; state(due_now, 0)
    }
#ifndef MUTANT_NO_EXPIRY
  :: atomic { holder != NOBODY && !lapsed && dead[holder] -> lapsed = true; state(lapse, holder) }
  :: atomic {
      holder != NOBODY && !lapsed && !dead[holder] && stalls > 0 ->
      stalls--; lapsed = true; state(lapse, holder)
    }
#endif
  od
}

/* Somebody may acknowledge at any time, or never. */
active proctype Person() {
  if
  :: atomic {
      !acknowledged ->
      acknowledged = true; due = false;
#ifndef MUTANT_KEEPS_CLAIM
      holder = NOBODY; lapsed = false;
#endif
      state(acknowledge, 0)
    }
  :: true
  fi
}

active [PROCESSES] proctype Process() {
  byte me = _pid - 1;  /* the clock and the person are 0 and 1 */
  bool mine;
idle:
end:
  atomic {
    due && (holder == NOBODY || lapsed) ->
    holder = me; lapsed = false; dead[me] = false;
    state(claim, me)
  };
  if
  :: atomic { crashes > 0 -> crashes--; dead[me] = true; state(crash, me); goto idle }
  :: atomic {
#ifdef MUTANT_TRUSTS_CLAIM
      mine = true;
#else
      mine = (due && holder == me && !acknowledged);
#endif
      if
      :: mine ->
        assert(!acknowledged);
        level++; pages++; due = false; holder = NOBODY; lapsed = false;
        assert(level <= LEVELS && pages == level);
        state(carry, me)
      :: else -> state(lost, me)
      fi
    }
  fi;
  goto idle
}

/* Where nothing can happen any more: all steps are done, or somebody has acknowledged. */
active proctype AtTheEnd() {
end:
  timeout -> assert(!due && holder == NOBODY && (acknowledged || level == LEVELS))
}
