/* See rtc.h. Register numbers and bits: MC146818A data sheet; the century byte is where ACPI machines have
 * it. */
#include "dev/rtc.h"
#ifndef CAPOS_HOST_TEST
#include "arch/arch.h"
#include "arch/x86_64/regs.h"
#include <base/string.h>
#endif

enum { CMOS_INDEX = 0x70, CMOS_DATA = 0x71, CMOS_NMI_OFF = 0x80 };
enum {
    RTC_SECOND = 0x00,
    RTC_MINUTE = 0x02,
    RTC_HOUR = 0x04,
    RTC_DAY = 0x07,
    RTC_MONTH = 0x08,
    RTC_YEAR = 0x09,
    RTC_STATUS_A = 0x0a,
    RTC_STATUS_B = 0x0b,
    RTC_CENTURY = 0x32,
};
enum { STATUS_A_UPDATING = 0x80, STATUS_B_24_HOURS = 0x02, STATUS_B_BINARY = 0x04, HOUR_PM = 0x80 };
enum { YEAR_MAX = 2261 }; /* the last whole year that 64 bits of nanoseconds since 1970 can say */
enum { READ_TRIES_MAX = 16, UPDATE_TRIES_MAX = 100000 };

/* False for a byte that is no number in the clock's notation. */
static bool field_decode(uint8_t raw, uint8_t status_b, uint32_t low, uint32_t high, uint32_t *out)
{
    uint32_t value = raw;
    if ((status_b & STATUS_B_BINARY) == 0) {
        if ((raw & 0xf) > 9 || raw >> 4 > 9)
            return false;
        value = (uint32_t)(raw >> 4) * 10 + (raw & 0xf);
    }
    *out = value;
    return value >= low && value <= high;
}

static bool hour_decode(uint8_t raw, uint8_t status_b, uint32_t *out)
{
    if ((status_b & STATUS_B_24_HOURS) != 0)
        return field_decode(raw, status_b, 0, 23, out);
    if (!field_decode(raw & (uint8_t)~HOUR_PM, status_b, 1, 12, out))
        return false;
    *out = *out % 12 + ((raw & HOUR_PM) != 0 ? 12 : 0);
    return true;
}

static bool year_decode(const struct rtc_registers *registers, uint32_t *out)
{
    uint32_t year, century;
    if (!field_decode(registers->year, registers->status_b, 0, 99, &year))
        return false;
    if (!field_decode(registers->century, registers->status_b, 19, 29, &century))
        century = year >= 70 ? 19 : 20; /* no century byte on this machine */
    *out = century * 100 + year;
    return *out >= 1970 && *out <= YEAR_MAX;
}

static bool year_is_leap(uint32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint32_t month_days(uint32_t month, uint32_t year)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year_is_leap(year) ? 1u : 0u);
}

static uint32_t leap_days_before(uint32_t year)
{
    return (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
}

static int64_t days_since_1970(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t days = (year - 1970) * 365 + leap_days_before(year) - leap_days_before(1970) + day - 1;
    for (uint32_t earlier = 1; earlier < month; earlier++)
        days += month_days(earlier, year);
    return days;
}

bool rtc_decode(const struct rtc_registers *registers, int64_t *unix_seconds)
{
    const uint8_t b = registers->status_b;
    uint32_t second, minute, hour, day, month, year;
    if (!field_decode(registers->second, b, 0, 59, &second) ||
        !field_decode(registers->minute, b, 0, 59, &minute) || !hour_decode(registers->hour, b, &hour) ||
        !field_decode(registers->month, b, 1, 12, &month) || !year_decode(registers, &year) ||
        !field_decode(registers->day, b, 1, month_days(month, year), &day))
        return false;
    *unix_seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    return true;
}

#ifndef CAPOS_HOST_TEST
static uint8_t cmos_read(uint8_t index)
{
    port_write8(CMOS_INDEX, CMOS_NMI_OFF | index);
    const uint8_t value = port_read8(CMOS_DATA);
    port_write8(CMOS_INDEX, index); /* NMI on again */
    return value;
}

static bool update_wait(void)
{
    for (int tries = 0; tries < UPDATE_TRIES_MAX; tries++)
        if ((cmos_read(RTC_STATUS_A) & STATUS_A_UPDATING) == 0)
            return true;
    return false;
}

static struct rtc_registers registers_read(void)
{
    return (struct rtc_registers){
        .second = cmos_read(RTC_SECOND),
        .minute = cmos_read(RTC_MINUTE),
        .hour = cmos_read(RTC_HOUR),
        .day = cmos_read(RTC_DAY),
        .month = cmos_read(RTC_MONTH),
        .year = cmos_read(RTC_YEAR),
        .century = cmos_read(RTC_CENTURY),
        .status_b = cmos_read(RTC_STATUS_B),
    };
}

bool rtc_read(int64_t *unix_seconds)
{
    for (int tries = 0; tries < READ_TRIES_MAX; tries++) {
        if (!update_wait())
            return false;
        const struct rtc_registers first = registers_read();
        const struct rtc_registers second = registers_read();
        if (memcmp(&first, &second, sizeof(first)) == 0) /* no update fell in between */
            return rtc_decode(&first, unix_seconds);
    }
    return false;
}
#endif
