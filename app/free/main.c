/* How much memory there is. Grant: system (SystemInfo). */
#include "app.h"

int main(void)
{
    cap_system_info system;
    struct cap_system_info_stats_results stats = {0};
    app_name = "free";
    if (capos_get_system_info("system", &system) < 0) {
        app_complain("needs a SystemInfo called system: with { system: @... }");
        return 1;
    }
    int32_t error = cap_system_info_stats(system, &stats, &app_buffer);
    if (error < 0) {
        app_complain("%s", cap_why(error));
        return 1;
    }
    app_printf("%10s %10s %10s %12s\n", "TOTAL KIB", "USED", "FREE", "KERNEL HEAP");
    app_printf("%10llu %10llu %10llu %12llu\n", (unsigned long long)stats.memory.frames_total * 4,
               (unsigned long long)(stats.memory.frames_total - stats.memory.frames_free) * 4,
               (unsigned long long)stats.memory.frames_free * 4,
               (unsigned long long)stats.memory.heap_bytes / 1024);
    return 0;
}
