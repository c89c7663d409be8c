/*
 * Time: the TSC, scaled. Where its frequency comes from, first match:
 *   CPUID leaf 0x15                  real processors that say it
 *   CPUID leaf 0x40000010            hypervisors that say it
 *   measured against the APIC timer  whose frequency is measured against the PIT; under a hypervisor both
 * QEMU and KVM run it at exactly 1 GHz, to which a near measurement is rounded, and which is believed where
 * there is no PIT The measurement takes CALIBRATION_TICKS of the PIT: short, since it is part of every boot,
 * and because the APIC timer has a resolution of 1 ns, the PIT only 838 ns.
 */
#include "arch/arch.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/boot.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/regs.h"
#include "core/panic.h"
#include "dev/clock_math.h"
#include "dev/pit.h"
#include "dev/rtc.h"
#include <capos/clockpage.h>

enum { CALIBRATION_TICKS = 2400, SAMPLE_TRIES = 16 };
enum { LEAF_TSC = 0x15 };
#define LEAF_HYPERVISOR        0x40000000u
#define LEAF_HYPERVISOR_TIMING 0x40000010u
#define HYPERVISOR_APIC_HZ     UINT64_C(1000000000)
#define HYPERVISOR_APIC_PPM    20000
#define TSC_SNAP_HZ            UINT64_C(1000000)
#define TSC_SNAP_PPM           20
#define NS_PER_SECOND          INT64_C(1000000000)

/* Immutable after clock_init. */
static uint64_t tsc_base;
static uint64_t tsc_mult; /* 0: not initialised, the time stands at 0 */
static int64_t boot_unix_ns;

/* The APIC timer paired with each other counter. A pair is of the try in which least time passed around the
 * APIC timer's reading, since an emulator or hypervisor may be away at any moment. */
struct sample {
    uint64_t tsc;
    uint32_t apic_ticks_at_tsc;
    uint32_t apic_ticks_at_pit;
    uint16_t pit_ticks;
};

static void sample_pit(struct sample *best)
{
    uint64_t best_took = UINT64_MAX;
    for (int tries = 0; tries < SAMPLE_TRIES; tries++) {
        const uint64_t before = arch_read_tsc();
        const uint32_t apic_ticks = apic_timer_ticks();
        const uint16_t ticks = pit_ticks();
        const uint64_t took = arch_read_tsc() - before;
        if (took < best_took) {
            best_took = took;
            best->apic_ticks_at_pit = apic_ticks;
            best->pit_ticks = ticks;
        }
    }
}

static void sample_tsc(struct sample *best)
{
    uint64_t best_took = UINT64_MAX;
    for (int tries = 0; tries < SAMPLE_TRIES; tries++) {
        const uint64_t before = arch_read_tsc();
        const uint32_t apic_ticks = apic_timer_ticks();
        const uint64_t took = arch_read_tsc() - before;
        if (took < best_took) {
            best_took = took;
            best->tsc = before + took / 2;
            best->apic_ticks_at_tsc = apic_ticks;
        }
    }
}

static struct sample sample_take(void)
{
    struct sample sample;
    sample_pit(&sample);
    sample_tsc(&sample);
    return sample;
}

struct frequencies {
    uint64_t tsc_hz, apic_hz;
};

static struct frequencies frequencies_measure(void)
{
    apic_timer_free_run();
    const bool has_pit = pit_start();
    if (!has_pit && !cpu_features.hypervisor)
        panic("clock: neither CPUID nor a PIT says how fast this machine's clocks run");
    const struct sample start = sample_take();
    if (has_pit)
        while ((uint16_t)(pit_ticks() - start.pit_ticks) < CALIBRATION_TICKS)
            arch_relax();
    else
        while (apic_timer_ticks() - start.apic_ticks_at_tsc < HYPERVISOR_APIC_HZ / 500)
            arch_relax();
    const struct sample end = sample_take();
    pit_stop();

    uint64_t apic_hz = HYPERVISOR_APIC_HZ;
    if (has_pit)
        apic_hz = clock_frequency(end.apic_ticks_at_pit - start.apic_ticks_at_pit,
                                  (uint16_t)(end.pit_ticks - start.pit_ticks), PIT_FREQUENCY_HZ);
    if (cpu_features.hypervisor)
        apic_hz = clock_snap(apic_hz, HYPERVISOR_APIC_HZ, HYPERVISOR_APIC_PPM);
    const uint64_t tsc_hz =
        clock_frequency(end.tsc - start.tsc, end.apic_ticks_at_tsc - start.apic_ticks_at_tsc, apic_hz);
    return (struct frequencies){clock_snap(tsc_hz, TSC_SNAP_HZ, TSC_SNAP_PPM), apic_hz};
}

/* What the processor or hypervisor says; zeros where it says nothing. */
static struct frequencies frequencies_told(void)
{
    struct frequencies told = {0, 0};
    if (cpuid_read(0, 0).eax >= LEAF_TSC) {
        const struct cpuid tsc = cpuid_read(LEAF_TSC, 0);
        if (tsc.eax != 0 && tsc.ebx != 0 && tsc.ecx != 0)
            told = (struct frequencies){(uint64_t)tsc.ecx * tsc.ebx / tsc.eax, tsc.ecx};
    }
    if (told.tsc_hz == 0 && cpu_features.hypervisor &&
        cpuid_read(LEAF_HYPERVISOR, 0).eax >= LEAF_HYPERVISOR_TIMING) {
        const struct cpuid timing = cpuid_read(LEAF_HYPERVISOR_TIMING, 0);
        told = (struct frequencies){(uint64_t)timing.eax * 1000, (uint64_t)timing.ebx * 1000};
    }
    return told;
}

void clock_init(void)
{
    struct frequencies found = frequencies_told();
    if (found.tsc_hz == 0 || found.apic_hz == 0) {
        const struct frequencies measured = frequencies_measure();
        found.tsc_hz = found.tsc_hz != 0 ? found.tsc_hz : measured.tsc_hz;
        found.apic_hz = found.apic_hz != 0 ? found.apic_hz : measured.apic_hz;
    }
    if (found.tsc_hz == 0 || found.apic_hz == 0)
        panic("clock: the counters make no sense (TSC %lu Hz, APIC timer %lu Hz)", found.tsc_hz,
              found.apic_hz);
    apic_timer_calibrated(found.apic_hz);
    int64_t seconds = 0;
    (void)rtc_read(&seconds);  /* without a clock it is 1970 */
    tsc_base = boot_entry_tsc; /* so that the time of a boot's end is how long our part of it took */
    tsc_mult = clock_mult(found.tsc_hz);
    boot_unix_ns = seconds * NS_PER_SECOND - (int64_t)clock_now_ns();
}

uint64_t clock_now_ns(void)
{
    /* The processor may not read the TSC before it has read what another CPU wrote: time would go back. */
    __asm__ volatile("lfence" : : : "memory");
    return tsc_mult == 0 ? 0 : clock_scale(arch_read_tsc() - tsc_base, tsc_mult);
}

uint64_t clock_ticks(void)
{
    return arch_read_tsc();
}

uint64_t clock_ticks_ns(uint64_t ticks)
{
    return clock_scale(ticks, tsc_mult);
}

void clock_fill_page(struct capos_clock_page *page)
{
    *page = (struct capos_clock_page){
        .sequence = 0, .shift = CLOCK_SHIFT, .mult = tsc_mult, .base_tsc = tsc_base, .base_ns = 0};
}

int64_t clock_boot_unix_ns(void)
{
    return boot_unix_ns;
}
