/*
 * Generated client stubs talking to generated dispatch functions, with a loop in place of the kernel: what
 * the client sends is what the server's functions get, and back. And what dispatch does with calls that no
 * client would make.
 */
#include "test/support.h"
#include "unit.h"
#include <capos/all_types_server.h>
#include <capos/call.h>
#include <capos/errors.h>
#include <capos/exception.h>
#include <capos/ring.h>
#include <interfaces.h>
#include <stdlib.h>
#include <string.h>

/* The ABI's numbers for exceptions are the schema's. */
_Static_assert((int)CAPOS_EXCEPTION_FAILED == (int)CAP_CAP_EXCEPTION_KIND_FAILED, "failed");
_Static_assert((int)CAPOS_EXCEPTION_OVERLOADED == (int)CAP_CAP_EXCEPTION_KIND_OVERLOADED, "overloaded");
_Static_assert((int)CAPOS_EXCEPTION_DISCONNECTED == (int)CAP_CAP_EXCEPTION_KIND_DISCONNECTED, "disconnected");
_Static_assert((int)CAPOS_EXCEPTION_UNIMPLEMENTED == (int)CAP_CAP_EXCEPTION_KIND_UNIMPLEMENTED,
               "unimplemented");
_Static_assert((int)CAPOS_EXCEPTION_INVALID_ARGUMENT == (int)CAP_CAP_EXCEPTION_KIND_INVALID_ARGUMENT,
               "argument");

/* ---- The server ---- */

static unsigned calls; /* functions run */
static const struct cap_service_server *served;
static int32_t last_result; /* of dispatch */
static struct cap_call last_call;

static int32_t op_nothing(void *self, struct cap_call *call)
{
    (void)self;
    (void)call;
    calls++;
    return 0;
}

static int32_t op_add(void *self, struct cap_call *call, const struct cap_service_add_params *params,
                      struct cap_service_add_results *results)
{
    (void)self;
    calls++;
    if (params->a == 13)
        return cap_call_fail(call, CAPOS_EXCEPTION_FAILED, "thirteen");
    if (params->a == 14)
        return CAP_CALL_PENDING;
    if (params->a == 15)
        return CAPOS_ERR_QUOTA;
    assert_int_equal(results->sum, 0);
    results->sum = (uint64_t)params->a + params->b;
    return 0;
}

static int32_t op_echo(void *self, struct cap_call *call, const struct cap_service_echo_params *params,
                       struct cap_service_echo_results *results)
{
    (void)self;
    (void)call;
    calls++;
    results->text = params->text;
    results->data = params->data;
    return 0;
}

static int32_t op_points(void *self, struct cap_call *call, const struct cap_service_points_params *params,
                         struct cap_service_points_results *results)
{
    static struct cap_point points[64];
    (void)self;
    (void)call;
    calls++;
    for (uint32_t i = 0; i < params->count && i < 64; i++) {
        points[i].x = (int32_t)i;
        points[i].label = capnp_text_of("label");
    }
    results->points = CAPNP_LIST(points, params->count);
    return 0;
}

static int32_t op_exchange(void *self, struct cap_call *call,
                           const struct cap_service_exchange_params *params,
                           struct cap_service_exchange_results *results)
{
    (void)self;
    (void)call;
    calls++;
    results->any = params->any;
    results->door = cap_door_moved(params->door);
    return 0;
}

static int32_t op_many(void *self, struct cap_call *call, const struct cap_service_many_params *params,
                       struct cap_service_many_results *results)
{
    (void)call;
    calls++;
    results->sum = (uint32_t)(params->a + params->b + params->c + params->d + params->e) + *(uint32_t *)self;
    return 0;
}

static int32_t op_query(void *self, struct cap_call *call, const struct cap_query *params,
                        struct cap_query *results)
{
    (void)self;
    (void)call;
    calls++;
    *results = *params;
    results->id++;
    return 0;
}

static int32_t op_nested(void *self, struct cap_call *call, const struct cap_service_nested_params *params,
                         struct cap_service_nested_results *results)
{
    (void)self;
    (void)call;
    calls++;
    results->has_point = params->has_point;
    results->point = params->point;
    results->colour = params->colour;
    return 0;
}

static int32_t op_doors(void *self, struct cap_call *call, const struct cap_service_doors_params *params,
                        struct cap_service_doors_results *results)
{
    (void)self;
    (void)call;
    calls++;
    results->doors = params->doors;
    return 0;
}

static int32_t op_call(void *self, struct cap_call *call, const struct cap_service_call_params *params,
                       struct cap_service_call_results *results)
{
    (void)self;
    (void)call;
    calls++;
    results->params = params->self * 100 + params->results * 10 + params->buffer;
    return 0;
}

static const struct cap_service_server service = {
    .nothing = op_nothing,
    .add = op_add,
    .echo = op_echo,
    .points = op_points,
    .exchange = op_exchange,
    .many = op_many,
    .query = op_query,
    .nested = op_nested,
    .virtual_ = NULL,
    .doors = op_doors,
    .call = op_call,
};

/* ---- The loop: what libcapos and the kernel do between them ---- */

static uint32_t bias = 100;
static uint64_t answer[1024];

int32_t cap_invoke(uint32_t cap_id, uint16_t method_id, struct cap_message *sent)
{
    assert_int_equal(cap_id, 5);
    memset(&last_call, 0, sizeof last_call);
    void *params = exact_copy(sent->params_bytes == 0 ? "" : sent->params, sent->params_bytes);
    last_call.params = params;
    last_call.params_bytes = sent->params_bytes;
    last_call.caps_in = sent->caps;
    last_call.caps_in_count = sent->cap_count;
    last_call.results = sent->results;
    last_call.results_limit = sent->results_limit;
    last_result = cap_service_dispatch(served, &bias, method_id, &last_call);
    free(params);
    sent->results_bytes = last_call.results_bytes;
    sent->caps_in_count = last_call.caps_out_count;
    memcpy(sent->caps_in, last_call.caps_out, sizeof last_call.caps_out);
    return last_result;
}

int32_t cap_invoke_empty(uint32_t cap_id, uint16_t method_id)
{
    struct cap_message nothing;
    memset(&nothing, 0, sizeof nothing);
    return cap_invoke(cap_id, method_id, &nothing);
}

static struct cap_pending *started;
static uint16_t started_method;

int32_t cap_invoke_start(uint32_t cap_id, uint16_t method_id, struct cap_pending *pending)
{
    assert_int_equal(cap_id, 5);
    started = pending;
    started_method = method_id;
    return 0;
}

static void complete_started(void)
{
    started->result = cap_invoke(5, started_method, &started->message);
    started->done = 1;
}

static void setup(void)
{
    served = &service;
    calls = 0;
}

static const cap_service target = {.id = 5};
static uint64_t storage[512];
static struct cap_buffer buffer = {storage, sizeof storage};

/* ---- Calls as a client makes them ---- */

static void method_without_anything(void)
{
    assert_int_equal(cap_service_nothing(target), 0);
    assert_int_equal(cap_service_nothing_call(target), 0);
    assert_int_equal(calls, 2);
    assert_int_equal(last_call.params_bytes, 0);
    assert_int_equal(last_call.results_bytes, 0);
}

static void scalars_there_and_back(void)
{
    struct cap_service_add_results results;
    assert_int_equal(cap_service_add(target, 3000000000u, 2000000000u, &results), 0);
    assert_true(results.sum == 5000000000u);
    const struct cap_service_add_params params = {1, 2};
    assert_int_equal(cap_service_add_call(target, &params, &results), 0);
    assert_int_equal(results.sum, 3);
}

static void views_live_in_the_buffer(void)
{
    struct cap_service_echo_results results;
    uint8_t bytes[3] = {1, 2, 3};
    char text[] = "some text";
    assert_int_equal(
        cap_service_echo(target, capnp_text_of(text), capnp_data_of(bytes, 3), &results, &buffer), 0);
    memset(bytes, 0, sizeof bytes);
    memset(text, 0, sizeof text);
    assert_string_equal(results.text.bytes, "some text");
    assert_int_equal(results.data.len, 3);
    assert_int_equal(results.data.bytes[2], 3);
    assert_true((const char *)results.text.bytes > (const char *)storage &&
                (const char *)results.text.bytes < (const char *)(storage + 512));
}

static void lists_live_in_the_buffer(void)
{
    struct cap_service_points_results results;
    struct cap_point point;
    assert_int_equal(cap_service_points(target, 20, &results, &buffer), 0);
    assert_int_equal(results.points.count, 20);
    assert_int_equal(cap_point_list_get(&results.points, 19, &point), 0);
    assert_int_equal(point.x, 19);
    assert_string_equal(point.label.bytes, "label");
}

static void capabilities_there_and_back(void)
{
    struct cap_service_exchange_results results;
    cap_any any = {21, CAPOS_XFER_MOVE};
    cap_door door = {20, CAPOS_XFER_COPY};
    assert_int_equal(cap_service_exchange(target, door, any, &results), 0);
    assert_int_equal(results.door.id, 20);
    assert_int_equal(results.any.id, 21);
    assert_int_equal(last_call.caps_out_count, 2);
    assert_int_equal(last_call.caps_out[0].mode, CAPOS_XFER_MOVE);
    assert_true(last_call.caps_out[0].interface_id == CAP_DOOR_INTERFACE_ID);
    assert_int_equal(last_call.caps_out[1].interface_id, 0);
    door.id = CAPNP_CAP_NONE;
    assert_int_equal(cap_service_exchange(target, door, any, &results), 0);
    assert_int_equal(results.door.id, CAPNP_CAP_NONE);
    assert_int_equal(last_call.caps_out_count, 1);
}

static void lists_of_capabilities(void)
{
    struct cap_service_doors_results results;
    const cap_door doors[] = {{1, 0}, {0, 0}, {3, CAPOS_XFER_MOVE}};
    cap_door door;
    assert_int_equal(cap_service_doors(target, CAPNP_LIST(doors, 3), &results, &buffer), 0);
    assert_int_equal(results.doors.count, 3);
    assert_int_equal(cap_door_list_get(&results.doors, 1, &door), 0);
    assert_int_equal(door.id, 0);
    assert_int_equal(cap_door_list_get(&results.doors, 2, &door), 0);
    assert_int_equal(door.id, 3);
    assert_int_equal(door.mode, CAPOS_XFER_MOVE);
    cap_door too_many[CAPOS_CALL_CAPS_MAX + 1];
    for (size_t i = 0; i <= CAPOS_CALL_CAPS_MAX; i++)
        too_many[i] = (cap_door){(uint32_t)i + 1, 0};
    assert_int_equal(cap_service_doors(target, CAPNP_LIST(too_many, CAPOS_XFER_CAPS_MAX), &results, &buffer),
                     0); /* it answers with all of them */
    assert_int_equal(
        cap_service_doors(target, CAPNP_LIST(too_many, CAPOS_CALL_CAPS_MAX + 1), &results, &buffer),
        CAPOS_ERR_TOO_LARGE);
}

static void many_parameters_go_in_a_struct(void)
{
    const struct cap_service_many_params params = {1, 2, 3, 4, 5};
    struct cap_service_many_results results;
    assert_int_equal(cap_service_many(target, &params, &results), 0);
    assert_int_equal(results.sum, 115); /* `self` reached the function */
}

static void named_parameter_structs(void)
{
    struct cap_query results;
    assert_int_equal(cap_service_query(target, 7, capnp_text_of("q"), &results, &buffer), 0);
    assert_int_equal(results.id, 8);
    assert_string_equal(results.text.bytes, "q");
}

static void nested_structs_and_defaults(void)
{
    struct cap_service_nested_results results;
    struct cap_point point = {1, 2, {"p", 1}};
    assert_int_equal(cap_service_nested(target, &point, CAP_COLOUR_RED, &results, &buffer), 0);
    assert_true(results.has_point);
    assert_int_equal(results.point.y, 2);
    assert_int_equal(results.colour, CAP_COLOUR_RED);
    assert_int_equal(cap_service_nested(target, NULL, CAP_COLOUR_BLUE_GREEN, &results, &buffer), 0);
    assert_false(results.has_point);
    assert_int_equal(results.point.label.len, 0);
    assert_int_equal(results.colour, CAP_COLOUR_BLUE_GREEN);
}

static void names_that_stubs_use_themselves(void)
{
    struct cap_service_call_results results;
    assert_int_equal(cap_service_call(target, 1, 2, 3, &results), 0);
    assert_int_equal(results.params, 123);
}

static void errors_come_back(void)
{
    struct cap_service_add_results results;
    struct cap_service_virtual_results unimplemented;
    assert_int_equal(cap_service_add(target, 13, 0, &results), CAPOS_ERR_EXCEPTION);
    assert_int_equal(last_call.exception_kind, CAPOS_EXCEPTION_FAILED);
    assert_string_equal(last_call.exception_reason, "thirteen");
    assert_int_equal(cap_service_add(target, 15, 0, &results), CAPOS_ERR_QUOTA);
    assert_int_equal(cap_service_virtual(target, 0.5, true, &unimplemented), CAPOS_ERR_EXCEPTION);
    assert_int_equal(last_call.exception_kind, CAPOS_EXCEPTION_UNIMPLEMENTED);
    assert_string_equal(last_call.exception_reason, "Service has no such method");
}

static void buffer_too_small(void)
{
    struct cap_service_echo_results results;
    struct cap_buffer small = {storage, CAP_BUFFER_OVERHEAD_BYTES - 1};
    struct capnp_text text = capnp_text_of("sixteen bytes...");
    assert_int_equal(cap_service_echo(target, text, capnp_data_of(NULL, 0), &results, &small),
                     CAPOS_ERR_RESULT_TRUNCATED);
    assert_int_equal(calls, 0);
    small.size = CAP_BUFFER_OVERHEAD_BYTES + 32; /* framing, root, two pointers: and no text */
    assert_int_equal(cap_service_echo(target, text, capnp_data_of(NULL, 0), &results, &small),
                     CAPOS_ERR_RESULT_TRUNCATED);
    assert_int_equal(last_call.results_bytes, 32 + 24 + 0);
    small.size = CAP_BUFFER_OVERHEAD_BYTES + last_call.results_bytes;
    assert_int_equal(cap_service_echo(target, text, capnp_data_of("", 0), &results, &small), 0);
    assert_int_equal(cap_service_echo(target, text, capnp_data_of(NULL, 0), &results, NULL),
                     CAPOS_ERR_RESULT_TRUNCATED);
}

static void parameters_too_large(void)
{
    static uint8_t bytes[CAPOS_MESSAGE_MAX_BYTES];
    struct cap_service_echo_results results;
    assert_int_equal(
        cap_service_echo(target, capnp_text_of(""), capnp_data_of(bytes, sizeof bytes), &results, &buffer),
        CAPOS_ERR_TOO_LARGE);
    assert_int_equal(calls, 0);
}

static void asynchronous(void)
{
    static struct cap_pending pending;
    struct cap_service_echo_results results;
    const struct cap_service_echo_params params = {capnp_text_of("later"), capnp_data_of("", 0)};
    memset(&pending, 0, sizeof pending);
    assert_int_equal(cap_service_echo_start(target, &params, &pending), 0);
    assert_int_equal(cap_service_echo_finish(&pending, &results), CAPOS_ERR_NOT_FOUND);
    complete_started();
    assert_int_equal(cap_service_echo_finish(&pending, &results), 0);
    assert_string_equal(results.text.bytes, "later");
    pending.buffer = buffer;
    assert_int_equal(cap_service_echo_start(target, &params, &pending), 0);
    complete_started();
    assert_int_equal(cap_service_echo_finish(&pending, &results), 0);
    assert_true(results.text.bytes > (const char *)storage &&
                results.text.bytes < (const char *)(storage + 512));
    assert_int_equal(cap_service_nothing_start(target, &pending), 0);
    complete_started();
    assert_int_equal(cap_service_nothing_finish(&pending), 0);
}

/* ---- Calls as an enemy makes them ---- */

static int32_t dispatch_raw(uint16_t method_id, const uint64_t *words, size_t len,
                            const struct cap_transfer *caps, size_t cap_count)
{
    memset(&last_call, 0, sizeof last_call);
    void *params = exact_copy(words, len);
    last_call.params = params;
    last_call.params_bytes = len;
    last_call.caps_in = caps;
    last_call.caps_in_count = cap_count;
    last_call.results = answer;
    last_call.results_limit = sizeof answer;
    int32_t result = cap_service_dispatch(&service, &bias, method_id, &last_call);
    free(params);
    return result;
}

static void bad_parameters_never_reach_the_function(void)
{
    const uint64_t bad[] = {(uint64_t)9 << 32, 0};
    for (uint16_t method = 0; method < 11; method++)
        if (method != CAP_SERVICE_VIRTUAL)
            assert_int_equal(dispatch_raw(method, bad, sizeof bad, NULL, 0), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(calls, 0);
}

static void bad_capabilities_never_reach_the_function(void)
{
    struct cap_transfer caps[CAPOS_CALL_CAPS_MAX];
    const struct cap_service_exchange_params params = {{20, 0}, {21, 0}};
    uint64_t words[16];
    size_t count;
    int32_t len = cap_service_exchange_params_encode(&params, words, sizeof words, caps, &count);
    assert_int_equal(count, 2);
    assert_true(dispatch_raw(CAP_SERVICE_EXCHANGE, words, (size_t)len, caps, 2) > 0);
    assert_int_equal(dispatch_raw(CAP_SERVICE_EXCHANGE, words, (size_t)len, caps, 1), CAPOS_ERR_BAD_MESSAGE);
    assert_int_equal(dispatch_raw(CAP_SERVICE_EXCHANGE, words, (size_t)len, NULL, 0), CAPOS_ERR_BAD_MESSAGE);
    caps[0].interface_id = CAP_SERVICE_INTERFACE_ID;
    assert_int_equal(dispatch_raw(CAP_SERVICE_EXCHANGE, words, (size_t)len, caps, 2),
                     CAPOS_ERR_WRONG_INTERFACE);
    assert_int_equal(calls, 1);
}

static void unknown_methods(void)
{
    for (unsigned method = 11; method <= UINT16_MAX; method += 7) {
        assert_int_equal(dispatch_raw((uint16_t)method, NULL, 0, NULL, 0), CAPOS_ERR_EXCEPTION);
        assert_int_equal(last_call.exception_kind, CAPOS_EXCEPTION_UNIMPLEMENTED);
    }
    struct cap_call call = {0};
    const struct cap_bare_server bare = {0};
    assert_int_equal(cap_bare_dispatch(&bare, NULL, 0, &call), CAPOS_ERR_EXCEPTION);
}

static void results_that_do_not_fit(void)
{
    struct cap_call call = {.results = answer, .results_limit = 24};
    assert_int_equal(cap_service_add_reply(&call, &(struct cap_service_add_results){7}), 24);
    assert_int_equal(call.results_bytes, 24);
    call.results_limit = 23;
    assert_int_equal(cap_service_add_reply(&call, &(struct cap_service_add_results){7}),
                     CAPOS_ERR_RESULT_TRUNCATED);
    assert_int_equal(call.results_bytes, 24);
    call.results_limit = 0;
    assert_int_equal(cap_service_add_reply(&call, &(struct cap_service_add_results){7}),
                     CAPOS_ERR_RESULT_TRUNCATED);
}

static void pending_calls_encode_nothing(void)
{
    const struct cap_service_add_params params = {14, 0};
    uint64_t words[8];
    int32_t len = cap_service_add_params_encode(&params, words, sizeof words, NULL, NULL);
    assert_int_equal(dispatch_raw(CAP_SERVICE_ADD, words, (size_t)len, NULL, 0), CAP_CALL_PENDING);
    assert_int_equal(last_call.results_bytes, 0);
    assert_int_equal(cap_service_add_reply(&last_call, &(struct cap_service_add_results){9}), 24);
    assert_int_equal(answer[2], 9);
    assert_int_equal(cap_service_nothing_reply(&last_call), 0);
    assert_int_equal(last_call.results_bytes, 0);
}

static void names_for_traces(void)
{
    const struct cap_interface_info *info = cap_interface_find(CAP_SERVICE_INTERFACE_ID);
    assert_non_null(info);
    assert_string_equal(info->name, "Service");
    assert_int_equal(info->method_count, 11);
    assert_string_equal(info->methods[CAP_SERVICE_NESTED].name, "nested");
    assert_int_equal(info->methods[CAP_SERVICE_NESTED].param_count, 2);
    assert_string_equal(info->methods[CAP_SERVICE_NESTED].params[1].name, "colour");
    assert_string_equal(info->methods[CAP_SERVICE_NESTED].params[1].type, "Colour");
    assert_string_equal(info->methods[CAP_SERVICE_POINTS].results[0].type, "List(Point)");
    assert_int_equal(info->methods[CAP_SERVICE_NOTHING].param_count, 0);
    assert_null(cap_interface_find(0));
    assert_null(cap_interface_find(UINT64_MAX));
    for (size_t i = 0; i < cap_interface_count; i++)
        assert_ptr_equal(cap_interface_find(cap_interfaces[i].id), &cap_interfaces[i]);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(method_without_anything),
        UNIT_TEST(scalars_there_and_back),
        UNIT_TEST(views_live_in_the_buffer),
        UNIT_TEST(lists_live_in_the_buffer),
        UNIT_TEST(capabilities_there_and_back),
        UNIT_TEST(lists_of_capabilities),
        UNIT_TEST(many_parameters_go_in_a_struct),
        UNIT_TEST(named_parameter_structs),
        UNIT_TEST(nested_structs_and_defaults),
        UNIT_TEST(names_that_stubs_use_themselves),
        UNIT_TEST(errors_come_back),
        UNIT_TEST(buffer_too_small),
        UNIT_TEST(parameters_too_large),
        UNIT_TEST(asynchronous),
        UNIT_TEST(bad_parameters_never_reach_the_function),
        UNIT_TEST(bad_capabilities_never_reach_the_function),
        UNIT_TEST(unknown_methods),
        UNIT_TEST(results_that_do_not_fit),
        UNIT_TEST(pending_calls_encode_nothing),
        UNIT_TEST(names_for_traces),
    };
    return UNIT_MAIN(tests, setup, NULL);
}
