/* How much memory there is. Grant: system (SystemInfo). */
#include "app.h"

enum { OPTION_MIB = 1, PAGE_KIB = 4, KIB = 1024 };

int main(int argc, char **argv)
{
    cap_system_info system;
    struct cap_system_info_stats_results stats = {0};
    app_begin(argc, argv,
              "free [-m]  says how much memory there is, in KiB\n"
              "  -m  in MiB\n"
              "Used counts what the kernel's heap takes as well.");
    uint64_t unit = (app_options(&argc, argv, "m") & OPTION_MIB) != 0 ? KIB : 1;
    if (argc != 1)
        return app_misused("no arguments");
    if (capos_get_system_info("system", &system) < 0) {
        app_needs("SystemInfo", "system");
        return app_end();
    }
    int32_t error = cap_system_info_stats(system, &stats, &app_buffer);
    if (error < 0) {
        app_complain("%s", cap_why(error));
        return app_end();
    }
    uint64_t total = stats.memory.frames_total * PAGE_KIB, left = stats.memory.frames_free * PAGE_KIB;
    app_printf("%10s %10s %10s %12s\n", unit == 1 ? "TOTAL KIB" : "TOTAL MIB", "USED", "FREE", "KERNEL HEAP");
    app_printf("%10llu %10llu %10llu %12llu\n", (unsigned long long)(total / unit),
               (unsigned long long)((total - left) / unit), (unsigned long long)(left / unit),
               (unsigned long long)(stats.memory.heap_bytes / KIB / unit));
    return app_end();
}
