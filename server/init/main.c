/*
 * init: the first process. Reads the manifest through BootPackage (package.c), checks all of it (plan.c),
 * makes what the services share (wiring.c), starts them in order, watches them and starts them again as the
 * manifest has it (supervise.c). Says nothing when all is well, but for the manifest's message of the day.
 *
 * Exit codes of its own: 1 if the manifest is refused or something could not be started. init needs a
 * bootPackage and a processSpawner, under any names; a console to complain on is wise.
 */
#include "holdings.h"
#include "package.h"
#include "supervise.h"
#include "wiring.h"
#include <capos/capos.h>
#include <capos/console.h>
#include <capos/print.h>

enum { EXIT_REFUSED = 1 };

static struct plan plan;

static bool read_plan(void)
{
    static struct cap_system_manifest manifest;
    if (!package_read(&manifest))
        return false;
    if (plan_make(&plan, &manifest, &holdings))
        return true;
    say("%s", plan.error);
    return false;
}

static void print_motd(void)
{
    cap_console console = {held(CAP_CONSOLE_INTERFACE_ID), 0};
    if (plan.motd.len != 0 && console.id != CAPNP_CAP_NONE)
        (void)capos_printf(console, "%.*s\n", (int)plan.motd.len, plan.motd.bytes);
}

int main(void)
{
    holdings_collect();
    if (!read_plan())
        return EXIT_REFUSED;
    if (held(CAP_PROCESS_SPAWNER_INTERFACE_ID) == CAPNP_CAP_NONE) {
        say("initConfig.init.caps: init needs the kernel's processSpawner");
        return EXIT_REFUSED;
    }
    if (!wiring_make(&plan))
        return EXIT_REFUSED;
    print_motd();
    capos_sys_exit(supervise(&plan));
}
