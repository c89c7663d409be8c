/*
 * A mutex over PARK and UNPARK (lib/capos/sync.c over kernel/object/park_space.c), with timeouts, and with waiters
 * moved to the mutex by a broadcast. Checked: never two inside; never everybody asleep (no lost wake-up).
 *
 * CHECK holds -DPLAIN: no wake-up is lost
 * CHECK holds -DTIMEOUTS: nor with timeouts
 * CHECK fails -DWAKE_FIRST: waking before moving
 *
 * What is one step here is one step there: an atomic instruction on the word; PARK's comparison and queueing, and
 * UNPARK's taking out, each under the lock of the word's bucket; a move, under both locks.
 */
#define WORKERS 3
#define THREADS 4 /* and one that broadcasts */
#define NOBODY  255
#ifndef ROUNDS
#define ROUNDS 1
#endif

byte state = 0;        /* the mutex: 0 free, 1 locked, 2 locked and somebody may wait */
byte sequence = 0;     /* the condition */
byte queue[THREADS];   /* 0: awake; 1: in the queue of the mutex; 2: in that of the condition; 3: taken out */
byte inside = 0;
byte finished = 0;
bool broadcast_done = false;

/* UNPARK(word, 1): any waiter, since the order among CPUs that arrive is any. */
inline unpark_one(which)
{
    atomic {
        if
        :: queue[0] == which -> queue[0] = 0
        :: queue[1] == which -> queue[1] = 0
        :: queue[2] == which -> queue[2] = 0
        :: queue[3] == which -> queue[3] = 0
        :: else -> skip
        fi
    }
}

inline lock_contended()
{
    do
    :: atomic { old = state; state = 2 };
       if
       :: old == 0 -> break
       :: else -> skip
       fi;
       atomic { /* PARK(state, 2) */
           if
           :: state == 2 -> queue[_pid - 1] = 1
           :: else -> skip
           fi
       };
       queue[_pid - 1] == 0
    od
}

inline lock()
{
    atomic { old = state; if :: old == 0 -> state = 1 :: else -> skip fi };
    if
    :: old != 0 -> lock_contended()
    :: else -> skip
    fi
}

inline unlock()
{
    atomic { old = state; state = 0 };
    if
    :: old == 2 -> unpark_one(1)
    :: else -> skip
    fi
}

inline critical()
{
    inside++;
    assert(inside == 1);
    inside--
}

proctype worker()
{
    byte old, seen, round;
    for (round : 1 .. ROUNDS) {
        lock();
        critical();
        unlock()
    };
    /* Waits for the broadcast, as capos_cond_wait does. */
    lock();
    do
    :: broadcast_done -> break
    :: else ->
       seen = sequence;
       unlock();
       atomic {
           if
           :: sequence == seen -> queue[_pid - 1] = 2
           :: else -> skip
           fi
       };
       /* Woken, or (the deadline) taken out of whatever queue it is in by now. */
       if
       :: queue[_pid - 1] == 0
#ifdef TIMEOUTS
       :: atomic { (queue[_pid - 1] == 1 || queue[_pid - 1] == 2) -> queue[_pid - 1] = 0 }
#endif
       fi;
       lock_contended()
    od;
    critical();
    unlock();
    finished++
}

proctype broadcaster()
{
    byte old, i, taken;
    lock();
    critical();
    broadcast_done = true;
    unlock();
    sequence++;
    /* One is taken out; the rest is moved one by one, each in one step; only then does the one run. With
     * WAKE_FIRST it runs at once, may lock and unlock before the others are moved, and they sleep for ever. */
    taken = NOBODY;
    atomic {
        if
        :: queue[0] == 2 -> taken = 0
        :: queue[1] == 2 -> taken = 1
        :: queue[2] == 2 -> taken = 2
        :: else -> skip
        fi;
        if
#ifdef WAKE_FIRST
        :: taken != NOBODY -> queue[taken] = 0
#else
        :: taken != NOBODY -> queue[taken] = 3
#endif
        :: else -> skip
        fi
    };
    for (i : 0 .. WORKERS - 1) {
        atomic { if :: queue[i] == 2 -> queue[i] = 1 :: else -> skip fi }
    };
    if
    :: taken != NOBODY -> queue[taken] = 0
    :: else -> skip
    fi;
    finished++
}

init
{
    atomic {
        run worker();
        run worker();
        run worker();
        run broadcaster()
    };
    finished == THREADS; /* an invalid end state, reported, if somebody sleeps for ever */
    assert(state == 0 || state == 2)
}
