#include "core/capset.h"
#include "mm/aspace.h"
#include <base/string.h>

static const char *grant_name_fault(const struct launch *launch, size_t index)
{
    struct capnp_text name = launch->grants[index].name;
    if (name.len == 0 || name.len > CAPOS_CAP_NAME_MAX)
        return "a grant's name is empty or longer than 40 bytes";
    for (size_t i = 0; i < name.len; i++) {
        if (name.bytes[i] == 0)
            return "a grant's name holds a NUL byte";
    }
    for (size_t i = 0; i < index; i++) {
        struct capnp_text other = launch->grants[i].name;
        if (other.len == name.len && memcmp(other.bytes, name.bytes, name.len) == 0)
            return "two grants have the same name";
    }
    return NULL;
}

/* Adds the texts of a list, each with its NUL. */
static status_t add_text_bytes(const struct capnp_list *list, uint64_t *total, const char **why)
{
    if (list->count > CAPOS_ARGS_MAX) {
        *why = "more than 256 arguments or environment entries";
        return CAPOS_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct capnp_text text;
        status_t status = capnp_list_get_text(list, i, &text);
        if (status < 0) {
            *why = "malformed argument list";
            return status;
        }
        if (memchr(text.bytes, 0, text.len) != NULL) {
            *why = "an argument holds a NUL byte";
            return CAPOS_ERR_BAD_MESSAGE;
        }
        *total += text.len + 1;
    }
    if (*total > CAPOS_ARGS_BYTES_MAX) {
        *why = "arguments and environment are longer than 65536 bytes together";
        return CAPOS_ERR_TOO_LARGE;
    }
    return CAPOS_OK;
}

static const char *name_fault(const struct launch *launch)
{
    if (launch->name.len == 0 || launch->name.len > CAPOS_PROCESS_NAME_MAX)
        return "the process name is empty or longer than 32 bytes";
    if (memchr(launch->name.bytes, 0, launch->name.len) != NULL)
        return "the process name holds a NUL byte";
    if (launch->grant_count > LAUNCH_GRANTS_MAX)
        return "more than 64 grants";
    for (size_t i = 0; i < launch->grant_count; i++) {
        const char *fault = grant_name_fault(launch, i);
        if (fault != NULL)
            return fault;
    }
    return NULL;
}

status_t capset_plan(const struct launch *launch, struct capset_layout *out, const char **why)
{
    const char *fault = name_fault(launch);
    if (fault != NULL) {
        *why = fault;
        return CAPOS_ERR_BAD_MESSAGE;
    }
    uint64_t text_bytes = launch->args.count == 0 ? launch->name.len + 1 : 0;
    status_t status = add_text_bytes(&launch->args, &text_bytes, why);
    if (status == CAPOS_OK)
        status = add_text_bytes(&launch->env, &text_bytes, why);
    if (status < 0)
        return status;
    struct capset_layout layout = {.argc = launch->args.count == 0 ? 1 : (uint32_t)launch->args.count,
                                   .envc = (uint32_t)launch->env.count};
    layout.entries_offset = sizeof(struct capos_capset_header);
    layout.argv_offset =
        layout.entries_offset + (uint32_t)(launch->grant_count * sizeof(struct capos_capset_entry));
    layout.envp_offset = layout.argv_offset + layout.argc * (uint32_t)sizeof(struct capos_string);
    layout.text_offset = layout.envp_offset + layout.envc * (uint32_t)sizeof(struct capos_string);
    layout.total_bytes = layout.text_offset + text_bytes;
    *out = layout;
    return CAPOS_OK;
}

static status_t write_entries(struct aspace *aspace, uaddr_t to, const struct launch *launch,
                              const uint32_t *cap_ids, const uint64_t *interface_ids)
{
    for (size_t i = 0; i < launch->grant_count; i++) {
        struct capnp_text name = launch->grants[i].name;
        struct capos_capset_entry entry = {
            .cap_id = cap_ids[i], .name_len = (uint16_t)name.len, .interface_id = interface_ids[i]};
        memcpy(entry.name, name.bytes, name.len);
        status_t status = aspace_write(aspace, to + i * sizeof(entry), &entry, sizeof(entry));
        if (status < 0)
            return status;
    }
    return CAPOS_OK;
}

/* One text behind the others and its record; the NUL is there already. */
static status_t write_string(struct aspace *aspace, uaddr_t capset, uint64_t record_offset,
                             struct capnp_text text, uint32_t *text_offset)
{
    struct capos_string record = {.offset = *text_offset, .len = (uint32_t)text.len};
    status_t status = aspace_write(aspace, capset + record_offset, &record, sizeof(record));
    if (status == CAPOS_OK && text.len > 0)
        status = aspace_write(aspace, capset + *text_offset, text.bytes, text.len);
    *text_offset += (uint32_t)text.len + 1;
    return status;
}

static status_t write_strings(struct aspace *aspace, uaddr_t capset, uint64_t records_offset,
                              const struct capnp_list *list, uint32_t *text_offset)
{
    for (size_t i = 0; i < list->count; i++) {
        struct capnp_text text;
        status_t status = capnp_list_get_text(list, i, &text);
        if (status >= 0)
            status = write_string(aspace, capset, records_offset + i * sizeof(struct capos_string), text,
                                  text_offset);
        if (status < 0)
            return status;
    }
    return CAPOS_OK;
}

status_t capset_write(struct aspace *aspace, uaddr_t address, const struct launch *launch,
                      const struct capset_layout *layout, struct capos_capset_header *header,
                      const uint32_t *cap_ids, const uint64_t *interface_ids)
{
    header->magic = CAPOS_CAPSET_MAGIC;
    header->version = CAPOS_CAPSET_VERSION;
    header->header_bytes = sizeof(*header);
    header->entry_count = (uint32_t)launch->grant_count;
    header->entries_offset = layout->entries_offset;
    header->argc = layout->argc;
    header->argv_offset = layout->argv_offset;
    header->envc = layout->envc;
    header->envp_offset = layout->envp_offset;
    header->total_bytes = layout->total_bytes;
    uint32_t text_offset = layout->text_offset;
    status_t status = aspace_write(aspace, address, header, sizeof(*header));
    if (status == CAPOS_OK)
        status = write_entries(aspace, address + layout->entries_offset, launch, cap_ids, interface_ids);
    if (status == CAPOS_OK && launch->args.count == 0)
        status = write_string(aspace, address, layout->argv_offset, launch->name, &text_offset);
    if (status == CAPOS_OK)
        status = write_strings(aspace, address, layout->argv_offset, &launch->args, &text_offset);
    if (status == CAPOS_OK)
        status = write_strings(aspace, address, layout->envp_offset, &launch->env, &text_offset);
    return status;
}
