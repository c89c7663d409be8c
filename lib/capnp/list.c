/*
 * Elements of lists, native or in a message. A view's bounds were checked when its pointer was followed; what
 * an element is was checked against what the reader expects. So an index below `count` is all that is left to
 * check, and, because getters are public, that the element is wide enough for the getter.
 */
#include "capnp.h"
#include "call.h"
#include "internal.h"

static bool is_view(const struct capnp_list *list)
{
    return list->message != NULL;
}

/* Copies one scalar of `size` bytes. */
static int32_t get_scalar(const struct capnp_list *list, size_t index, void *out, uint32_t size)
{
    if (index >= list->count)
        return CAPOS_ERR_TOO_LARGE;
    if (!is_view(list)) {
        __builtin_memcpy(out, (const uint8_t *)list->items + index * size, size);
        return CAPOS_OK;
    }
    if (list->data_bytes < size)
        return CAPOS_ERR_BAD_MESSAGE;
    __builtin_memcpy(out, capnp_list_at(list, index), size);
    return CAPOS_OK;
}

int32_t capnp_list_get_bool(const struct capnp_list *list, size_t index, bool *out)
{
    if (index >= list->count)
        return CAPOS_ERR_TOO_LARGE;
    if (!is_view(list)) {
        *out = ((const bool *)list->items)[index];
        return CAPOS_OK;
    }
    if (list->element != CAPNP_ELEMENT_BIT)
        return CAPOS_ERR_BAD_MESSAGE;
    *out = (list->elements[index / 8u] >> (index % 8u) & 1u) != 0;
    return CAPOS_OK;
}

int32_t capnp_list_get_u8(const struct capnp_list *list, size_t index, uint8_t *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

int32_t capnp_list_get_u16(const struct capnp_list *list, size_t index, uint16_t *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

int32_t capnp_list_get_u32(const struct capnp_list *list, size_t index, uint32_t *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

int32_t capnp_list_get_u64(const struct capnp_list *list, size_t index, uint64_t *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

int32_t capnp_list_get_i8(const struct capnp_list *list, size_t index, int8_t *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

int32_t capnp_list_get_i16(const struct capnp_list *list, size_t index, int16_t *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

int32_t capnp_list_get_i32(const struct capnp_list *list, size_t index, int32_t *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

int32_t capnp_list_get_i64(const struct capnp_list *list, size_t index, int64_t *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

/* Floats are copied as bytes: the kernel is built without floating point registers. */
int32_t capnp_list_get_f32(const struct capnp_list *list, size_t index, float *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

int32_t capnp_list_get_f64(const struct capnp_list *list, size_t index, double *out)
{
    return get_scalar(list, index, out, sizeof *out);
}

int32_t capnp_list_get_enum(const struct capnp_list *list, size_t index, uint32_t *out)
{
    if (!is_view(list))
        return get_scalar(list, index, out, sizeof *out);
    uint16_t value = 0;
    int32_t error = get_scalar(list, index, &value, sizeof value);
    *out = value;
    return error;
}

int32_t capnp_list_get_struct(const struct capnp_list *list, size_t index, struct capnp_struct *out)
{
    if (index >= list->count)
        return CAPOS_ERR_TOO_LARGE;
    if (!is_view(list) || list->element == CAPNP_ELEMENT_BIT)
        return CAPOS_ERR_BAD_MESSAGE;
    out->message = list->message;
    out->data = capnp_list_at(list, index);
    out->data_bytes = list->data_bytes;
    out->pointers = out->data + list->data_bytes;
    out->segment = list->segment;
    out->pointer_count = list->pointer_count;
    out->depth = list->depth;
    return CAPOS_OK;
}

/* An element that is a pointer is read as the first pointer of a struct that holds it, which it may well be.
 */
int32_t capnp_list_get_text(const struct capnp_list *list, size_t index, struct capnp_text *out)
{
    if (index >= list->count)
        return CAPOS_ERR_TOO_LARGE;
    if (!is_view(list)) {
        *out = ((const struct capnp_text *)list->items)[index];
        return CAPOS_OK;
    }
    struct capnp_struct holder;
    int32_t error = capnp_list_get_struct(list, index, &holder);
    return error < 0 ? error : capnp_read_text(&holder, 0, out);
}

int32_t capnp_list_get_data(const struct capnp_list *list, size_t index, struct capnp_data *out)
{
    if (index >= list->count)
        return CAPOS_ERR_TOO_LARGE;
    if (!is_view(list)) {
        *out = ((const struct capnp_data *)list->items)[index];
        return CAPOS_OK;
    }
    struct capnp_struct holder;
    int32_t error = capnp_list_get_struct(list, index, &holder);
    return error < 0 ? error : capnp_read_data(&holder, 0, out);
}

int32_t capnp_list_get_cap(const struct capnp_list *list, size_t index, uint64_t interface_id, cap_any *out)
{
    if (index >= list->count)
        return CAPOS_ERR_TOO_LARGE;
    if (!is_view(list)) {
        *out = ((const cap_any *)list->items)[index];
        return CAPOS_OK;
    }
    struct capnp_struct holder;
    int32_t error = capnp_list_get_struct(list, index, &holder);
    return error < 0 ? error : capnp_read_cap(&holder, 0, interface_id, out);
}
