/*
 * capos_fork. Both processes come back from the same call; what libcapos knows about the process is put right
 * in the copy before its locks are let go.
 */
#include <capos/fork.h>
#include "ring_queue.h"

/* Completions that were there are taken in first: they count down what was started. */
static void become_child(uint64_t process_id)
{
    ring_reap(&ring_self);
    ring_self.started = 0;
    ring_self.interrupted = false;
    capset_attach(capos_capset(), process_id);
}

int64_t capos_fork(cap_process_spawner spawner, const struct cap_budget *budget, cap_process_handle *child)
{
    struct cap_process_spawner_fork_self_results results = {0};
    threads_fork_begin();
    heap_fork_begin();
    int32_t status = cap_process_spawner_fork_self(spawner, budget, false, &results);
    bool is_child = status >= 0 && results.process_id == 0;
    if (is_child)
        become_child(results.self_id);
    heap_fork_end();
    threads_fork_end(is_child);
    if (status < 0)
        return status;
    *child = results.handle;
    return (int64_t)results.process_id;
}
