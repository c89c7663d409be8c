/* The boot package's part of import.h. It is mapped, read, and unmapped: the tree has its own copy. */
#include "import.h"
#include "server.h"
#include <capos/boot.h>
#include <capos/lookup.h>
#include <capos/manifest.h>
#include <capos/memory.h>
#include <capos/print.h>
#include <string.h>

enum { PROT_READ = 1 };

struct mapped {
    uint64_t address, size_bytes;
};

static int32_t map_package(struct mapped *out)
{
    struct cap_boot_package_manifest_results package = {0};
    struct cap_memory_object_info_results info = {0};
    struct cap_memory_object_map_results map = {0};
    int32_t result = cap_boot_package_manifest(capos_need_boot_package("boot"), &package);
    if (result < 0)
        return result;
    result = cap_memory_object_info(package.object, &info);
    if (result >= 0)
        result = cap_memory_object_map(package.object, 0, 0, info.size, PROT_READ, &map);
    (void)cap_release(package.object);
    *out = (struct mapped){map.address, info.size};
    return result;
}

static bool find_binary(const struct cap_system_manifest *manifest, const char *name, struct capnp_data *out)
{
    struct cap_binary binary;
    for (size_t i = 0; i < manifest->binaries.count; i++) {
        if (cap_binary_list_get(&manifest->binaries, i, &binary) < 0)
            return false;
        *out = binary.data;
        if (binary.name.len == strlen(name) && memcmp(binary.name.bytes, name, binary.name.len) == 0)
            return true;
    }
    return false;
}

bool import_from_boot_package(const char *binary, char why[IMPORT_WHY_BYTES])
{
    struct cap_system_manifest manifest;
    struct capnp_message message;
    struct capnp_data data;
    struct mapped package;
    int32_t result = map_package(&package);
    if (result < 0) {
        (void)capos_snprintf(why, IMPORT_WHY_BYTES, "it cannot be mapped: %s", cap_why(result));
        return false;
    }
    bool found = cap_system_manifest_decode(&message, (const void *)(uintptr_t)package.address,
                                            package.size_bytes, NULL, 0, &manifest) >= 0 &&
                 find_binary(&manifest, binary, &data);
    if (!found)
        (void)capos_snprintf(why, IMPORT_WHY_BYTES, "there is no %.64s", binary);
    bool good = found && import_tree(fs.root, fs.space, data.bytes, data.len, why);
    (void)cap_virtual_memory_unmap(capos_need_virtual_memory("memory"), package.address,
                                   (package.size_bytes + 4095) & ~UINT64_C(4095));
    return good;
}
