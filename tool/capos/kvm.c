/* See kvm.h. */
#include "kvm.h"
#include "host.h"
#include "package.h"
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBE_TIMEOUT_S = 10 };
static const char answer_yes[] = "yes";

static bool device_opens(struct sentence *why)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return sentence_say(why, "/dev/kvm cannot be used: %s", strerror(errno));
    close(fd);
    return true;
}

static void key_file_time(struct buffer *key, const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0)
        buffer_printf(key, "%lld.%ld %lld\n", (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                      (long long)info.st_size);
}

/* What the answer depends on: this start of this machine, the kernel, QEMU. */
static void probe_key(struct buffer *key)
{
    char *kernel = session_kernel_path();
    (void)file_read("/proc/sys/kernel/random/boot_id", key);
    key_file_time(key, kernel);
    key_file_time(key, "/usr/bin/" QEMU_COMMAND);
    free(kernel);
}

/* A package in which init has nothing to start. */
static bool probe_package(struct buffer *package, struct sentence *why)
{
    char *init = host_path("build/programs/init.elf");
    struct grant_list no_grants = {0};
    struct words nothing = {0};
    struct package_request request = {
        .program_name = "", .grants = &no_grants, .args = &nothing, .env = &nothing};
    bool ok = file_read(init, &request.init) || sentence_say(why, "%s is not built", init);
    ok = ok && package_build(&request, package, why);
    buffer_free(&request.init);
    free(init);
    return ok;
}

static bool probe_ended_well(const struct session_result *result, struct sentence *why)
{
    int64_t code;
    if (result->guest.end == GUEST_TIMED_OUT)
        return sentence_say(why, "a probe guest did not come to its end in %d seconds", PROBE_TIMEOUT_S);
    if (result->guest.qemu_status != QEMU_STATUS_GUEST_SUCCESS || !result->log.halted ||
        !kernel_log_exit_code(&result->log, 1, &code) || code != 0)
        return sentence_say(why, "a probe guest did not run to its end (QEMU status %d)",
                            result->guest.qemu_status);
    return true;
}

static bool probe(struct sentence *why)
{
    struct machine machine = machine_default();
    struct buffer package = {0};
    struct session_result result = {0};
    machine.kvm = true;
    struct session session = {.machine = &machine, .package = &package, .timeout_s = PROBE_TIMEOUT_S};
    bool ok =
        probe_package(&package, why) && session_run(&session, &result, why) && probe_ended_well(&result, why);
    session_result_free(&result);
    buffer_free(&package);
    return ok;
}

/* The cache holds the key and behind it the answer: `yes`, or why not. */
static bool cached_answer(const char *path, const struct buffer *key, bool *usable, struct sentence *why)
{
    struct buffer cached = {0};
    bool hit =
        file_read(path, &cached) && cached.size > key->size && memcmp(cached.data, key->data, key->size) == 0;
    if (hit) {
        const char *answer = cached.data + key->size;
        *usable = strcmp(answer, answer_yes) == 0;
        if (!*usable)
            sentence_say(why, "%s", answer);
    }
    buffer_free(&cached);
    return hit;
}

bool kvm_usable(struct sentence *why)
{
    bool usable;
    struct buffer key = {0};
    char *directory = host_path("build/run"), *cache = must_printf("%s/kvm-probe", directory);
    probe_key(&key);
    if (!device_opens(why)) {
        usable = false;
    } else if (!cached_answer(cache, &key, &usable, why)) {
        usable = probe(why);
        buffer_text(&key, usable ? answer_yes : why->text);
        if (directory_make(directory))
            (void)file_write(cache, key.data, key.size); /* without it the next run probes again */
    }
    buffer_free(&key);
    free(cache);
    free(directory);
    return usable;
}

void kvm_choose(struct machine *machine, bool wanted)
{
    struct sentence why;
    machine->kvm = wanted && kvm_usable(&why);
    if (wanted && !machine->kvm)
        complain("KVM does not run guests here (%s); going on without it", why.text);
}
