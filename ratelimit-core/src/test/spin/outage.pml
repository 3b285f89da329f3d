/*
 * A model of the package guard: one key of one store, and instances that share its limit while the store fails.
 *
 * Checked exhaustively by .ci/model with spin (https://spinroot.com): every order of the steps of all processes, and
 * every choice of faults. Permits do not come back with time here; the simulation and the tests cover refills.
 *
 * A step of the model is a step that other instances can observe: the store executes a call, an instance learns the
 * outcome. In between, anything may happen. See docs/accuracy.adoc for the bounds.
 *
 *   N         instances
 *   LIMIT     permits of the limit; a multiple of N
 *   REQUESTS  requests of all instances together
 *   FAULTS    faults of all kinds together: calls refused, requests lost, replies lost
 *
 * Mutants, each of which must fail: FORGETS_CHARGES, CHARGES_TWICE, CHARGES_WHOLE, STAYS_OPEN, IGNORES_SHARE.
 */

#define SHARE (LIMIT / N)
/* InstanceShare.followed(): the room to count what the store grants beyond the share. */
#define FOLLOWED (SHARE + 1 + SHARE / 4)
/* The most that all instances are granted together: the limit, and every share once more. */
#ifndef BOUND
#define BOUND (LIMIT + N * SHARE)
#endif

mtype = { granted, denied, refused, requestLost, replyLost };

byte used;            /* permits that the store has charged */
byte requests;        /* made so far */
byte faults;          /* happened so far */

byte had[N];          /* Fallback: what the instance was granted, by the store or by itself */
byte unsettled[N];    /* UnsettledCharges */
bool open[N];         /* PartHealth: requests do not call the store */
bool troubled[N];     /* StoreHealth: a call has failed, so rounds go on */

/* For the claims only. */
byte grants;          /* all permits granted to callers */
byte later;           /* granted locally, and the store surely has not charged them */
byte charged;         /* charged to the store by recovery, or lost on the way there */

/* The store executes a call for n permits, or a fault prevents it. Takes effect at once; the caller learns it later. */
inline call(n, outcome) {
    atomic {
        if
        :: used + n <= LIMIT -> used = used + n; outcome = granted
        :: used + n > LIMIT -> outcome = denied
        :: faults < FAULTS -> faults++; outcome = refused
        :: faults < FAULTS -> faults++; outcome = requestLost
        :: faults < FAULTS && used + n <= LIMIT -> faults++; used = used + n; outcome = replyLost
        fi
    }
}

/* Fallback.acquire(): on-error: local. */
inline decideLocally(i, isLater) {
    if
#ifdef IGNORES_SHARE
    :: true ->
#else
    :: had[i] < SHARE ->
#endif
        had[i]++;
        grants++;
        if
        :: isLater -> unsettled[i]++; later++
        :: else
        fi
    :: had[i] >= SHARE
    fi
}

proctype Instance(byte i) {
    mtype outcome;
    bool asked;
end:
    do
    :: atomic {
            requests < REQUESTS ->
            requests++;
            asked = !open[i]
        };
        if
        :: !asked -> atomic { decideLocally(i, true) }
        :: asked ->
            call(1, outcome);
            atomic {
                if
                :: outcome == granted ->
                    grants++;
                    if
                    :: had[i] < FOLLOWED -> had[i]++
                    :: else
                    fi
                :: outcome == denied
                :: else ->
                    troubled[i] = true;
                    decideLocally(i, outcome == refused);
                    if /* the breaker opens at one of several failed calls */
                    :: open[i] = true
                    :: true
                    fi
                fi
            }
        fi
    od
}

/* StoreHealth.recover(): probes, charges what is unsettled, and closes the breaker. */
proctype Recovery(byte i) {
    byte spent;
    byte part;
    mtype outcome;
    bool complete;
end:
    do
    :: troubled[i] ->
        call(0, outcome);
        if
        :: outcome != granted -> open[i] = true
        :: else ->
            atomic {
                spent = unsettled[i];
                unsettled[i] = 0;
                complete = true
            };
            if
            :: spent == 0
            :: else ->
                part = spent;
#ifndef CHARGES_WHOLE
                call(part, outcome);
                if
                :: outcome == denied ->
                    /* The second call charges as many as the answer to the first says that the store has left. */
                    atomic { part = (LIMIT - used < spent -> LIMIT - used : spent) };
                    if
                    :: part > 0 -> call(part, outcome)
                    :: else
                    fi
                :: else
                fi;
#else
                used = used + part;
                outcome = granted;
#endif
                atomic {
                    if
                    :: outcome == granted -> charged = charged + part
                    :: outcome == denied /* others took the room in between */
                    :: outcome == refused ->
                        complete = false;
#ifndef FORGETS_CHARGES
                        unsettled[i] = unsettled[i] + spent
#endif
                    :: else /* The store may have charged them, so they are not charged again. */
                        complete = false;
                        charged = charged + part;
#ifdef CHARGES_TWICE
                        unsettled[i] = unsettled[i] + spent
#endif
                    fi
                }
            fi;
            atomic {
                if
                :: complete ->
#ifndef STAYS_OPEN
                    open[i] = false;
#endif
                    if
                    :: unsettled[i] == 0 && !open[i] -> troubled[i] = false
                    :: else
                    fi
                :: else -> open[i] = true
                fi
            }
        fi
    od
}

init {
    byte i = 0;
    atomic {
        do
        :: i < N -> run Instance(i); run Recovery(i); i++
        :: else -> break
        od
    }
}

#define ALL(p) (p(0) && p(1) && (N < 3 || p(N - 1)))
#define isWell(i) (!open[i] && !troubled[i] && unsettled[i] == 0)

/* The store never charges more than the limit, and all instances together grant at most the limit once more. */
ltl bound { [] (used <= LIMIT && grants <= BOUND) }
/* A permit is charged at most once. */
ltl once { [] (charged <= later) }
/* When all is well and the store has room, every permit that it surely had not charged before is charged. */
ltl settled { [] ((ALL(isWell) && used < LIMIT) -> charged == later) }
/* Faults are bounded, so they end: then all instances call the store again, and nothing is left to charge. */
ltl recovers { <> [] ALL(isWell) }
