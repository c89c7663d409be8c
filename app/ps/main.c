/* The processes there are. Grant: system (SystemInfo). */
#include "app.h"

enum { PAGE_KIB = 4 };

static void show(const struct cap_process_stats *stats)
{
    app_printf("%6llu %7u %8llu %5u %10llu %.*s\n", (unsigned long long)stats->process_id, stats->threads,
               (unsigned long long)stats->frames_used * PAGE_KIB, stats->cap_slots_used,
               (unsigned long long)(stats->cpu_ns / 1000000), (int)stats->name.len, stats->name.bytes);
}

int main(int argc, char **argv)
{
    cap_system_info system;
    struct cap_system_info_process_results results = {0};
    app_begin(argc, argv,
              "ps  lists the processes: threads, memory, capabilities and processor time\n"
              "Of who starts others, memory and capabilities include what it has set aside for them.");
    if (argc != 1)
        return app_misused("no arguments");
    if (capos_get_system_info("system", &system) < 0) {
        app_needs("SystemInfo", "system");
        return app_end();
    }
    app_printf("%6s %7s %8s %5s %10s %s\n", "ID", "THREADS", "KIB", "CAPS", "CPU MS", "NAME");
    uint64_t id = 0;
    do {
        int32_t error = cap_system_info_process(system, id, &results, &app_buffer);
        if (error < 0) {
            app_complain("%s", cap_why(error));
            break;
        }
        show(&results.stats);
        id = results.next_process_id;
    } while (id != 0);
    return app_end();
}
