#include "object/boot_package.h"
#include "arch/arch.h"
#include "core/call.h"
#include "object/kernel_caps.h"
#include "object/memory_object.h"
#include <base/string.h>
#include <capos/boot_server.h>

enum { READ_MAX_BYTES = 4096 };

static struct {
    const uint8_t *bytes;
    uint64_t size_bytes;
    struct memory_object *memory;
    struct capnp_message message;
    uint64_t words_left; /* of the traversal limit once decoded; what every lookup starts with */
    struct cap_system_manifest manifest;
} package;

static const char *module_fault(const struct boot_info *boot)
{
    if (boot->module_count != 1)
        return boot->module_count == 0
                   ? "no boot package (the boot loader gave no module)"
                   : "more than one boot module; exactly one, the boot package, is expected";
    if ((boot->module_base & PAGE_MASK) != 0)
        return "the boot package is not page-aligned";
    if (boot->module_base > boot->memory_end ||
        boot->module_size_bytes > boot->memory_end - boot->module_base)
        return "the boot package lies outside memory";
    return NULL;
}

static status_t decode(const char **why)
{
    status_t status = cap_system_manifest_decode(&package.message, package.bytes, package.size_bytes, NULL, 0,
                                                 &package.manifest);
    if (status < 0) {
        *why = "the boot package is not a well-formed SystemManifest";
        return status;
    }
    if (package.manifest.schema_version != CAP_CURRENT_SCHEMA_VERSION) {
        *why = "the boot package has another schemaVersion than this kernel";
        return CAPOS_ERR_BAD_MESSAGE;
    }
    package.words_left = package.message.words_left;
    return CAPOS_OK;
}

status_t boot_package_init(const struct boot_info *boot, const char **why)
{
    const char *fault = module_fault(boot);
    if (fault != NULL) {
        *why = fault;
        return CAPOS_ERR_BAD_MESSAGE;
    }
    package.bytes = direct_map((paddr_t){boot->module_base});
    package.size_bytes = boot->module_size_bytes;
    status_t status = decode(why);
    if (status < 0)
        return status;
    return memory_object_create_physical((paddr_t){boot->module_base}, boot->module_size_bytes,
                                         &package.memory);
}

const struct cap_system_manifest *boot_package_manifest(void)
{
    return &package.manifest;
}

status_t boot_package_binary(struct capnp_text name, struct image *out)
{
    /* The limit is for one traversal, and each lookup is one: they must not run out together. */
    package.message.words_left = package.words_left;
    for (size_t i = 0; i < package.manifest.binaries.count; i++) {
        struct cap_binary binary;
        status_t status = cap_binary_list_get(&package.manifest.binaries, i, &binary);
        if (status < 0)
            return status;
        if (binary.name.len != name.len || memcmp(binary.name.bytes, name.bytes, name.len) != 0)
            continue;
        *out = (struct image){package.memory, (uint64_t)(binary.data.bytes - package.bytes), binary.data.len};
        return CAPOS_OK;
    }
    return CAPOS_ERR_NOT_FOUND;
}

static int32_t manifest_size(void *self, struct cap_call *call,
                             struct cap_boot_package_manifest_size_results *results)
{
    (void)self;
    (void)call;
    results->size = package.size_bytes;
    return CAPOS_OK;
}

static int32_t read_manifest(void *self, struct cap_call *call,
                             const struct cap_boot_package_read_manifest_params *params,
                             struct cap_boot_package_read_manifest_results *results)
{
    (void)self;
    if (params->max_bytes > READ_MAX_BYTES)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "at most 4096 bytes of the manifest at a time");
    uint64_t offset = params->offset < package.size_bytes ? params->offset : package.size_bytes;
    uint64_t left = package.size_bytes - offset;
    results->data =
        (struct capnp_data){package.bytes + offset, left < params->max_bytes ? left : params->max_bytes};
    return CAPOS_OK;
}

static int32_t manifest_object(void *self, struct cap_call *call,
                               struct cap_boot_package_manifest_results *results)
{
    (void)self;
    struct object *object = memory_object_as_object(package.memory);
    object_get(object);
    return kcall_return_capability(call, (struct capability){object, &memory_object_read_only_type},
                                   &results->object.id);
}

static const struct cap_boot_package_server server = {
    .manifest_size = manifest_size,
    .read_manifest = read_manifest,
    .manifest = manifest_object,
};
KERNEL_DISPATCH(dispatch, cap_boot_package_dispatch)

static const struct object_type boot_package_type = {
    .name = "BootPackage",
    .interface_id = CAP_BOOT_PACKAGE_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_BOOT_PACKAGE, boot_package_type);
