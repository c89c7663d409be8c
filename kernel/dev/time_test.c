/* The arithmetic of clocks and dates, against the C library and against wider arithmetic. */
#define _DEFAULT_SOURCE
#include "dev/clock_math.h"
#include "dev/rtc.h"
#include "unit.h"
#include <stdlib.h>
#include <time.h>

enum { BCD_24_HOURS = 0x02, BINARY_24_HOURS = 0x06, BCD_12_HOURS = 0x00, BINARY_12_HOURS = 0x04 };

static uint8_t field(unsigned value, uint8_t status_b)
{
    return (uint8_t)((status_b & 4) != 0 ? value : value / 10 * 16 + value % 10);
}

static uint8_t hour_field(unsigned hour, uint8_t status_b)
{
    if ((status_b & 2) != 0)
        return field(hour, status_b);
    return (uint8_t)(field(hour % 12 == 0 ? 12 : hour % 12, status_b) | (hour >= 12 ? 0x80 : 0));
}

static struct rtc_registers registers_at(const struct tm *at, uint8_t status_b)
{
    const unsigned year = (unsigned)at->tm_year + 1900;
    return (struct rtc_registers){
        .second = field((unsigned)at->tm_sec, status_b),
        .minute = field((unsigned)at->tm_min, status_b),
        .hour = hour_field((unsigned)at->tm_hour, status_b),
        .day = field((unsigned)at->tm_mday, status_b),
        .month = field((unsigned)at->tm_mon + 1, status_b),
        .year = field(year % 100, status_b),
        .century = field(year / 100, status_b),
        .status_b = status_b,
    };
}

/* Steps of a little under a day, over leap years, turns of centuries and each hour. */
static void dates_agree_with_the_c_library(void)
{
    static const uint8_t notations[] = {BCD_24_HOURS, BINARY_24_HOURS, BCD_12_HOURS, BINARY_12_HOURS};
    size_t round = 0;
    for (time_t at = 0; at < 8000000000; at += 86399 * 7 + 3571) {
        struct tm parts;
        int64_t decoded = -1;
        gmtime_r(&at, &parts);
        const struct rtc_registers registers = registers_at(&parts, notations[round++ % 4]);
        assert_true(rtc_decode(&registers, &decoded));
        assert_int_equal(decoded, at);
    }
}

static void leap_days_are_known(void)
{
    struct rtc_registers registers = {
        .day = 0x29, .month = 2, .year = 0x24, .century = 0x20, .status_b = BCD_24_HOURS};
    int64_t seconds = 0;
    assert_true(rtc_decode(&registers, &seconds));
    assert_int_equal(seconds, 1709164800);
    registers.year = 0x23;
    assert_false(rtc_decode(&registers, &seconds));
    registers.year = 0;
    registers.century = 0x21;
    assert_false(rtc_decode(&registers, &seconds)); /* 2100 is none */
}

/* A date behind what WallClock can say is no date, rather than a sum that overflows. */
static void years_beyond_the_wall_clock_are_refused(void)
{
    struct rtc_registers registers = {
        .day = 0x31, .month = 0x12, .year = 0x61, .century = 0x22, .status_b = BCD_24_HOURS};
    int64_t seconds = 0, nanoseconds;
    assert_true(rtc_decode(&registers, &seconds));
    assert_false(__builtin_mul_overflow(seconds + 86400, INT64_C(1000000000), &nanoseconds));
    registers.year = 0x62;
    assert_false(rtc_decode(&registers, &seconds));
    registers.century = 0x29;
    assert_false(rtc_decode(&registers, &seconds));
}

static void century_is_guessed_where_there_is_none(void)
{
    struct rtc_registers registers = {
        .day = 1, .month = 1, .year = 0x26, .century = 0xff, .status_b = BCD_24_HOURS};
    int64_t seconds = 0;
    assert_true(rtc_decode(&registers, &seconds));
    assert_int_equal(seconds, 1767225600);
    registers.year = 0x99;
    registers.century = 0;
    assert_true(rtc_decode(&registers, &seconds));
    assert_int_equal(seconds, 915148800);
}

static void nonsense_is_refused(void)
{
    const struct rtc_registers good = {
        .day = 1, .month = 1, .year = 0x26, .century = 0x20, .status_b = BCD_24_HOURS};
    static const struct {
        size_t offset;
        uint8_t value;
    } wrong[] = {
        {offsetof(struct rtc_registers, second), 0x60}, {offsetof(struct rtc_registers, second), 0x0a},
        {offsetof(struct rtc_registers, minute), 0x60}, {offsetof(struct rtc_registers, hour), 0x24},
        {offsetof(struct rtc_registers, day), 0},       {offsetof(struct rtc_registers, day), 0x32},
        {offsetof(struct rtc_registers, month), 0},     {offsetof(struct rtc_registers, month), 0x13},
        {offsetof(struct rtc_registers, year), 0xa0},   {offsetof(struct rtc_registers, second), 0xff},
    };
    int64_t seconds = 77;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct rtc_registers registers = good;
        ((uint8_t *)&registers)[wrong[i].offset] = wrong[i].value;
        assert_false(rtc_decode(&registers, &seconds));
    }
    for (unsigned hour = 0; hour < 256; hour++) {
        struct rtc_registers registers = good;
        registers.status_b = BCD_12_HOURS;
        registers.hour = (uint8_t)hour;
        const unsigned plain = hour & 0x7f;
        const bool valid = (plain >= 1 && plain <= 9) || (plain >= 0x10 && plain <= 0x12);
        assert_int_equal(rtc_decode(&registers, &seconds), valid);
    }
}

static void scaling_is_exact_enough(void)
{
    static const uint64_t frequencies[] = {1000000,    3579545,    1000000000,
                                           2499998123, 5200000000, 100000000000};
    for (size_t i = 0; i < sizeof(frequencies) / sizeof(frequencies[0]); i++) {
        const uint64_t hz = frequencies[i];
        const uint64_t mult = clock_mult(hz);
        assert_int_equal(clock_scale(0, mult), 0);
        for (uint64_t seconds = 1; seconds < UINT64_C(5) * 365 * 86400; seconds = seconds * 3 + 1) {
            const unsigned __int128 exact = (unsigned __int128)seconds * 1000000000;
            const uint64_t scaled = clock_scale(seconds * hz, mult);
            assert_true(scaled <= exact);
            assert_true((exact - scaled) * 1000000000 <= exact * 25); /* 25 parts in 10^9 at 100 GHz */
        }
    }
    assert_int_equal(clock_mult(1000000000), UINT64_C(1) << CLOCK_SHIFT);
}

static void frequencies_are_measured(void)
{
    assert_int_equal(clock_frequency(2703000, 1000000, 1000000000), 2703000000);
    assert_int_equal(clock_frequency(5, 0, 1000000000), 0);
    assert_int_equal(clock_frequency(0, 100, 1000000000), 0);
    assert_int_equal(clock_frequency(UINT64_MAX, 1, 2), 0);
    assert_int_equal(clock_frequency(UINT32_MAX, 1, 1000000000), 0); /* faster than any clock */
    assert_int_equal(clock_snap(1003000000, 1000000000, 5000), 1000000000);
    assert_int_equal(clock_snap(1006000000, 1000000000, 5000), 1006000000);
    assert_int_equal(clock_snap(999999000, 1000000, 20), 1000000000);
    assert_int_equal(clock_snap(100, 1000000000, 5000), 100);
    assert_int_equal(clock_snap(0, 1000000, 20), 0);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(dates_agree_with_the_c_library),
        UNIT_TEST(leap_days_are_known),
        UNIT_TEST(century_is_guessed_where_there_is_none),
        UNIT_TEST(years_beyond_the_wall_clock_are_refused),
        UNIT_TEST(nonsense_is_refused),
        UNIT_TEST(scaling_is_exact_enough),
        UNIT_TEST(frequencies_are_measured),
    };
    return UNIT_MAIN(tests, NULL, NULL);
}
