/* A program that tries to get at what it was not granted: by name, by forged and stale ids, by the wrong
 * interface. */
#include "check.h"
#include <string.h>

enum { FORGERIES = 20000, SLOT_BITS = 14, NO_SUCH_METHOD = 77 };

static bool is_mine(uint32_t id)
{
    for (uint32_t i = 0; i < capos_capset()->entry_count; i++)
        if (capos_capset_entry(i)->cap_id == id)
            return true;
    return false;
}

static void check_names(void)
{
    static const char *const names[] = {"timer", "entropy", "boot", "Console", "", "console2"};
    cap_timer timer = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char what[60];
        capos_snprintf(what, sizeof what, "looking up \"%s\"", names[i]);
        demo_expect(CAPOS_ERR_NO_CAPABILITY, capos_capset_get(names[i], strlen(names[i]), NULL, NULL), what);
    }
    demo_expect(CAPOS_ERR_NO_CAPABILITY, capos_get_timer("timer", &timer), "a timer by its name");
    demo_expect(CAPOS_ERR_WRONG_INTERFACE, capos_get_timer("console", &timer),
                "a timer by the console's name");
    demo_check(timer.id == CAPNP_CAP_NONE, "neither gave a handle");
}

/* Ids that were never given out: every one is refused, none does anything. */
static void check_forgeries(void)
{
    unsigned wrong = 0;
    uint32_t state = 12345;
    for (unsigned i = 0; i < FORGERIES; i++) {
        state = state * 1664525u + 1013904223u;
        uint32_t id = i < 1000 ? i : state;
        int32_t got = is_mine(id) ? CAPOS_ERR_BAD_CAP : capos_cap_call(id, 0, NULL, 0, NULL, 0);
        wrong += got != CAPOS_ERR_BAD_CAP && got != CAPOS_ERR_STALE_CAP;
    }
    demo_check(wrong == 0, "20000 forged ids are all refused");
    demo_expect(CAPOS_ERR_BAD_CAP, capos_cap_call(0, 0, NULL, 0, NULL, 0), "id 0");
    demo_expect(CAPOS_ERR_BAD_CAP, cap_release_id(0x3fff), "releasing an id that was never given out");
    uint32_t other_generation = demo_console.id ^ (1u << SLOT_BITS);
    int32_t got = capos_cap_call(other_generation, 0, NULL, 0, NULL, 0);
    demo_check(got == CAPOS_ERR_BAD_CAP || got == CAPOS_ERR_STALE_CAP,
               "the console's slot in another generation");
}

static void check_stale(cap_virtual_memory memory)
{
    struct cap_virtual_memory_create_object_results made = {0}, next = {0};
    struct cap_memory_object_info_results info;
    demo_expect(CAPOS_OK, cap_virtual_memory_create_object(memory, 4096, &made), "a new MemoryObject");
    demo_expect(CAPOS_OK, cap_release(made.object), "released");
    demo_expect(CAPOS_ERR_STALE_CAP, cap_memory_object_info(made.object, &info), "called after that");
    demo_expect(CAPOS_ERR_STALE_CAP, cap_release(made.object), "released again");
    demo_expect(CAPOS_OK, cap_virtual_memory_create_object(memory, 8192, &next),
                "another, which may take its slot");
    demo_expect(CAPOS_ERR_STALE_CAP, cap_memory_object_info(made.object, &info),
                "the old id does not name the new one");
    demo_expect(CAPOS_OK, cap_release(next.object), "released too");
}

/* Spawns `binary`, or `image` where there is one, with one grant (or none); *handle is the child's. */
static int32_t spawn_with(cap_process_spawner spawner, const char *binary, uint32_t image, cap_any grant,
                          cap_process_handle *handle)
{
    struct cap_spawn_grant grants[1] = {{.name = capnp_text_of("x"), .which = CAP_SPAWN_GRANT_CAPABILITY}};
    const struct capnp_text args[] = {capnp_text_of("c-ungranted"), capnp_text_of("child")};
    struct cap_process_spawner_spawn_results started = {0};
    struct cap_process_spawner_spawn_params params = {
        .name = capnp_text_of("child"),
        .binary_name = capnp_text_of(binary),
        .image = {image, CAPOS_XFER_COPY},
        .args = CAPNP_LIST(args, 2),
    };
    grants[0].capability = grant;
    if (grant.id != CAPNP_CAP_NONE)
        params.grants = CAPNP_LIST(grants, 1);
    int32_t status = cap_process_spawner_spawn(spawner, &params, &started);
    *handle = started.handle;
    return status;
}

static void check_interfaces(cap_process_spawner spawner)
{
    const cap_any nothing = {0, 0}, forged = {0x2345, CAPOS_XFER_COPY},
                  moved = {demo_console.id, CAPOS_XFER_MOVE};
    static const char me[] = "c-ungranted", nobody[] = "no such binary";
    cap_process_handle child, none;
    demo_expect_exception(CAPOS_EXCEPTION_UNIMPLEMENTED,
                          capos_cap_call(demo_console.id, NO_SUCH_METHOD, NULL, 0, NULL, 0),
                          "a method that Console does not have");
    demo_expect_exception(CAPOS_EXCEPTION_UNIMPLEMENTED,
                          capos_cap_call(spawner.id, NO_SUCH_METHOD, NULL, 0, NULL, 0),
                          "a method that ProcessSpawner does not have");
    demo_expect(CAPOS_ERR_WRONG_INTERFACE, spawn_with(spawner, "", demo_console.id, nothing, &none),
                "a console where a MemoryObject is wanted");
    demo_expect(CAPOS_ERR_BAD_CAP, spawn_with(spawner, me, 0, forged, &none),
                "passing on a forged capability");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, spawn_with(spawner, nobody, 0, nothing, &none),
                          "a program that the boot package does not have");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, spawn_with(spawner, nobody, 0, moved, &none),
                          "the same, with the console moved into it");
    demo_say("ok the refused move left the console here");
    demo_expect(CAPOS_OK, spawn_with(spawner, me, 0, nothing, &child), "a child with no capabilities at all");
    demo_expect(CAPOS_ERR_NOT_TRANSFERABLE,
                spawn_with(spawner, me, 0, cap_process_handle_as_any(child), &none),
                "passing on the handle to it");
    demo_expect(CAPOS_OK, cap_release(child), "letting go of it");
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) /* the child: it holds nothing and could not say anything */
        return capos_capset()->entry_count == 0 ? 0 : 1;
    demo_begin("c-ungranted");
    cap_virtual_memory memory = capos_need_virtual_memory("memory");
    cap_process_spawner spawner = capos_need_process_spawner("spawner");
    check_names();
    check_forgeries();
    check_stale(memory);
    check_interfaces(spawner);
    return demo_end();
}
