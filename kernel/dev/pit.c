/* See pit.h. Channel 2 has its gate in port 0x61 and drives only the speaker, which stays off. */
#include "dev/pit.h"
#include "arch/x86_64/regs.h"

enum { PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, GATE_PORT = 0x61, GATE_ON = 1, SPEAKER_ON = 2 };
enum { CHANNEL2_16BIT_MODE0 = 0xb0, CHANNEL2_LATCH = 0x80 };
enum { START_TRIES = 100, COUNT_START = 0xffff };

uint16_t pit_ticks(void)
{
    port_write8(PIT_COMMAND, CHANNEL2_LATCH);
    const uint8_t low = port_read8(PIT_CHANNEL2);
    const uint8_t high = port_read8(PIT_CHANNEL2);
    return (uint16_t)(COUNT_START - (high << 8 | low));
}

bool pit_start(void)
{
    const uint8_t gate = (uint8_t)(port_read8(GATE_PORT) & ~(GATE_ON | SPEAKER_ON));
    port_write8(GATE_PORT, gate | GATE_ON);
    port_write8(PIT_COMMAND, CHANNEL2_16BIT_MODE0);
    port_write8(PIT_CHANNEL2, COUNT_START & 0xff);
    port_write8(PIT_CHANNEL2, COUNT_START >> 8);
    const uint16_t first = pit_ticks();
    for (int tries = 0; tries < START_TRIES; tries++)
        if (pit_ticks() != first)
            return true;
    return false;
}

void pit_stop(void)
{
    port_write8(GATE_PORT, (uint8_t)(port_read8(GATE_PORT) & ~(GATE_ON | SPEAKER_ON)));
}
