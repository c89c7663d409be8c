/* What a panic says of the call it came in: names where there are any, numbers where not, never more than
 * fits. */
#include "core/call_name.h"
#include "unit.h"
#include <capos/timer.h>
#include <string.h>

enum { TIMER_NOW, TIMER_SLEEP }; /* schema/timer.capnp */

static const struct object_type timer = {.name = "Timer", .interface_id = CAP_TIMER_INTERFACE_ID};
static const struct object_type unknown = {.name = "test", .interface_id = 77};

static const char *described(uint8_t opcode, uint16_t method, const struct object_type *type)
{
    static char text[128];
    const struct capos_sqe sqe = {.opcode = opcode, .method_id = method, .cap_id = 0x4003};
    call_describe(&sqe, type, text, sizeof(text));
    return text;
}

static void a_call_has_names(void)
{
    assert_string_equal(described(CAPOS_OP_CALL, TIMER_SLEEP, &timer),
                        "call of Timer.sleep on capability 0x4003");
    assert_string_equal(described(CAPOS_OP_CALL, TIMER_NOW, &timer),
                        "call of Timer.now on capability 0x4003");
}

static void what_has_no_name_has_a_number(void)
{
    assert_string_equal(described(CAPOS_OP_CALL, 999, &timer),
                        "call of method 999 on capability 0x4003 (Timer)");
    assert_string_equal(described(CAPOS_OP_CALL, UINT16_MAX, &timer),
                        "call of method 65535 on capability 0x4003 (Timer)");
    assert_string_equal(described(CAPOS_OP_CALL, 1, &unknown),
                        "call of method 1 on capability 0x4003 (test)");
    assert_string_equal(described(CAPOS_OP_CALL, 1, NULL),
                        "call of method 1 on capability 0x4003 (not in the table)");
}

static void other_operations_are_named(void)
{
    assert_string_equal(described(CAPOS_OP_RELEASE, 0, &timer), "RELEASE on capability 0x4003 (Timer)");
    assert_string_equal(described(CAPOS_OP_CANCEL, 0, NULL), "CANCEL on capability 0x4003 (none)");
    assert_string_equal(described(CAPOS_OP_CANCEL + 1, 0, NULL), "operation 8");
    assert_string_equal(described(UINT8_MAX, 0, &timer), "operation 255");
}

static void a_long_text_is_cut_off(void)
{
    char text[16];
    const struct capos_sqe sqe = {.opcode = CAPOS_OP_CALL, .method_id = 0, .cap_id = UINT32_MAX};
    memset(text, 'x', sizeof(text));
    call_describe(&sqe, &timer, text, 12);
    assert_string_equal(text, "call of Tim");
    assert_int_equal(text[12], 'x');
}

/* Every interface of the schema, in order, none twice. */
static void the_table_is_in_order(void)
{
    assert_true(interface_names_count > 40);
    for (size_t i = 0; i < interface_names_count; i++) {
        assert_true(strlen(interface_names[i].names) > 0);
        assert_true(i == 0 || interface_names[i - 1].interface_id < interface_names[i].interface_id);
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(a_call_has_names),           UNIT_TEST(what_has_no_name_has_a_number),
        UNIT_TEST(other_operations_are_named), UNIT_TEST(a_long_text_is_cut_off),
        UNIT_TEST(the_table_is_in_order),
    };
    return UNIT_MAIN(tests, NULL, NULL);
}
