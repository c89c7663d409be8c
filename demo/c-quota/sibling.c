/* The sibling: in every round it uses a little of everything, and nothing of it may fail. */
#include "quota.h"
#include <capos/clock.h>
#include <capos/memory.h>
#include <capos/threads.h>

enum { MAP_PAGES = 8 };

static uint64_t do_nothing(void *argument)
{
    return (uintptr_t)argument;
}

static int32_t use_memory(void)
{
    cap_virtual_memory memory = capos_need_virtual_memory("memory");
    struct cap_virtual_memory_map_results mapped = {0};
    struct cap_virtual_memory_create_object_results object = {0};
    int32_t status = cap_virtual_memory_map(memory, 0, MAP_PAGES * CAPOS_PAGE_SIZE, 3, &mapped);
    if (status < 0)
        return status;
    for (size_t i = 0; i < MAP_PAGES; i++)
        ((volatile char *)(uintptr_t)mapped.address)[i * CAPOS_PAGE_SIZE] = 1;
    status = cap_virtual_memory_unmap(memory, mapped.address, MAP_PAGES * CAPOS_PAGE_SIZE);
    if (status >= 0)
        status = cap_virtual_memory_create_object(memory, CAPOS_PAGE_SIZE, &object);
    return status < 0 ? status : cap_release(object.object);
}

static int32_t use_ipc(void)
{
    cap_ipc_factory ipc = capos_need_ipc_factory("ipc");
    struct cap_ipc_factory_create_pipe_results pipe = {0};
    struct cap_ipc_factory_create_endpoint_results endpoint = {0};
    int32_t status = cap_ipc_factory_create_pipe(ipc, 0, &pipe);
    if (status < 0)
        return status;
    (void)cap_release(pipe.reader);
    (void)cap_release(pipe.writer);
    status = cap_ipc_factory_create_endpoint(ipc, 1, 0, &endpoint);
    return status < 0 ? status : cap_release(endpoint.endpoint);
}

static int32_t use_a_thread(void)
{
    capos_thread thread;
    int32_t status = capos_thread_create(NULL, do_nothing, NULL, &thread);
    return status < 0 ? status : capos_thread_join(thread, NULL);
}

static int32_t use_a_process(void)
{
    static const struct cap_budget budget = {
        .frames = 100, .cap_slots = 20, .threads = 1, .calls = 2, .kernel_bytes = 30000};
    struct cap_process_spawner_spawn_results child = {0};
    struct cap_process_handle_wait_results ended = {0};
    int32_t status = quota_spawn("idle", "", &budget, false, &child);
    if (status < 0)
        return status;
    status = cap_process_handle_wait(child.handle, &ended, &quota_answer);
    (void)cap_release(child.handle);
    return status >= 0 && ended.exit_code != IDLE_CODE ? CAPOS_ERR_NOT_FOUND : status;
}

static int32_t sleep_a_little(void)
{
    return cap_timer_sleep(capos_need_timer("timer"), 3000000);
}

int quota_sibling(void)
{
    static const struct {
        const char *what;
        int32_t (*use)(void);
    } uses[] = {{"memory", use_memory},
                {"IPC objects", use_ipc},
                {"a thread", use_a_thread},
                {"a process", use_a_process},
                {"a timer", sleep_a_little}};
    struct cap_notification_poll_results polled = {0};
    demo_begin("c-quota");
    do {
        for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
            int32_t status = uses[i].use();
            if (status < 0)
                demo_expect(CAPOS_OK, status, uses[i].what);
        }
        if (cap_notification_signal(quota_gate, BIT_PROGRESS) < 0 ||
            cap_notification_poll(quota_gate, BIT_STOP, &polled) < 0)
            demo_check(false, "the sibling's signals");
    } while (demo_failures == 0 && polled.bits == 0);
    return demo_failures == 0 ? SIBLING_OK : 1;
}
