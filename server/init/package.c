/* See package.h. Mapped if that is possible, copied if not. */
#include "package.h"
#include <capos/boot.h>
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/memory.h>
#include <string.h>

enum { READ_CHUNK_BYTES = 4096, PROT_READ = 1 };

static struct capnp_message message; /* the plan's texts are views that refer to it */
static uint64_t message_words;

/* Maps the whole package; null if that is not possible. */
static const void *map_manifest(cap_boot_package package, size_t *size_bytes)
{
    struct cap_boot_package_manifest_results manifest;
    struct cap_memory_object_info_results info;
    struct cap_memory_object_map_results mapped;
    if (cap_boot_package_manifest(package, &manifest) < 0)
        return NULL;
    if (cap_memory_object_info(manifest.object, &info) < 0 ||
        cap_memory_object_map(manifest.object, 0, 0, info.size, PROT_READ, &mapped) < 0) {
        (void)cap_release(manifest.object);
        return NULL;
    }
    *size_bytes = info.size;
    return (const void *)(uintptr_t)mapped.address; /* the mapping outlives the capability */
}

static bool read_pieces(cap_boot_package package, uint8_t *bytes, size_t size_bytes)
{
    static uint64_t piece[(READ_CHUNK_BYTES + CAP_BUFFER_OVERHEAD_BYTES + 256) / sizeof(uint64_t)];
    struct cap_buffer buffer = {piece, sizeof piece};
    for (size_t have = 0; have < size_bytes;) {
        struct cap_boot_package_read_manifest_results read;
        int32_t status = cap_boot_package_read_manifest(package, have, READ_CHUNK_BYTES, &read, &buffer);
        if (status < 0 || read.data.len == 0 || read.data.len > size_bytes - have) {
            say("the manifest cannot be read at byte %zu: %s", have,
                status < 0 ? cap_why(status) : "it is cut short");
            return false;
        }
        memcpy(bytes + have, read.data.bytes, read.data.len);
        have += read.data.len;
    }
    return true;
}

/* Reads the package into memory of init's own, for a kernel or a budget that will not map it. */
static const void *copy_manifest(cap_boot_package package, size_t *size_bytes)
{
    struct cap_boot_package_manifest_size_results size;
    int32_t status = cap_boot_package_manifest_size(package, &size);
    if (status < 0) {
        say("the manifest cannot be read: %s", cap_why(status));
        return NULL;
    }
    uint8_t *bytes = malloc(size.size);
    if (bytes == NULL) {
        say("no memory for the manifest's %llu bytes", (unsigned long long)size.size);
        return NULL;
    }
    *size_bytes = size.size;
    return read_pieces(package, bytes, size.size) ? bytes : NULL;
}

bool package_read(struct cap_system_manifest *manifest)
{
    cap_boot_package package = {held(CAP_BOOT_PACKAGE_INTERFACE_ID), 0};
    size_t size_bytes = 0;
    if (package.id == CAPNP_CAP_NONE) {
        say("initConfig.init.caps: init needs the kernel's bootPackage");
        return false;
    }
    const void *bytes = map_manifest(package, &size_bytes);
    if (bytes == NULL)
        bytes = copy_manifest(package, &size_bytes);
    if (bytes == NULL)
        return false;
    int32_t status = cap_system_manifest_decode(&message, bytes, size_bytes, NULL, 0, manifest);
    if (status < 0)
        say("the boot package is not a SystemManifest: %s", capos_error_text(status));
    message_words = message.words_left;
    return status >= 0;
}

void package_read_again(void)
{
    message.words_left = message_words;
}
