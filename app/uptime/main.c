/* How long the machine has been running. Grant: system (SystemInfo). */
#include "app.h"

enum { SECOND_NS = 1000000000 };

static const char *plural(uint32_t count, const char *one, const char *more)
{
    return count == 1 ? one : more;
}

int main(int argc, char **argv)
{
    cap_system_info system;
    struct cap_system_info_stats_results stats = {0};
    app_begin(argc, argv, "uptime  says how long the machine has been running, and what runs on it");
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
    uint64_t seconds = stats.uptime_ns / SECOND_NS;
    app_printf("up %llu:%02llu:%02llu, %u %s, %u %s, %u %s\n", (unsigned long long)(seconds / 3600),
               (unsigned long long)(seconds / 60 % 60), (unsigned long long)(seconds % 60), stats.processes,
               plural(stats.processes, "process", "processes"), stats.threads,
               plural(stats.threads, "thread", "threads"), stats.cpus,
               plural(stats.cpus, "processor", "processors"));
    return app_end();
}
