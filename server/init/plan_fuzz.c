/* Fuzzing: any bytes as a boot package, through the decoder and init's validation. Nothing may go wrong but a
 * refusal. */
#include "plan.h"
#include <capos/boot.h>
#include <capos/console.h>
#include <capos/ipc.h>
#include <capos/timer.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct holdings holdings = {
    .items = {{"console", 7, CAP_CONSOLE_INTERFACE_ID, 1},
              {"clock", 5, CAP_TIMER_INTERFACE_ID, 2},
              {"ipc", 3, CAP_IPC_FACTORY_INTERFACE_ID, 3}},
    .count = 3,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct plan plan;
    struct capnp_message message;
    struct cap_system_manifest manifest;
    void *copy = aligned_alloc(8, size + 8 - size % 8); /* its own block, so that a byte too far is seen */
    if (copy == NULL)
        return 0;
    memcpy(copy, bytes, size);
    if (cap_system_manifest_decode(&message, copy, size, NULL, 0, &manifest) >= 0) {
        bool good = plan_make(&plan, &manifest, &holdings);
        if (good == (plan.error[0] != '\0') || strlen(plan.error) >= sizeof plan.error)
            abort();
        for (size_t i = 0; good && i < plan.service_count; i++)
            (void)plan_grants(&plan, i, &holdings); /* may meet the traversal limit; must stay in bounds */
    }
    free(copy);
    return 0;
}
