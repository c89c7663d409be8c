/*
 * The ring (kernel/core/ring.c, pending.c, the waiting of thread.c; lib/capos/ring.c on the other side): a thread
 * that fills the submission queue, enters the kernel and takes completions, while other CPUs complete what is in
 * flight. Checked: the CQ never overflows; every operation is answered exactly once; a thread never waits for what
 * has come already or cannot come (no lost wake-up). With HOSTILE the thread's siblings write any index at any time:
 * the kernel takes no more entries than there are, has no more in flight than the CQ is long, and comes back.
 *
 * CHECK holds -DOPERATIONS=6: each operation is answered once, and no wake-up is lost
 * CHECK holds -DTIMEOUTS: nor with timeouts
 * CHECK holds -DHOSTILE -DTIMEOUTS: indexes that anybody writes do no harm
 * CHECK fails -DBROKEN_ORDER: reading the CQ's tail before what is in flight
 * CHECK fails -DBROKEN_END_FIRST: counting an operation as ended before it is posted
 * CHECK fails -DBROKEN_BLOCK: deciding to wait without the lock
 * CHECK fails -DBROKEN_UNLOCKED_POST: posting without the lock while something is in flight
 * CHECK fails -DBROKEN_WAIT_MIN: waiting for more than can come
 * CHECK fails -DBROKEN_NO_ROOM: accepting more than the CQ has room for
 * CHECK fails -DBROKEN_CLAIM: two who end one operation
 * CHECK fails -DHOSTILE -DBROKEN_TRUST: believing a hostile index
 *
 * A step here is one access to memory that another CPU may see, or a few under the lock that orders them. Memory is
 * sequentially consistent here; x86 keeps the order of stores and that of loads, and every later load that matters
 * stands behind a locked instruction or in the same lock.
 *
 * Not here: what entries do; promise pipelining; QUIET; the switch without a detour (ipc_switch.c).
 */
#define SQ     2
#define CQ     2
#define MASK   7 /* indexes are numbers modulo 8, and wrap */
#define START  6
#define SPARE  (CQ + 1)
#ifdef HOSTILE
#define ENTERS 3
#define WRITES 2
#else
#ifndef OPERATIONS
#define OPERATIONS 5
#endif
#endif

#define DISTANCE(to, from) (((to) - (from)) & MASK)

/* The shared page. */
byte sq_tail = START, cq_head = START, page_sq_head = START, page_cq_tail = START;
byte sq[SQ], cq[CQ];

/* The kernel's own. */
byte sq_head = START, cq_tail = START, in_flight = 0;
bool locked = false;  /* thread->lock */
bool blocked = false; /* thread->state */
byte wait_min = 0;
mtype = {FREE, FLYING, CLAIMED};
mtype record[SPARE] = FREE;
byte record_of[SPARE];

bool answered[8], taken_in[8]; /* by number of the operation, from 1 */

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

/* ring_post_locked */
inline post(number)
{
#ifndef HOSTILE
    atomic {
        assert(DISTANCE(cq_tail, cq_head) < CQ); /* nothing that is unread is written over */
        assert(!answered[number]);
        answered[number] = true
    };
#endif
    posting = cq_tail;
    cq[posting % CQ] = number;
    cq_tail = (posting + 1) & MASK;
    page_cq_tail = (posting + 1) & MASK
}

/* ring_available */
inline count_available()
{
    available = DISTANCE(cq_tail, cq_head);
    if
    :: available > CQ -> available = 0
    :: else -> skip
    fi
}

/* Somebody ends an operation in flight: the object, a deadline, a CANCEL. The claim is the object's `cancel`. */
inline end_one()
{
#ifdef BROKEN_CLAIM
    if
    :: record[0] == FLYING -> mine = 0
    :: record[1] == FLYING -> mine = 1
    :: record[2] == FLYING -> mine = 2
    fi;
    record[mine] = CLAIMED;
#else
    atomic {
        if
        :: record[0] == FLYING -> mine = 0
        :: record[1] == FLYING -> mine = 1
        :: record[2] == FLYING -> mine = 2
        fi;
        record[mine] = CLAIMED
    };
#endif
    lock();
#ifdef BROKEN_END_FIRST
    in_flight--;
    post(record_of[mine]);
#else
    post(record_of[mine]);
    in_flight--;
#endif
    atomic { record[mine] = FREE; record_of[mine] = 0 };
    if
    :: blocked ->
       count_available();
       atomic {
           if
           :: available >= wait_min || in_flight == 0 -> blocked = false
           :: else -> skip
           fi
       }
    :: else -> skip
    fi;
    unlock();
    atomic { mine = 0; available = 0; posting = 0 }
}

proctype completer()
{
    byte mine, available, posting;
end:
    do
    :: end_one()
    od
}

/* pending_begin */
inline begin(number)
{
    lock();
    atomic {
        assert(in_flight < CQ); /* the bound that a hostile ring cannot pass */
        if
        :: record[0] == FREE -> mine = 0
        :: record[1] == FREE -> mine = 1
        :: record[2] == FREE -> mine = 2
        fi;
        record_of[mine] = number;
        in_flight++
    };
    unlock();
    record[mine] = FLYING /* queued at the object, where others find it */
}

/* The bare result of an entry: without operations in flight nobody else posts. */
inline answer_at_once(number)
{
    if
#ifndef BROKEN_UNLOCKED_POST
    :: in_flight != 0 ->
       lock();
       post(number);
       unlock()
#endif
    :: else -> post(number)
    fi
}

/* execute_next: the entry is copied once. */
inline execute()
{
    atomic { entry = sq[sq_head % SQ]; sq_head = (sq_head + 1) & MASK; executed++; assert(executed <= SQ) };
    if
    :: answer_at_once(entry)
    :: begin(entry)
    fi
}

inline reset_corrupt()
{
    lock();
    page_sq_head = sq_head;
    sq_tail = sq_head;
    page_cq_tail = cq_tail;
    cq_head = cq_tail;
    unlock()
}

/* enter, and block of thread.c. `minimum`: cap_enter's argument. */
inline enter(minimum)
{
    waiting = DISTANCE(sq_tail, sq_head);
    head = cq_head;
#ifdef BROKEN_ORDER
    taken = DISTANCE(cq_tail, head);
    flying = in_flight;
#else
    flying = in_flight;
    taken = DISTANCE(cq_tail, head);
#endif
    executed = 0;
    if
#ifndef BROKEN_TRUST
    :: waiting > SQ || taken > CQ -> reset_corrupt()
#endif
    :: else ->
       atomic {
           taken = (taken + flying) & MASK; /* `used`; wraps as 32 bits do */
           if
           :: waiting == 0 || taken >= CQ -> waiting = 0
#ifndef BROKEN_NO_ROOM
           :: else -> if :: taken + waiting > CQ -> waiting = CQ - taken :: else -> skip fi
#else
           :: else -> skip
#endif
           fi
       };
       do
       :: waiting == 0 -> break
       :: else -> execute(); waiting--
       od;
       page_sq_head = sq_head;
#ifdef BROKEN_BLOCK
       count_available();
       atomic { wait_min = minimum; if :: wait_min > available + in_flight -> wait_min = available + in_flight :: else -> skip fi };
       if
       :: available < wait_min -> blocked = true
       :: else -> skip
       fi;
#else
       lock();
       count_available();
       atomic {
           wait_min = minimum;
#ifndef BROKEN_WAIT_MIN
           if :: wait_min > available + in_flight -> wait_min = available + in_flight :: else -> skip fi;
#endif
           if
           :: available < wait_min -> blocked = true
           :: else -> skip
           fi
       };
       unlock();
#endif
       if
       :: !blocked
#ifdef TIMEOUTS
       :: atomic { blocked && !locked -> blocked = false } /* wait_timeout, an interruption: under the lock */
#endif
       fi
    fi;
    atomic { waiting = 0; head = 0; taken = 0; flying = 0; executed = 0; entry = 0; mine = 0; available = 0; posting = 0; wait_min = 0 }
}

#ifndef HOSTILE
proctype thread()
{
    byte submitted, received, number;
    byte waiting, head, taken, flying, executed, entry, mine, available, posting;
    do
    :: submitted < OPERATIONS && DISTANCE(sq_tail, page_sq_head) < SQ ->
       atomic { submitted++; sq[sq_tail % SQ] = submitted };
       sq_tail = (sq_tail + 1) & MASK
    :: cq_head != page_cq_tail ->
       atomic {
           number = cq[cq_head % CQ];
           assert(number != 0 && answered[number] && !taken_in[number]);
           taken_in[number] = true;
           received++;
           number = 0
       };
       cq_head = (cq_head + 1) & MASK
    :: received == OPERATIONS -> break
    :: received < OPERATIONS -> enter(0)
    :: received < OPERATIONS -> enter(1)
    :: received < OPERATIONS -> enter(CQ)
    :: atomic { /* nothing is anywhere: then nothing was lost */
           received < submitted && in_flight == 0 && cq_head == cq_tail && sq_tail == sq_head -> assert(false)
       }
    od;
    assert(cq_head == cq_tail);
    in_flight == 0 && !locked /* whoever ended the last one is about to leave */
}
#else
proctype thread()
{
    byte enters;
    byte waiting, head, taken, flying, executed, entry, mine, available, posting;
    for (enters : 1 .. ENTERS) {
        if
        :: enter(0)
        :: enter(1)
        :: enter(MASK)
        fi
    }
}

proctype sibling()
{
    byte writes;
    for (writes : 1 .. WRITES) {
        if
        :: sq_tail = START :: sq_tail = START + 1 :: sq_tail = 0 :: sq_tail = 1 :: sq_tail = 2 :: sq_tail = 3
        :: sq_tail = 4 :: sq_tail = 5
        :: cq_head = START :: cq_head = START + 1 :: cq_head = 0 :: cq_head = 1 :: cq_head = 2 :: cq_head = 3
        :: cq_head = 4 :: cq_head = 5
        fi
    }
}
#endif

init
{
    atomic {
        run thread();
        run completer();
#ifdef HOSTILE
        run sibling();
#endif
        run completer()
    }
}
