/* How long the machine has been running. Grant: system (SystemInfo). */
#include "app.h"

int main(void)
{
    cap_system_info system;
    struct cap_system_info_stats_results stats = {0};
    app_name = "uptime";
    if (capos_get_system_info("system", &system) < 0) {
        app_complain("needs a SystemInfo called system: with { system: @... }");
        return 1;
    }
    int32_t error = cap_system_info_stats(system, &stats, &app_buffer);
    if (error < 0) {
        app_complain("%s", cap_why(error));
        return 1;
    }
    uint64_t seconds = stats.uptime_ns / 1000000000;
    app_printf("up %llu:%02llu:%02llu, %u processes, %u threads, %u processors\n",
               (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60),
               (unsigned long long)(seconds % 60), stats.processes, stats.threads, stats.cpus);
    return 0;
}
