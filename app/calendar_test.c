/* Dates that are known. */
#include "unit.h"
#include "calendar.h"

static void is(int64_t seconds, int64_t year, unsigned month, unsigned day, unsigned weekday,
               unsigned year_day)
{
    struct calendar got = calendar_of(seconds * CALENDAR_SECOND_NS);
    assert_int_equal(got.year, year);
    assert_int_equal(got.month, month);
    assert_int_equal(got.day, day);
    assert_int_equal(got.weekday, weekday);
    assert_int_equal(got.year_day, year_day);
}

static void known_days(void)
{
    is(0, 1970, 1, 1, 4, 1);
    is(-1, 1969, 12, 31, 3, 365);
    is(951782400, 2000, 2, 29, 2, 60);
    is(951868800, 2000, 3, 1, 3, 61);
    is(1077926400, 2004, 2, 28, 6, 59);
    is(1709164800, 2024, 2, 29, 4, 60);
    is(1735603200, 2024, 12, 31, 2, 366);
    is(4107456000, 2100, 2, 28, 0, 59);
    is(4107542400, 2100, 3, 1, 1, 60);
}

static void times_of_day(void)
{
    struct calendar got = calendar_of(INT64_C(1795406527) * CALENDAR_SECOND_NS + 5);
    assert_int_equal(got.hour * 10000 + got.minute * 100 + got.second, 40207);
    assert_int_equal(got.nanosecond, 5);
    got = calendar_of(-1);
    assert_int_equal(got.second, 59);
    assert_int_equal(got.nanosecond, 999999999);
}

static const struct unit_test tests[] = {UNIT_TEST(known_days), UNIT_TEST(times_of_day)};

int main(void)
{
    return UNIT_MAIN(tests, NULL, NULL);
}
