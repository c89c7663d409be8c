/*
 * A call that brings a capability, from process A to process B, by way of an endpoint (kernel/core/ipc.c,
 * ipc_transfer.c, captable.c), perhaps through a revocable facet (kernel/object/revocation.c). Everybody may end at
 * any step: A's thread, B's thread, the endpoint, B's hold on it (which a sibling gives up), the facet, the time.
 * Checked: the capability is in one table, and not lost while its holder lives; its last reference is not put by a
 * CPU that has claimed a record; the call is answered exactly once, and not left with somebody who cannot answer;
 * no receive and no call wait for each other; after revoke() has returned nothing gets in, and nothing goes on.
 *
 * CHECK holds -DDEADLINE -DSIBLINGS: a call that can time out, siblings that give up what was sent
 * CHECK holds -DHOLDERS -DDEATHS: holders of the endpoint, caller and server that end
 * CHECK holds -DREVOKE -DDEATHS: a facet that is revoked
 * CHECK holds -DREVOKE -DHOLDERS: a facet that is revoked, and holders that end
 * CHECK fails -DDEADLINE -DSIBLINGS -DBROKEN_PUT: putting references while a record is claimed
 * CHECK fails -DHOLDERS -DSIBLINGS -DBROKEN_REFUSE: the same when a call is refused
 * CHECK fails -DHOLDERS -DBROKEN_RECEIVE: a receive that begins while a sibling releases the endpoint
 * CHECK fails -DHOLDERS -DBROKEN_PUT_BACK: a call that is put back while a sibling releases the endpoint
 * CHECK fails -DHOLDERS -DBROKEN_PUT_BACK_RECEIVER: the same of a receive
 * CHECK fails -DHOLDERS -DBROKEN_DEPARTURES: a delivery while a sibling releases the endpoint
 * CHECK fails -DHOLDERS -DBROKEN_OVER: a delivery that begins while B's hold is being ended
 * CHECK fails -DHOLDERS -DBROKEN_DEAD: putting something into an endpoint that has died
 * CHECK fails -DDEADLINE -DBROKEN_CANCEL: ending a call without waiting for who has claimed it
 * CHECK fails -DDEATHS -DBROKEN_UNDO: not undoing a move that failed
 * CHECK fails -DDEATHS -DBROKEN_ORDER: showing a capability to its receiver before hiding it from its sender
 * CHECK fails -DSIBLINGS -DBROKEN_PUMP: a receive that does not look at the queue
 * CHECK fails -DREVOKE -DBROKEN_JOIN: a call in flight that joins a facet without looking whether it is revoked
 * CHECK fails -DREVOKE -DBROKEN_FLAG: ending what goes on before letting nothing in
 * CHECK fails -DREVOKE -DBROKEN_LINK: a facet that is in the list before it is whole
 * CHECK fails -DREVOKE -DBROKEN_STAND: a facet that gets its object without looking whether it is revoked
 *
 * A step is one thing done under one lock. Not here: several calls and receives at once (unit-ipc has them); the
 * short ways, which are steps of this one under one lock; more than one capability; membranes of several
 * revocations, and two CPUs that revoke the same one.
 */
mtype = {FREE, RESERVED, LIVE, MOVING}; /* a slot */
mtype = {NEW, WAITING, BUSY, DELIVERED, DONE};

/* The capability: A's slot and B's, and references to the object. */
mtype slot_a = LIVE, slot_b = FREE;
byte references = 1;
bool moves;

/* The call and the receive. */
mtype call = NEW, receive = NEW;
bool carries, submitted, answered, received, got;
bool b_has_it; /* DELIVERED: to B */

/* The endpoint. Another process holds it too, and receives nothing. */
bool dead, facet_b = true, facet_other = true;
byte facets = 2; /* references to the server facet */
byte departures, departures_over;
bool a_gone, b_gone;

/* The revocation, the client's facet, and a facet around what is answered. */
bool revoked, revoke_returned, listed, ended;
bool blank_listed, blank_linked, blank_holds;

/* ---- References. `claimed`: this CPU has made a record BUSY. The last put may pass preemption points: a deadline
 * that fires there waits for the record, that is, for this CPU. */
inline put(count)
{
    atomic {
        assert(references >= count);
        references = references - count;
        assert(references > 0 || !claimed);
        assert(references > 0 || (slot_a == FREE && slot_b == FREE))
    }
}

/* ---- Ends of records. */

inline answer()
{
#ifdef REVOKE
    atomic { ended = true; listed = false }; /* membrane_pending_ended */
#endif
    atomic { assert(submitted && !answered && call == DONE); answered = true }
}

inline undeliverable()
{
    if
    :: carries ->
       carries = false;
#ifndef BROKEN_UNDO
       if
       :: moves -> atomic { assert(slot_a == MOVING); slot_a = LIVE }
       :: else -> skip
       fi;
#endif
       put(1)
    :: else -> skip
    fi
}

inline refuse()
{
#ifdef BROKEN_REFUSE
    undeliverable();
    atomic { call = DONE; claimed = false };
#else
    atomic { call = DONE; claimed = false };
    undeliverable();
#endif
    answer()
}

inline end_receive(with_call)
{
    atomic { assert(receive == DONE && !received); received = true; got = with_call }
}

/* cancel: CANCEL, deadline, death, revocation. `won`: the call is the caller's of this. */
inline cancel_call()
{
    won = false;
#ifdef BROKEN_CANCEL
    atomic {
        if
        :: call == WAITING || call == DELIVERED || call == BUSY -> call = DONE; won = true
        :: else -> skip
        fi
    };
#else
    atomic {
        call != BUSY;
        if
        :: call == WAITING || call == DELIVERED -> call = DONE; won = true
        :: else -> skip
        fi
    };
#endif
    if
    :: won -> undeliverable()
    :: else -> skip
    fi
}

/* ---- Holders. */

/* ipc_holder_ended for B: what it has at the endpoint ends. Each taken and DONE in one step. */
inline end_hold_of_b()
{
#ifdef BROKEN_OVER
    atomic { departures++; departures_over++ };
#else
    departures++;
#endif
    if
    :: atomic { receive == WAITING -> receive = DONE }; end_receive(false)
    :: else -> skip
    fi;
    if
    :: atomic { call == DELIVERED && b_has_it -> call = DONE }; answer()
    :: else -> skip
    fi;
#ifndef BROKEN_OVER
    departures_over++;
#endif
    skip
}

/* ipc_endpoint_kill, by whoever put the last reference to the server facet. */
inline put_facet()
{
    atomic { assert(facets > 0); facets--; last = (facets == 0) };
    if
    :: last ->
       atomic { dead = true; last = false };
       if
       :: atomic { receive == WAITING -> receive = DONE }; end_receive(false)
       :: else -> skip
       fi;
       if
       :: atomic { call == DELIVERED -> call = DONE }; answer()
       :: else -> skip
       fi;
       if
       :: atomic { call == WAITING -> call = BUSY; claimed = true }; refuse()
       :: else -> skip
       fi
    :: else -> skip
    fi
}

/* A process gives up the capability to the endpoint. */
inline release_facet_of_b()
{
    if
    :: atomic { facet_b -> facet_b = false };
       end_hold_of_b();
       put_facet()
    :: else -> skip
    fi
}

inline check_still_held()
{
    if
    :: !facet_b -> end_hold_of_b()
    :: else -> skip
    fi
}

/* ---- Delivery. */

inline put_back_message()
{
    atomic {
#ifndef BROKEN_DEAD
        if
        :: dead -> claimed = true
        :: else -> call = WAITING; claimed = false
        fi
#else
        call = WAITING; claimed = false
#endif
    };
    if
    :: claimed -> refuse()
    :: else -> skip
    fi
}

inline put_back_receiver()
{
    atomic {
        if
        :: dead -> receive = DONE; died = true
        :: else -> receive = WAITING
        fi;
        seen = (seen != departures) /* now: whether anybody has left */
    };
    if
    :: died -> end_receive(false); died = false
#ifndef BROKEN_PUT_BACK_RECEIVER
    :: !died && seen -> check_still_held()
    :: !died && !seen -> skip
#else
    :: !died -> skip
#endif
    fi
}

inline deliver()
{
    if
    :: receive = DONE; /* the message does not fit */
       put_back_message();
       end_receive(false)
    :: atomic { call = DONE; claimed = false }; /* no slots */
       put_back_receiver();
       undeliverable();
       answer()
    :: atomic { assert(slot_b == FREE && !b_gone); slot_b = RESERVED; references++ };
       if
       :: slot_b = FREE; put(1); /* the sender's memory is bad */
          atomic { call = DONE; claimed = false };
          put_back_receiver();
          undeliverable();
          answer()
       :: slot_b = FREE; put(1); /* the receiver's */
          receive = DONE;
          put_back_message();
          end_receive(false)
       :: true ->
#ifdef BROKEN_ORDER
          if :: moves -> slot_a = LIVE :: else -> skip fi;
#endif
          atomic { assert(slot_b == RESERVED && !b_gone); assert(!moves || slot_a == MOVING); slot_b = LIVE };
          if
          :: moves -> atomic { assert(slot_a == MOVING && !a_gone); slot_a = FREE }
          :: else -> skip
          fi;
          carries = false;
#ifdef BROKEN_PUT
          if
          :: moves -> put(2)
          :: else -> put(1)
          fi;
#endif
          atomic { /* hand_over */
              if
              :: dead -> call = DONE
              :: else -> call = DELIVERED; b_has_it = true
              fi;
              receive = DONE;
              died = dead;
              seen = (seen != departures); /* now: whether anybody has left */
              claimed = false
          };
          if
          :: died -> answer()
#ifndef BROKEN_DEPARTURES
          :: !died && seen -> check_still_held()
          :: !died && !seen -> skip
#else
          :: !died -> skip
#endif
          fi;
          end_receive(!died);
#ifndef BROKEN_PUT
          if
          :: moves -> put(2)
          :: else -> put(1)
          fi;
#endif
          atomic { died = false; seen = 0 }
       fi
    fi
}

inline pump()
{
    do
    :: atomic { call == WAITING && receive == WAITING -> call = BUSY; receive = BUSY; seen = departures_over; claimed = true };
       deliver();
       atomic { claimed = false; seen = 0 }
    :: else -> break
    od
}

/* ---- A: calls, and waits or ends. */
proctype client()
{
    bool claimed, won, died, last;
    byte seen;
#ifdef REVOKE
    atomic { /* membrane_call_begin */
        if
        :: revoked -> goto over
        :: else -> assert(!revoke_returned)
        fi
    };
#endif
    atomic { /* ipc_caps_begin */
        if
        :: slot_a != LIVE -> goto over
        :: slot_a == LIVE -> moves = true; slot_a = MOVING
        :: slot_a == LIVE -> moves = false
        fi;
        references++;
        carries = true;
        submitted = true
    };
    atomic { /* enqueue */
        if
        :: dead -> call = BUSY; claimed = true
        :: else -> call = WAITING
        fi
    };
    if
    :: claimed -> refuse()
    :: else -> pump()
    fi;
#ifdef REVOKE
    atomic { /* keep_for_revocation, revoke_pending */
#ifndef BROKEN_JOIN
        won = revoked;
#endif
        if
        :: !won && !ended -> listed = true
        :: else -> skip
        fi
    };
    if
    :: won ->
       cancel_call();
       if
       :: won -> answer()
       :: else -> skip
       fi
    :: else -> skip
    fi;
    won = false;
#endif
over:
#ifdef DEATHS
    if
    :: skip
    :: true -> /* thread_dead: pending_discard_all; then captable_fini */
       if
       :: submitted ->
          cancel_call();
          if
          :: won -> answer()
          :: else -> answered
          fi
       :: else -> skip
       fi;
       atomic {
           assert(slot_a != MOVING);
           a_gone = true;
           last = (slot_a == LIVE);
           slot_a = FREE
       };
       if
       :: last -> put(1)
       :: else -> skip
       fi
    fi
#else
    skip
#endif
}

/* ---- B: receives, and answers or ends. */
proctype server()
{
    bool claimed, won, died, last;
    byte seen;
    atomic { /* server_facet_shared: a reference while the entry is executed */
        if
        :: facet_b -> facets++
        :: else -> goto over
        fi
    };
    receive = WAITING;
#ifndef BROKEN_PUMP
    pump();
#endif
#ifndef BROKEN_RECEIVE
    check_still_held();
#endif
    put_facet();
end_wait:
    if
    :: received
#ifdef DEATHS
    :: atomic { !received && receive != BUSY && receive != DONE -> receive = DONE; received = true } /* discarded */
#endif
    fi;
    if
    :: !got -> goto over
    :: else -> skip
    fi;
again: /* RETURN */
    atomic {
        if
        :: facet_b -> facets++
        :: else -> goto over
        fi
    };
    do
    :: atomic { call == DELIVERED && b_has_it -> call = BUSY; claimed = true };
       if
       :: !won -> /* the server's memory is bad: it tries again, once */
          atomic {
              if
              :: dead -> call = DONE
              :: else -> call = DELIVERED
              fi;
              claimed = false;
              died = dead;
              won = true
          };
          if
          :: died -> answer()
#ifndef BROKEN_PUT_BACK
          :: else -> check_still_held()
#else
          :: else -> skip
#endif
          fi;
          put_facet();
          goto again
       :: true ->
#ifdef REVOKE
          /* What is answered is obtained through the facet: membrane_blank, membrane_wrap */
          if
          :: atomic {
                 !ended && !revoked -> blank_listed = true;
#ifndef BROKEN_LINK
                 blank_linked = true
#endif
             };
#ifdef BROKEN_LINK
             blank_linked = true;
#endif
             blank_holds = true;
#ifndef BROKEN_STAND
             if
             :: revoked -> blank_holds = false
             :: else -> skip
             fi;
#endif
             skip
          :: else -> skip
          fi;
#endif
          atomic { call = DONE; claimed = false };
          answer();
          break
       fi
    :: else -> break
    od;
    put_facet();
over:
    won = false;
#ifdef DEATHS
    if
    :: skip
    :: true -> /* captable_fini */
       atomic {
           assert(slot_b != RESERVED);
           b_gone = true;
           last = (slot_b == LIVE);
           slot_b = FREE
       };
       if
       :: last -> put(1)
       :: else -> skip
       fi;
       last = false;
       release_facet_of_b()
    fi
#else
    skip
#endif
}

/* ---- The others. */

#ifdef DEADLINE
proctype deadline()
{
    bool claimed, won;
end:
    submitted && call != NEW;
    cancel_call();
    if
    :: won -> answer()
    :: else -> skip
    fi
}
#endif

#ifdef SIBLINGS
/* Threads of A and B that release what there is to release; B's guesses the id. */
proctype thief_of_a()
{
    bool claimed;
end:
    atomic { slot_a == LIVE -> slot_a = FREE };
    put(1)
}

proctype thief_of_b()
{
    bool claimed;
end:
    atomic { slot_b == LIVE -> slot_b = FREE };
    put(1)
}
#endif

#ifdef HOLDERS
proctype sibling_of_b()
{
    bool claimed, last;
    release_facet_of_b()
}

proctype other_holder()
{
    bool claimed, last;
    if
    :: atomic { facet_other = false };
       put_facet()
    :: skip
    fi
}
#endif

#ifdef REVOKE
proctype revoker()
{
    bool claimed, won;
#ifndef BROKEN_FLAG
    revoked = true;
#endif
    if /* membrane_cut of the client's facet */
    :: atomic { listed -> listed = false };
       cancel_call();
       if
       :: won -> answer()
       :: else -> skip
       fi
    :: else -> skip
    fi;
    if /* and of the facet around the answer */
    :: atomic { blank_listed -> blank_listed = false; assert(blank_linked) };
       blank_holds = false
    :: else -> skip
    fi;
#ifdef BROKEN_FLAG
    revoked = true;
#endif
    revoke_returned = true
}
#endif

proctype verdict()
{
    timeout;
    assert(call != BUSY && receive != BUSY && slot_b != RESERVED);
    assert(!(call == WAITING && receive == WAITING));
    /* The counts are right; what moves is with one of the two, or was given up. */
    assert(references == (slot_a != FREE) + (slot_b != FREE) + (call == WAITING));
    assert((slot_a == MOVING) == (call == WAITING && moves));
    assert(!(moves && slot_a == LIVE && slot_b == LIVE));
#ifndef SIBLINGS
    assert(a_gone || b_gone || slot_a != FREE || slot_b != FREE);
#endif
    /* Who has the call can answer it; where nobody can, it was answered. */
    assert(call != DELIVERED || facet_b);
    assert(receive != WAITING || facet_b);
    assert(!(dead || a_gone) || !submitted || answered);
    assert(answered == (call == DONE));
#ifdef REVOKE
    assert(!submitted || answered);
    assert(!blank_holds)
#endif
}

init
{
    atomic {
        run client();
        run server();
#ifdef DEADLINE
        run deadline();
#endif
#ifdef SIBLINGS
        run thief_of_a();
        run thief_of_b();
#endif
#ifdef HOLDERS
        run sibling_of_b();
        run other_holder();
#endif
#ifdef REVOKE
        run revoker();
#endif
        run verdict()
    }
}
