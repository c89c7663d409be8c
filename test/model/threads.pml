/*
 * Threads on CPUs: blocking, waking, handing over, preempting, moving, stopping (kernel/core/sched.c, thread.c,
 * pending.c; docs/threads.md). Two CPUs, two threads; others complete their operations, end their waits and stop one
 * of them at any time. Checked: a thread's registers are on one CPU at most; no wake-up and no stop is lost; a thread
 * is buried once, and nobody touches it afterwards; no CPU waits for another for ever.
 *
 * CHECK holds -DSTOPPER: threads that wake each other and are stopped
 * CHECK holds -DCOMPLETER -DALONE: threads that are woken by other CPUs
 * CHECK holds -DTIMERS -DSTOPPER -DALONE: threads whose waits have a limit, and are stopped
 * CHECK fails -DCOMPLETER -DALONE -DBROKEN_BLOCK: deciding to wait without the lock
 * CHECK fails -DSTOPPER -DBROKEN_STOP: kicking before saying why
 * CHECK fails -DSTOPPER -DBROKEN_OFF_CPU: burying a thread whose registers are still being saved
 * CHECK fails -DSTOPPER -DBROKEN_LOAD: not waiting for the registers
 * CHECK fails -DSTOPPER -DBROKEN_PUT_DOWN: waiting for another's registers while keeping one's own
 * CHECK fails -DCOMPLETER -DALONE -DBROKEN_IDLE: looking for work, and only then saying that one idles
 * CHECK fails -DSTOPPER -DBROKEN_PREEMPTION_POINT: a kick used up at a preemption point and forgotten
 * CHECK fails -DSTOPPER -DBROKEN_CANDIDATE: leaving the kernel while a thread was handed the CPU
 * CHECK fails -DTIMERS -DSTOPPER -DALONE -DBROKEN_TIMER: burying a thread while its timer fires
 *
 * A step is one access to memory that another CPU may see, or all that is done under one lock: what stands under a
 * lock is touched under it alone, so nobody can tell. The thread's lock is there by name (`locked`) only for
 * thread_stop, which does more under it than one thing. Interrupts (kicks) come where the kernel lets them: in user
 * mode, when idle, and at a preemption point.
 *
 * Not here: who is chosen (any thread that waits, from any queue: pick, steal and balance are one); time slices,
 * affinity, traces; the switch without a detour (ipc_switch.c), whose states and locks are those of the hand-over.
 */
#define NONE 9
#define SIBLING (1 - running)

mtype = {READY, RUNNING, BLOCKED, DEAD};
mtype = {NO_OPERATION, FLYING, CLAIMED};

/* Threads. */
mtype state[2] = READY;
bool locked[2], stopping[2], on_cpu[2], queued[2] = true, freed[2], dying[2];
byte cpu_of[2];
mtype operation[2] = NO_OPERATION;
bool available[2];  /* a completion that the thread has not taken */
bool in_process[2] = true;
bool process_locked;
bool wait_timer[2], timer_firing[2];

/* CPUs. */
bool kick[2], idle[2];
byte loaded[2] = NONE, candidate[2] = NONE;

#define alive(t) assert(!freed[t])

/* The first half of enqueue, in the queue of any CPU; the second is kick_if_idle. Within a step. */
inline add(t)
{
    if
    :: target = 0
    :: target = 1
    fi;
    alive(t);
    cpu_of[t] = target;
    state[t] = READY;
    queued[t] = true;
    if
    :: !idle[target] -> target = NONE
    :: else -> skip
    fi
}

inline kick_if_idle()
{
    if
    :: atomic { target != NONE -> kick[target] = true; target = NONE }
    :: else -> skip
    fi
}

/* finish of pending.c: the operation has been claimed. With `handing`: pending_complete_handoff, by the thread that
 * runs on this CPU. */
inline complete(t, handing)
{
    atomic {
        !locked[t];
        alive(t);
        available[t] = true;
        operation[t] = NO_OPERATION;
        if
        :: state[t] != BLOCKED -> skip
        :: state[t] == BLOCKED && handing && candidate[me] == NONE && !(cpu_of[t] != me && on_cpu[t]) ->
           cpu_of[t] = me;
           state[t] = RUNNING;
           candidate[me] = t
        :: else -> add(t)
        fi
    };
    kick_if_idle()
}

/* ---- The end. */

inline put_down()
{
    if
    :: loaded[me] != NONE ->
       atomic { alive(loaded[me]); on_cpu[loaded[me]] = false; loaded[me] = NONE }
    :: else -> skip
    fi
}

/* thread_dead. pending_discard_all: what somebody has claimed is waited for. */
inline bury(t)
{
    atomic { alive(t); assert(state[t] == DEAD && !dying[t] && !queued[t]); dying[t] = true };
#ifndef BROKEN_OFF_CPU
    !on_cpu[t];
#endif
#ifdef TIMERS
    wait_timer[t] = false;
#ifndef BROKEN_TIMER
    !timer_firing[t];
#endif
#endif
    do
    :: atomic { operation[t] == FLYING -> operation[t] = NO_OPERATION }
    :: atomic { !locked[t] && operation[t] == NO_OPERATION -> break }
    od;
    atomic { !process_locked -> in_process[t] = false; freed[t] = true; cpu_of[t] = 0 }
}

/* thread_stop, by somebody who holds the process' lock and is not that thread. `dead`: the caller buries it. */
inline stop(t)
{
    atomic { !locked[t] -> alive(t); locked[t] = true };
    if
    :: state[t] == BLOCKED -> dead = true
    :: state[t] != BLOCKED && state[t] != DEAD && !stopping[t] ->
#ifndef BROKEN_STOP
       stopping[t] = true;
#endif
       do /* sched_take_ready */
       :: seen = cpu_of[t];
          atomic {
              if
              :: cpu_of[t] == seen && queued[t] -> queued[t] = false; dead = true; break
              :: cpu_of[t] == seen && !queued[t] -> break
              :: else -> skip
              fi
          }
       od;
       if
       :: !dead -> seen = cpu_of[t]; kick[seen] = true
       :: else -> skip
       fi;
#ifdef BROKEN_STOP
       stopping[t] = true;
#endif
       seen = 0
    :: else -> skip
    fi;
    atomic {
        if
        :: dead -> state[t] = DEAD
        :: else -> skip
        fi;
        alive(t);
        locked[t] = false
    }
}

/* ---- A CPU. */

/* The queue of either CPU: pick, or steal. */
inline pick()
{
    atomic {
        has_current = false;
        if
        :: queued[0] -> next = 0
        :: queued[1] -> next = 1
        :: !(queued[0] && cpu_of[0] == me) && !(queued[1] && cpu_of[1] == me) -> next = NONE
        fi;
        if
        :: next != NONE -> alive(next); queued[next] = false; state[next] = RUNNING; cpu_of[next] = me
        :: else -> skip
        fi
    }
}

#define nothing_queued (!(queued[0] && cpu_of[0] == me) && !(queued[1] && cpu_of[1] == me))

/* load: nobody's registers are loaded while another CPU has them. */
inline load(t)
{
    previous = loaded[me];
    if
    :: on_cpu[t] ->
#ifndef BROKEN_PUT_DOWN
       put_down();
       previous = NONE;
#endif
#ifndef BROKEN_LOAD
       !on_cpu[t]
#else
       skip
#endif
    :: else -> skip
    fi;
    atomic {
        alive(t);
        assert(loaded[1 - me] != t); /* the other's have been saved */
        on_cpu[t] = true;
        loaded[me] = t;
        if
        :: previous == NONE || previous == t -> previous = NONE
        :: else -> skip
        fi
    };
    if
    :: previous != NONE -> atomic { alive(previous); on_cpu[previous] = false; previous = NONE }
    :: else -> skip
    fi
}

/* The thread is begun; what it does is in the loop. */
inline begin_next()
{
    has_current = true;
    if
    :: loaded[me] != next -> load(next)
    :: else -> skip
    fi;
    atomic { running = next; next = NONE }
}

/* thread_stop_current. Its registers are saved before it is buried. */
inline stop_current()
{
    atomic { !locked[running] -> alive(running); assert(state[running] == RUNNING); state[running] = DEAD };
    put_down();
    bury(running);
    atomic { running = NONE; has_current = false }
}

proctype processor(byte me)
{
    byte running = NONE, next = NONE, previous = NONE, target = NONE;
    bool has_current;

choose: /* run_next, until a thread runs here */
    pick();
    if
    :: next == NONE ->
       put_down();
       if
#ifdef BROKEN_IDLE
       :: nothing_queued -> idle[me] = true
#else
       :: atomic { nothing_queued -> idle[me] = true }
#endif
end_idle: atomic { kick[me] -> kick[me] = false; idle[me] = false }
       :: else -> skip
       fi;
       goto choose
    :: next != NONE && stopping[next] -> /* retire */
       put_down();
       atomic { !locked[next] -> state[next] = DEAD; running = next; next = NONE };
       bury(running);
       running = NONE;
       goto choose
    :: next != NONE && !stopping[next] -> begin_next()
    fi;

user:
    assert(loaded[me] == running && state[running] == RUNNING);
    if
    :: true -> /* computes, and enters the kernel no more; a slice has an end if another waits */
end_user:
       if
       :: atomic { kick[me] -> kick[me] = false }; goto interrupted
       :: queued[SIBLING] && cpu_of[SIBLING] == me -> goto preempt
       fi
#ifdef TIMERS /* of one thread: two would be too many states */
    :: running == 1 -> goto wait
#else
    :: goto wait
    :: queued[SIBLING] -> goto preempt
#endif
#ifndef ALONE
    :: atomic { operation[SIBLING] == FLYING -> operation[SIBLING] = CLAIMED }; /* a call, an answer */
       complete(SIBLING, true);
       if
       :: goto wait
       :: goto leave
       fi
#endif
    :: kick[me] -> /* in a long operation, with a preemption point, at which a kick is used up */
       kick[me] = false;
#ifdef BROKEN_PREEMPTION_POINT
       goto user
#else
       goto interrupted
#endif
    fi;

interrupted: /* sched_resume, stop_after */
    if
    :: stopping[running] -> stop_current(); goto choose
    :: else -> goto user
    fi;

leave: /* sched_leave: the candidate does not begin here after all */
#ifndef BROKEN_CANDIDATE
    if
    :: candidate[me] != NONE ->
       atomic { add(candidate[me]); candidate[me] = NONE };
       kick_if_idle()
    :: else -> skip
    fi;
#endif
    goto interrupted;

preempt: /* give_way */
    if
    :: stopping[running] -> stop_current(); goto choose
    :: else -> atomic { alive(running); state[running] = READY; queued[running] = true; running = NONE; has_current = false }
    fi;
    goto choose;

wait: /* thread_wait_completions, with an operation in flight */
#ifdef TIMERS
    wait_timer[running] = false;
    !timer_firing[running];
#endif
    if
    :: atomic { operation[running] == NO_OPERATION && !available[running] -> operation[running] = FLYING }
    :: else -> skip
    fi;
    if
#ifdef BROKEN_BLOCK
    :: !stopping[running] && !available[running] ->
       atomic { !locked[running] -> state[running] = BLOCKED }
#else
    :: atomic { !locked[running] && !stopping[running] && !available[running] -> state[running] = BLOCKED }
#endif
    :: atomic { !locked[running] && !stopping[running] && available[running] -> available[running] = false };
       goto leave
    :: atomic { !locked[running] && stopping[running] };
       stop_current();
       goto next_one
    fi;
#ifdef TIMERS
    if
    :: atomic { alive(running); wait_timer[running] = true }
    :: skip
    fi;
#endif
    running = NONE;

next_one: /* sched_next */
    if
    :: candidate[me] == NONE -> goto choose
    :: else ->
       atomic { next = candidate[me]; candidate[me] = NONE };
       if
       :: !stopping[next] && has_current -> begin_next(); goto user
       :: else ->
          atomic { add(next); next = NONE };
          kick_if_idle();
          goto choose
       fi
    fi
}

/* ---- The others. */

#ifdef COMPLETER
/* Another CPU completes operations. */
proctype completer()
{
    byte me, mine, target = NONE;
end:
    do
    :: atomic {
           if
           :: operation[0] == FLYING -> operation[0] = CLAIMED; mine = 0
           :: operation[1] == FLYING -> operation[1] = CLAIMED; mine = 1
           fi
       };
       complete(mine, false);
       mine = 0
    od
}
#endif

#ifdef TIMERS
/* The end of the time of a thread's wait (wait_timeout). */
proctype timer()
{
    byte mine, target = NONE;
end:
    do
    :: atomic {
           if
           :: wait_timer[0] -> wait_timer[0] = false; timer_firing[0] = true; mine = 0
           :: wait_timer[1] -> wait_timer[1] = false; timer_firing[1] = true; mine = 1
           fi
       };
       atomic {
           !locked[mine];
           alive(mine);
           if
           :: state[mine] == BLOCKED -> add(mine)
           :: else -> skip
           fi
       };
       kick_if_idle();
       atomic { timer_firing[mine] = false; mine = 0 }
    od
}
#endif

#ifdef STOPPER
/* Somebody ends the process' second thread. */
bool stopped;
proctype stopper()
{
    byte seen;
    bool dead;
    atomic {
        if
        :: in_process[1] -> process_locked = true
        :: else -> goto over
        fi
    };
    stop(1);
    process_locked = false;
    if
    :: dead -> bury(1)
    :: else -> skip
    fi;
over:
    stopped = true
}
#endif

/* When nothing moves any more: nobody waits for what has come, and who was stopped is gone. */
proctype verdict()
{
    timeout;
    assert(!queued[0] && !queued[1]);
    assert(candidate[0] == NONE && candidate[1] == NONE);
    assert(!(state[0] == BLOCKED && available[0]) && !(state[1] == BLOCKED && available[1]));
#ifdef COMPLETER
    assert(state[0] != BLOCKED);
#endif
#ifdef STOPPER
    assert(stopped && freed[1])
#else
    assert(state[1] == RUNNING || state[0] == RUNNING)
#endif
}

init
{
    atomic {
        cpu_of[1] = 1;
        run processor(0);
        run processor(1);
#ifdef COMPLETER
        run completer();
#endif
#ifdef TIMERS
        run timer();
#endif
#ifdef STOPPER
        run stopper();
#endif
        run verdict()
    }
}
