/*
 * The file server. Grants: "fs" (an Endpoint that serves Directory: tag 0 is the root, 1 the root read-only),
 * "admin" (one that serves FileSystem; may be missing), "memory", "threads", "thread", "park"; "clock" and
 * "timer" for timestamps; "boot" (BootPackage) if files come with it. Arguments: the number of bytes that
 * files may take in all, the number of serving threads, and the binary of the boot package that is a
 * FileTree: what there is at the beginning.
 */
#include "import.h"
#include "server.h"
#include <capos/fs_server.h>
#include <capos/lookup.h>
#include <capos/print.h>
#include <capos/threads.h>
#include "alloc.h"

enum { THREADS_DEFAULT = 4, THREADS_MAX = 16 };
#define SPACE_DEFAULT_BYTES (UINT64_C(16) << 20)

struct server fs;

static uint64_t number_argument(int argc, char **argv, int index, uint64_t otherwise)
{
    uint64_t value = 0;
    if (index >= argc)
        return otherwise;
    for (const char *at = argv[index]; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value == 0 ? otherwise : value;
}

static bool start(uint64_t space_bytes)
{
    fs.space = fs_quota_create(NULL, space_bytes, 0);
    fs.tree.space = fs.store.quota = fs.space;
    fs.tree.changed = watch_changed;
    fs.account = fs_account_create(NULL, 0, 0);
    fs.names = fs_quota_create(NULL, 0, 0);
    fs_clock_init();
    watch_init();
    if (fs.space == NULL || fs.account == NULL || fs.names == NULL || !facets_init() ||
        fs_root_create(&fs.tree, fs.space, fs_now_ns(), &fs.root) != CAP_FS_STATUS_OK)
        return false;
    facets_init_root();
    return true;
}

static int give_up(const char *what, const char *why)
{
    (void)capos_printf(capos_need_console("console"), "fs: %s%s\n", what, why);
    return 1;
}

static uint64_t serve(void *service)
{
    return (uint64_t)capos_serve(service);
}

/* Fewer threads serve as well. */
static void serve_elsewhere(struct capos_service *service)
{
    capos_thread thread;
    (void)capos_thread_create(NULL, serve, service, &thread);
}

int main(int argc, char **argv)
{
    uint64_t threads = number_argument(argc, argv, 2, THREADS_DEFAULT);
    fs.service = (struct capos_service){
        .endpoint = capos_need_endpoint("fs"),
        .find = facet_find,
        .dropped = facet_dropped,
    };
    if (!start(number_argument(argc, argv, 1, SPACE_DEFAULT_BYTES)))
        return give_up("not enough memory to start", "");
    char why[IMPORT_WHY_BYTES];
    if (argc > 3 && !import_from_boot_package(argv[3], why))
        return give_up("the files of the boot package: ", why);
    if (capos_get_endpoint("admin", &fs.admin.endpoint) >= 0) {
        fs.admin.find = facet_find;
        fs.admin.context = &fs.admin;
        serve_elsewhere(&fs.admin);
    }
    for (uint64_t i = 1; i < threads && i < THREADS_MAX; i++)
        serve_elsewhere(&fs.service);
    return capos_serve(&fs.service) < 0 ? 1 : 0;
}
