#include "lock.h"
#include <base/string.h>
#include <capos/thread.h>

enum { SPINS = 100 };

/* ThreadControl.yield where it is granted; else a kernel entry that waits for nothing. On one processor a
 * thread that has waited for its whole time slice this way has let the holder run by then. */
static void let_others_run(void)
{
    uint32_t cap_id;
    uint64_t interface_id;
    if (capos_capset_get("thread", strlen("thread"), &cap_id, &interface_id) == 0 &&
        interface_id == CAP_THREAD_CONTROL_INTERFACE_ID)
        (void)cap_invoke_empty(cap_id, CAP_THREAD_CONTROL_YIELD);
    else
        (void)capos_sys_cap_enter(0, 0);
}

void lock_contended(struct lock *lock)
{
    do {
        unsigned spins = 0;
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0) {
            if (spins++ < SPINS)
                __builtin_ia32_pause();
            else
                let_others_run();
        }
    } while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0);
}
