/* Ctrl-C while the shell waits for something: a waitInterrupt is always in flight. */
#include "shell.h"

static struct cap_pending interrupt;
static bool started;

static void restart(void)
{
    if (shell.terminal.id != 0 && !started)
        started = cap_terminal_session_wait_interrupt_start(shell.terminal, &interrupt) >= 0;
}

/* Whether there was one. */
static bool take(void)
{
    if (!started || !interrupt.done)
        return false;
    started = false;
    return cap_terminal_session_wait_interrupt_finish(&interrupt) >= 0;
}

void interrupt_forget(void)
{
    restart();
    if (started && cap_pending_poll(&interrupt)) {
        (void)take();
        restart();
    }
}

int interrupt_wait(struct cap_pending *const *pending, size_t count)
{
    struct cap_pending *all[INTERRUPT_WAITS_MAX + 1];
    for (size_t i = 0; i < count; i++)
        all[i] = pending[i];
    for (;;) {
        restart();
        all[count] = started ? &interrupt : NULL;
        int index = cap_pending_wait_any(all, count + 1);
        if (index != (int)count)
            return index;
        bool good = take();
        if (good)
            return -1;
        /* A terminal that is gone interrupts nothing. */
        shell.terminal.id = 0;
    }
}
