/* See request.h. */
#include "request.h"
#include "util.h"

static void require(int32_t error)
{
    if (error < 0)
        die("the request on standard input is not a well-formed Cap'n Proto message (is `capnp compile` "
            "running this?)");
}

struct capnp_struct req_struct(struct capnp_struct from, uint16_t index)
{
    struct capnp_struct out;
    bool present;
    require(capnp_read_struct(&from, index, &present, &out));
    return out;
}

struct capnp_list req_list(struct capnp_struct from, uint16_t index)
{
    struct capnp_list out;
    require(capnp_read_list(&from, index, CAPNP_ELEMENT_COMPOSITE, &out));
    return out;
}

struct capnp_struct req_at(const struct capnp_list *list, size_t index)
{
    struct capnp_struct out;
    require(capnp_list_get_struct(list, index, &out));
    return out;
}

const char *req_text(struct capnp_struct from, uint16_t index)
{
    struct capnp_text out;
    require(capnp_read_text(&from, index, &out));
    return out.bytes;
}
