#include "core/call_name.h"
#include "core/format.h"
#include <base/string.h>

static __attribute__((format(printf, 3, 4))) void write_text(char *out, size_t size_bytes, const char *format,
                                                             ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_text(out, size_bytes, format, arguments);
    va_end(arguments);
}

static const char *names_of(uint64_t interface_id)
{
    for (size_t i = 0; i < interface_names_count; i++) {
        if (interface_names[i].interface_id == interface_id)
            return interface_names[i].names;
    }
    return NULL;
}

/* The name of that number in the list, which an empty one ends; null behind the end. */
static const char *name_at(const char *names, uint32_t number)
{
    for (; number > 0 && *names != '\0'; number--)
        names += strlen(names) + 1;
    return *names == '\0' ? NULL : names;
}

static void describe_call(const struct capos_sqe *sqe, const struct object_type *type, char *out,
                          size_t size_bytes)
{
    const char *names = type == NULL ? NULL : names_of(type->interface_id);
    const char *method = names == NULL ? NULL : name_at(names, sqe->method_id + 1u);
    if (method != NULL)
        write_text(out, size_bytes, "call of %s.%s on capability 0x%x", names, method, sqe->cap_id);
    else
        write_text(out, size_bytes, "call of method %u on capability 0x%x (%s)", sqe->method_id, sqe->cap_id,
                   names != NULL  ? names
                   : type == NULL ? "not in the table"
                                  : type->name);
}

void call_describe(const struct capos_sqe *sqe, const struct object_type *type, char *out, size_t size_bytes)
{
    static const char *const operations[] = {
        [CAPOS_OP_NOP] = "NOP",         [CAPOS_OP_RECV] = "RECV", [CAPOS_OP_RETURN] = "RETURN",
        [CAPOS_OP_RELEASE] = "RELEASE", [CAPOS_OP_PARK] = "PARK", [CAPOS_OP_UNPARK] = "UNPARK",
        [CAPOS_OP_CANCEL] = "CANCEL",
    };
    if (sqe->opcode == CAPOS_OP_CALL)
        describe_call(sqe, type, out, size_bytes);
    else if (sqe->opcode < sizeof(operations) / sizeof(operations[0]))
        write_text(out, size_bytes, "%s on capability 0x%x (%s)", operations[sqe->opcode], sqe->cap_id,
                   type == NULL ? "none" : type->name);
    else
        write_text(out, size_bytes, "operation %u", sqe->opcode);
}
