/*
 * From the boot code to the first process. The kernel starts only init, as the boot package's initConfig.init
 * says.
 */
#include "arch/arch.h"
#include "core/entropy.h"
#include "core/launch.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/process.h"
#include "core/ring.h"
#include "core/sched.h"
#include "mm/frame.h"
#include "mm/ledger.h"
#include "object/park_space.h"
#include "object/boot_package.h"
#include "object/clock_page.h"
#include "object/kernel_caps.h"

/* The machine was given something that it cannot run: said in one line, and QEMU's status says failure. */
static _Noreturn void refuse_boot(const char *what, const char *why)
{
    log_print(LOG_ERROR, "boot: %s: %s", what, why);
    machine_exit(1);
}

static status_t init_grant(const struct cap_cap_grant *from, struct launch_grant *out, const char **why)
{
    *out = (struct launch_grant){.name = from->name};
    *why = "initConfig.init.caps: init can only be granted kernel capabilities";
    if (from->source.which != CAP_CAP_GRANT_SOURCE_KERNEL)
        return CAPOS_ERR_BAD_MESSAGE;
    out->own = own_object_of_kernel_cap(from->source.kernel);
    if (out->own != NULL)
        return CAPOS_OK;
    struct object *object = kernel_cap_find(from->source.kernel);
    *why = "initConfig.init.caps: a kernel capability that this kernel does not have";
    if (object == NULL)
        return CAPOS_ERR_BAD_MESSAGE;
    out->capability = (struct capability){object, object->type};
    return CAPOS_OK;
}

static status_t init_grants(const struct capnp_list *caps, struct launch_grant *out, const char **why)
{
    *why = "initConfig.init.caps: more than 64 grants";
    if (caps->count > LAUNCH_GRANTS_MAX)
        return CAPOS_ERR_TOO_LARGE;
    for (size_t i = 0; i < caps->count; i++) {
        struct cap_cap_grant grant;
        *why = "initConfig.init.caps: malformed list";
        status_t status = cap_cap_grant_list_get(caps, i, &grant);
        if (status >= 0)
            status = init_grant(&grant, &out[i], why);
        if (status < 0)
            return status;
    }
    return CAPOS_OK;
}

static bool cpu_frame_take(paddr_t *out)
{
    return frame_alloc_zeroed(0, out) == CAPOS_OK;
}

/* The other CPUs, each when it is up. They find nothing to run until they are kicked. */
void kernel_cpu_main(void)
{
    ring_scratch_init();
    sched_next();
}

/* What the manifest does not say is init's share of the machine, as for any process. */
static void fill_init_limits(uint64_t limits[LEDGER_RESOURCES], const struct cap_program *program)
{
    if (!program->has_budget)
        return;
    limits[LEDGER_FRAMES] = program->budget.frames;
    limits[LEDGER_CAP_SLOTS] = program->budget.cap_slots;
    limits[LEDGER_THREADS] = program->budget.threads;
    limits[LEDGER_CALLS] = program->budget.calls;
    limits[LEDGER_HEAP_BYTES] = program->budget.kernel_bytes;
}

static void start_init(void)
{
    static struct launch_grant grants[LAUNCH_GRANTS_MAX];
    const struct cap_program *program = &boot_package_manifest()->init_config.init;
    struct launch launch = {
        .name = program->name.len > 0 ? program->name : program->binary,
        .args = program->args,
        .env = program->env,
        .grants = grants,
        .grant_count = program->caps.count,
        .parent = ledger_root(),
        .by = LAUNCH_BY_KERNEL,
    };
    if (boot_package_binary(program->binary, &launch.image) < 0)
        refuse_boot("init", "initConfig.init.binary names no binary of the boot package");
    fill_init_limits(launch.limits, program);
    const char *why = "not enough memory";
    struct process *init;
    if (init_grants(&program->caps, grants, &why) < 0 || launch_process(&launch, &init, &why) < 0)
        refuse_boot("init", why);
    object_put(&init->object);
}

void kernel_main(const struct boot_info *boot)
{
    log_init(boot->command_line);
    clock_init();
    frame_init(boot);
    ledger_root_init();
    entropy_init();
    sched_init();
    park_init();
    ring_scratch_init();
    log_print(LOG_DEBUG, "boot: capOS by %s, %lu frames", boot->protocol, frame_total_count());

    const char *why;
    if (boot_package_init(boot, &why) < 0)
        refuse_boot("package", why);
    if (clock_page_init() < 0)
        panic("no memory for the clock page");
    arch_cpus_start(cpu_frame_take);
    process_leak_baseline();
    start_init();
    sched_next();
}
